"""A district made of numbers: as large as it has to be, and made in a second."""

from __future__ import annotations

from datetime import date

import polars as pl

from roster.model import LINEAGE, Roster
from roster.tenants import Tenant

TODAY = date(2026, 3, 3)
SCHOOLS, PUPILS_PER_CLASS, CLASSES_PER_PUPIL = 40, 25, 8


def district(users: int) -> Roster:
    """So many people, one in sixteen of them staff, and eight enrolments for each pupil."""
    staff = users // 16
    pupils = users - staff
    classes = pupils * CLASSES_PER_PUPIL // PUPILS_PER_CLASS
    person = pl.LazyFrame({"n": pl.int_range(users, eager=True)}).select(
        sourced_id=pl.format("u{}", "n"),
        kind=pl.when(pl.col("n") < pupils).then(pl.lit("student")).otherwise(pl.lit("staff")),
        given_name=pl.format("Given {}", pl.col("n") % 997),
        family_name=pl.format("Family {}", pl.col("n") % 4999),
        username=pl.format("user.{}", "n"),
        email=pl.format("user.{}@district.example", "n"),
        school_id=pl.format("s{}", pl.col("n") % SCHOOLS),
        school_ids=pl.concat_list(pl.format("s{}", pl.col("n") % SCHOOLS)),
    )
    section = pl.LazyFrame({"n": pl.int_range(classes, eager=True)}).select(
        sourced_id=pl.format("c{}", "n"),
        title=pl.format("Class {}, period {}", "n", pl.col("n") % 8),
        course_id=pl.format("k{}", pl.col("n") % 500),
        school_id=pl.format("s{}", pl.col("n") % SCHOOLS),
        session_id=pl.lit("year"),
    )
    seats = pl.LazyFrame({"n": pl.int_range(pupils * CLASSES_PER_PUPIL, eager=True)}).select(
        class_id=pl.format("c{}", pl.col("n") // PUPILS_PER_CLASS),
        user_id=pl.format("u{}", pl.col("n") % pupils),
        role=pl.lit("student"),
    )
    taught = pl.LazyFrame({"n": pl.int_range(classes, eager=True)}).select(
        class_id=pl.format("c{}", "n"), user_id=pl.format("u{}", pupils + pl.col("n") % staff), role=pl.lit("teacher")
    )
    enrolled = pl.concat([seats, taught]).with_columns(
        sourced_id=pl.concat_str("class_id", "user_id", "role", separator=":"), primary=pl.col("role") == "teacher"
    )
    schools = pl.LazyFrame({"n": pl.int_range(SCHOOLS, eager=True)}).select(
        sourced_id=pl.format("s{}", "n"), name=pl.format("School {}", "n"), type=pl.lit("school")
    )
    session = pl.LazyFrame(
        {"sourced_id": ["year"], "title": ["Year"], "start_date": [date(2026, 1, 1)], "end_date": [date(2026, 12, 1)]}
    )
    courses = pl.LazyFrame({"n": pl.int_range(500, eager=True)}).select(
        sourced_id=pl.format("k{}", "n"), title=pl.format("Course {}", "n"), school_id=pl.lit("s0")
    )
    return Roster.of(
        {
            "orgs": schools,
            "academic_sessions": session,
            "courses": courses,
            "classes": section,
            "users": person,
            "enrollments": enrolled,
            "lineage": pl.LazyFrame(schema=LINEAGE),
        }
    )


def tenant() -> Tenant:
    """Whose district it is."""
    return Tenant.model_validate(
        {
            "id": "district",
            "name": "District",
            "timezone": "Australia/Brisbane",
            "sources": [{"name": "clever", "system": "clever_csv", "connection": "clever"}],
            "canvas": {"test": {"connection": "canvas"}},
        }
    )
