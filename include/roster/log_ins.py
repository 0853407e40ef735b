"""Log-ins that pass from one person to another in one night.

Canvas refuses a log-in that somebody has, and takes the rows of a file in no certain order. So who gives a log-in up
does so in an import before. One who gives up a log-in and waits for another's (two who swap, a ring, the middle of a
chain) is given one of its own in between.
"""

from __future__ import annotations

import hashlib
import json

import polars as pl

STAGE, LAST_STAGE = 2, 3


def passed_on(changes: pl.DataFrame) -> pl.DataFrame:
    """n, from: the changes (with their number n) that take a log-in which another of them, `from`, gives up."""
    people = changes.filter((pl.col("file") == "users.csv") & (pl.col("action") != "drop")).select(
        "n", had=_log_in("old"), gets=_log_in("new")
    )
    moving = people.filter(pl.col("gets").is_not_null() & pl.col("had").ne_missing(pl.col("gets")))
    given = moving.select("had", pl.col("n").alias("from")).drop_nulls("had")
    return moving.join(given, left_on="gets", right_on="had", maintain_order="left").select("n", "from")


def staged(changes: pl.DataFrame) -> pl.DataFrame:
    """CHANGES with the import each goes in, and a `park` more for everyone who needs a log-in in between."""
    numbered = changes.with_row_index("n")
    moves = passed_on(numbered)
    if moves.is_empty():
        return changes
    gives, takes = (pl.col("n").is_in(moves[name].implode()) for name in ("from", "n"))
    first = pl.when(gives & ~takes).then(pl.lit(STAGE, dtype=pl.Int64)).otherwise("stage")
    parked = numbered.filter(gives & takes)
    rows = [json.loads(text) | {"login_id": in_between(key)} for key, text in parked.select("key", "new").iter_rows()]
    texts = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
    parks = parked.with_columns(
        new=pl.Series(texts, dtype=pl.String),
        action=pl.lit("park"),
        why=pl.lit("log-in-swap"),
        limited=pl.lit(value=False),
        stage=pl.lit(STAGE, dtype=pl.Int64),
    )
    return pl.concat([numbered.with_columns(stage=first), parks]).drop("n")


def in_between(user_id: str) -> str:
    """A log-in that nobody else has, the same every time, and that names nobody."""
    return f"moving-{hashlib.sha256(user_id.encode()).hexdigest()[:24]}"


def _log_in(column: str) -> pl.Expr:
    return pl.col(column).str.json_path_match("$.login_id").str.to_lowercase()
