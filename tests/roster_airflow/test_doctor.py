"""What has to be so before a night: each check fails by itself, and keeps no other from being made."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from roster.canvas_scopes import all_scopes
from roster.store import Store
from roster.tenants import CanvasEnvironment, CanvasSettings, Tenant, read_tenant
from roster_airflow.cli import app
from roster_airflow.doctor import Check, examine
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.loading import loading_for
from roster_sandbox.canvas import Canvas, running_canvas
from roster_sandbox.canvas.grants import LEAST, Grant
from tests.five_pupils import connections, deliver, tables, tenant_file
from tests.nights import Folder, night_of, play
from tests.roster_airflow.scripted import Answer, Scripted

EXPORT = tables(datetime.now(UTC).date())
NAMES = [
    "ROSTER_HOME",
    "ROSTER_HOME: two writers",
    "source clever",
    "canvas.test: connection",
    "canvas.test: host",
    "canvas.test: token",
    "canvas.test: permissions",
    "canvas.test: no more than needed",
    "canvas.test: scopes",
    "canvas.test: includes",
    "canvas.test: the token's user",
    "canvas.test: SIS imports",
    "canvas.test: SIS ids and ledger",
    "canvas.test: clock",
]


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canvas]:
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path / "tenants"))
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    tenant_file(tmp_path / "tenants")
    deliver(tmp_path / "files", EXPORT)
    with running_canvas(tmp_path / "canvas") as running:
        for name, value in connections(running.url, running.token, tmp_path / "files").items():
            monkeypatch.setenv(name, value)
        yield running


def examined(tmp_path: Path, **tenant: Any) -> dict[str, Check]:
    checks = list(examine(read_tenant(tenant_file(tmp_path / "tenants", **tenant))))
    return {one.check: one for one in checks}


def wrong(checks: dict[str, Check]) -> dict[str, bool | None]:
    return {name: one.ok for name, one in checks.items() if not one.ok}


def test_all_is_well(sandbox: Canvas, tmp_path: Path) -> None:
    checks = examined(tmp_path)
    assert list(checks) == NAMES
    assert wrong(checks) == {}
    assert "6 files" in checks["source clever"].says
    assert "root account 1" in checks["canvas.test: token"].says
    assert sandbox.imports() == []
    assert [file.name for file in (tmp_path / "home").iterdir()] == ["probed"]


def test_the_command(sandbox: Canvas, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "fern"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.stderr
    assert "canvas.test: clock" in result.stdout
    sandbox.fault("token_dead")
    result = CliRunner().invoke(app, ["doctor", "fern", "--json"])
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert [one["check"] for one in said] == NAMES
    assert [one["check"] for one in said if one["ok"] is False] == ["canvas.test: token"]
    assert "NOT OK" in CliRunner().invoke(app, ["doctor", "fern"], env={"COLUMNS": "200"}).stdout
    assert CliRunner().invoke(app, ["doctor", "nobody"]).exit_code == 2


def test_a_dead_token(sandbox: Canvas, tmp_path: Path) -> None:
    sandbox.fault("token_dead")
    checks = examined(tmp_path)
    assert wrong(checks) == {"canvas.test: token": False, **dict.fromkeys(NAMES[6:-1])}
    assert "CanvasTokenDead" in checks["canvas.test: token"].says
    assert sandbox.token not in str(checks)


@pytest.mark.parametrize(
    ("fault", "path", "failed", "said"),
    [
        ("no_permission", "/sis_imports", "canvas.test: SIS imports", "SIS Data - import"),
        ("sis_disabled", "/sis_imports", "canvas.test: SIS imports", "switched off"),
        ("no_permission", "accounts/self/users", "canvas.test: SIS ids and ledger", "Users - view list"),
    ],
)
def test_a_token_that_may_not(sandbox: Canvas, tmp_path: Path, fault: str, path: str, failed: str, said: str) -> None:
    sandbox.fault(fault, path=path)
    checks = examined(tmp_path)
    assert wrong(checks) == {failed: False}
    assert said in checks[failed].says


def test_a_host_of_the_other_environment(sandbox: Canvas, tmp_path: Path) -> None:
    checks = examined(tmp_path, canvas={"test": {"connection": "fern_canvas"}})
    assert wrong(checks) == {
        "canvas.test: host": False,
        **dict.fromkeys(NAMES[5:]),
    }
    assert "CanvasWrongHost" in checks["canvas.test: host"].says


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CANVAS", None, "AIRFLOW_CONN_FERN_CANVAS"),
        ("CANVAS", {"conn_type": "http", "host": "127.0.0.1"}, "must be canvas"),
        ("FILES", None, "no connection fern_files"),
        ("FILES", {"conn_type": "http", "host": "127.0.0.1"}, "another type than fs and sftp"),
        ("FILES", {"conn_type": "fs", "extra": {"path": "/nowhere/at/all"}}, "Source"),
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_a_connection_that_is_not_there_or_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: Any, said: str
) -> None:
    monkeypatch.delenv(f"AIRFLOW_CONN_FERN_{name}")
    if value is not None:
        monkeypatch.setenv(f"AIRFLOW_CONN_FERN_{name}", json.dumps(value))
    checks = examined(tmp_path)
    failed = "canvas.test: connection" if name == "CANVAS" else "source clever"
    assert checks[failed].ok is False
    assert said in checks[failed].says
    assert [name for name, ok in wrong(checks).items() if ok is False] == [failed]


@pytest.mark.usefixtures("sandbox")
def test_an_empty_delivery(tmp_path: Path) -> None:
    for file in (tmp_path / "files").iterdir():
        file.unlink()
    assert "no file" in examined(tmp_path)["source clever"].says


def test_a_canvas_that_gives_no_answer(sandbox: Canvas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {"conn_type": "canvas", "host": "http://127.0.0.1:9", "password": sandbox.token}
    monkeypatch.setenv("AIRFLOW_CONN_FERN_CANVAS", json.dumps(gone))
    checks = examined(tmp_path)
    assert [name for name, ok in wrong(checks).items() if ok is False] == ["canvas.test: token", "canvas.test: clock"]
    assert "CanvasUnreachable" in checks["canvas.test: token"].says


@pytest.mark.usefixtures("sandbox")
def test_sis_users_without_a_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roster.checks.judgement.read_suites", lambda _: ())  # seconds, and not looked at here
    tenant = read_tenant(tenant_file(tmp_path / "tenants"))
    night = night_of(tmp_path / "home", tenant, datetime.now(UTC))
    play(night, Folder(tmp_path / "files"), loading_for(Store.home(), tenant, "test"))
    checks = examined(tmp_path)
    assert wrong(checks) == {}
    assert "version 1" in checks["canvas.test: SIS ids and ledger"].says
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "other"))
    checks = examined(tmp_path)
    assert wrong(checks) == {"canvas.test: SIS ids and ledger": False}
    assert "CanvasNotEmpty" in checks["canvas.test: SIS ids and ledger"].says


@pytest.mark.usefixtures("sandbox")
def test_a_home_that_is_not_named_or_can_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").write_text("a file, where a folder should be", encoding="utf-8")
    checks = examined(tmp_path)
    assert checks["ROSTER_HOME"].ok is False
    assert checks["ROSTER_HOME: two writers"].ok is None
    assert checks["canvas.test: token"].ok is True
    monkeypatch.delenv("ROSTER_HOME")
    assert "ROSTER_HOME is not set" in examined(tmp_path)["ROSTER_HOME"].says


@pytest.mark.usefixtures("sandbox")
def test_a_home_that_others_can_reach(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "runs").mkdir(mode=0o700, parents=True)
    home.chmod(0o755)  # others see which tenants there are, and no more
    assert wrong(examined(tmp_path)) == {}
    (home / "runs").chmod(0o750)
    assert "chmod 700" in examined(tmp_path)["ROSTER_HOME"].says
    (home / "runs").chmod(0o700)
    home.chmod(0o777)
    assert "(777)" in examined(tmp_path)["ROSTER_HOME"].says


@pytest.mark.usefixtures("sandbox")
def test_a_home_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    assert "another user" in examined(tmp_path)["ROSTER_HOME"].says


class OneForAll(Store):
    """A store that lets everybody create a file that is there."""

    def create(self, path: str, content: bytes) -> bool:
        self.write(path, content)
        return True


@pytest.mark.usefixtures("sandbox")
def test_a_store_that_does_not_keep_two_writers_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it was proven long ago: the bucket may have moved since."""
    Store.home().probe()
    monkeypatch.setattr("roster_airflow.doctor.Store", OneForAll)
    assert wrong(examined(tmp_path)) == {"ROSTER_HOME: two writers": False}


@pytest.mark.usefixtures("sandbox")
def test_who_is_told_and_pinged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, kind in (("CHAT", "slackwebhook"), ("MAIL", "smtp"), ("ALIVE", "http"), ("FTP", "sftp")):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps({"conn_type": kind, "host": "x.example"}))
    notify = ["chat", {"connection": "mail", "to": ["data@fern.example"]}]
    assert wrong(examined(tmp_path, notify=notify, ping="alive")) == {}
    notify = ["mail", {"connection": "chat", "to": ["data@fern.example"]}, "ftp", "nowhere"]
    checks = examined(tmp_path, notify=notify, ping="chat")
    assert list(wrong(checks)) == ["notify mail", "notify chat", "notify ftp", "notify nowhere", "ping chat"]
    assert "must be http" in checks["ping chat"].says


def a_tenant(test: CanvasEnvironment) -> Tenant:
    """A tenant without sources, so that only its Canvas is looked at."""
    return Tenant.model_construct(id="fern", sources=(), notify=(), ping=None, canvas=CanvasSettings(test=test))


ROOT = Answer({"id": 1, "name": "Fern"})


def of_environment(checks: Iterator[Check], name: str) -> Check:
    [found] = [one for one in checks if one.check == name]
    return found


def a_canvas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    return a_tenant(test=CanvasEnvironment(connection="canvas_of_the_test", hosts=("127.0.0.1",)))


@pytest.mark.parametrize(("seconds", "ok"), [(0, True), (40, True), (200, False), (-200, False), (None, False)])
def test_clocks_that_are_apart(
    canvas: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int | None, ok: bool
) -> None:
    tenant = a_canvas(tmp_path, monkeypatch)
    said = "never" if seconds is None else format_datetime(datetime.now(UTC) - timedelta(seconds=seconds), usegmt=True)
    canvas.says(Answer({"id": 1, "name": "Fern"}, 401, {"Date": said}))
    clock = of_environment(examine(tenant), "canvas.test: clock")
    assert clock.ok is ok
    assert ok or seconds is None or ("ahead of" if seconds > 0 else "behind") in clock.says


def test_an_account_below_another(canvas: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = a_canvas(tmp_path, monkeypatch)
    canvas.says(Answer({"id": 7, "name": "Fern", "root_account_id": 1}))
    token = of_environment(examine(tenant), "canvas.test: token")
    assert (token.ok, "not a root account" in token.says) == (False, True)


def granted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grant: Grant) -> dict[str, Check]:
    """What the doctor says of a token with this grant, by check of Canvas."""
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    with running_canvas(tmp_path / "canvas", grants={"granted": grant}) as running:
        connection = {"conn_type": "canvas", "host": running.url, "password": "granted"}
        monkeypatch.setenv("AIRFLOW_CONN_CANVAS_OF_GRANT", json.dumps(connection))
        host = running.url.removeprefix("http://")
        checks = examine(a_tenant(test=CanvasEnvironment(connection="canvas_of_grant", hosts=(host,))))
        return {one.check.partition(": ")[2]: one for one in checks if one.check.startswith("canvas.test")}


def told(checks: dict[str, Check]) -> dict[str, str]:
    return {name: one.word for name, one in checks.items() if one.word != "ok"}


RECIPE = Grant("least", permissions=LEAST | {"manage_sis", "read_reports"})


def test_the_recipe_of_least_rights_is_all_green(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(granted(tmp_path, monkeypatch, RECIPE)) == {}


def test_the_recipe_with_a_scoped_key_is_all_green(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grant = replace(RECIPE, scopes=frozenset(all_scopes()), includes=False)
    checks = granted(tmp_path, monkeypatch, grant)
    assert told(checks) == {}
    assert "dropped" in checks["includes"].says


@pytest.mark.parametrize(
    ("grant", "check", "word", "said"),
    [
        (Grant("least"), "permissions", "warning", "SIS Data - manage (for undo), Reports - manage (for reconcile)"),
        (Grant("read"), "permissions", "NOT OK", "lacks SIS Data - import"),
        (Grant("admin"), "no more than needed", "warning", "Users - act as"),
        (replace(RECIPE, sis_user_id="adm-7"), "the token's user", "NOT OK", "has a SIS id"),
    ],
)
def test_a_grant_that_is_not_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grant: Grant, check: str, word: str, said: str
) -> None:
    checks = granted(tmp_path, monkeypatch, grant)
    assert told(checks) == {check: word}
    assert said in checks[check].says
    assert "adm-7" not in str(checks)


@pytest.mark.parametrize(
    ("scope", "word", "job"),
    [
        ("url:GET|/api/v1/accounts/:account_id/sis_imports/:id/errors", "NOT OK", "sync"),
        ("url:GET|/api/v1/accounts/:account_id/reports/:report/:id", "warning", "reconcile"),
        ("url:GET|/api/v1/progress/:id", "warning", "undo"),
    ],
)
def test_a_scope_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scope: str, word: str, job: str
) -> None:
    checks = granted(tmp_path, monkeypatch, replace(RECIPE, scopes=frozenset(all_scopes()) - {scope}))
    assert told(checks) == {"scopes": word}
    assert f"{job}: {scope}" in checks["scopes"].says


def test_the_test_button_tells_a_line_for_each_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scopes = frozenset(all_scopes()) - {"url:GET|/api/v1/accounts/:account_id/users"}
    grant = Grant("", scopes, permissions=frozenset({"manage_sis"}), sis_user_id="adm-7")
    with running_canvas(tmp_path / "canvas", grants={"granted": grant}) as running:
        connection = {"conn_type": "canvas", "host": running.url, "password": "granted"}
        monkeypatch.setenv("AIRFLOW_CONN_CANVAS_OF_GRANT", json.dumps(connection))
        well, said = CanvasHook("canvas_of_grant").test_connection()
    first, second, third = said.splitlines()
    assert (well, "SIS Data - import" in first, "/users" in second, "SIS id" in third) == (False, True, True, True)
    assert "adm-7" not in said
