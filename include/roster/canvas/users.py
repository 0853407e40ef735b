"""`users.csv`: students, staff and the guardians who observe."""

from __future__ import annotations

from datetime import date

import polars as pl

from roster.canvas.names import family_name, given_name
from roster.canvas.people import people
from roster.canvas.values import NAME_LIMIT, clean, label
from roster.model import Roster
from roster.templates import login
from roster.tenants import KINDS, Tenant, by_kind

FILE = "users.csv"
TABLE = "users"
KEY = ("user_id",)
COLUMNS = ("user_id", "login_id", "authentication_provider_id", "first_name", "last_name", "email", "status")
OPTIONAL = ("authentication_provider_id",)
REFERS: dict[str, str] = {}
NEEDS = ("orgs", "classes", "students", "staff", "guardians", "enrollments")


def rows(roster: Roster, settings: Tenant, as_of: date) -> pl.LazyFrame:
    """One row per person.

    authentication_provider_id is there only if the tenant names a provider, because a blank resets it: with a map by
    kind, the kinds it leaves out are reset to Canvas's own log-in.
    """
    columns = {
        "user_id": pl.col("user_id"),
        "login_id": clean(login(settings.sync.login_id)),
        "authentication_provider_id": _provider(settings),
        "first_name": label(given_name(settings), NAME_LIMIT),
        "last_name": label(family_name(settings), NAME_LIMIT),
        "email": clean(pl.col("email")),
        "status": pl.lit("active"),
        "record": pl.col("sourced_id"),
        "school": pl.col("school"),
        "scope": pl.coalesce("scope", "status"),
    }
    if settings.sync.authentication_provider is None:
        del columns["authentication_provider_id"]
    return people(roster, settings).select(**columns)


def _provider(settings: Tenant) -> pl.Expr:
    chosen: pl.Expr = pl.lit(None, dtype=pl.String)
    providers = by_kind(settings.sync.authentication_provider)
    for kind in KINDS:
        chosen = pl.when(pl.col("kind") == kind).then(pl.lit(providers[kind], dtype=pl.String)).otherwise(chosen)
    return clean(chosen)
