"""`roster` from a shell: what it prints where, and with what it exits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result
from typer.testing import CliRunner

from roster.decisions import Decision, Request, conclude, keep
from roster.runs import pointed
from roster.steps.hold import hold
from roster.steps.plan import Asked
from roster.steps.promote import plan_production, take
from roster.store import Store
from roster.tenants import read_tenant
from roster_airflow.cli import app
from roster_airflow.loading import loading_for
from roster_sandbox.canvas import Canvas, running_canvas
from tests.five_pupils import changed, connections, deliver, tables, tenant_file, without
from tests.nights import Folder, Played, night_of, play

pytestmark = pytest.mark.usefixtures("rules_only")

TODAY = datetime.now(UTC).date()
EXPORT = tables(TODAY)

Roster = Callable[..., Result]


@pytest.fixture
def canvas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canvas]:
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path / "tenants"))
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    tenant_file(tmp_path / "tenants")
    deliver(tmp_path / "files", EXPORT)
    with running_canvas(tmp_path / "canvas") as running:
        for name, value in connections(running.url, running.token, tmp_path / "files").items():
            monkeypatch.setenv(name, value)
        yield running


def roster(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


def answer(*arguments: str) -> Any:
    """What a call prints as JSON; it prints nothing else."""
    result = roster(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def a_night(tmp_path: Path, export: dict[str, Any] = EXPORT, asked: Asked | None = None) -> Played:
    """A night that Airflow ran."""
    tenant = read_tenant(tmp_path / "tenants" / "fern.yaml")
    night = night_of(tmp_path / "home", tenant, datetime.now(UTC))
    deliver(tmp_path / "files", export)
    return play(night, Folder(tmp_path / "files"), loading_for(Store.home(), tenant, "test"), asked)


def test_tenants(canvas: Canvas, tmp_path: Path) -> None:
    assert answer("tenants") == [{"id": "fern", "name": "Fern Schools", "sources": ["clever"], "fault": None}]
    (tmp_path / "tenants" / "gum.yaml").write_text("id: gum\n", encoding="utf-8")
    result = roster("tenants")
    assert result.exit_code == 2
    assert "Fern Schools" in result.stdout
    assert "gum.yaml:1: name: is missing" in result.stdout
    assert json.loads(roster("tenants", "--json").stdout)[1]["id"] == "gum"


@pytest.mark.usefixtures("canvas")
def test_a_rule_that_nobody_has_is_a_fault_of_the_tenants_file(tmp_path: Path) -> None:
    tenant_file(tmp_path / "tenants", rules={"class-without-techer": "note"})
    result = roster("tenants", "--json")
    assert result.exit_code == 2
    assert "the closest is class-without-teacher" in result.stdout


def test_no_tenants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path))
    assert roster("tenants").stdout == "Tenants: none\n"


def test_check_shows_rows_and_findings(canvas: Canvas) -> None:
    found = answer("check", "fern")
    assert found["rows"]["users"] == 12
    assert (found["quarantined"], found["stops"]) == (0, [])
    result = roster("check", "fern")
    assert result.exit_code == 0
    assert "enrollments" in result.stdout
    assert "0 records in quarantine" in result.stdout
    assert canvas.imports() == []
    assert Store.home().names("pointers/fern") == []


def test_check_of_another_day(canvas: Canvas) -> None:
    found = answer("check", "fern", "--as-of", "2200-01-01")
    assert "no-current-term" in found["findings"]


def test_a_stop_is_exit_code_1_and_one_line(canvas: Canvas, tmp_path: Path) -> None:
    tenant_file(tmp_path / "tenants", rules={"class-without-students": "stop"})
    deliver(tmp_path / "files", without_class(EXPORT))
    for command in ("check", "plan"):
        result = roster(command, "fern", "--json")
        assert result.exit_code == 1
        assert one_line(result) == "StoppedByRule: by class-without-students: nothing of such a night goes on"
        assert command == "check" or result.stdout == ""
    assert json.loads(roster("check", "fern", "--json").stdout)["stops"] == ["class-without-students"]


def without_class(export: dict[str, Any]) -> dict[str, Any]:
    return {**export, "enrollments.csv": [row for row in export["enrollments.csv"] if row[1] != "c2"]}


def one_line(result: Result) -> str:
    """What stands last on standard error, where there is no traceback."""
    assert "Traceback" not in result.stderr + result.stdout
    return result.stderr.splitlines()[-1]


def test_plan_shows_the_difference_and_touches_nothing(canvas: Canvas, tmp_path: Path) -> None:
    found = answer("plan", "fern", "--environment", "test")
    assert found["counts"]["totals"]["free"] == 31
    result = roster("plan", "fern")
    assert "31 rows would be sent" in result.stdout
    assert "Held: none" in result.stdout
    assert canvas.imports() == []

    a_night(tmp_path)
    deliver(tmp_path / "files", without(EXPORT, "p2", "p3", "p4", "p5"))
    result = roster("plan", "fern")
    assert "limit-deleted" in result.stdout
    assert "Held part: " in result.stdout
    assert len(canvas.imports()) == 1


def test_plan_says_when_an_import_is_open(canvas: Canvas, tmp_path: Path) -> None:
    played = a_night(tmp_path)
    ledger = loading_for(Store.home(), played.night.tenant, "test").ledger
    sent = played.table("plan", "sent.parquet")
    ledger.intend(
        sent, plan_hash="h", state=ledger.current()[1], sequence=2, run=played.night.run.path, now=datetime.now(UTC)
    )
    result = roster("plan", "fern", "--json")
    assert result.exit_code == 0
    assert "has not been settled" in result.stderr
    assert json.loads(result.stdout)["counts"]["totals"]["free"] == 0

    result = roster("settle", "fern")
    assert result.exit_code == 1
    assert one_line(result).startswith("CanvasStuck: not settled yet: it is looked for until ")


def test_settle(canvas: Canvas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer("settle", "fern") == {"outcome": "nothing was open", "version": 0}
    tenant = read_tenant(tmp_path / "tenants" / "fern.yaml")
    played = a_night(tmp_path)
    loading = loading_for(Store.home(), tenant, "test")
    deliver(tmp_path / "files", changed(EXPORT, "students.csv", "p1", "Last_name", "Other"))
    made = answer("plan", "fern")
    canvas.fault("slow_import", seconds=1)
    loading.load(played.night, made["folder"])  # posted, and nobody waits for it
    stuck = roster("settle", "fern")
    assert stuck.exit_code == 1
    assert "runs (--patience SECONDS waits for it)" in one_line(stuck)
    monkeypatch.setattr("roster_airflow.cli.POLL_SECONDS", 0.1)
    result = roster("settle", "fern", "--patience", "30")
    assert result.stdout == "Settled: taken; the ledger is at version 2\n"


def test_settle_follows_a_refresh_and_has_one_confirmed_that_nothing_tells_of(canvas: Canvas, tmp_path: Path) -> None:
    a_night(tmp_path)
    nothing = roster("settle", "fern", "--refreshed")
    assert (nothing.exit_code, one_line(nothing)[:15]) == (2, "RequestUnknown:")
    with running_canvas(tmp_path / "production", root_account_id=1) as production:
        canvas.refresh_from(production)
    unsure = roster("settle", "fern")
    assert unsure.exit_code == 1
    assert one_line(unsure).startswith("CanvasRefreshed: Canvas has refreshed 127.0.0.1:")
    assert "roster settle TENANT --environment test --refreshed" in one_line(unsure)
    done = roster("settle", "fern", "--environment", "test", "--refreshed")
    assert done.stdout == "Settled: test was refreshed, its ledger is empty; the ledger is at version 2\n"
    assert answer("settle", "fern") == {"outcome": "nothing was open", "version": 2}
    assert answer("plan", "fern")["counts"]["totals"]["free"] == 31


def test_explain(canvas: Canvas, tmp_path: Path) -> None:
    a_night(tmp_path)
    found = answer("explain", "fern", "user", "p1")
    assert found["ledger"]["state"] == "live"
    assert found["sources"][0] == "clever: students.csv:2"
    result = roster("explain", "fern", "class", "c1")
    assert result.exit_code == 0
    assert "sections.csv:2" in result.stdout
    unknown = roster("explain", "fern", "user", "nobody")
    assert unknown.exit_code == 2
    assert one_line(unknown) == "RequestUnknown: no user of that id, neither in the last run nor in the ledger"


def test_only_writes_a_request_that_a_night_takes(canvas: Canvas, tmp_path: Path) -> None:
    a_night(tmp_path)
    name = answer("only", "fern", "user", "p1")["request"]
    other = roster("only", "fern", "class", "c2")
    assert "Trigger fern_canvas_test with: only = only-" in other.stdout
    export = changed(changed(EXPORT, "students.csv", "p1", "Last_name", "A"), "students.csv", "p2", "Last_name", "B")
    played = a_night(tmp_path, export, Asked(only=name))
    assert played.changes["key"].to_list() == ["p1"]
    assert pointed(Store.home(), "fern", "tested")


def test_a_claim_is_a_request_for_the_one_row_with_canvas_s_option(canvas: Canvas, tmp_path: Path) -> None:
    a_night(tmp_path)
    name = answer("claim", "fern", "p1")["request"]
    assert "Trigger fern_canvas_test with: only = claim-" in roster("claim", "fern", "p2").stdout
    assert "p1" not in name
    export = changed(changed(EXPORT, "students.csv", "p1", "Last_name", "A"), "students.csv", "p2", "Last_name", "B")
    played = a_night(tmp_path, export, Asked(only=name))
    assert played.changes["key"].to_list() == ["p1"]
    options = httpx.get(
        f"{canvas.url}/api/v1/accounts/self/sis_imports", headers={"Authorization": f"Bearer {canvas.token}"}
    ).json()["sis_imports"]
    assert [one["update_sis_id_if_login_claimed"] for one in options] == [True, False]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("check", "nowhere"), 2),
        (("plan", "nowhere", "--json"), 2),
        (("explain", "fern", "pupil", "p1"), 2),
        (("check", "fern", "--as-of", "today"), 2),
        (("plan", "fern", "--environment", "production"), 2),
        (("explain", "fern", "user", "p1"), 2),
        ((), 2),
    ],
)
def test_a_wrong_call(canvas: Canvas, arguments: tuple[str, ...], code: int) -> None:
    result = roster(*arguments)
    assert result.exit_code == code
    assert "Traceback" not in result.output


def test_a_wrong_tenant_file_is_told_by_file_line_and_key(canvas: Canvas, tmp_path: Path) -> None:
    tenant_file(tmp_path / "tenants", retentoin="3 days")
    result = roster("check", "fern")
    assert result.exit_code == 2
    assert one_line(result).startswith("TenantFileWrong: fern.yaml:1: retentoin: is not a key; allowed are: id, name,")


def test_a_missing_connection_home_and_delivery(
    canvas: Canvas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "files" / "students.csv").unlink()
    result = roster("check", "fern")
    assert (result.exit_code, one_line(result)[:17]) == (1, "SourceIncomplete:")
    monkeypatch.delenv("AIRFLOW_CONN_FERN_FILES")
    result = roster("check", "fern")
    assert (result.exit_code, one_line(result)[:16]) == (2, "TenantFileWrong:")
    monkeypatch.delenv("AIRFLOW_CONN_FERN_CANVAS")
    result = roster("settle", "fern")
    assert result.exit_code == 2
    assert one_line(result).startswith("TenantFileWrong: there is no connection fern_canvas: ")
    monkeypatch.delenv("ROSTER_HOME")
    assert "ROSTER_HOME is not set" in one_line(roster("check", "fern"))


def test_another_tenant_folder_and_canvas_by_the_environment_alone(
    canvas: Canvas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answer("plan", "fern")["ledger"]["host"] == canvas.url.removeprefix("http://")
    deliver(tmp_path / "other", without(EXPORT, "p4", "p5"))
    tenant_file(tmp_path / "more", "gum")
    with running_canvas(tmp_path / "canvas-2", root_account_id=7) as second:
        monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path / "more"))
        monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home-2"))
        for name, value in connections(second.url, second.token, tmp_path / "other", "gum").items():
            monkeypatch.setenv(name, value)
        found = answer("plan", "gum")
    assert found["ledger"] == {
        **{"host": second.url.removeprefix("http://"), "account": "7"},
        **{"version": 0, "state": "empty"},
    }
    assert found["counts"]["totals"]["free"] == 31 - 8
    assert Store(str(tmp_path / "home")).names("runs/gum") == []
    assert roster("plan", "fern").exit_code == 2


def test_standard_output_is_json_only_in_a_process_of_its_own(canvas: Canvas) -> None:
    """With Airflow's own logging, which a runner in this process does not see."""
    command = [sys.executable, "-m", "roster_airflow.cli", "check", "fern", "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)["rows"]["users"] == 12


@pytest.fixture
def production(canvas: Canvas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canvas]:
    """A second Canvas, which is the tenant's production."""
    with running_canvas(tmp_path / "production", root_account_id=9) as running:
        connection = {"conn_type": "canvas", "host": running.url, "password": running.token}
        monkeypatch.setenv("AIRFLOW_CONN_FERN_PRODUCTION", json.dumps(connection))
        hosts = [one.url.removeprefix("http://") for one in (canvas, running)]
        environments = {
            "test": {"connection": "fern_canvas", "hosts": hosts[:1]},
            "production": {"connection": "fern_production", "hosts": hosts[1:]},
        }
        tenant_file(tmp_path / "tenants", canvas=environments, rollout={"approvers": ["registrar"]})
        yield running


def a_request(tmp_path: Path) -> Request:
    """A night that was rehearsed, and the request for what production holds of it."""
    a_night(tmp_path)
    tenant = read_tenant(tmp_path / "tenants" / "fern.yaml")
    night = night_of(tmp_path / "home", tenant, datetime.now(UTC), name="production")
    loading = loading_for(Store.home(), tenant, "production")
    plan = plan_production(night, take(night), loading.ledger, Asked())
    request = hold(night, plan=plan, load=loading.load(night, plan["path"]), now=datetime(2026, 3, 2, 16, tzinfo=UTC))
    assert request is not None
    return request


def test_plan_for_production_is_of_the_last_rehearsal(canvas: Canvas, production: Canvas, tmp_path: Path) -> None:
    early = roster("plan", "fern", "--environment", "production")
    assert early.exit_code == 1
    assert one_line(early) == "NotRehearsed: no night was handed on yet: run fern_canvas_test first"
    a_night(tmp_path)
    deliver(tmp_path / "files", without(EXPORT, "p5"))  # which is not looked at
    found = answer("plan", "fern", "--environment", "production")
    assert found["ledger"]["account"] == "9"
    assert (found["counts"]["totals"]["free"], found["counts"]["totals"]["held"]) == (0, 31)
    result = roster("plan", "fern", "--environment", "production")
    assert "review: the tenant is in phase review" in result.stdout
    assert "0 rows would be sent" in result.stdout
    assert production.imports() == []
    assert roster("holds", "fern").stdout == "Nothing is held.\n"


def test_holds(canvas: Canvas, production: Canvas, tmp_path: Path) -> None:
    assert answer("holds", "fern") is None
    assert roster("holds", "fern").stdout == "Nothing is held.\n"
    request = a_request(tmp_path)
    assert answer("holds", "fern") == request.model_dump(mode="json")
    said = roster("holds", "fern").stdout
    assert "**31 changes** for the production Canvas of Fern Schools" in said
    assert f"Hash of what is shown: `{request.held_hash}`" in said
    assert said.endswith("Waits since 2026-03-02 16:00 UTC; not answered yet\n")
    an_answer(request, by=None, answer="unanswered")
    assert roster("holds", "fern").stdout.endswith("; last answer at 2026-03-02 19:30 UTC: unanswered\n")
    an_answer(request, by="registrar", answer="rejected")
    assert roster("holds", "fern").stdout.endswith("; last answer by registrar at 2026-03-02 19:30 UTC: rejected\n")


def an_answer(request: Request, **fields: Any) -> str:
    """The name of an answer to it that is kept."""
    told = {"answered_hash": request.held_hash, "shown": "text", "run": "runs/fern/release", "request": request}
    at = datetime(2026, 3, 2, 19, 30, tzinfo=UTC)
    kept = keep(Store.home(), "fern", Decision.model_validate({"name": "release", "at": at, **told, **fields}))
    return kept.name


def test_decisions(canvas: Canvas, production: Canvas, tmp_path: Path) -> None:
    assert answer("decisions", "fern") == []
    assert roster("decisions", "fern").stdout == "Decisions: none\n"
    request = a_request(tmp_path)
    an_answer(request, by=None, answer="unanswered")
    conclude(Store.home(), "fern", an_answer(request, by="registrar", answer="approved"), "loaded", "88")
    found = answer("decisions", "fern")
    assert [(one["answer"], one["by"], one["outcome"], one["import_id"]) for one in found] == [
        ("approved", "registrar", "loaded", "88"),
        ("unanswered", None, None, None),
    ]
    assert found[0]["request"]["held_hash"] == request.held_hash
    lines = roster("decisions", "fern").stdout
    approved = next(line for line in lines.splitlines() if "approved" in line)
    for word in ("2026-03-02 19:30", "registrar", "31", "yes", request.held_hash[:12], request.configuration[:12]):
        assert word in approved
    assert "loaded" in approved
    assert "88" in approved


def test_explain_of_production(canvas: Canvas, production: Canvas, tmp_path: Path) -> None:
    a_request(tmp_path)
    found = answer("explain", "fern", "user", "p1", "--environment", "production")
    assert ([line["part"] for line in found["planned"]], found["ledger"]) == (["held"], None)
    assert answer("explain", "fern", "user", "p1")["ledger"]["state"] == "live"


def test_plan_shows_ids_that_change(canvas: Canvas, tmp_path: Path) -> None:
    a_night(tmp_path)
    sync = {"ids": {"user": {"staff": "staff-{sourced_id}"}}, "observers": {"relationships": ["mother"]}}
    tenant_file(tmp_path / "tenants", sync=sync, id_changes={"connection": "fern_files", "path": "moves/ids.csv"})
    (tmp_path / "files" / "moves").mkdir()
    (tmp_path / "files" / "moves" / "ids.csv").write_text("type,old_id,new_id\nuser,t1,staff-t1\nuser,t2,staff-t2\n")
    (changed,) = answer("plan", "fern")["counts"]["changes"]
    assert (changed["file"], changed["action"], changed["rows"]) == ("change_sis_id.csv", "rename", 2)


def test_reconcile(canvas: Canvas, tmp_path: Path) -> None:
    a_night(tmp_path)
    found = answer("reconcile", "fern")
    assert {name: found[name] for name in ("missing", "extra", "different", "ledger_changed")} == {
        "missing": 0,
        "extra": 0,
        "different": 0,
        "ledger_changed": False,
    }
    canvas.edit("section", "c1", name="Secret name")
    said = roster("reconcile", "fern", "--then", "adopt")
    assert said.exit_code == 0
    assert "the ledger is at version 2" in said.stdout
    assert "Secret name" not in said.stdout + said.stderr
    canvas.fault("report_ends", state="aborted")
    failed = roster("reconcile", "fern")
    assert failed.exit_code == 1
    assert "CanvasRefused: Canvas ended its report as aborted" in failed.stderr


def test_lint_tells_places_and_rules_and_ends_with_a_code(tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text("user_id,login_id,full_name,status\nu1,ada@secret.org,Ada,active\nu2,bob@secret.org,Bob,here\n")
    found = roster("lint", str(file))
    assert (found.exit_code, found.stderr) == (1, "")
    assert "refused: status-improper (status) in 1 rows" in found.stdout
    assert "  users.csv:3\n" in found.stdout
    assert "secret" not in found.stdout
    told = json.loads(roster("lint", "--json", str(file)).stdout)
    assert [(one["rule"], one["places"]) for one in told["findings"]] == [
        ("status-improper", [{"line": 3, "record": 3}])
    ]
    file.write_text(file.read_text().replace("here", "active"))
    clean = roster("lint", str(tmp_path))
    assert (clean.exit_code, clean.stdout) == (0, "2 rows of 1 files; findings by rule: none\n")
    assert roster("lint", str(tmp_path / "nowhere.csv")).exit_code == 2
