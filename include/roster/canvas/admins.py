"""`admins.csv`: staff whom the tenant lists have a role in their school's account."""

from __future__ import annotations

from datetime import date

import polars as pl

from roster.canvas.people import members
from roster.canvas.schools import schools
from roster.model import Roster
from roster.tenants import Tenant

FILE = "admins.csv"
TABLE = "users"
KEY = ("user_id", "account_id", "role")
COLUMNS = ("user_id", "account_id", "role", "status")
OPTIONAL: tuple[str, ...] = ()
REFERS = {"user_id": "users.csv", "account_id": "accounts.csv"}
NEEDS = ("orgs", "classes", "students", "staff", "enrollments")


def rows(roster: Roster, settings: Tenant, as_of: date) -> pl.LazyFrame:
    """One row per role and staff member who is listed for it and whose primary school has an account.

    Never without an account: a blank one is the root account to Canvas. Students and guardians have no row, whoever
    lists them.
    """
    named = [(role, user) for role, users in (settings.sync.admins or {}).items() for user in users]
    listed = pl.LazyFrame(named, schema={"role": pl.String, "user_id": pl.String}, orient="row")
    accounts = schools(roster, settings).select("account_id", "included", school="school_id").drop_nulls("account_id")
    return (
        members(roster, settings)
        .filter(pl.col("kind") == "staff")
        .join(listed.unique(), on="user_id")
        .join(accounts, on="school")
        .select(
            "user_id",
            "account_id",
            "role",
            status=pl.lit("active"),
            record=pl.col("sourced_id"),
            school=pl.col("school"),
            scope=pl.coalesce("scope", pl.when(~pl.col("included")).then(pl.lit("school")), "status"),
        )
    )
