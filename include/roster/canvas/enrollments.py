"""`enrollments.csv`: by section only, so that a section that was cross-listed by hand stays where it is."""

from __future__ import annotations

from datetime import date

import polars as pl

from roster.canvas.classes import classes, role_in_canvas
from roster.canvas.people import members
from roster.model import Roster
from roster.tenants import Tenant

FILE = "enrollments.csv"
TABLE = "enrollments"
KEY = ("section_id", "user_id", "role")
COLUMNS = ("section_id", "user_id", "role", "status")
OPTIONAL: tuple[str, ...] = ()
REFERS = {"section_id": "sections.csv", "user_id": "users.csv"}


def rows(roster: Roster, settings: Tenant, as_of: date) -> pl.LazyFrame:
    """One row per enrolment whose role the tenant maps, of a student or staff member and a class that have rows.

    `completed` once its end has passed; of two enrolments with one key the running one goes (`rank`).
    """
    taught = classes(roster, settings, as_of).filter(
        pl.col("section_id").is_not_null() & pl.col("course_id").is_not_null()
    )
    over = pl.col("end_date").fill_null(pl.lit(date.max)) < pl.lit(as_of)
    return (
        roster.enrollments.select(
            "class_id", over=over, role=role_in_canvas(settings), record="sourced_id", who="user_id"
        )
        .filter(pl.col("role").is_not_null())
        .join(taught.select("class_id", "section_id", "school", "scope"), on="class_id")
        .join(members(roster, settings).select("user_id", who="sourced_id"), on="who")
        .select(
            "section_id",
            "user_id",
            "role",
            pl.when("over").then(pl.lit("completed")).otherwise(pl.lit("active")).alias("status"),
            "record",
            "school",
            "scope",
            rank=pl.col("over").cast(pl.Int64),
        )
    )
