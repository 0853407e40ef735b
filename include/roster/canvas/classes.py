"""The classes with the ids that Canvas knows them by: what courses, sections and enrolments start from."""

from __future__ import annotations

from datetime import date

import polars as pl

from roster.canvas.schools import belongs, one_each, schools, sessions
from roster.canvas.values import clean
from roster.model import Roster
from roster.settings.sync import ROLES
from roster.templates import matches, section_fields, text
from roster.tenants import Tenant


def classes(roster: Roster, settings: Tenant, as_of: date) -> pl.LazyFrame:
    """Every class that the tenant does not exclude.

    class_id, title, code, period, section_id, course_id (Canvas's), course (the roster's), course_title, course_code,
    term_id, session_title, session_end, account_id, school, school_name, scope. A class without a session is in scope
    and has no term.
    """
    course = one_each(roster.courses).select(
        course=pl.col("sourced_id"), course_title=pl.col("title"), course_code=pl.col("code")
    )
    session = sessions(roster, settings, as_of).select(
        "session_id", "term_id", "current", session_title=pl.col("title"), session_end=pl.col("end_date")
    )
    return (
        roster.classes.filter(~excluded_class(settings))
        .rename({"sourced_id": "class_id", "course_id": "course"})
        .join(course, on="course", how="left")
        .join(session, on="session_id", how="left")
        .join(schools(roster, settings), on="school_id", how="left")
        .with_columns(
            section_id=clean(text(settings.sync.ids.section, section_fields("class_id"))),
            course_id=clean(_course_id(settings)),
            scope=pl.when(~belongs(settings))
            .then(pl.lit("school"))
            .when(~pl.col("current").fill_null(value=True))
            .then(pl.lit("term")),
            school=pl.col("school_id"),
        )
    )


def excluded_class(settings: Tenant) -> pl.Expr:
    """Over the columns of `classes`: True for a class that the tenant leaves out by id, title or code."""
    patterns = settings.sync.exclude.classes
    return matches("sourced_id", patterns) | matches("title", patterns) | matches("code", patterns)


def _course_id(settings: Tenant) -> pl.Expr:
    """The tenant's template, or what the kind of course asks for. Without a template a class that has no session or no
    course still has a key: the session is left out, the class stands for its course.
    """
    if (template := settings.sync.ids.course) is not None:
        fields = section_fields("class_id")
        return text(template, fields | {"course_id": pl.col("course"), "code": pl.col("course_code")})
    if settings.sync.courses.per == "section":
        return pl.col("class_id")
    parts = [pl.col("school_id"), pl.col("session_id"), pl.coalesce("course", "class_id")]
    return pl.when(pl.col("class_id").is_not_null()).then(pl.concat_str(parts, separator="-", ignore_nulls=True))


def role_in_canvas(settings: Tenant) -> pl.Expr:
    """Over the column `role` of enrolments: Canvas's role; null for a role without a mapping."""
    roles = ROLES | {word.strip().lower(): role.strip() for word, role in settings.sync.roles.items()}
    return pl.col("role").str.strip_chars().str.to_lowercase().replace_strict(roles, default=None)
