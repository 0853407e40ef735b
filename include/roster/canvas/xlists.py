"""`xlists.csv`: a section that the tenant lists is taught in another course than its own."""

from __future__ import annotations

from datetime import date

import polars as pl

from roster.canvas.classes import classes
from roster.model import Roster
from roster.tenants import Tenant

FILE = "xlists.csv"
TABLE = "classes"
KEY = ("section_id",)
COLUMNS = ("xlist_course_id", "section_id", "status")
OPTIONAL: tuple[str, ...] = ()
# A course that Canvas does not know it would make, as a copy of the section's own: so the row waits for ours.
REFERS = {"xlist_course_id": "courses.csv", "section_id": "sections.csv"}
NEEDS = ("orgs", "academic_sessions", "courses", "classes")


def rows(roster: Roster, settings: Tenant, as_of: date) -> pl.LazyFrame:
    """One row per class that has a section and that the tenant lists; none where it names the section's own course."""
    listed = settings.sync.cross_list or {}
    courses = {section: course for course, sections in listed.items() for section in sections}
    return (
        classes(roster, settings, as_of)
        .with_columns(
            xlist_course_id=pl.col("section_id").replace_strict(courses, default=None, return_dtype=pl.String)
        )
        .filter(pl.col("xlist_course_id") != pl.col("course_id"))
        .select(
            "xlist_course_id",
            "section_id",
            status=pl.lit("active"),
            record=pl.col("class_id"),
            school=pl.col("school"),
            scope=pl.col("scope"),
        )
    )
