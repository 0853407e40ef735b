"""`roster ledger`: a lost ledger comes back, and is told where Canvas went on without it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result
from typer.testing import CliRunner

from roster.errors import LedgerBehind, RosterError
from roster.store import Store
from roster.tenants import Tenant, read_tenant
from roster_airflow.cli import app
from roster_airflow.loading import Loading, loading_for
from roster_airflow.retention import back_up
from roster_sandbox.canvas import Canvas, running_canvas
from tests.five_pupils import Rows, changed, connections, deliver, tables, tenant_file
from tests.nights import Folder, night_of, play

pytestmark = pytest.mark.usefixtures("rules_only")

TODAY = datetime.now(UTC).date()
EXPORT = tables(TODAY)


@pytest.fixture
def canvas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canvas]:
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path / "tenants"))
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    tenant_file(tmp_path / "tenants")
    with running_canvas(tmp_path / "canvas") as running:
        for name, value in connections(running.url, running.token, tmp_path / "files").items():
            monkeypatch.setenv(name, value)
        yield running


def loading() -> Loading:
    return loading_for(Store.home(), tenant(), "test")


def tenant() -> Tenant:
    return read_tenant(Path(os.environ["ROSTER_TENANTS"]) / "fern.yaml")


def a_night(folder: Path, export: dict[str, Rows] | None = None) -> None:
    content = export or EXPORT
    files = deliver(folder, content)
    play(night_of(Path(Store.home().root), tenant(), datetime.now(UTC)), Folder(files), loading())


def roster(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["ledger", *arguments], env={"COLUMNS": "200"})


def test_it_is_shown_backed_up_and_put_back(canvas: Canvas, tmp_path: Path) -> None:
    a_night(tmp_path / "one")
    shown = json.loads(roster("show", "fern", "--json").stdout)
    users = loading().ledger.current()[2].filter(pl.col("file") == "users.csv")
    assert (shown["version"], shown["rows"]["users.csv"]) == (1, users.height)
    file = tmp_path / "ledger.zip"
    assert roster("backup", "fern", str(file)).exit_code == 0
    assert file.stat().st_mode & 0o077 == 0
    again = roster("backup", "fern", str(file))
    assert again.exit_code == 2
    assert "can't be written" in again.stderr
    Store.home().remove("ledgers")
    back = roster("restore", "fern", str(file))
    assert back.exit_code == 0, back.stderr
    assert "at version 1 again" in back.stdout
    assert "Canvas went on" not in back.stdout
    assert json.loads(roster("show", "fern", "--json").stdout) == shown
    assert loading().settle_open() is None


def test_one_that_is_older_than_canvas_is_told_and_nothing_is_planned_against_it(
    canvas: Canvas, tmp_path: Path
) -> None:
    a_night(tmp_path / "one")
    file = tmp_path / "ledger.zip"
    assert roster("backup", "fern", str(file)).exit_code == 0
    a_night(tmp_path / "two", changed(EXPORT, "students.csv", "p4", "Last_name", "Otherwise"))
    back = roster("restore", "fern", str(file), "--instead")
    assert back.exit_code == 0, back.stderr
    assert "has had 1 imports that its ledger does not know" in back.stdout
    with pytest.raises(LedgerBehind, match="roster reconcile TENANT --then adopt"):
        loading().settle_open()


def test_what_is_no_file_is_told(canvas: Canvas, tmp_path: Path) -> None:
    said = roster("restore", "fern", str(tmp_path / "nowhere.zip"))
    assert said.exit_code == 2
    assert "can't be read" in said.stderr


def test_a_place_that_can_not_be_written_is_told_by_ledger(
    canvas: Canvas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_night(tmp_path / "one")
    (tmp_path / "backup").write_text("a file where the folder should be")
    monkeypatch.setenv("ROSTER_BACKUP", str(tmp_path / "backup"))
    with pytest.raises(RosterError, match=r"account 1: ROSTER_BACKUP can't be written \((\w+)Error\)"):
        back_up.function()


def test_housekeeping_backs_up_every_ledger(canvas: Canvas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_night(tmp_path / "one")
    monkeypatch.setenv("ROSTER_BACKUP", str(tmp_path / "backup"))
    place = Store(str(tmp_path / "backup"))
    folder = loading().ledger.path.removeprefix("ledgers/")
    for day in range(1, 16):
        place.write(f"{folder}/2026-01-{day:02}.zip", b"of an earlier day")
    assert back_up.function() == 1
    kept = place.names(folder)
    assert len(kept) == 14
    assert kept[-1] == f"{datetime.now(UTC):%Y-%m-%d}.zip"
    Store.home().remove("ledgers")
    (tmp_path / "newest.zip").write_bytes(place.read(f"{folder}/{kept[-1]}"))
    assert "at version 1 again" in roster("restore", "fern", str(tmp_path / "newest.zip")).stdout
