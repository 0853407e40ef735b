"""Which schools and terms are synced tonight."""

from __future__ import annotations

from datetime import date

import polars as pl

from roster.canvas.values import clean
from roster.model import Roster
from roster.templates import matches, text
from roster.tenants import Tenant


def schools(roster: Roster, settings: Tenant) -> pl.LazyFrame:
    """The orgs that are schools: school_id, school_name, account_id, included (False if the tenant filters it out)."""
    account = text(settings.sync.ids.account, {"org_id": pl.col("sourced_id"), "sis_id": pl.col("sis_id")})
    return one_each(roster.orgs.filter(pl.col("type").str.to_lowercase() == "school")).select(
        school_id=pl.col("sourced_id"),
        school_name=pl.col("name"),
        account_id=clean(account),
        included=_chosen(settings, "sourced_id", "name"),
    )


def one_each(records: pl.LazyFrame) -> pl.LazyFrame:
    """One record per sourced_id, the same whatever order they come in; ids that are there twice are in quarantine."""
    return records.sort(pl.all(), nulls_last=True).unique("sourced_id", keep="first", maintain_order=True)


def every_school(settings: Tenant) -> bool:
    """True if the tenant filters no school out: then nobody has to be asked where they belong."""
    return "*" in settings.sync.orgs.include and not settings.sync.orgs.exclude


def belongs(settings: Tenant) -> pl.Expr:
    """Over school_id and `included` of a left join with `schools`: a school that is no org is judged by its id, and no
    school at all belongs only where every school does.
    """
    return pl.coalesce("included", _chosen(settings, "school_id"))


def _chosen(settings: Tenant, *columns: str) -> pl.Expr:
    chosen = settings.sync.orgs
    wanted = pl.any_horizontal([matches(column, chosen.include) for column in columns])
    unwanted = pl.any_horizontal([matches(column, chosen.exclude) for column in columns])
    return (wanted | pl.lit("*" in chosen.include)) & ~unwanted


def sessions(roster: Roster, settings: Tenant, as_of: date) -> pl.LazyFrame:
    """Every term: session_id, title, start_date, end_date, term_id, current.

    A term is current from `term_opens` days before its start to its end day; a missing end of it is open.
    """
    opened = (pl.col("start_date") - pl.duration(days=settings.sync.term_opens)) <= pl.lit(as_of)
    ended = pl.col("end_date") < pl.lit(as_of)
    term = text(settings.sync.ids.term, {"session_id": pl.col("sourced_id")})
    return one_each(roster.academic_sessions).select(
        "title",
        "start_date",
        "end_date",
        "school_id",
        session_id=pl.col("sourced_id"),
        term_id=clean(term),
        current=opened.fill_null(value=True) & ~ended.fill_null(value=False),
    )
