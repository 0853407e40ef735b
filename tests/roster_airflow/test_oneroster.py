"""`roster check`, `plan` and `doctor` with a OneRoster provider as the source."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from roster.tenants import read_tenant
from roster_airflow.cli import app
from roster_airflow.doctor import examine
from roster_sandbox.canvas import running_canvas
from roster_sandbox.oneroster import OneRosterServer, running_oneroster, write_rest
from tests.few import few


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OneRosterServer]:
    monkeypatch.setattr("roster.checks.judgement.read_suites", lambda _: ())
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path / "tenants"))
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    content = {
        "id": "fern",
        "name": "Fern Schools",
        "timezone": "America/New_York",
        "sources": [{"name": "sis", "system": "oneroster", "version": "1.2", "connection": "sis", "limit": 20}],
        "canvas": {"test": {"connection": "fern_canvas", "hosts": ["127.0.0.1"]}},
        "sync": {"observers": {"relationships": ["parent", "guardian"]}},
    }
    (tmp_path / "tenants").mkdir()
    (tmp_path / "tenants" / "fern.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    write_rest(few(), tmp_path / "served", version="1.2", modified=datetime.now(UTC))
    with running_canvas(tmp_path / "canvas") as canvas, running_oneroster(tmp_path / "served") as running:
        connection = {"conn_type": "canvas", "host": canvas.url, "password": canvas.token}
        monkeypatch.setenv("AIRFLOW_CONN_FERN_CANVAS", json.dumps(connection))
        monkeypatch.setenv("AIRFLOW_CONN_SIS", running.connection())
        yield running


@pytest.mark.usefixtures("provider")
def test_check_and_plan() -> None:
    found = json.loads(CliRunner().invoke(app, ["check", "fern", "--as-of", "2026-02-02", "--json"]).stdout)
    assert found["rows"]["enrollments"] == 16
    assert found["stops"] == []
    planned = CliRunner().invoke(app, ["plan", "fern", "--as-of", "2026-02-02", "--json"])
    assert planned.exit_code == 0, planned.stderr
    assert json.loads(planned.stdout)["counts"]["totals"]["free"] == 81


def test_doctor(provider: OneRosterServer, tmp_path: Path) -> None:
    tenant = read_tenant(tmp_path / "tenants" / "fern.yaml")
    [source] = [one for one in examine(tenant) if one.check == "source sis"]
    assert source.ok is True
    assert "3 orgs can be read" in source.says
    provider.fault("forbidden", times=None)
    [source] = [one for one in examine(tenant) if one.check == "source sis"]
    assert source.ok is False
    assert "have the provider grant it" in source.says
