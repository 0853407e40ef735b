"""Canvas's values that were accepted: a person changed something there, and that is to stay.

The ledger's row has Canvas's value, and `accepted` (JSON, by column) what the source said when that was accepted. As
long as the source says the same, the row is planned with Canvas's value; where it says something else, it is heard.
"""

from __future__ import annotations

import json

import polars as pl

GONE = ("deleted", "suspended", "inactive")
"""What the status of something is that isn't there any more."""


def as_accepted(rows: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """Wanted rows of a file with Canvas's values where they were accepted. ledger: LEDGER of that file."""
    marked = ledger.filter(pl.col("accepted").is_not_null() & pl.col("row").is_not_null())
    if marked.is_empty():
        return rows
    known = {
        key: (json.loads(row), json.loads(said)) for key, row, said in marked.select("key", "row", "accepted").rows()
    }
    is_marked = pl.col("key").is_in(marked["key"].implode())
    mine = [
        wanted | {name: known[wanted["key"]][0].get(name) for name in _unchanged(wanted, known[wanted["key"]][1])}
        for wanted in rows.filter(is_marked).to_dicts()
    ]
    return pl.concat([rows.filter(~is_marked), pl.DataFrame(mine, schema=rows.schema)])


def _unchanged(wanted: dict[str, str | None], said: dict[str, str | None]) -> list[str]:
    """The columns in which the source says what it said then."""
    return [name for name, value in said.items() if name in wanted and wanted[name] == value]


def let_stay() -> pl.Expr:
    """Over LEDGER: True where the roster had dropped it, and that it is in Canvas again was accepted."""
    return pl.col("accepted").str.json_path_match("$.status").is_in(GONE).fill_null(value=False)


def still_accepted(told: pl.DataFrame) -> pl.Series:
    """Of rows that Canvas took (row, new, accepted): what is still accepted, as `new` has the value that `row` had."""
    if told["accepted"].null_count() == told.height:
        return told["accepted"]
    kept = [
        _kept(json.loads(row), json.loads(new), json.loads(said)) if said and row and new else said
        for row, new, said in told.select("row", "new", "accepted").rows()
    ]
    return pl.Series("accepted", kept, dtype=pl.String)


def _kept(row: dict[str, str | None], new: dict[str, str | None], said: dict[str, str | None]) -> str | None:
    left = {name: value for name, value in said.items() if new.get(name) == row.get(name)}
    if left.get("status") in GONE and new.get("status") not in GONE:  # the source has it again, and governs it
        del left["status"]
    return json.dumps(left, ensure_ascii=False) if left else None
