"""`logins.csv`: one log-in more for somebody whom Canvas knows.

By it Canvas takes log-ins that it does not have, and nothing else: a row that comes again is refused, and none changes
or removes anything. So it is only the way in. What has come is a row of users.csv, which may come again, change and be
dropped like any other; it is none of FILES, and the ledger does not know it.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from roster.canvas.values import clean
from roster.settings.sync import FurtherLogin
from roster.shared_logins import PERSON
from roster.templates import by_user_kind

FILE = "logins.csv"
TABLE = "users"
KEY = ("user_id",)
COLUMNS = ("user_id", "login_id", "authentication_provider_id", "existing_user_id")
OPTIONAL = ("authentication_provider_id",)
REFERS: dict[str, str] = {}
WHOSE = "existing_user_id"


def further(
    everyone: pl.LazyFrame, columns: Mapping[str, pl.Expr], setting: FurtherLogin, shared: pl.LazyFrame
) -> pl.LazyFrame:
    """Rows of users.csv for the log-ins of one setting. columns: what a person's own row is made of, from `everyone`.

    shared: of shared_logins, those that two people would have: left as they are, whoever has one. Nobody has a row
    whose own log-in is the same text, unless each has a provider of its own: without one Canvas takes both for one
    log-in, and refuses the person's row or this.
    """
    login = clean(by_user_kind(setting.login_id))
    provider = pl.lit(setting.authentication_provider, dtype=pl.String)
    own = columns.get("authentication_provider_id", pl.lit(None, dtype=pl.String))
    apart = (provider != own).fill_null(value=False)
    same = login.str.to_lowercase() == columns["login_id"].str.to_lowercase()
    mine = {
        "user_id": pl.concat_str("user_id", pl.lit(setting.suffix)),
        "login_id": login,
        "authentication_provider_id": provider,
        "email": pl.lit(None, dtype=pl.String),
        WHOSE: pl.col("user_id"),
        "scope": pl.coalesce(columns["scope"], "theirs"),
        "rank": pl.lit(1),
    }
    also = shared.filter(pl.col("suffix") == setting.suffix).select(*PERSON, theirs=pl.lit("log-in")).unique()
    everyone = everyone.join(also, on=PERSON, how="left", nulls_equal=True)
    wanted = login.is_not_null() & (apart | ~same.fill_null(value=False))
    return everyone.filter(wanted).select(**{name: mine.get(name, own_part) for name, own_part in columns.items()})


def csvs(file: str, rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Rows of a file that are new in Canvas, by the CSV that brings them."""
    if WHOSE not in rows.columns:
        return {file: rows}
    comes = pl.col(WHOSE).is_not_null()
    return {file: rows.filter(~comes).drop(WHOSE), FILE: rows.filter(comes)}


def is_one(column: str) -> pl.Expr:
    """True where the row, JSON in this column, is a further log-in."""
    return pl.col(column).str.contains(f'"{WHOSE}":"', literal=True)


def csv() -> pl.Expr:
    """Over CHANGES or SENT: the CSV that the row goes in, which is its file's but for a log-in that is to come."""
    comes = pl.col("old").is_null() & is_one("new")
    return pl.when((pl.col("file") == "users.csv") & comes).then(pl.lit(FILE)).otherwise("file")
