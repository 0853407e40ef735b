"""`user_observers.csv`: a guardian, or a staff member who is one, observes a student.

Canvas keeps an observer enrolment beside each of the student's own enrolments by itself.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from roster.canvas.people import links
from roster.model import Roster
from roster.tenants import Tenant

FILE = "user_observers.csv"
TABLE = "guardians"
KEY = ("observer_id", "student_id")
COLUMNS = ("observer_id", "student_id", "status")
OPTIONAL: tuple[str, ...] = ()
REFERS = {"observer_id": "users.csv", "student_id": "users.csv"}
NEEDS = ("orgs", "classes", "students", "staff", "guardians", "enrollments")


def rows(roster: Roster, settings: Tenant, as_of: date) -> pl.LazyFrame:
    """One row per contact of a student whose relationship the tenant lists."""
    return (
        links(roster, settings)
        .select("observer_id", "student_id", "record", "school", "scope", status=pl.lit("active"))
        .select(*COLUMNS, "record", "school", "scope")
    )
