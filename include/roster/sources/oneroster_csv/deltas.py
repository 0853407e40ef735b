"""Changes laid over what was read last: a record of the delta stands for the one that has its sourcedId."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl

from roster.errors import SourceUnreadable
from roster.sources.oneroster_tables import GONE, SCHEMAS, gone, live

STATUSES = ("active", *GONE)


def require_marked(frame: pl.DataFrame, file: str) -> None:
    """Raises SourceUnreadable at the first row of a delta that does not say what became of the record, and when.

    frame: with the file's columns.
    """
    status = pl.col("status").str.to_lowercase()
    wrong = frame.filter(
        status.is_in(STATUSES).not_().fill_null(value=True)
        | pl.col("datelastmodified").is_null()
        | pl.col("sourcedid").is_null()
    )
    if wrong.height:
        message = (
            f"{file}:{wrong['row'][0]}: in a delta every row has its sourcedId, a status (active or tobedeleted) "
            "and its dateLastModified: have the file exported so, or the set as bulk"
        )
        raise SourceUnreadable(message)


def laid_over(base: Path, name: str, delta: pl.DataFrame, delivered: datetime) -> pl.DataFrame:
    """The table of the base with the delta's records in place of those that they change, and without those gone."""
    newest = delta.unique("sourced_id", keep="last", maintain_order=True)
    kept = carried(base, name, delivered).join(newest, on="sourced_id", how="anti", maintain_order="left")
    return pl.concat([kept, newest.filter(~gone()).select(SCHEMAS[name].names())])


def carried(base: Path, name: str, delivered: datetime) -> pl.DataFrame:
    """The table of the base; its rows are those of a file of the day when that was delivered."""
    told = pl.col("file").str.contains("/", literal=True)
    dated = pl.when(told).then("file").otherwise(pl.lit(f"{delivered:%Y-%m-%d}/") + pl.col("file"))
    return live(base, name).with_columns(file=dated).collect()
