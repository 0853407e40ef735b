"""Which one session stands for a class that is in several: Canvas has one term for a course."""

from __future__ import annotations

import polars as pl


def spanning(rows: pl.LazyFrame, sessions: pl.LazyFrame) -> pl.LazyFrame:
    """(sourced_id, spanning): the smallest session that spans those of the rows, else the one that ends last.

    rows: sourced_id, session_id. sessions: sourced_id, start_date, end_date.
    """
    known = sessions.select(session_id="sourced_id", start="start_date", end="end_date")
    held = rows.select("sourced_id", "session_id").unique().join(known, on="session_id")
    extent = held.group_by("sourced_id").agg(first=pl.col("start").min(), last=pl.col("end").max())
    wide = (
        extent.select("first", "last")
        .unique()
        .join(known, how="cross")
        .filter((pl.col("start") <= pl.col("first")) & (pl.col("end") >= pl.col("last")))
        .sort(pl.col("end") - pl.col("start"), "session_id")
        .unique(["first", "last"], keep="first", maintain_order=True)
        .select("first", "last", spanning="session_id")
    )
    latest = held.sort("end", "session_id", descending=True, nulls_last=True).unique(
        "sourced_id", keep="first", maintain_order=True
    )
    return (
        latest.select("sourced_id", latest="session_id")
        .join(extent, on="sourced_id")
        .join(wide, on=["first", "last"], how="left")
        .select("sourced_id", spanning=pl.coalesce("spanning", "latest"))
    )
