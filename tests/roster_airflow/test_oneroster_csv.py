"""A tenant whose roster is a OneRoster set on an SFTP server: the command line over real sockets."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from roster.errors import SourceFault
from roster.settings import OneRosterCsv
from roster.sources import system
from roster.store import Store
from roster_airflow.cli import app
from roster_airflow.hooks.delivery import reading, seen
from roster_sandbox.canvas import running_canvas
from roster_sandbox.oneroster.export_csv import write_set
from roster_sandbox.sftp import SftpServer, running_sftp
from tests.few import few

pytestmark = pytest.mark.usefixtures("rules_only")

SETTINGS = OneRosterCsv(name="sis", system="oneroster_csv", connection="sets", control="control.csv")
TENANT = {
    "id": "mulga",
    "name": "Mulga",
    "timezone": "Australia/Brisbane",
    "sources": [{"name": "sis", "system": "oneroster_csv", "connection": "sets", "control": "control.csv"}],
    "canvas": {"test": {"connection": "canvas_test", "hosts": ["127.0.0.1"]}},
    "sync": {"observers": {"relationships": ["parent", "guardian"]}},
}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SftpServer]:
    deliver(tmp_path / "sets")
    with running_sftp(tmp_path / "sets", tmp_path / "state") as running:
        monkeypatch.setenv("AIRFLOW_CONN_SETS", running.connection())
        yield running


def deliver(folder: Path) -> None:
    write_set(few(5), folder, delivered=datetime.now(UTC) - timedelta(hours=1), version="1.2", control=True)


def answer(command: str, *more: str) -> Any:
    result = CliRunner().invoke(app, [command, "mulga", *more, "--json"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.usefixtures("server")
def test_check_plan_and_doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tenants").mkdir()
    (tmp_path / "tenants" / "mulga.yaml").write_text(yaml.safe_dump(TENANT), encoding="utf-8")
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path / "tenants"))
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    with running_canvas(tmp_path / "canvas") as canvas:
        connection = {"conn_type": "canvas", "host": canvas.url, "password": canvas.token}
        monkeypatch.setenv("AIRFLOW_CONN_CANVAS_TEST", json.dumps(connection))
        district = few(5)
        found = answer("check", "--as-of", "2026-02-02")
        assert (found["rows"]["orgs"], found["rows"]["classes"]) == (3, len(district.sections))
        assert (found["quarantined"], found["stops"]) == (1, [])  # a drawn guardian's name has a control character
        planned = answer("plan", "--environment", "test", "--as-of", "2026-02-02")
        assert planned["counts"]["totals"]["free"] > len(district.enrollments)
        told = {one["check"]: one for one in answer("doctor")}
        assert (told["source sis"]["ok"], told["source sis"]["says"][:8]) == (True, "11 files")
        assert canvas.imports() == []
        assert Store.home().names("pointers/mulga") == []


@pytest.mark.usefixtures("server")
def test_a_set_is_read_over_sftp_and_proven_by_its_control_file(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    extract = system("oneroster_csv").extract
    evidence = extract(reading(SETTINGS), SETTINGS, tmp_path / "raw", last_good=None, now=datetime.now(UTC))
    assert (evidence.proven, evidence.reasons) == (True, ())
    assert seen(SETTINGS).startswith("11 files")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<html><body>Sign in as Zqu</body></html>", r"users\.csv:1: no column .*none of its 1 fields"),
        ("", r"users\.csv is empty"),
        ("sourcedId,givenName,familyName\nZqu1,Zqu\n", r"users\.csv: 1 of 1 rows can't be read, first users\.csv:2"),
        ("sourcedId,givenName,familyName\n\xff,Zqu,Zqu\n", r"users\.csv:2: holds bytes that are not utf-8"),
    ],
    ids=["a web page", "nothing", "half a row", "another encoding"],
)
def test_what_is_wrong_on_the_server_is_told_by_file_and_row_and_shows_nobody(
    server: SftpServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str, said: str
) -> None:
    caplog.set_level(logging.INFO)
    settings = SETTINGS.model_copy(update={"quiet": timedelta()})
    (server.folder / "users.csv").write_bytes(content.encode("latin-1"))
    (tmp_path / "raw").mkdir()
    with pytest.raises(SourceFault, match=said) as caught:
        system("oneroster_csv").extract(
            reading(settings), settings, tmp_path / "raw", last_good=None, now=datetime.now(UTC)
        )
    assert "Zqu" not in str(caught.value) + caplog.text


def test_another_key_than_the_log_ins_is_turned_away(
    server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = json.loads(server.connection())
    other["login"] = "somebody-else"
    monkeypatch.setenv("AIRFLOW_CONN_SETS", json.dumps(other))
    with pytest.raises(SourceFault, match="did not accept the log-in of connection sets") as caught:
        reading(SETTINGS).files()
    assert "PRIVATE KEY" not in str(caught.value)
