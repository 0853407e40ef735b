"""The snapshot of a database: on a real PostgreSQL and on SQLite files, and every fault of theirs in our words."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from roster.errors import SourceBusy, SourceFault, SourceUnreachable, SourceUnreadable, TenantFileWrong
from roster.settings import SisDb
from roster.sources import Snapshot, Statement
from roster_airflow.hooks.sis_db import KINDS, reading, seen
from tests.postgres import Postgres

ROWS = 2_500
TABLE = "CREATE TABLE pupil (id varchar(8) PRIMARY KEY, secret varchar(20), born date, here boolean)"
SECRET = "Quillfeather"
ALL = Statement("pupils.sql", "SELECT id, secret FROM pupil ORDER BY id", {})


def settings(**more: Any) -> SisDb:
    return SisDb.model_validate({"name": "sis", "system": "sis_db", "connection": "school", "pack": "generic", **more})


def filled(connection: Any, mark: str) -> None:
    cursor = connection.cursor()
    cursor.execute(TABLE)
    born = date(2012, 3, 4)
    rows = [(f"p{number:05}", f"{SECRET}{number}", str(born), True) for number in range(ROWS)]
    cursor.executemany(f"INSERT INTO pupil VALUES ({', '.join([mark] * 4)})", rows)
    connection.commit()


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> str:
    name = postgres.create("hooks")
    with postgres.connect(name, autocommit=False) as session:
        filled(session, "%s")
    return name


@pytest.fixture
def by_postgres(postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch) -> Postgres:
    monkeypatch.setenv("AIRFLOW_CONN_SCHOOL", postgres.connection(database))
    return postgres


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "school.db"
    with closing(sqlite3.connect(path)) as connection:
        filled(connection, "?")
    monkeypatch.setenv("AIRFLOW_CONN_SCHOOL", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    return path


@pytest.fixture(params=["postgres", "sqlite"])
def writing(request: pytest.FixtureRequest) -> Iterator[Callable[[str], None]]:
    """What another process does to the database meanwhile."""
    if request.param == "postgres":
        server, name = request.getfixturevalue("by_postgres"), request.getfixturevalue("database")
        session: Any = server.connect(name)
    else:
        session = sqlite3.connect(request.getfixturevalue("file"), isolation_level=None)
        session.execute("PRAGMA journal_mode = WAL")
    with closing(session):
        yield session.execute


def rows(snapshot: Snapshot, statement: Statement, size: int = 1000) -> list[tuple[Any, ...]]:
    return [row for batch in snapshot.batches(statement, size) for row in batch]


def test_rows_come_in_batches_and_columns_as_the_database_spells_them(writing: Callable[[str], None]) -> None:
    query = Statement("q.sql", 'SELECT id AS "Pupil_ID", secret FROM pupil WHERE id < :last', {"last": "p02400"})
    with reading(settings()).snapshot() as snapshot:
        assert snapshot.columns(query) == ["Pupil_ID", "secret"]
        assert [len(batch) for batch in snapshot.batches(query, 1000)] == [1000, 1000, 400]
        assert next(snapshot.batches(ALL, 1)) == [("p00000", f"{SECRET}0")]


def test_a_snapshot_sees_one_moment(writing: Callable[[str], None]) -> None:
    """Whatever is written and kept in between, in the tables already read and in others."""
    with reading(settings()).snapshot() as snapshot:
        batches = snapshot.batches(ALL, 1000)
        assert len(next(batches)) == 1000
        writing("DELETE FROM pupil WHERE id > 'p01500'")
        writing("INSERT INTO pupil VALUES ('new', 'new', NULL, NULL)")
        assert sum(map(len, batches)) == ROWS - 1000
        assert rows(snapshot, Statement("count", "SELECT COUNT(*) FROM pupil", {})) == [(ROWS,)]
    with reading(settings()).snapshot() as snapshot:
        assert rows(snapshot, Statement("count", "SELECT COUNT(*) FROM pupil", {})) == [(1502,)]
    writing("BEGIN")
    writing("DELETE FROM pupil WHERE id = 'new'")
    for number in range(1501, ROWS):
        writing(f"INSERT INTO pupil VALUES ('p{number:05}', '{SECRET}{number}', '2012-03-04', TRUE)")
    writing("COMMIT")


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO pupil VALUES ('x', 'y', NULL, NULL)",
        "UPDATE pupil SET secret = 'y'",
        "DELETE FROM pupil",
        "CREATE TABLE other (id int)",
    ],
)
def test_nothing_can_be_written(writing: Callable[[str], None], text: str) -> None:
    bad = Statement("bad.sql", text, {})
    with reading(settings()).snapshot() as snapshot, pytest.raises(SourceUnreadable, match=r"^bad\.sql: it tries to w"):
        snapshot.columns(bad)
    with reading(settings()).snapshot() as snapshot, pytest.raises(SourceUnreadable):
        rows(snapshot, bad)
    with reading(settings()).snapshot() as snapshot:
        assert len(rows(snapshot, ALL)) == ROWS


def test_a_query_of_postgres_can_not_make_itself_a_writer(by_postgres: Postgres) -> None:
    with reading(settings()).snapshot() as snapshot:
        rows(snapshot, ALL)
        with pytest.raises(SourceUnreadable):
            rows(snapshot, Statement("q.sql", "SELECT set_config('transaction_read_only', 'off', true)", {}))


def test_values_are_bound_and_never_written_into_a_query(writing: Callable[[str], None]) -> None:
    value = "x' OR '1' = '1"
    asked = Statement(
        "q.sql", "SELECT id FROM pupil WHERE secret = :word AND secret NOT LIKE '%:word%'", {"word": value}
    )
    with reading(settings()).snapshot() as snapshot:
        assert rows(snapshot, asked) == []
        found = Statement("q.sql", "SELECT id FROM pupil WHERE secret = :word", {"word": f"{SECRET}7"})
        assert rows(snapshot, found) == [("p00007",)]


def test_days_are_compared_as_days(writing: Callable[[str], None]) -> None:
    text = "SELECT COUNT(*) FROM pupil WHERE born < :as_of"
    with reading(settings()).snapshot() as snapshot:
        assert rows(snapshot, Statement("q", text, {"as_of": date(2012, 3, 5)})) == [(ROWS,)]
        assert rows(snapshot, Statement("q", text, {"as_of": date(2012, 3, 4)})) == [(0,)]


def told(fault: pytest.ExceptionInfo[Exception], *, secret: str = SECRET) -> str:
    """What is said: nothing of the data, the query or the password."""
    said = str(fault.value)
    assert fault.value.__cause__ is None
    assert fault.value.__suppress_context__
    assert secret not in said
    assert "SELECT" not in said.replace("one SELECT", "").replace("have SELECT", "")
    return said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"SELECT id FROM {SECRET}", "no table or view"),
        (f"SELECT {SECRET} FROM pupil", "a column that it names is not there"),
        (f"SELECT id FROM pupil a JOIN pupil {SECRET} ON 1 = 1", "could be two"),
        (f"{SECRET} of a query", "does not understand it"),
        ("SELECT 1 / (LENGTH(secret) - LENGTH(secret)) FROM pupil", "gives no rows for it"),
        ("SELECT CAST(secret AS date) FROM pupil", "gives no rows for it"),
    ],
)
def test_what_postgres_refuses(by_postgres: Postgres, text: str, says: str) -> None:
    with (
        reading(settings()).snapshot() as snapshot,
        pytest.raises(SourceUnreadable, match=rf"^users\.sql: .*{says}") as fault,
    ):
        rows(snapshot, Statement("users.sql", text, {}))
    told(fault)


def test_a_day_without_end_in_postgres(by_postgres: Postgres) -> None:
    with reading(settings()).snapshot() as snapshot, pytest.raises(SourceUnreadable, match="a day that is infinite"):
        rows(snapshot, Statement("terms.sql", "SELECT DATE 'infinity'", {}))


def test_a_text_of_another_encoding(file: Path) -> None:
    text = f"SELECT CAST(x'ff{SECRET.encode().hex()}' AS text)"
    with (
        reading(settings()).snapshot() as snapshot,
        pytest.raises(SourceUnreadable, match=r"^users\.sql: a text in it is not of the database's encoding") as fault,
    ):
        rows(snapshot, Statement("users.sql", text, {}))
    told(fault)


def test_a_driver_that_is_not_there(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its faults, which may hold values, could not be told from others."""
    kind = replace(KINDS["sqlite"], drivers=("no_such_driver",))
    monkeypatch.setattr("roster_airflow.hooks.sis_db.KINDS", {"sqlite": kind})
    with pytest.raises(TenantFileWrong, match="no driver for SQLite is installed: no_such_driver"):
        reading(settings()).snapshot().__enter__()


def test_a_statement_that_takes_too_long_is_asked_again(by_postgres: Postgres) -> None:
    hasty = settings(timeout="1 second")
    with (
        reading(hasty).snapshot() as snapshot,
        pytest.raises(SourceBusy, match=r"^slow\.sql: took longer than") as fault,
    ):
        rows(snapshot, Statement("slow.sql", "SELECT pg_sleep(20)", {}))
    told(fault)


def test_a_right_that_is_missing(by_postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with by_postgres.connect(database) as session:
        session.execute("DROP ROLE IF EXISTS reader")
        session.execute("CREATE ROLE reader LOGIN PASSWORD 'reads-only'")
    monkeypatch.setenv("AIRFLOW_CONN_SCHOOL", by_postgres.connection(database, login="reader", password="reads-only"))
    with (
        reading(settings()).snapshot() as snapshot,
        pytest.raises(SourceUnreadable, match="have SELECT granted") as fault,
    ):
        rows(snapshot, ALL)
    told(fault)


@pytest.mark.parametrize(
    ("field", "value", "kind", "says"),
    [
        ("password", "wrong-Quillfeather", SourceFault, "does not take the log-in"),
        ("login", "nobody-Quillfeather", SourceFault, "does not take the log-in"),
        ("schema", "no_such_Quillfeather", SourceFault, "of that name"),
        ("port", 1, SourceUnreachable, "does not answer"),
    ],
)
def test_a_connection_that_does_not_come_about(
    by_postgres: Postgres,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    field: str,
    value: object,
    kind: type[SourceFault],
    says: str,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SCHOOL", by_postgres.connection(database, **{field: value}))
    with pytest.raises(SourceFault, match=f"^connection school: .*{says}") as fault:
        reading(settings()).snapshot().__enter__()
    assert type(fault.value) is kind
    told(fault)


def test_an_extra_that_the_driver_does_not_know(
    by_postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {"Quillfeather": "x"}
    monkeypatch.setenv("AIRFLOW_CONN_SCHOOL", by_postgres.connection(database, extra=extra))
    with pytest.raises(SourceFault, match=r"^connection school can't be used as it stands") as fault:
        reading(settings()).snapshot().__enter__()
    told(fault)


def test_a_session_that_is_ended_in_the_middle(by_postgres: Postgres, database: str) -> None:
    with reading(settings()).snapshot() as snapshot:
        batches = snapshot.batches(ALL, 10)
        next(batches)
        with by_postgres.connect() as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])
        with pytest.raises(SourceUnreachable, match=r"^pupils\.sql: ") as fault:
            list(batches)
    told(fault)


def test_a_server_that_dies_in_the_middle(by_postgres: Postgres, database: str) -> None:
    """Its process is killed, and with it, as PostgreSQL does, all others; it comes back by itself."""
    with by_postgres.connect() as other, reading(settings()).snapshot() as snapshot:
        batches = snapshot.batches(ALL, 10)
        next(batches)
        ours = other.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", [database]).fetchone()
        assert ours
        os.kill(ours[0], signal.SIGKILL)
        with pytest.raises(SourceUnreachable, match=r"^pupils\.sql: ") as fault:
            list(batches)
    told(fault)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(psycopg.OperationalError):
            by_postgres.connect().close()
            break
        time.sleep(0.1)


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = tmp_path / "absent.db"
    monkeypatch.setenv("AIRFLOW_CONN_SCHOOL", json.dumps({"conn_type": "sqlite", "host": str(absent)}))
    with pytest.raises(SourceUnreachable, match="there is no such file"):
        reading(settings()).snapshot().__enter__()
    assert not absent.exists()


@pytest.mark.parametrize("content", [b"<html>not found</html>" * 99, b"PK\x03\x04" * 300])
def test_a_file_that_is_no_database(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(SourceUnreadable, match="no SQLite database"), reading(settings()).snapshot() as snapshot:
        rows(snapshot, ALL)


def test_a_file_that_is_cut(file: Path) -> None:
    whole = file.read_bytes()
    for size in range(4096, len(whole), 4096):
        file.write_bytes(whole[:size])
        with (
            pytest.raises(SourceUnreadable, match=r"damaged|gives no rows"),
            reading(settings()).snapshot() as snapshot,
        ):
            rows(snapshot, ALL)


def test_a_file_that_is_being_written(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roster_airflow.hooks.sis_db.PATIENCE", 0.1)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SourceBusy, match="another process writes"), reading(settings()).snapshot() as snapshot:
            rows(snapshot, ALL)


def test_connections_that_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SCHOOL", raising=False)
    with pytest.raises(TenantFileWrong, match="there is no connection school"):
        reading(settings()).snapshot().__enter__()
    monkeypatch.setenv("AIRFLOW_CONN_SCHOOL", json.dumps({"conn_type": "http", "host": "example.org"}))
    with pytest.raises(TenantFileWrong, match="is of type http, and must be one of postgres, sqlite, mssql, oracle"):
        reading(settings()).snapshot().__enter__()
    for conn_type, name in (("mssql", "SQL Server"), ("oracle", "Oracle")):
        monkeypatch.setenv("AIRFLOW_CONN_SCHOOL", json.dumps({"conn_type": conn_type, "host": "db.example.org"}))
        with pytest.raises(TenantFileWrong, match=f"the provider for {name} is not installed"):
            reading(settings()).snapshot().__enter__()


def test_what_the_doctor_sees(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path))
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "guardians.sql").write_text("SELECT id AS guardian_id, id AS student_id FROM pupil;\n")
    asked = settings(pack=None, queries="sql")
    assert seen(asked) == "1 queries answer with their columns, in one read-only transaction"
    (tmp_path / "sql" / "guardians.sql").write_text("SELECT id AS guardian_id FROM pupil")
    with pytest.raises(SourceUnreadable, match=r"^guardians\.sql: no column student_id; it answers with guardian_id"):
        seen(asked)
