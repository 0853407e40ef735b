"""`users.csv`: students, staff and the guardians who observe, and their further log-ins.

A row is a log-in. Further ones come into Canvas by logins.csv, and are rows of this file from then on; see `logins`.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from roster.canvas.logins import further
from roster.canvas.names import family_name, given_name
from roster.canvas.people import people
from roster.canvas.values import NAME_LIMIT, clean, label
from roster.model import Roster
from roster.shared_logins import shared
from roster.templates import login, word_by_kind
from roster.tenants import Tenant

FILE = "users.csv"
TABLE = "users"
KEY = ("user_id",)
COLUMNS = (
    *("user_id", "login_id", "authentication_provider_id", "first_name", "last_name", "email", "status"),
    "existing_user_id",
)
OPTIONAL = ("authentication_provider_id", "existing_user_id")
# That a further log-in is whose it is; the column itself is one of logins.csv.
REFERS = {"existing_user_id": "users.csv"}
NEEDS = ("orgs", "classes", "students", "staff", "guardians", "enrollments")


def rows(roster: Roster, settings: Tenant, as_of: date) -> pl.LazyFrame:
    """One row per person, and one per further log-in of theirs that the tenant names.

    authentication_provider_id is there only if the tenant names a provider. Without one, blank or absent, Canvas takes
    away the provider that a log-in has.
    """
    listed = settings.sync.logins
    columns = {
        "user_id": pl.col("user_id"),
        "login_id": clean(login(settings.sync.login_id)),
        "authentication_provider_id": clean(word_by_kind(settings.sync.authentication_provider)),
        "first_name": label(given_name(settings), NAME_LIMIT),
        "last_name": label(family_name(settings), NAME_LIMIT),
        "email": clean(pl.col("email")),
        "status": pl.lit("active"),
        "existing_user_id": pl.lit(None, dtype=pl.String),
        "record": pl.col("sourced_id"),
        "school": pl.col("school"),
        "scope": pl.coalesce("scope", "status"),
        "rank": pl.lit(0),
    }
    if settings.sync.authentication_provider is None and not any(one.authentication_provider for one in listed):
        del columns["authentication_provider_id"]
    if not listed:
        del columns["existing_user_id"]
    everyone = people(roster, settings)
    theirs = shared(everyone, settings.sync)
    return pl.concat([everyone.select(**columns), *(further(everyone, columns, one, theirs) for one in listed)])
