"""`courses.csv`: a Canvas course for each class, or for each school, term and course of the roster."""

from __future__ import annotations

from datetime import date

import polars as pl

from roster.canvas.names import class_names, named_classes
from roster.canvas.values import label
from roster.model import Roster
from roster.templates import words
from roster.tenants import Tenant

FILE = "courses.csv"
TABLE = "classes"
KEY = ("course_id",)
COLUMNS = ("course_id", "short_name", "long_name", "account_id", "term_id", "status")
OPTIONAL: tuple[str, ...] = ()
REFERS = {"account_id": "accounts.csv", "term_id": "terms.csv"}
NEEDS = ("orgs", "academic_sessions", "courses", "classes")


def rows(roster: Roster, settings: Tenant, as_of: date) -> pl.LazyFrame:
    """One row per class; where several classes make one course their rows have one key.

    Of those the one with the latest term goes (`rank`), then the first class by id. `via` is the roster's course where
    the row is made of it: if that is in quarantine, so is the row. Canvas asks for both names: a blank one falls back
    on the course's title (for a course of several classes), the class's title, its code, its id.
    """
    per_section = settings.sync.courses.per == "section"
    short = settings.sync.courses.short_name or ("{class}" if per_section else "{course_code}")
    long = settings.sync.courses.long_name or ("{class}" if per_section else "{course}")
    title = [] if per_section else [label(pl.col("course_title"))]
    fall_back = [*title, *(label(pl.col(column)) for column in ("title", "code", "class_id"))]
    return (
        named_classes(short + long, roster, settings, as_of)
        .filter(pl.col("course_id").is_not_null())
        .select(
            "course_id",
            short_name=pl.coalesce(label(words(short, class_names())), *fall_back),
            long_name=pl.coalesce(label(words(long, class_names())), *fall_back),
            account_id=pl.col("account_id"),
            term_id=pl.col("term_id"),
            status=pl.lit("published" if settings.sync.courses.create == "published" else "active"),
            record=pl.col("class_id"),
            school=pl.col("school"),
            scope=pl.col("scope"),
            via=pl.lit(None, dtype=pl.String) if per_section else pl.col("course"),
            rank=-pl.col("session_end").to_physical().cast(pl.Int64).fill_null(0),
        )
    )
