"""`enrollments.csv`: by section only, so that a section that was cross-listed by hand stays where it is."""

from __future__ import annotations

from datetime import date

import polars as pl

from roster.canvas.classes import classes, role_in_canvas
from roster.canvas.people import deleted, members
from roster.canvas.values import clean
from roster.model import Roster
from roster.templates import by_user_kind, section_fields, text
from roster.tenants import Tenant

FILE = "enrollments.csv"
TABLE = "enrollments"
KEY = ("section_id", "user_id", "role")
COLUMNS = ("section_id", "user_id", "role", "status")
OPTIONAL: tuple[str, ...] = ()
REFERS = {"section_id": "sections.csv", "user_id": "users.csv"}
NEEDS = ("orgs", "academic_sessions", "courses", "classes", "students", "staff", "enrollments")


def rows(roster: Roster, settings: Tenant, as_of: date) -> pl.LazyFrame:
    """One row per enrolment whose role the tenant maps, of a student or staff member and a class that have rows.

    `completed` once its end has passed; of two enrolments with one key the running one goes (`rank`). Where person or
    class are nowhere in the roster, the row has the ids that they would have, if the tenant's templates can tell: the
    checks quarantine it, so that it is left in Canvas as it is.
    """
    taught = classes(roster, settings, as_of).filter(
        pl.col("section_id").is_not_null() & pl.col("course_id").is_not_null()
    )
    taught = pl.concat([taught.select("class_id", "section_id", "school", "scope"), _unknown_classes(roster, settings)])
    people = pl.concat(
        [
            members(roster, settings).select("user_id", who="sourced_id", ended=deleted()),
            _unknown_people(roster, settings).with_columns(ended=pl.lit(None, dtype=pl.String)),
        ]
    )
    over = pl.col("end_date").fill_null(pl.lit(date.max)) < pl.lit(as_of)
    return (
        roster.enrollments.select(
            "class_id", over=over, role=role_in_canvas(settings), record="sourced_id", who="user_id"
        )
        .filter(pl.col("role").is_not_null())
        .join(taught, on="class_id")
        .join(people, on="who")
        .select(
            "section_id",
            "user_id",
            "role",
            pl.when("over").then(pl.lit("completed")).otherwise(pl.lit("active")).alias("status"),
            "record",
            "school",
            pl.coalesce("scope", "ended").alias("scope"),
            rank=pl.col("over").cast(pl.Int64),
        )
    )


def _unknown_classes(roster: Roster, settings: Tenant) -> pl.LazyFrame:
    """class_id, section_id, school, scope of classes that only enrolments name."""
    named = roster.enrollments.select("class_id").unique().drop_nulls()
    unknown = named.join(roster.classes, left_on="class_id", right_on="sourced_id", how="anti")
    nothing = pl.lit(None, dtype=pl.String)
    fields = section_fields("class_id") | dict.fromkeys(("school_id", "session_id", "sis_id"), nothing)
    section = clean(text(settings.sync.ids.section, fields))
    return unknown.select("class_id", section_id=section, school=nothing, scope=nothing).drop_nulls("section_id")


def _unknown_people(roster: Roster, settings: Tenant) -> pl.LazyFrame:
    """user_id, who of people that only enrolments name; a student's role makes a student, any other staff."""
    student = role_in_canvas(settings) == "student"
    named = roster.enrollments.select(
        sourced_id="user_id", kind=pl.when(student).then(pl.lit("student")).otherwise(pl.lit("staff"))
    )
    unknown = named.unique().drop_nulls().join(roster.users, on="sourced_id", how="anti")
    absent = ("identifier", "username", "email", "school_id", "sis_id")
    filled = unknown.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in absent)
    ids = filled.select(clean(by_user_kind(settings.sync.ids.user)).alias("user_id"), who="sourced_id")
    return ids.drop_nulls("user_id").unique("who")
