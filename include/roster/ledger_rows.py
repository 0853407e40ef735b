"""The rows of a ledger, one per row of a file that Canvas was given, and how an import moves them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import polars as pl

from roster.accepted import still_accepted
from roster.canvas import ID_CHANGES
from roster.canvas.logins import csv
from roster.journal import GIVING_BACK
from roster.rekeying import settled as settled_ids

# row: the JSON of what Canvas took last, null where it took nothing. doubt: what it may have besides. refused: what it
# refused last. columns: the columns that `row` was sent with. dropped: the last row taken was a drop. sequence: number
# of the artefact that last wrote the row. accepted: JSON of what the source said in the columns in which Canvas's own
# value was accepted, of a row that came in whole {}; `row` has Canvas's. by_hand: the next change of the row has to
# write over what a person changed.
LEDGER = pl.Schema(
    {
        "file": pl.String,
        "key": pl.String,
        "row": pl.String,
        "columns": pl.String,
        "doubt": pl.String,
        "refused": pl.String,
        "dropped": pl.Boolean,
        "school": pl.String,
        "sequence": pl.Int64,
        "accepted": pl.String,
        "by_hand": pl.Boolean,
    }
)


def moved(before: pl.DataFrame, sent: pl.DataFrame, outcomes: pl.DataFrame, sequence: int) -> pl.DataFrame:
    """The ledger's rows after an import: SENT and OUTCOMES (a row without outcome is in doubt) on top of LEDGER.

    sent: the row is what Canvas has; refused: it keeps what it had, and will be asked again; doubt: it has one of them.
    An id that was changed is changed in every row that carries it.
    """
    by_csv = outcomes.rename({"file": "csv"})
    told = sent.with_columns(csv=csv()).join(by_csv, on=["csv", "row"], how="left")
    told = told.with_columns(pl.col("outcome").fill_null("doubt"))
    joined = before.join(
        told.select(
            "file",
            "key",
            "outcome",
            "action",
            "stage",
            "new",
            new_columns="columns",
            new_school="school",
        ),
        on=["file", "key"],
        how="full",
        coalesce=True,
    )
    taken, refused, doubt = (pl.col("outcome") == word for word in ("sent", "refused", "doubt"))
    after = joined.with_columns(
        row=pl.when(taken).then("new").otherwise("row"),
        columns=pl.when(taken).then("new_columns").otherwise("columns"),
        doubt=pl.when(taken).then(None).when(doubt).then("new").otherwise("doubt"),
        refused=pl.when(taken).then(None).when(refused).then("new").otherwise("refused"),
        dropped=pl.when(taken).then(pl.col("action") == "drop").otherwise(pl.col("dropped").fill_null(value=False)),
        school=pl.when(taken).then(pl.coalesce("new_school", "school")).otherwise(pl.coalesce("school", "new_school")),
        sequence=pl.when(taken | doubt).then(pl.max_horizontal(pl.lit(sequence), "sequence")).otherwise("sequence"),
        accepted=pl.when(taken).then(still_accepted(joined)).otherwise("accepted"),
        by_hand=pl.when(taken).then(pl.col("stage") == GIVING_BACK).otherwise("by_hand").fill_null(value=False),
    )
    after = after.select(*LEDGER).cast(LEDGER).sort("file", "key")
    return settled_ids(after, given) if (given := told.filter(pl.col("file") == ID_CHANGES)).height else after


def digest(file: str, key: str, new: str) -> str:
    """What stands for a row that was undone, and tells nobody what it was."""
    return hashlib.sha256("\0".join((file, key, new)).encode()).hexdigest()


def as_ledger(rows: pl.DataFrame) -> pl.DataFrame:
    """LEDGER of rows that an earlier release may have written: columns that it did not know are null."""
    unknown = [pl.lit(None, dtype=kind).alias(name) for name, kind in LEDGER.items() if name not in rows.columns]
    return rows.with_columns(unknown).select(*LEDGER)


def live(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of a ledger that Canvas has and that are not dropped."""
    return rows.filter(pl.col("row").is_not_null() & ~pl.col("dropped"))


def decoded(text: str | None) -> dict[str, Any]:
    """A row's columns from its JSON; nothing for null."""
    return json.loads(text) if text else {}
