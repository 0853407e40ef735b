"""The district in a database: in an SQLite file, or by any open connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

from roster_sandbox.district.model import District
from roster_sandbox.sis_db.export import tables

SCHEMA = Path(__file__).with_name("schema.sql")


def write_sqlite(district: District, file: Path) -> None:
    """The district in an SQLite file, readable by its owner only; one that was there is replaced as a whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.part")
    aside.unlink(missing_ok=True)
    aside.touch(mode=0o600)
    with closing(sqlite3.connect(aside)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        load(connection, district, mark="?")
    aside.replace(file)


def load(connection: Any, district: District, *, mark: str) -> None:
    """Make the tables and fill them, in one transaction. mark: how the driver writes a parameter (? or %s)."""
    cursor = connection.cursor()
    for statement in SCHEMA.read_text(encoding="utf-8").split(";"):
        if "CREATE TABLE" in statement:
            cursor.execute(statement)
    for table, rows in tables(district):
        for text, values in _inserts(table, rows, mark):
            cursor.executemany(text, values)
    connection.commit()
    cursor.close()


def empty(connection: Any) -> None:
    """Take the tables away again."""
    cursor = connection.cursor()
    for name in ("guardian", "roster", "section_staff", "section", "course", "staff", "student", "person", "term"):
        cursor.execute(f"DROP TABLE {name}")
    cursor.execute("DROP TABLE school")
    connection.commit()


def _inserts(table: str, rows: list[Any], mark: str) -> Iterator[tuple[str, list[list[Any]]]]:
    if rows:
        names, marks = ", ".join(rows[0]), ", ".join([mark] * len(rows[0]))
        plain = mark == "?"  # SQLite has no days and instants: they are text
        values = [[_plain(value) if plain else value for value in row.values()] for row in rows]
        yield f"INSERT INTO {table} ({names}) VALUES ({marks})", values  # noqa: S608 -- names of our own


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
