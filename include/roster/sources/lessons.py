"""Sections that come with their course and term, and the sessions, courses and classes that are in them.

Clever has no lasting ids of terms and courses: an export has none at all, and those of the API are made anew whenever a
term or course is. So both get a key here, made of what they say.

A frame of sections has the columns section_id, school_id, name, section_number, period, course_name, course_number,
term_name, term_start, term_end (dates as text), sis_id and row.
"""

from __future__ import annotations

import polars as pl

from roster.sources.sessions import spanning

_US_DATE = r"^(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?:[ T][\d:. APM]+)?$"
_ISO_DATE = r"^(\d{4}-\d{2}-\d{2})(?:[ T][\d:.Z]+)?$"


def date(column: str) -> pl.Expr:
    """M/D/YY, MM/DD/YYYY (never the day first) or YYYY-MM-DD as a date, YY in this century; null for anything else."""
    parts = pl.col(column).str.extract_groups(_US_DATE)
    year = parts.struct.field("3")
    written = pl.concat_str(
        pl.when(year.str.len_bytes() == 2).then("20" + year).otherwise(year),
        parts.struct.field("1").str.zfill(2),
        parts.struct.field("2").str.zfill(2),
        separator="-",
    )
    return pl.coalesce(written, pl.col(column).str.extract(_ISO_DATE)).str.to_date("%Y-%m-%d", strict=False)


def slug(text: pl.Expr) -> pl.Expr:
    """Lower case, everything but letters and digits as one dash; empty for null."""
    return text.fill_null("").str.to_lowercase().str.replace_all(r"[^\pL\pM\pN]+", "-").str.strip_chars("-")


def lessons(sections: pl.LazyFrame) -> pl.LazyFrame:
    """The sections with session_id, course_id and the term's dates in `start` and `end`.

    session_id: name and dates, the same in every school. course_id: school, number and name; null where the row names
    no course.
    """
    dated = sections.with_columns(start=date("term_start"), end=date("term_end"))
    stamps = [pl.col(column).dt.strftime("%Y%m%d").fill_null("") for column in ("start", "end")]
    has_term = pl.any_horizontal(pl.col("term_name", "start", "end").is_not_null())
    term = pl.when(pl.col("term_name").is_null()).then(pl.lit("term")).otherwise(slug(pl.col("term_name")))
    has_course = pl.any_horizontal(pl.col("course_number", "course_name").is_not_null())
    number = pl.col("course_number").fill_null("")
    return dated.with_columns(
        session_id=pl.when(has_term).then(pl.concat_str(term, *stamps, separator="-")),
        course_id=pl.when(has_course).then(
            pl.concat_str(pl.col("school_id").fill_null(""), number, slug(pl.col("course_name")), separator="-")
        ),
    )


def sessions(lessons: pl.LazyFrame) -> pl.LazyFrame:
    """A session per name and dates."""
    named = lessons.filter(pl.col("session_id").is_not_null()).select(
        sourced_id="session_id", title="term_name", start_date="start", end_date="end"
    )
    return named.unique("sourced_id", keep="first", maintain_order=True)


def courses(lessons: pl.LazyFrame) -> pl.LazyFrame:
    """A course per school, number and name."""
    named = lessons.filter(pl.col("course_id").is_not_null()).select(
        sourced_id="course_id",
        title=pl.coalesce("course_name", "course_number"),
        code="course_number",
        school_id="school_id",
    )
    return named.unique("sourced_id", keep="first", maintain_order=True)


def classes(lessons: pl.LazyFrame) -> pl.LazyFrame:
    """A class per section; where rows of one section differ in their term alone, of one spanning session.

    A section without a name is called after its course and period.
    """
    period = pl.when(pl.col("period").is_not_null()).then(" - " + pl.col("period")).otherwise(pl.lit(""))
    rows = lessons.select(
        sourced_id="section_id",
        title=pl.coalesce("name", pl.col("course_name") + period),
        code="section_number",
        period="period",
        course_id="course_id",
        school_id="school_id",
        session_id="session_id",
        sis_id="sis_id",
    )
    several = rows.drop_nulls("sourced_id").group_by("sourced_id").agg(pl.col("session_id").drop_nulls().n_unique())
    several = several.filter(pl.col("session_id") > 1).select("sourced_id")
    one_session = spanning(rows.join(several, on="sourced_id", how="semi"), sessions(lessons))
    chosen = rows.join(one_session, on="sourced_id", how="left", maintain_order="left").with_columns(
        session_id=pl.coalesce("spanning", "session_id")
    )
    return once(chosen.drop("spanning"), "sourced_id")


def enrolled(rows: pl.LazyFrame, role: str) -> pl.LazyFrame:
    """The rows (class_id, user_id, …) with the role, and sourced_id made of all three."""
    key = pl.concat_str("class_id", "user_id", pl.lit(role), separator=":")
    return rows.with_columns(sourced_id=key, role=pl.lit(role))


def enrollments(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The enrolments of those rows; a teacher whom a section names several times is there once, primary if ever."""
    columns = ("sourced_id", "class_id", "user_id", "role", "primary")
    teacher = pl.col("role") == "teacher"
    teachers = rows.filter(teacher).sort("primary", "row", descending=[True, False])
    once = teachers.unique(["class_id", "user_id"], keep="first", maintain_order=True)
    return pl.concat([rows.filter(~teacher).select(columns), once.select(columns)])


def once(rows: pl.LazyFrame, key: str) -> pl.LazyFrame:
    """Rows that are the same in every column once; those without a key stay each."""
    return pl.concat(
        [
            rows.filter(pl.col(key).is_not_null()).unique(keep="first", maintain_order=True),
            rows.filter(pl.col(key).is_null()),
        ]
    )
