"""`roster check`, `plan` and `doctor` for a tenant whose source is TASS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from roster_airflow.cli import app
from roster_sandbox.canvas import Canvas, running_canvas
from roster_sandbox.tass import TassServer, running_tass, semesters, write_api
from tests.few import few
from tests.five_pupils import tenant_file


@pytest.fixture
def canvas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canvas]:
    monkeypatch.setattr("roster.checks.judgement.read_suites", lambda _: ())  # they take seconds
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path / "tenants"))
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    with running_canvas(tmp_path / "canvas") as running:
        content = {"conn_type": "canvas", "host": running.url, "password": running.token}
        monkeypatch.setenv("AIRFLOW_CONN_FERN_CANVAS", json.dumps(content))
        yield running


@pytest.fixture
def tass(canvas: Canvas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TassServer]:
    district = few()
    ids = write_api(district, tmp_path / "served")
    source: dict[str, Any] = {"name": "tass", "system": "tass", "connection": "fern_tass", "companies": ["10"]}
    source |= {"products": ["idm"], "terms": semesters(district, ids)}
    observers = {"relationships": ["Mother", "Father", "Guardian"]}
    tenant_file(tmp_path / "tenants", sources=[source], sync={"observers": observers})
    with running_tass(tmp_path / "served") as running:
        monkeypatch.setenv("AIRFLOW_CONN_FERN_TASS", running.connection())
        yield running


def roster(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


@pytest.mark.usefixtures("tass")
def test_check_shows_rows_and_findings(canvas: Canvas) -> None:
    result = roster("check", "fern", "--as-of", "2026-02-02", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["rows"]["orgs"], found["rows"]["classes"], found["stops"]) == (2, 2, [])
    assert found["rows"]["users"] > 14
    assert canvas.imports() == []


@pytest.mark.usefixtures("tass")
def test_plan_shows_what_would_be_sent(canvas: Canvas) -> None:
    result = roster("plan", "fern", "--as-of", "2026-02-02", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["counts"]["totals"]["free"] > 40
    assert canvas.imports() == []


def test_doctor_says_whether_the_keys_are_taken(tass: TassServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def source() -> dict[str, Any]:
        said: list[dict[str, Any]] = json.loads(roster("doctor", "fern", "--json").stdout)
        return next(one for one in said if one["check"] == "source tass")

    assert (source()["ok"], source()["says"].partition(": ")[2]) == (
        True,
        "lms, idm of company 10 take their token keys",
    )
    content = json.loads(tass.connection())
    content["extra"]["idm_token_key"] = ""
    monkeypatch.setenv("AIRFLOW_CONN_FERN_TASS", json.dumps(content))
    assert source()["ok"] is False
    assert "give them as idm_app_code and idm_token_key" in source()["says"]


def test_a_source_that_is_away_is_one_line(tass: TassServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roster_airflow.hooks.tass.TassHook.retry_delays", ())
    tass.fault("server_error", times=None)
    result = roster("check", "fern")
    assert result.exit_code == 1
    said = result.stderr.splitlines()[-1]
    assert said.startswith("SourceBusy: getCampuses (lms): ")
