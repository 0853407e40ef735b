"""Which ids are changed tonight: lines of the tenant's mapping that the ledger's Canvas still has under the old id.

A line is planned as a row of change_sis_id.csv, and the rest of the night against the ledger as it is afterwards. What
was carried out plans nothing. What can't be told to be right is left, by reason: unknown-id (the ledger has neither
id), new-id-taken (it has both), old-id-in-use (tonight's roster has the old one), newer (a newer artefact wrote it).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from roster.absence import LEFT
from roster.canvas import FILES, ID_CHANGES
from roster.canvas.change_sis_id import COLUMNS, MEANS
from roster.canvas.logins import WHOSE
from roster.canvas.wanted import SEPARATOR
from roster.rekeying import carrying, pairs, rekeyed

LINES = pl.Schema({"type": pl.String, "old_id": pl.String, "new_id": pl.String, "key": pl.String})
STAGE = 1
_KEYS = {"file": pl.String, "key": pl.String}


@dataclass(frozen=True)
class Renaming:
    """changes: CHANGES. ledger: LEDGER as after them. left: LEFT. unsure: file, key of what a person has to look at."""

    changes: pl.DataFrame
    ledger: pl.DataFrame
    left: pl.DataFrame
    unsure: pl.DataFrame


def with_log_ins(lines: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """LINES, and those that follow from them: the id of a further log-in begins with that of the person."""
    of_people = lines.filter(pl.col("type") == "user")
    if of_people.is_empty():
        return lines
    whose = pl.coalesce("row", "doubt").str.json_path_match(f"$.{WHOSE}")
    log_ins = ledger.filter(pl.col("file") == "users.csv").select(whose=whose, id="key").drop_nulls("whose")
    named = of_people.select("type", "old_id", "new_id", whose=pl.concat_list("old_id", "new_id")).explode("whose")
    # One whose own change Canvas refused still has the old id before its suffix, whosever it is by now.
    suffixes = [
        pl.when(pl.col("id").str.starts_with(pl.col(name))).then(pl.col("id").str.strip_prefix(pl.col(name)))
        for name in ("whose", "old_id")
    ]
    follow = (
        named.join(log_ins, on="whose")
        .with_columns(suffix=pl.coalesce(suffixes))
        .drop_nulls("suffix")
        .select("type", *(pl.concat_str(name, "suffix") for name in ("old_id", "new_id")))
        .with_columns(key=pl.concat_str("type", "old_id", separator=SEPARATOR))
    )
    return pl.concat([lines.select(*LINES), follow]).unique("key", keep="first", maintain_order=True)


def plan_renames(
    lines: pl.DataFrame, ledger: pl.DataFrame, *, here: Callable[[], pl.DataFrame], sequence: int
) -> Renaming:
    """The changes of ids of one night. lines: LINES of the mapping. here: tells file, key of what tonight's roster has.

    A change that is in doubt is asked again first: Canvas's answer tells whether it has happened.
    """
    again = ledger.filter((pl.col("file") == ID_CHANGES) & pl.col("doubt").is_not_null())
    asked = again.select(*(pl.col("doubt").str.json_path_match(f"$.{name}").alias(name) for name in COLUMNS), "key")
    lines = pl.concat([lines.select(*LINES), asked.select(*LINES)]).unique("key", keep="last").sort("key")
    # Most tenants have no mapping, and large ledgers.
    known, roster = (ledger, here()) if lines.height else (ledger.clear(), pl.DataFrame(schema=_KEYS))
    judged = _judged(lines, again, known, roster, sequence)
    going = judged.filter(pl.col("reason").is_null())
    changes = going.select(
        pl.lit(ID_CHANGES).alias("file"),
        "key",
        action=pl.lit("rename"),
        old="doubt",
        new=pl.struct(*COLUMNS).struct.json_encode(),
        columns=pl.lit(",".join(COLUMNS)),
        why=pl.when(pl.col("doubt").is_null()).then(pl.lit("rename")).otherwise(pl.lit("in-doubt")),
        school="school",
        limited=pl.lit(value=True),
        holds=pl.lit([], dtype=pl.List(pl.String)),
        part=pl.lit("free"),
        stage=pl.lit(STAGE, dtype=pl.Int64),
    )
    left = judged.filter(pl.col("reason") != "")
    left = left.select(pl.lit(ID_CHANGES).alias("file"), "key", reason="reason", school="school").cast(LEFT)
    taken = judged.filter(pl.col("reason") == "new-id-taken").select("file", key="old_id")
    both = judged.filter((pl.col("reason") == "old-id-in-use") & pl.col("new_here"))
    newer = judged.filter(pl.col("reason") == "newer")
    new = pl.concat([both, newer]).select("file", key="new_id")
    unsure = pl.concat([taken, both.select("file", key="old_id"), new])
    return Renaming(changes, rekeyed(ledger, pairs(changes)), left, unsure)


def _judged(
    lines: pl.DataFrame, again: pl.DataFrame, ledger: pl.DataFrame, here: pl.DataFrame, sequence: int
) -> pl.DataFrame:
    """The lines with file, school, doubt, new_here and reason: null to go, blank for what was carried out."""
    had = ledger.filter(pl.any_horizontal(pl.col("row", "doubt").is_not_null()))
    newer = (pl.col("sequence") > sequence).fill_null(value=False)
    olds = had.select("file", "dropped", "school", old_id="key", had_old=pl.lit(value=True), newer=newer)
    news = had.select("file", new_id="key", had_new=pl.lit(value=True))
    flags = ("had_old", "had_new", "old_here", "new_here", "dropped", "newer")
    judged = (
        lines.with_columns(file=pl.col("type").replace_strict(MEANS, return_dtype=pl.String))
        .join(olds, on=["file", "old_id"], how="left", maintain_order="left")
        .join(news, on=["file", "new_id"], how="left", maintain_order="left")
        .join(_here(here, "old"), on=["file", "old_id"], how="left", maintain_order="left")
        .join(_here(here, "new"), on=["file", "new_id"], how="left", maintain_order="left")
        .join(again.select("key", "doubt"), on="key", how="left", maintain_order="left")
        .with_columns(pl.col(flags).fill_null(value=False))
    )
    reason = (
        pl.when(pl.col("doubt").is_not_null())
        .then(None)
        .when(~pl.col("had_old"))
        .then(pl.when("had_new").then(pl.lit("")).otherwise(pl.lit("unknown-id")))
        .when("had_new")
        .then(pl.when(pl.col("old_here") | pl.col("dropped")).then(pl.lit("")).otherwise(pl.lit("new-id-taken")))
        .when("old_here")
        .then(pl.lit("old-id-in-use"))
        .when("newer")
        .then(pl.lit("newer"))
    )
    return judged.with_columns(reason=reason)


def _here(here: pl.DataFrame, which: str) -> pl.DataFrame:
    return here.select("file", pl.col("key").alias(f"{which}_id"), pl.lit(value=True).alias(f"{which}_here")).unique()


def renamed_in(changes: pl.DataFrame) -> pl.DataFrame:
    """n, from: the changes (with their number n) that carry an id which another of them, `from`, gives out."""
    given = changes.filter(pl.col("file") == ID_CHANGES)
    if given.is_empty():
        return pl.DataFrame(schema={"n": pl.UInt32, "from": pl.UInt32})
    ids = pl.concat([given.select(pl.col("n").alias("from")), pairs(given).select("file", id="new")], how="horizontal")
    return carrying(changes, ids)


def without_failed(sent: pl.DataFrame, asked: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """SENT without the rows that need an id which Canvas did not give, and without what refers to their creates.

    asked: SENT of the ids that were to change; the ledger keeps those that were not.
    """
    failed = asked.filter(pl.col("file") == ID_CHANGES).join(
        ledger.filter(pl.col("file") == ID_CHANGES).select("file", "key"), on=["file", "key"], how="semi"
    )
    lost = pairs(failed).select("file", id="new")
    if lost.is_empty():
        return sent
    numbered = sent.with_row_index("n")
    going = [numbered.filter(pl.col("file") == ID_CHANGES)]
    for module in FILES:
        own = numbered.filter(pl.col("file") == module.FILE)
        waits = carrying(own, lost.with_columns(pl.lit(0, dtype=pl.UInt32).alias("from")))["n"]
        stays = pl.col("n").is_in(waits.implode())
        unmade = own.filter(stays & (pl.col("action") == "create")).select("file", id="key")
        lost = pl.concat([lost, unmade]).unique()
        going.append(own.filter(~stays))
    return pl.concat(going).sort("n").drop("n")
