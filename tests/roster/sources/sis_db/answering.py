"""A database without a hook: an SQLite one in memory, or one that miscounts, as the library asks it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from roster.evidence import Evidence
from roster.settings import SisDb
from roster.sources import Good, Snapshot, Statement, system
from roster_sandbox.district import District
from roster_sandbox.sis_db import load

NOW = datetime(2026, 2, 2, 9, tzinfo=UTC)
TODAY = date(2026, 2, 2)


class Answering:
    """A Database and its Snapshot. lost: rows that it loses of each answer, by the query's name."""

    def __init__(self, connection: sqlite3.Connection, lost: Mapping[str, int] | None = None) -> None:
        self.connection = connection
        self.lost = lost or {}
        self.asked: list[Statement] = []

    @classmethod
    def of(cls, district: District) -> Answering:
        """The district in the generic schema."""
        connection = sqlite3.connect(":memory:")
        load(connection, district, mark="?")
        return cls(connection)

    @classmethod
    def with_tables(cls, **tables: list[dict[str, Any]]) -> Answering:
        """Tables by name, each with the columns of its first row; values as they are."""
        connection = sqlite3.connect(":memory:")
        for name, rows in tables.items():
            connection.execute(f"CREATE TABLE {name} ({', '.join(rows[0])})")
            marks = ", ".join(["?"] * len(rows[0]))
            connection.executemany(f"INSERT INTO {name} VALUES ({marks})", [list(row.values()) for row in rows])
        return cls(connection)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        yield self

    def columns(self, statement: Statement) -> list[str]:
        return [column[0] for column in self._ask(statement).description]

    def batches(self, statement: Statement, size: int) -> Iterator[list[tuple[Any, ...]]]:
        rows = self._ask(statement).fetchall()
        if "COUNT(*)" not in statement.text.splitlines()[0]:
            rows = rows[: len(rows) - self.lost.get(statement.name, 0)]
        for first in range(0, len(rows), size):
            yield rows[first : first + size]

    def _ask(self, statement: Statement) -> sqlite3.Cursor:
        self.asked.append(statement)
        values = {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in statement.parameters.items()
        }
        return self.connection.execute(statement.text, values)


def settings(**more: Any) -> SisDb:
    """Of a source `sis`, which asks the generic pack."""
    return SisDb.model_validate({"name": "sis", "system": "sis_db", "connection": "school", "pack": "generic", **more})


def extract(database: Any, asked: SisDb, raw: Path, last_good: Evidence | None = None, now: datetime = NOW) -> Evidence:
    """The evidence; the raw tables are in raw."""
    raw.mkdir(exist_ok=True)
    good = Good(last_good, None) if last_good else None  # type: ignore[arg-type]
    return system("sis_db").extract(database, asked.on(TODAY), raw, last_good=good, now=now)
