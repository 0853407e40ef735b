"""Rules about courses of the source. With a Canvas course per class they only lend their names."""

from __future__ import annotations

import polars as pl

from roster.checks.rule import Night, rule


@rule("course-title-missing", "warn", "courses")
def course_title_missing(night: Night) -> pl.LazyFrame:
    """A course has no title.

    Why it matters: where Canvas courses take their name from it, Canvas refuses them: a long name is required.
    What to do: enter the title in the source system.
    Source: Canvas SIS import format, courses.csv: long_name is required.
    """
    return night.roster.courses.filter(pl.col("title").is_null())


@rule("course-unknown-school", "warn", "courses")
def course_unknown_school(night: Night) -> pl.LazyFrame:
    """A course belongs to a school that is not in the roster.

    Why it matters: the school was probably not delivered; its classes will be missing too.
    What to do: look whether the school is still shared with this export.
    Source: OneRoster 1.1, Course: `org` is a GUIDRef to an Org.
    """
    owned = night.roster.courses.filter(pl.col("school_id").is_not_null())
    return owned.join(night.roster.orgs, left_on="school_id", right_on="sourced_id", how="anti").with_columns(
        detail=pl.format("school {}", "school_id")
    )
