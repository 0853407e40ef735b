"""Rules about terms. Whether a term is current decides what of the roster is sent at all."""

from __future__ import annotations

import polars as pl

from roster.checks.rule import Night, rule

LONGEST = 400  # days


@rule("session-title-missing", "quarantine", "academic_sessions")
def session_title_missing(night: Night) -> pl.LazyFrame:
    """A term has no name.

    Why it matters: Canvas refuses the term; courses that name it would land in the default term without a message.
    What to do: name the term in the source system.
    Source: Canvas SIS import format, terms.csv: name is required.
    """
    return night.roster.academic_sessions.filter(pl.col("title").is_null())


@rule("session-dates-missing", "warn", "academic_sessions")
def session_dates_missing(night: Night) -> pl.LazyFrame:
    """A term lacks its first or its last day.

    Why it matters: nobody can say when its classes begin and end, so they never leave the window of current terms.
    What to do: enter both days in the source system.
    Source: OneRoster 1.1, AcademicSession: startDate and endDate are required.
    """
    return night.roster.academic_sessions.filter(pl.col("start_date").is_null() | pl.col("end_date").is_null())


@rule("session-dates-reversed", "quarantine", "academic_sessions")
def session_dates_reversed(night: Night) -> pl.LazyFrame:
    """A term ends before it begins.

    Why it matters: pupils are locked out of every course of the term. Often day and month were taken for each other.
    What to do: correct the days in the source system; look at the date format of the export.
    Source: OneRoster 1.1, AcademicSession: startDate comes before endDate.
    """
    return night.roster.academic_sessions.filter(pl.col("start_date") > pl.col("end_date")).with_columns(
        detail=pl.format("{} to {}", "start_date", "end_date")
    )


@rule("session-too-long", "warn", "academic_sessions")
def session_too_long(night: Night) -> pl.LazyFrame:
    """A term is longer than 400 days.

    Why it matters: a wrong year keeps last year's classes and people in Canvas as if they were current.
    What to do: correct the days in the source system.
    Source: none; no school year is that long.
    """
    days = (pl.col("end_date") - pl.col("start_date")).dt.total_days()
    return night.roster.academic_sessions.filter(days > LONGEST).with_columns(detail=pl.format("{} days", days))


@rule("session-repeated", "note", "academic_sessions")
def session_repeated(night: Night) -> pl.LazyFrame:
    """Several terms have one name and the same days.

    Why it matters: Canvas shows as many terms of that name. Often each school was given a term of its own, or the
    source makes new ids for terms, so that courses move to another term and reports lose them.
    What to do: have the export name one term for all, by an id that stays; or leave it, if schools need their own.
    Source: Instructure, rostering best practices: a common, lasting id of a term lets terms be merged.
    """
    alike = ["title", "start_date", "end_date"]
    whole = night.roster.academic_sessions.filter(pl.all_horizontal(pl.col(name).is_not_null() for name in alike))
    terms = pl.col("sourced_id").n_unique().over(alike)
    return whole.filter(terms > 1).with_columns(detail=pl.format("{} terms of that name and days", terms))


@rule("session-unknown-school", "warn", "academic_sessions")
def session_unknown_school(night: Night) -> pl.LazyFrame:
    """A term belongs to a school that is not in the roster.

    Why it matters: the school was probably not delivered; its classes will be missing too.
    What to do: look whether the school is still shared with this export.
    Source: OneRoster 1.1, AcademicSession: `org` is a GUIDRef to an Org.
    """
    owned = night.roster.academic_sessions.filter(pl.col("school_id").is_not_null())
    return owned.join(night.roster.orgs, left_on="school_id", right_on="sourced_id", how="anti").with_columns(
        detail=pl.format("school {}", "school_id")
    )
