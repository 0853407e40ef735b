"""What people and classes are called in Canvas."""

from __future__ import annotations

from datetime import date
from string import Formatter

import polars as pl

from roster.canvas.classes import classes, role_in_canvas
from roster.canvas.values import clean
from roster.model import Roster
from roster.tenants import Tenant


def named_classes(template: str, roster: Roster, settings: Tenant, as_of: date) -> pl.LazyFrame:
    """`classes` with all that `class_names` needs. `teacher` is looked up only where the template names it: the family
    name of the primary teacher of that day (of several the first by id), null if there is none.
    """
    taught = classes(roster, settings, as_of)
    if "teacher" not in {name for _, name, _, _ in Formatter().parse(template)}:
        return taught.with_columns(teacher=pl.lit(None, dtype=pl.String))
    over = pl.col("end_date").fill_null(pl.lit(date.max)) < pl.lit(as_of)
    primary = (
        roster.enrollments.filter(pl.col("primary") & (role_in_canvas(settings) == "teacher") & ~over)
        .join(roster.users.select(user_id="sourced_id", teacher=family_name(settings)), on="user_id")
        .group_by("class_id")
        .agg(pl.col("teacher").sort_by("user_id", "teacher").first())
    )
    return taught.join(primary, on="class_id", how="left")


def family_name(settings: Tenant) -> pl.Expr:
    """Over the columns of `users`: the family name that the tenant wants shown."""
    legal = clean(pl.col("family_name"))
    return pl.coalesce(clean(pl.col("preferred_family_name")), legal) if settings.sync.names == "preferred" else legal


def given_name(settings: Tenant) -> pl.Expr:
    """Over the columns of `users`: the given name that the tenant wants shown."""
    legal = clean(pl.col("given_name"))
    return pl.coalesce(clean(pl.col("preferred_given_name")), legal) if settings.sync.names == "preferred" else legal


def class_names() -> dict[str, pl.Expr]:
    """What a name template may name, over the columns of `named_classes`."""
    return {
        "course": pl.col("course_title"),
        "course_code": pl.col("course_code"),
        "class": pl.col("title"),
        "class_code": pl.col("code"),
        "period": pl.col("period"),
        "term": pl.col("session_title"),
        "teacher": pl.col("teacher"),
        "school": pl.col("school_name"),
    }
