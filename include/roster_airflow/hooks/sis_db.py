"""A school's own database, by a connection of its type: a `Database` that `roster.sources.sis_db` reads from.

The provider of that type supplies form, Test button and hook (a DbApiHook); here is what makes of its connection one
read-only transaction. PostgreSQL and SQLite are tested against real ones; SQL Server and Oracle are written by their
manuals and are not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from roster.errors import TenantFileWrong
from roster_airflow.hooks.sis_db_faults import explained, not_connected

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    from roster.settings import SisDb
    from roster.sources import Database, Snapshot, Statement
    from roster.sources.sis_db.sql import Style


PATIENCE = 5.0
"""Seconds that a read of an SQLite file waits for another process that writes to it."""


def reading(settings: SisDb) -> Database:
    """What `roster.sources.sis_db` reads from. Raises TenantFileWrong."""
    return SisDatabase(settings)


def seen(settings: SisDb) -> str:
    """How many tables it is asked for, after each query was tried. Raises TenantFileWrong or SourceFault."""
    from roster.sources.sis_db.reading import tried  # polars

    return f"{tried(SisDatabase(settings), settings)} queries answer with their columns, in one read-only transaction"


@dataclass(frozen=True)
class _Kind:
    """A kind of database. drivers: modules of whose errors one is caught. begin: what makes the transaction what it has
    to be. style: of its parameters. value: how a parameter is handed over.
    """

    name: str
    drivers: tuple[str, ...]
    begin: tuple[str, ...]
    style: Style = "pyformat"
    connect: Callable[[DbApiHook], Any] = lambda hook: hook.get_conn()
    value: Callable[[Any], Any] = lambda value: value
    streams: bool = False


def _sqlite(hook: DbApiHook) -> sqlite3.Connection:
    """The file, which must be there: what is only read is not made. Transactions are begun by us."""
    address = hook.get_uri().replace("sqlite:///", "file:", 1)
    reading = f"{address}{'&' if '?' in address else '?'}mode=ro"
    return sqlite3.connect(reading, PATIENCE, uri=True, isolation_level=None)


def _iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


KINDS: Mapping[str, _Kind] = {
    "postgres": _Kind(
        "PostgreSQL",
        ("psycopg", "psycopg2"),
        ("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",),
        streams=True,
    ),
    "sqlite": _Kind("SQLite", ("sqlite3",), ("PRAGMA query_only = ON", "BEGIN"), "named", _sqlite, _iso),
    "mssql": _Kind("SQL Server", ("pymssql",), ("SET TRANSACTION ISOLATION LEVEL SNAPSHOT",)),
    "oracle": _Kind("Oracle", ("oracledb",), ("SET TRANSACTION READ ONLY",), "named"),
}


class SisDatabase:
    """A `Database` by an Airflow connection. What a driver says of a fault may hold values: it is never passed on."""

    def __init__(self, settings: SisDb) -> None:
        self._settings = settings

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """A transaction that sees one moment and can't write; it is rolled back in the end."""
        kind, hook = self._found()
        errors = _errors(kind)
        try:
            connection = kind.connect(hook)
        except errors as fault:
            raise not_connected(fault, self._settings.connection) from None
        try:
            asking = _Asking(connection, kind, errors)
            asking.begin(self._settings)
            yield asking
        finally:
            with suppress(*errors):
                connection.rollback()
            with suppress(*errors):
                connection.close()

    def _found(self) -> tuple[_Kind, DbApiHook]:
        name = self._settings.connection
        try:
            connection = BaseHook.get_connection(name)
        except AirflowNotFoundException:
            message = f"there is no connection {name}: give it as AIRFLOW_CONN_{name.upper()} or as a secret"
            raise TenantFileWrong(message) from None
        kind = KINDS.get(connection.conn_type or "")
        if kind is None:
            message = f"connection {name} is of type {connection.conn_type}, and must be one of {', '.join(KINDS)}"
            raise TenantFileWrong(message)
        try:
            hook: DbApiHook = connection.get_hook()  # type: ignore[no-untyped-call]
        except (AirflowException, ImportError):
            message = f"connection {name}: the provider for {kind.name} is not installed (docs/sources/sis_db.md)"
            raise TenantFileWrong(message) from None
        return kind, hook


def _errors(kind: _Kind) -> tuple[type[Exception], ...]:
    """What the drivers of that kind raise, of those that are installed; wrong encodings some leave to Python."""
    found = []
    for driver in kind.drivers:
        with suppress(ImportError):
            found.append(import_module(driver).Error)
    if not found:  # then nobody could tell its faults, and what they say, from others
        message = f"no driver for {kind.name} is installed: {' or '.join(kind.drivers)} (docs/sources/sis_db.md)"
        raise TenantFileWrong(message)
    return (*found, UnicodeDecodeError)


class _Asking:
    """A Snapshot on an open connection."""

    def __init__(self, connection: Any, kind: _Kind, errors: tuple[type[Exception], ...]) -> None:
        self._connection = connection
        self._kind = kind
        self._errors = errors

    def begin(self, settings: SisDb) -> None:
        """Make the transaction one that only reads and sees one moment, before anything is asked in it."""
        seconds = settings.timeout.total_seconds()
        limits = (f"SET LOCAL statement_timeout = {seconds * 1000:.0f}",) if self._kind.streams else ()
        with self._told(f"connection {settings.connection}"):
            for text in (*self._kind.begin, *limits):
                with closing(self._connection.cursor()) as cursor:
                    cursor.execute(text)

    def columns(self, statement: Statement) -> list[str]:
        with self._told(statement.name), closing(self._connection.cursor()) as cursor:
            self._ask(cursor, statement)
            found = [str(column[0]) for column in cursor.description]
            cursor.fetchall()
        return found

    def batches(self, statement: Statement, size: int) -> Iterator[list[tuple[Any, ...]]]:
        # A cursor with a name stays with the server: without one the driver would fetch all rows at once.
        cursor = self._connection.cursor(*([f"roster_{token_hex(4)}"] if self._kind.streams else []))
        cursor.arraysize = size
        try:
            with self._told(statement.name):
                self._ask(cursor, statement)
            while rows := self._fetched(cursor, statement.name, size):
                yield rows
        finally:
            with suppress(*self._errors):
                cursor.close()

    def _fetched(self, cursor: Any, name: str, size: int) -> list[tuple[Any, ...]]:
        with self._told(name):
            rows: list[tuple[Any, ...]] = cursor.fetchmany(size)
        return rows

    def _ask(self, cursor: Any, statement: Statement) -> None:
        from roster.sources.sis_db.sql import bound

        text = bound(statement.text, self._kind.style)
        values = {name: self._kind.value(value) for name, value in statement.parameters.items()}
        cursor.execute(text, *([values] if values else []))

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except self._errors as fault:
            raise explained(fault, what) from None
