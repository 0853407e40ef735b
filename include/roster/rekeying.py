"""What the ledger becomes when ids change: keys and references of all rows that carry one of them.

Ids come as pairs: `file` (whose ids they are), `old`, `new`. No pair's new id is another's old one.
"""

from __future__ import annotations

import msgspec
import polars as pl

from roster.canvas import FILES, ID_CHANGES, CanvasFile
from roster.canvas.change_sis_id import MEANS
from roster.canvas.wanted import SEPARATOR

PAIRS = pl.Schema({"file": pl.String, "old": pl.String, "new": pl.String})
_TEXTS = ("row", "doubt", "refused")
_Ids = dict[str, dict[str, str]]


def pairs(rows: pl.DataFrame) -> pl.DataFrame:
    """PAIRS of rows of change_sis_id.csv, whose `new` is the row as JSON."""
    texts = {name: pl.col("new").str.json_path_match(f"$.{name}") for name in ("type", "old_id", "new_id")}
    return rows.select(
        file=texts["type"].replace_strict(MEANS, return_dtype=pl.String), old=texts["old_id"], new=texts["new_id"]
    ).cast(PAIRS)


def rekeyed(ledger: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    """LEDGER after the ids of these PAIRS have changed. What stood under a new id before gives way.

    A row counts at a school by the id of the school's account, where those are the same: then that changes as well.
    """
    touched, others = _split(ledger, changed)
    if touched.is_empty():
        return ledger
    after = pl.concat([_renamed(touched, changed), others]).unique(["file", "key"], keep="first")
    schools = changed.filter(pl.col("file") == "accounts.csv")
    return after.with_columns(pl.col("school").replace(schools["old"], schools["new"])).sort("file", "key")


def rekeyed_keys(keys: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    """Keys (file, key) after the ids of these PAIRS have changed."""
    bare = keys.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in (*_TEXTS, "school"))
    return rekeyed(bare, changed).select(keys.columns)


def unsettled(ledger: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    """LEDGER when it is not known whether these ids have changed: Canvas has each row under the old or the new one."""
    touched, others = _split(ledger, changed)
    if touched.is_empty():
        return ledger
    may_have = pl.coalesce("doubt", "row")
    after = _renamed(touched, changed)
    same = touched["key"] == after["key"]
    before = touched.with_columns(doubt=may_have)
    kept = before.with_columns(doubt=pl.when(same).then(after.select(may_have).to_series()).otherwise("doubt"))
    nothing = pl.lit(None, dtype=pl.String)
    come = after.filter(~same).with_columns(doubt=may_have, row=nothing, refused=nothing).drop_nulls("doubt")
    return pl.concat([kept, come, others]).unique(["file", "key"], keep="first").sort("file", "key")


def settled(ledger: pl.DataFrame, answered: pl.DataFrame) -> pl.DataFrame:
    """LEDGER after Canvas answered rows of change_sis_id.csv: key, outcome, new (the row as JSON)."""
    taken = answered.filter(pl.col("outcome") == "sent")
    done = (pl.col("file") == ID_CHANGES) & pl.col("key").is_in(taken["key"].implode())
    ledger = rekeyed(ledger.filter(~done), pairs(taken))
    return unsettled(ledger, pairs(answered.filter(pl.col("outcome") == "doubt")))


def carrying(rows: pl.DataFrame, ids: pl.DataFrame) -> pl.DataFrame:
    """n, from: which rows (n, file, key, new as JSON) have one of these ids (from, file, id), or refer to it."""
    found = [pl.DataFrame(schema={"n": pl.UInt32, "from": pl.UInt32})]
    for module in FILES:
        own = rows.filter(pl.col("file") == module.FILE)
        for column, target in _columns(module).items():
            named = own.select("n", id=pl.col("new").str.json_path_match(f"$.{column}"))
            found.append(named.join(ids.filter(pl.col("file") == target), on="id").select(found[0].columns))
    return pl.concat(found).unique(maintain_order=True)


def _columns(module: CanvasFile) -> dict[str, str]:
    """The columns that hold ids, and whose."""
    own = {module.KEY[0]: module.FILE} if len(module.KEY) == 1 else {}
    return {**own, **module.REFERS}


def _split(ledger: pl.DataFrame, changed: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(rows that carry an old id, the others)."""
    touched = pl.lit(value=False)
    for module in FILES:
        for column, target in _columns(module).items():
            olds = changed.filter(pl.col("file") == target)["old"]
            if olds.is_empty():
                continue
            named = [pl.col(text).str.json_path_match(f"$.{column}").is_in(olds.implode()) for text in _TEXTS]
            if column in module.KEY:
                part = pl.col("key").str.split(SEPARATOR).list.get(module.KEY.index(column), null_on_oob=True)
                named.append(part.is_in(olds.implode()))
            touched |= (pl.col("file") == module.FILE) & pl.any_horizontal(one.fill_null(value=False) for one in named)
    marked = ledger.with_columns(touched=touched)
    return marked.filter("touched").drop("touched"), marked.filter(~pl.col("touched")).drop("touched")


def _renamed(rows: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    """The rows under the new ids, in their order."""
    ids: _Ids = {}
    for file, old, new in changed.iter_rows():
        ids.setdefault(file, {})[old] = new
    keys = {module.FILE: module.KEY for module in FILES}
    by_column = {
        module.FILE: {column: ids[target] for column, target in _columns(module).items() if target in ids}
        for module in FILES
    }
    names = ("file", "key", *_TEXTS)
    lines = []
    for file, key, *texts in rows.select(names).iter_rows():
        new_ids = by_column[file]
        parts = zip(keys[file], key.split(SEPARATOR), strict=True)
        new_key = SEPARATOR.join(new_ids.get(column, {}).get(part, part) for column, part in parts)
        lines.append((file, new_key, *(_rewritten(text, new_ids) for text in texts)))
    written = pl.DataFrame(lines, schema=dict.fromkeys(names, pl.String), orient="row")
    return rows.with_columns(written.get_columns())


def _rewritten(text: str | None, new_ids: _Ids) -> str | None:
    if text is None:
        return None
    row = msgspec.json.decode(text)
    for column, ids in new_ids.items():
        if row.get(column) in ids:
            row[column] = ids[row[column]]
    return msgspec.json.encode(row).decode()
