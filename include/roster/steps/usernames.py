"""Who has no log-in of their own: blank and shared ones, by row of the source and never by the log-in itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from roster.canvas.values import clean
from roster.templates import login, matches
from roster.tenants import Tenant

USERNAMES = ("problem", "kind", "source", "file", "row", "school", "group", "kept back", "what to do")
BLANK = "user-login-missing"
SHARED = ("user-login-shared", "guardian-login-shared")


def usernames(tenant: Tenant, checked: Path, advice: Callable[[str], str]) -> list[tuple[Any, ...]]:
    """USERNAMES of a check's folder. Rows of one group have one log-in; who may keep it is among them, not kept back.

    advice: what to do about a rule's findings.
    """
    findings = pl.read_parquet(checked / "findings.parquet").filter(pl.col("table") == "users")
    back = pl.read_parquet(checked / "quarantine.parquet").filter(pl.col("table") == "users")["record"]
    people = pl.read_parquet(checked / "users.parquet")
    kinds = people.select("kind", record="sourced_id").unique("record", keep="first", maintain_order=True)
    blank = (
        findings.filter(pl.col("rule") == BLANK)
        .join(kinds, on="record", how="left")
        .with_columns(problem=pl.lit("blank"), group=pl.lit(None, dtype=pl.Int64))
    )
    rows = pl.concat([_shaped(blank, back), _shaped(_sharing(tenant, checked, people, findings), back)])
    ordered = rows.sort("problem", "group", "file", "row", nulls_last=True)
    return [(*row[:-1], advice(row[-1]) if row[-1] else "") for row in ordered.iter_rows()]


def _sharing(tenant: Tenant, checked: Path, people: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """Everyone whose log-in another has, with the group; rule is null for who may keep it."""
    found = findings.filter(pl.col("rule").is_in(SHARED)).select("rule", "record").unique("record")
    named = (
        people.lazy()
        .filter(~matches("sourced_id", tenant.sync.exclude.users))
        .with_columns(login=clean(login(tenant.sync.login_id)).str.to_lowercase())
        .collect()
        .rename({"sourced_id": "record"})
        .join(found, on="record", how="left")
    )
    logins = named.filter(pl.col("rule").is_not_null())["login"].unique().drop_nulls()
    taken = pl.col("rule").is_not_null() | (pl.col("kind") != "guardian")  # a guardian without a link has no log-in
    shared = named.filter(pl.col("login").is_in(logins.implode()) & taken)
    places = pl.read_parquet(checked / "lineage.parquet").filter(pl.col("table") == "users").sort("file", "row")
    return shared.join(
        places.unique("record", keep="first", maintain_order=True), on="record", how="left"
    ).with_columns(
        problem=pl.lit("shared"),
        group=pl.col("login").rank("dense").cast(pl.Int64),
        school=pl.coalesce("school_id", pl.col("school_ids").list.first()),
    )


def _shaped(rows: pl.DataFrame, back: pl.Series) -> pl.DataFrame:
    kept = pl.when(pl.col("record").is_null() | pl.col("record").is_in(back.implode())).then(pl.lit("yes"))
    return rows.select(
        *("problem", "kind", "source", "file", "row", "school", "group"),
        kept.otherwise(pl.lit("no")).alias("kept"),
        "rule",
    )
