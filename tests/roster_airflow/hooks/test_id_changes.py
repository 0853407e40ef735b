"""Where a tenant's mapping of ids is read from: a file by the ways of a delivery, or a database's answer."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from roster.errors import SourceIncomplete, SourceUnreachable, SourceUnreadable, TenantFileWrong
from roster.tenants import IdChanges
from roster_airflow.hooks.id_changes import id_changes

CONTENT = "type,old_id,new_id\nuser,o1,n1\n"
QUERY = "SELECT kind AS type, was AS old_id, is_now AS new_id FROM moves WHERE kind LIKE 'user%' ORDER BY was"


def connect(monkeypatch: pytest.MonkeyPatch, **content: object) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MOVES", json.dumps(content))


def from_path(path: str) -> list[tuple[object, ...]]:
    found = id_changes(IdChanges(connection="moves", path=path))
    assert found is not None
    return found.rows()


def test_a_tenant_without_a_mapping_has_none() -> None:
    assert id_changes(None) is None


@pytest.mark.parametrize("path", ["ids.csv", "moves/ids.csv"])
def test_a_file_lies_below_the_connections_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    connect(monkeypatch, conn_type="fs", extra={"path": str(tmp_path)})
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(CONTENT)
    assert from_path(path) == [("user", "o1", "n1", "ids.csv", 2)]


def test_a_file_that_is_not_there_ends_the_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, conn_type="fs", extra={"path": str(tmp_path)})
    with pytest.raises(SourceIncomplete, match="take id_changes off"):
        from_path("ids.csv")


@pytest.mark.parametrize("path", ["../ids.csv", "/ids.csv"])
def test_a_path_leads_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    connect(monkeypatch, conn_type="fs", extra={"path": str(tmp_path)})
    with pytest.raises(TenantFileWrong, match="source id_changes: path must lie below"):
        from_path(path)


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "school.db"
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.execute("CREATE TABLE moves (kind TEXT, was INTEGER, is_now TEXT)")
        opened.execute("INSERT INTO moves VALUES ('user', 8, 'n8'), ('user', 7, 'n7'), ('course', 9, 'n9')")
    connect(monkeypatch, conn_type="sqlite", host=str(path))
    return path


def test_a_query_is_asked_as_it_stands(database: Path) -> None:
    found = id_changes(IdChanges(connection="moves", query=QUERY))
    assert found is not None
    assert found.rows() == [("user", "7", "n7", "query", 1), ("user", "8", "n8", "query", 2)]


def test_a_database_that_can_not_be_opened_is_asked_again(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, conn_type="sqlite", host=str(tmp_path / "nowhere" / "school.db"))
    with pytest.raises(SourceUnreachable, match="did not answer as it should") as fault:
        id_changes(IdChanges(connection="moves", query=QUERY))
    assert "kind" not in str(fault.value)


def test_what_a_database_refuses_is_told_without_the_query(database: Path) -> None:
    with pytest.raises(SourceUnreadable, match="gives no rows for the query") as fault:
        id_changes(IdChanges(connection="moves", query="UPDATE moves SET is_now = 'secret' WHERE was = 0"))
    assert "secret" not in str(fault.value)


def test_a_connection_that_is_not_there_is_named() -> None:
    with pytest.raises(TenantFileWrong, match="Airflow knows no connection moves"):
        id_changes(IdChanges(connection="moves", query=QUERY))


@pytest.mark.parametrize("conn_type", ["fs", "nothing known"])
def test_a_query_wants_the_connection_of_a_database(monkeypatch: pytest.MonkeyPatch, conn_type: str) -> None:
    connect(monkeypatch, conn_type=conn_type)
    with pytest.raises(TenantFileWrong, match="connection moves is not one of a database"):
        id_changes(IdChanges(connection="moves", query=QUERY))
