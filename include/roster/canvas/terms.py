"""`terms.csv`: an academic session is a term. Only terms carry dates."""

from __future__ import annotations

from datetime import date

import polars as pl

from roster.canvas.dates import each_day, end_of_day, start_of_day
from roster.canvas.schools import belongs, schools, sessions
from roster.canvas.values import label
from roster.model import Roster
from roster.tenants import Tenant

FILE = "terms.csv"
TABLE = "academic_sessions"
KEY = ("term_id",)
COLUMNS = ("term_id", "name", "status", "start_date", "end_date")
OPTIONAL: tuple[str, ...] = ()
REFERS: dict[str, str] = {}
NEEDS = ("academic_sessions",)


def rows(roster: Roster, settings: Tenant, as_of: date) -> pl.LazyFrame:
    """One row per term, from the first instant of its first day to the last second of its last, in the tenant's zone.

    A term that is not current is left as it is (scope `term`), its dates above all: a blank or a moved date would open
    or close its courses.
    """
    return (
        sessions(roster, settings, as_of)
        .filter(pl.col("term_id").is_not_null())
        .join(schools(roster, settings), on="school_id", how="left")
        .select(
            "term_id",
            name=pl.coalesce(label(pl.col("title")), label(pl.col("session_id"))),
            status=pl.lit("active"),
            start_date=each_day(pl.col("start_date"), start_of_day, settings.zone),
            end_date=each_day(pl.col("end_date"), end_of_day, settings.zone),
            record=pl.col("session_id"),
            school=pl.lit(None, dtype=pl.String),
            scope=pl.when(pl.col("school_id").is_not_null() & ~belongs(settings))
            .then(pl.lit("school"))
            .when(~pl.col("current"))
            .then(pl.lit("term")),
        )
    )
