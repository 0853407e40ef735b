"""Orgs and enrolments out of schools.csv, sections.csv and enrollments.csv."""

from __future__ import annotations

import polars as pl

from roster.sources.clever_csv.columns import TEACHERS
from roster.sources.lessons import enrolled, once


def orgs(schools: pl.LazyFrame) -> pl.LazyFrame:
    """A school per id and name."""
    rows = schools.select(sourced_id="school_id", name="school_name", type=pl.lit("school"), sis_id="school_id")
    return once(rows, "sourced_id")


def attending(enrollments: pl.LazyFrame) -> pl.LazyFrame:
    """enrollments.csv as rows of the enrolment table, with `row`."""
    return enrolled(enrollments.select(class_id="section_id", user_id="student_id", row="row"), "student").with_columns(
        primary=pl.lit(None, dtype=pl.Boolean)
    )


def teaching(sections: pl.LazyFrame) -> pl.LazyFrame:
    """Every teacher of every row of sections.csv as rows of the enrolment table, with `row`."""
    named = sections.select("section_id", "row", *TEACHERS).unpivot(
        TEACHERS, index=["section_id", "row"], variable_name="column", value_name="user_id"
    )
    rows = named.filter(pl.col("user_id").is_not_null()).select(
        class_id="section_id", user_id="user_id", row="row", primary=pl.col("column") == TEACHERS[0]
    )
    return enrolled(rows, "teacher")
