"""A stand-in for a school's own database: the generated district in ten tables (`schema.sql`).

    write_sqlite(district, folder / "sis.db")     # again for each night; the file is whole at every moment
    load(connection, district, mark="%s")         # into any database, by an open connection

`export` is the district as rows, `ids` its table of ids. Nothing is served: the database answers for itself, with its
own limits and errors, and so PostgreSQL and SQLite behave as they do. What no reference can tell is how a school's
database is laid out: this one is made up, after what public scripts have in common.

Foreign keys are as a school's database has them, and so an enrolment of nobody can't be in it.
"""

from __future__ import annotations

from roster_sandbox.sis_db.database import SCHEMA, empty, load, write_sqlite
from roster_sandbox.sis_db.ids import to_export

__all__ = ["SCHEMA", "empty", "load", "to_export", "write_sqlite"]
