"""`accounts.csv`: a school is a sub-account, below the tenant's account or the root."""

from __future__ import annotations

from datetime import date

import polars as pl

from roster.canvas.schools import schools
from roster.canvas.values import clean, label
from roster.model import Roster
from roster.tenants import Tenant

FILE = "accounts.csv"
TABLE = "orgs"
KEY = ("account_id",)
COLUMNS = ("account_id", "parent_account_id", "name", "status")
OPTIONAL: tuple[str, ...] = ()
REFERS: dict[str, str] = {}
NEEDS = ("orgs",)


def rows(roster: Roster, settings: Tenant, as_of: date) -> pl.LazyFrame:
    """One row per org of type school; districts and departments have none. A blank parent is the root account."""
    return (
        schools(roster, settings)
        .filter(pl.col("account_id").is_not_null())
        .select(
            "account_id",
            parent_account_id=clean(pl.lit(settings.canvas.account, dtype=pl.String)),
            name=pl.coalesce(label(pl.col("school_name")), label(pl.col("school_id"))),
            status=pl.lit("active"),
            record=pl.col("school_id"),
            school=pl.col("school_id"),
            scope=pl.when(~pl.col("included")).then(pl.lit("school")),
        )
    )
