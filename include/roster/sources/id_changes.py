"""Which SIS ids in Canvas become which: a mapping that people write, as a file or as a query of their database.

It is no source of records. A line says that what Canvas knows by `old_id` is what the sources now make `new_id` of.
Nothing is mended and nothing guessed: a mapping with one faulty line is not read at all.
"""

from __future__ import annotations

import tempfile
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from roster.errors import SourceIncomplete, SourceUnreadable
from roster.sources import Delivery
from roster.sources.delimited import read

TYPES = ("account", "term", "course", "section", "user")
COLUMNS = ("type", "old_id", "new_id")
MOST_TOLD = 10

# file: what the lines are called in messages; row: the line's number in it.
ID_CHANGES = pl.Schema(
    {"type": pl.String, "old_id": pl.String, "new_id": pl.String, "file": pl.String, "row": pl.Int64}
)


def from_file(delivery: Delivery, name: str) -> pl.DataFrame:
    """ID_CHANGES of a CSV file with the columns type, old_id and new_id.

    Raises SourceIncomplete where it is not there, empty, or changed while it was read; SourceUnreadable as `checked`.
    """
    state = delivery.files().get(name)
    if state is None:
        message = f"{name}, which says which ids change, is not there: have it laid there, or take id_changes off"
        raise SourceIncomplete(message)
    with tempfile.TemporaryDirectory(prefix="roster-") as scratch:
        table = read(delivery.fetch(name, Path(scratch)), name, COLUMNS, COLUMNS, "utf-8")
    if delivery.files().get(name) != state:
        message = f"{name} changed while it was read: it is asked for again"
        raise SourceIncomplete(message)
    if table.unreadable.height:
        row, reason = table.unreadable.row(0)
        message = f"{name}:{row}: {reason}; {table.unreadable.height} lines can't be read, so no id is changed"
        raise SourceUnreadable(message)
    return checked(table.frame.with_columns(file=pl.lit(name)))


def from_query(names: Sequence[str], rows: Iterable[Sequence[object]]) -> pl.DataFrame:
    """ID_CHANGES of a query's columns and rows; its first row is number 1. Numbers become text, if they are whole."""
    found = [name.lower() for name in names]
    if wrong := [name for name in COLUMNS if found.count(name) != 1]:
        message = f"the query of id_changes must have one column {', '.join(wrong)}: name them with AS"
        raise SourceUnreadable(message)
    places = [found.index(name) for name in COLUMNS]
    lines = []
    for number, row in enumerate(rows, start=1):
        values = [row[place] for place in places]
        if any(isinstance(value, bool) or not isinstance(value, str | int | None) for value in values):
            message = f"query:{number}: an id is neither text nor a whole number: cast it to text in the query"
            raise SourceUnreadable(message)
        lines.append((*(_text(value) for value in values), "query", number))
    return checked(pl.DataFrame(lines, schema=ID_CHANGES, orient="row"))


def _text(value: object) -> str | None:
    return unicodedata.normalize("NFC", str(value)).strip() or None if value is not None else None


def checked(lines: pl.DataFrame) -> pl.DataFrame:
    """The same lines, types in lower case, if each can be carried out whatever the order; else SourceUnreadable."""
    lines = lines.with_columns(pl.col("type").str.to_lowercase()).select(*ID_CHANGES).cast(ID_CHANGES)
    olds = lines.select("type", id="old_id", is_old=pl.lit(value=True)).drop_nulls().unique()
    news = lines.select("type", id="new_id", is_new=pl.lit(value=True)).drop_nulls().unique()
    judged = lines.join(
        olds, left_on=["type", "new_id"], right_on=["type", "id"], how="left", maintain_order="left"
    ).join(news, left_on=["type", "old_id"], right_on=["type", "id"], how="left", maintain_order="left")
    fault = (
        pl.when(pl.any_horizontal(pl.col(*COLUMNS).is_null()))
        .then(pl.lit("a cell is blank"))
        .when(~pl.col("type").is_in(TYPES))
        .then(pl.lit(f"type is none of {', '.join(TYPES)}"))
        .when(pl.any_horizontal(pl.col("old_id", "new_id").str.contains(r"\p{Cc}")))
        .then(pl.lit("an id holds a control character"))
        .when(pl.col("old_id") == pl.col("new_id"))
        .then(pl.lit("old_id and new_id are the same"))
        .when(pl.len().over("type", "old_id") > 1)
        .then(pl.lit("another line has the same old_id"))
        .when(pl.len().over("type", "new_id") > 1)
        .then(pl.lit("another line has the same new_id"))
        .when(pl.any_horizontal(pl.col("is_old", "is_new")))
        .then(pl.lit("one line's new_id is another's old_id, which depends on the order: do it in two nights"))
    )
    faults = judged.select("file", "row", fault=fault).drop_nulls("fault")
    if faults.height:
        told = "; ".join(f"{file}:{row}: {said}" for file, row, said in faults.head(MOST_TOLD).iter_rows())
        more = f"; and {faults.height - MOST_TOLD} more" if faults.height > MOST_TOLD else ""
        message = f"{told}{more}. No id is changed, and nothing is planned, until the mapping is right"
        raise SourceUnreadable(message)
    return lines
