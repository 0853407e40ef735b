"""The ledger after a comparison: as it is but for what was in doubt (report), as Canvas has it and that is right
(adopt), or as Canvas has it and that is to be mended by the next night (repair).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import polars as pl

from roster.accepted import GONE
from roster.ledger_rows import LEDGER
from roster.reconciling.comparison import STICKY

Then = Literal["report", "adopt", "repair"]
# What of these a person took back or changed stays marked, whatever it was, so that to mend it waits for a release in
# production: it gives somebody rights, or moves a section with its pupils. The mark also has the import write over a
# course that Canvas would leave alone.
_MARKED = ("xlists.csv", "admins.csv")
_TOLD = {"file": pl.String, "key": pl.String, "school": pl.String, "listed": pl.Boolean, "apart": pl.Boolean}


def outcome(
    ledger: pl.DataFrame, differences: pl.DataFrame, then: Then, roster: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """LEDGER afterwards. roster: the wanted rows of the newest artefact by file, which tell of rows that the ledger did
    not know; none where there is no artefact.
    """
    known = differences.filter(~pl.col("kind").is_in(["extra", "theirs", "merged"]))
    if then == "report":
        known = known.filter(pl.col("kind") == "settled")
    before = ledger.join(known.select("file", "key", "kind", "new", changed="columns"), on=["file", "key"])
    staying = ledger.join(known, on=["file", "key"], how="anti")
    if then == "repair":
        again = pl.col("accepted").is_not_null() & pl.col("file").is_in(
            [file for file, names in STICKY.items() if names or file in _MARKED]
        )
        staying = staying.with_columns(
            accepted=pl.lit(None, dtype=pl.String), by_hand=pl.col("by_hand").fill_null(value=False) | again
        )
    after = [made for row in before.to_dicts() if (made := _after(row, then)) is not None]
    frames = [staying, pl.DataFrame(after, schema=LEDGER)]
    if then == "adopt":
        taken_in = _taken_in(_ours(differences, roster), roster)
        frames[0] = staying.join(taken_in, on=["file", "key"], how="anti")  # of which only a refusal was known
        frames.append(taken_in)
    return pl.concat(frames).select(*LEDGER).sort("file", "key")


def _after(row: dict[str, Any], then: Then) -> dict[str, Any] | None:
    kept = {name: row[name] for name in LEDGER}
    if row["kind"] == "settled":
        return _settled(kept, row["new"])
    ours = json.loads(row["row"])
    has = json.loads(row["new"]) if row["new"] else ours | {"status": "deleted"}
    if then == "repair":
        if row["file"] in _MARKED:
            return kept | _has(_text(has)) | {"by_hand": True}
        return None if row["kind"] == "missing" else kept | _has(row["new"]) | {"by_hand": _is_sticky(row)}
    columns = row["changed"].split(",") if row["new"] else ["status"]
    before = json.loads(row["accepted"]) if row["accepted"] else {}
    accepted = before | {name: before.get(name, ours.get(name)) for name in columns}
    return kept | _has(_text(has)) | {"accepted": _text(accepted), "by_hand": False}


def _ours(differences: pl.DataFrame, roster: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """What comes into the ledger: what an import made, and sections that the roster lists and somebody has listed."""
    listed = differences.filter((pl.col("kind") == "theirs") & (pl.col("file") == "xlists.csv"))
    if "xlists.csv" in roster:
        listed = listed.join(roster["xlists.csv"].select("key"), on="key", how="semi")
    else:
        listed = listed.clear()
    return pl.concat([differences.filter(pl.col("kind") == "extra"), listed])


def _is_sticky(row: dict[str, Any]) -> bool:
    """True if an import leaves what differs alone, unless it is told to write over it."""
    return any(name in STICKY[row["file"]] for name in row["changed"].split(","))


def _has(text: str) -> dict[str, Any]:
    return {"row": text, "dropped": json.loads(text)["status"] in GONE, "doubt": None, "accepted": None}


def _settled(kept: dict[str, Any], new: str | None) -> dict[str, Any] | None:
    if new is not None:
        return kept | _has(new) | {"columns": ",".join(json.loads(new)), "accepted": kept["accepted"]}
    if kept["refused"] is None:
        return None
    return kept | {"row": None, "doubt": None, "columns": None, "dropped": False}


def _taken_in(extra: pl.DataFrame, roster: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    gone = pl.col("new").str.json_path_match("$.status").is_in(GONE)
    told = [_told(file, extra.filter(pl.col("file") == file), wanted) for file, wanted in roster.items()]
    known = pl.DataFrame(schema=_TOLD) if not told else pl.concat(told)
    filled = (
        extra.drop("school")
        .join(known, on=["file", "key"], how="left")
        .with_columns(
            row="new",
            doubt=pl.lit(None, dtype=pl.String),
            refused=pl.lit(None, dtype=pl.String),
            dropped=gone,
            sequence=pl.col("listed").is_not_null().cast(pl.Int64),  # 0: no roster of ours had it
            accepted=pl.when(pl.col("apart") & ~gone).then(pl.lit("{}")),
            # somebody may have shut them out on purpose, and then Canvas leaves an import's word alone
            by_hand=gone & pl.col("file").is_in([file for file, names in STICKY.items() if "status" in names]),
        )
    )
    return filled.select(*LEDGER).cast(LEDGER)


def _told(file: str, extra: pl.DataFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """What the roster tells of rows that came in: file, key, school, listed, and apart, which is true where Canvas has
    another value in a column that it may keep for whoever edited it. A repair has to write over that.
    """
    names = [name for name in STICKY[file] if name in wanted.columns and name != "status"]
    joined = extra.select("file", "key", "new").join(wanted.select("key", "school", *names), on="key")
    apart = [pl.col("new").str.json_path_match(f"$.{name}").ne_missing(pl.col(name)) for name in names]
    return joined.select(
        "file", "key", "school", listed=pl.lit(value=True), apart=pl.any_horizontal(pl.lit(value=False), *apart)
    )


def _text(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))
