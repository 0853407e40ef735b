"""`roster check`, `plan` and `doctor` against a school's database on PostgreSQL."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from roster_airflow.cli import app
from roster_sandbox.canvas import Canvas, running_canvas
from roster_sandbox.sis_db import empty, load
from tests.few import TODAY, few
from tests.postgres import Postgres


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> str:
    name = postgres.create("commands")
    with postgres.connect(name, autocommit=False) as session:
        load(session, few(), mark="%s")
    return name


@pytest.fixture
def canvas(tmp_path: Path, postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canvas]:
    monkeypatch.setattr("roster.checks.judgement.read_suites", lambda _: ())  # they have tests of their own
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path / "tenants"))
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AIRFLOW_CONN_GUM_SIS", postgres.connection(database))
    write_tenant(tmp_path)
    with running_canvas(tmp_path / "canvas") as running:
        told = {"conn_type": "canvas", "host": running.url, "password": running.token}
        monkeypatch.setenv("AIRFLOW_CONN_GUM_CANVAS", json.dumps(told))
        yield running


def write_tenant(tmp_path: Path, **source: Any) -> None:
    content = {
        "id": "gum",
        "name": "Gum Schools",
        "timezone": "Australia/Brisbane",
        "schedule": None,
        "sources": [{"name": "sis", "system": "sis_db", "connection": "gum_sis", "pack": "generic", **source}],
        "canvas": {"test": {"connection": "gum_canvas", "hosts": ["127.0.0.1"]}},
        "sync": {"observers": {"relationships": ["Mother", "Father"]}},
    }
    (tmp_path / "tenants").mkdir(exist_ok=True)
    (tmp_path / "tenants" / "gum.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def roster(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


def test_check_and_plan(canvas: Canvas, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    found = roster("check", "gum", "--as-of", TODAY.isoformat(), "--json")
    assert found.exit_code == 0, found.stderr
    told = json.loads(found.stdout)
    assert told["rows"]["classes"] == 2
    assert told["rows"]["enrollments"] > 10
    planned = roster("plan", "gum", "--as-of", TODAY.isoformat())
    assert planned.exit_code == 0, planned.stderr
    assert "rows would be sent" in planned.stdout
    assert canvas.imports() == []
    said = caplog.text + found.stdout + planned.stdout + planned.stderr
    assert not [value for value in few().personal_values() if len(value) > 5 and value in said]
    assert "FROM (" not in said


def test_doctor(canvas: Canvas, tmp_path: Path) -> None:
    result = roster("doctor", "gum", "--json")
    assert result.exit_code == 0, result.stdout
    checks = {one["check"]: one["says"] for one in json.loads(result.stdout)}
    assert checks["source sis"] == "7 queries answer with their columns, in one read-only transaction"
    write_tenant(tmp_path, views={"users": "no_such_view"})
    result = roster("doctor", "gum", "--json")
    assert result.exit_code == 1
    wrong = [one for one in json.loads(result.stdout) if one["ok"] is False]
    assert [one["check"] for one in wrong] == ["source sis"]
    assert wrong[0]["says"].startswith("SourceUnreadable: no_such_view: there is no table or view of a name in it")


def test_a_wrong_password_is_told_and_not_shown(
    canvas: Canvas, postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_GUM_SIS", postgres.connection(database, password="hush-hush"))
    for command in ("doctor", "check", "plan"):
        result = roster(command, "gum")
        assert result.exit_code == 1
        assert "does not take the log-in" in " ".join((result.stdout + result.stderr).split())
        assert "hush" not in result.stdout + result.stderr


def test_a_query_that_is_not_there_is_the_tenant_files_fault(canvas: Canvas, tmp_path: Path) -> None:
    write_tenant(tmp_path, queries="gum/sql")
    result = roster("check", "gum")
    assert result.exit_code == 2
    assert "no .sql file in gum/sql" in result.stderr


def test_tables_can_be_taken_away_again(postgres: Postgres) -> None:
    name = postgres.create("emptied")
    with postgres.connect(name, autocommit=False) as session:
        load(session, few(), mark="%s")
        empty(session)
        load(session, few(6), mark="%s")
        assert session.execute("SELECT COUNT(*) FROM student").fetchone() == (len(few(6).students),)
