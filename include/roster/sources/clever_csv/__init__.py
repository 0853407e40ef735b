"""Clever's CSV export: schools, students, teachers, sections, enrollments and staff, a full snapshot each time.

    columns    which columns of which file are read, and no others: never Password
    reading    extract: the files become raw tables, with what they prove
    proof      whether what is absent is gone: control file, references, shrinkage
    people     raw tables → users and guardians
    classes    raw tables → orgs, sessions, courses, classes, enrolments
    mapping    to_roster: all of it with its lineage

admins.csv, which Clever has given up, is not read.
"""
