"""From a database to raw tables: `<table>.parquet` per query, and what they prove."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pyarrow.parquet as pq

from roster.errors import SourceUnreadable
from roster.evidence import Evidence
from roster.settings import SisDb
from roster.settings.sis_db import TABLES, Column, Table
from roster.sources import Database, Good, Snapshot, Statement
from roster.sources.sis_db import sql
from roster.sources.sis_db.asking import asked
from roster.sources.sis_db.proof import Counted, prove
from roster.sources.sis_db.values import TYPES, Refused, column
from roster.tenants import tenants_folder

BATCH = 20_000
"""Rows that are in memory at once."""


def extract(database: Database, settings: SisDb, folder: Path, *, last_good: Good | None, now: datetime) -> Evidence:
    """Ask every query in one snapshot, and write its answer into folder. Raises SourceFault, TenantFileWrong.

    Each is asked three times: for its columns, its number of rows, and for those of its columns that are read.
    """
    statements = asked(settings, tenants_folder())
    with database.snapshot() as snapshot:
        counts = {
            table: _read(snapshot, table, statement, settings.columns.get(table, {}), folder)
            for table, statement in statements.items()
        }
    return prove(folder, settings, counts, last_good.evidence if last_good else None, now)


def tried(database: Database, settings: SisDb) -> int:
    """Ask every query for its columns alone; answers how many there are. Raises SourceFault, TenantFileWrong."""
    statements = asked(settings.on(datetime.now(UTC).date()), tenants_folder())
    with database.snapshot() as snapshot:
        for table, statement in statements.items():
            there = snapshot.columns(statement.around(sql.describing))
            _places(statement.name, table, there, settings.columns.get(table, {}))
    return len(statements)


class _Place(NamedTuple):
    """A column that is read: ours, and what the database calls it."""

    name: str
    theirs: str
    column: Column


def _read(snapshot: Snapshot, table: Table, statement: Statement, names: Mapping[str, str], folder: Path) -> Counted:
    places = _places(statement.name, table, snapshot.columns(statement.around(sql.describing)), names)
    ((said,),) = (row for batch in snapshot.batches(statement.around(sql.counting), 1) for row in batch)
    wanted = statement.around(lambda query: sql.selecting(query, [place.theirs for place in places]))
    schema = pl.DataFrame(schema={place.name: TYPES[place.column.word] for place in places} | {"row": pl.Int64})
    read = 0
    with pq.ParquetWriter(folder / f"{table}.parquet", _arrow(schema).schema) as writer:
        for batch in snapshot.batches(wanted, BATCH):
            if batch:
                writer.write_table(_arrow(_frame(statement.name, places, batch, read)))
                read += len(batch)
    return Counted(said, read)


def _arrow(frame: pl.DataFrame) -> Any:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


def _places(file: str, table: Table, there: Sequence[str], names: Mapping[str, str]) -> list[_Place]:
    """The columns of the table that the query has, whatever their case. Raises SourceUnreadable."""
    found = []
    for name, kind in TABLES[table].items():
        wanted = names.get(name, name)
        same = _called(wanted, there)
        if len(same) > 1:
            message = f"{file}: answers with {len(same)} columns {wanted}: name each only once"
            raise SourceUnreadable(message)
        if not same and (kind.needed or name in names):
            message = (
                f"{file}: no column {wanted}; it answers with {', '.join(there)}: name it with AS, or under columns in "
                "the tenant file"
            )
            raise SourceUnreadable(message)
        if same:
            found.append(_Place(name, same[0], kind))
    return found


def _called(wanted: str, there: Sequence[str]) -> list[str]:
    """The columns of that name, or else of that name in another case; of two alike SQLite calls the second `name:1`."""
    plain = {one: re.sub(r":\d+$", "", one) for one in there}
    return [one for one in there if plain[one] == wanted] or [
        one for one in there if plain[one].lower() == wanted.lower()
    ]


def _frame(file: str, places: Sequence[_Place], batch: Sequence[Sequence[Any]], before: int) -> pl.DataFrame:
    """The rows as a table, numbered on from those before."""
    columns = {}
    for place, values in zip(places, zip(*batch, strict=True), strict=True):
        try:
            columns[place.name] = column(values, place.column.word)
        except Refused as fault:
            message = f"{file}: column {place.theirs}, row {before + fault.place + 1:,}: the value {fault}"
            raise SourceUnreadable(message) from None
    return pl.DataFrame(columns).with_row_index("row", offset=before + 1).select(*columns, pl.col("row").cast(pl.Int64))
