"""`sections.csv`: a OneRoster class is a Canvas section. No term_id here: with one Canvas would read it as terms."""

from __future__ import annotations

from datetime import date

import polars as pl

from roster.canvas.names import class_names, named_classes
from roster.canvas.values import label
from roster.model import Roster
from roster.templates import words
from roster.tenants import Tenant

FILE = "sections.csv"
TABLE = "classes"
KEY = ("section_id",)
COLUMNS = ("section_id", "course_id", "name", "status")
OPTIONAL: tuple[str, ...] = ()
REFERS = {"course_id": "courses.csv"}
NEEDS = ("orgs", "academic_sessions", "courses", "classes")


def rows(roster: Roster, settings: Tenant, as_of: date) -> pl.LazyFrame:
    """One row per class that has a course in Canvas; a blank name falls back on the class's title, its code, its id."""
    template = settings.sync.section_name
    fall_back = [label(pl.col(column)) for column in ("title", "code", "class_id")]
    return (
        named_classes(template, roster, settings, as_of)
        .filter(pl.col("section_id").is_not_null() & pl.col("course_id").is_not_null())
        .select(
            "section_id",
            "course_id",
            name=pl.coalesce(label(words(template, class_names())), *fall_back),
            status=pl.lit("active"),
            record=pl.col("class_id"),
            school=pl.col("school"),
            scope=pl.col("scope"),
        )
    )
