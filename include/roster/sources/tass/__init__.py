"""TASS over its API Gateway: campuses, pupils, teachers and their subjects; log-ins, employees and parents.

methods    the methods that may be asked, all of them reading ones, and what each is asked for
replies    a reply as text by text: JSON with codes as numbers, keys with blanks, and errors in place of data
tables     the raw table that each method becomes, and which fields are kept
reading    extract: every method for every company
proof      what the replies prove without any counts: references, shrinkage, one API against the other
people     pupils, employees and parents with their households, as the roster has them
lessons    classes, known by company, year, semester, subject, year group and class
mapping    to_roster: raw tables → the roster with its lineage
"""
