"""Sessions, classes and enrolments as OneRoster tells them: a class may be in several terms, Canvas has one."""

from __future__ import annotations

import polars as pl

from roster.sources.lessons import date
from roster.sources.sessions import spanning


def sessions(rows: pl.LazyFrame) -> pl.LazyFrame:
    """sourced_id, title, start_date, end_date, parent_id, file, row of every session, whatever its type."""
    days = {name: date(name) for name in ("start_date", "end_date")}
    return rows.select("sourced_id", "title", **days, parent_id="parent_id", file="file", row="row")


def classes(rows: pl.LazyFrame, sessions: pl.LazyFrame) -> pl.LazyFrame:
    """The columns of classes, file and row.

    session_id of a class in several terms: one that is unknown, so that the class waits; else their common parent where
    it spans them, else the smallest session that spans them, else the one that ends last.
    """
    several = _chosen(rows.filter(pl.col("term_ids").list.len() > 1), sessions)
    joined = rows.join(several, on="sourced_id", how="left", maintain_order="left")
    return joined.select(
        "sourced_id",
        "title",
        code="class_code",
        period=pl.col("periods").list.join(", ").replace("", None),
        course_id="course_id",
        school_id="school_id",
        session_id=pl.coalesce("chosen", pl.col("term_ids").list.first()),
        sis_id="sourced_id",
        file="file",
        row="row",
    )


def _chosen(rows: pl.LazyFrame, sessions: pl.LazyFrame) -> pl.LazyFrame:
    """(sourced_id, chosen) of classes in several terms, each once."""
    known = sessions.unique("sourced_id", keep="first", maintain_order=True)
    named = (
        rows.drop_nulls("sourced_id")
        .select("sourced_id", session_id="term_ids")
        .explode("session_id", empty_as_null=False, keep_nulls=False)
    )
    of_session = known.select(session_id="sourced_id", parent_id="parent_id", start="start_date", end="end_date")
    terms = named.join(of_session.with_columns(known=pl.lit(value=True)), on="session_id", how="left")
    unknown = terms.filter(pl.col("known").is_null()).group_by("sourced_id").agg(unknown=pl.col("session_id").min())
    family = terms.group_by("sourced_id").agg(
        parent=pl.col("parent_id").first(),
        alone=(pl.col("parent_id").n_unique() == 1),
        first=pl.col("start").min(),
        last=pl.col("end").max(),
    )
    parents = (
        family.filter("alone")
        .join(known, left_on="parent", right_on="sourced_id")
        .filter((pl.col("start_date") <= pl.col("first")) & (pl.col("end_date") >= pl.col("last")))
        .select("sourced_id", "parent")
    )
    return (
        named.select("sourced_id")
        .unique()
        .join(unknown, on="sourced_id", how="left")
        .join(parents, on="sourced_id", how="left")
        .join(spanning(named, known), on="sourced_id", how="left")
        .select("sourced_id", chosen=pl.coalesce("unknown", "parent", "spanning"))
    )


def enrollments(rows: pl.LazyFrame, classes: pl.LazyFrame, sessions: pl.LazyFrame) -> pl.LazyFrame:
    """The columns of enrollments; a day that is not said is the class's term's."""
    of_class = (
        classes.unique("sourced_id", keep="first", maintain_order=True)
        .join(sessions.unique("sourced_id", keep="first"), left_on="session_id", right_on="sourced_id")
        .select(class_id="sourced_id", term_start="start_date", term_end="end_date")
    )
    return rows.join(of_class, on="class_id", how="left", maintain_order="left").select(
        "sourced_id",
        "class_id",
        "user_id",
        pl.col("role").str.to_lowercase(),
        "primary",
        begin_date=pl.coalesce(date("begin_date"), "term_start"),
        end_date=pl.coalesce(date("end_date"), "term_end"),
    )
