"""The database of a school's own system, by one query for each table of the roster, all in one read-only transaction.

asking     which query answers for which table: a view, the tenant's own file, or one of a pack
sql        how a query is asked: its parameters, and what is put around it
values     what a driver answers → text, days and flags
reading    extract: the answers become raw tables, with what they prove
proof      whether what is absent is gone: counts of the same moment, references, shrinkage
mapping    to_roster: raw tables → the roster with its lineage
packs      queries that come along, a folder of `<table>.sql` for each kind of database
"""
