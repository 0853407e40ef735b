"""The operators that speak to Canvas: execute, defer, resume, over real sockets against the stand-in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred

from roster.errors import (
    CanvasBusy,
    CanvasFault,
    CanvasGone,
    CanvasPermissionMissing,
    CanvasRefused,
    CanvasStuck,
    CanvasTokenDead,
    CanvasUnreachable,
    CanvasWrongHost,
)
from roster.journal import Intent
from roster.ledger import Ledger
from roster.steps import Done
from roster.steps.plan import Asked, make_plan
from roster.store import Store
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.links.canvas import IMPORT_URL
from roster_airflow.operators.canvas import CanvasSettleOperator, CanvasSisImportOperator
from roster_airflow.recording import faults, night_of
from roster_airflow.triggers.canvas import SisImportTrigger
from roster_sandbox.canvas import Canvas, running_canvas
from tests.nights.small import live, school, write_artefact

TENANT = """
id: sample
name: Sample
timezone: America/New_York
sources: [{name: clever, system: clever_csv, connection: clever_files}]
canvas:
  test: {connection: canvas_test, hosts: ["127.0.0.1"]}
  deadline: 90 minutes
"""
AT = datetime(2016, 2, 1, 7, tzinfo=UTC)


class Run:
    """One DAG run: what Airflow gives its tasks, and what they give it."""

    def __init__(self, canvas: Canvas, store: Store) -> None:
        self.canvas = canvas
        self.store = store
        self.ledger = Ledger(store, canvas.url.removeprefix("http://"), "1")
        self.params: dict[str, Any] = {"dry_run": False, "as_of": None}
        self.xcoms: dict[str, Any] = {}
        self.plan: Done = {"path": "", "counts": {}}

    def context(self, task: Any) -> Any:
        run = SimpleNamespace(run_id="manual", run_after=AT, logical_date=AT)
        ti = SimpleNamespace(xcom_push=self.xcoms.__setitem__, start_date=None)
        return {"dag_run": run, "params": self.params, "task": task, "ti": ti}

    def settle(self) -> CanvasSettleOperator:
        return CanvasSettleOperator(task_id="settle", tenant_id="sample", poll=0.01)

    def load(self) -> CanvasSisImportOperator:
        return CanvasSisImportOperator(task_id="load", tenant_id="sample", poll=0.01, plan=self.plan)

    def make_plan(self) -> None:
        night = night_of(self.context(None), "sample")
        self.plan = make_plan(night, write_artefact(night, school())["path"], self.ledger, Asked())

    def faults(self) -> dict[str, str]:
        night = night_of(self.context(None), "sample")
        return {step: said["error"] for step, said in faults(night).items()}

    def deferred(self, task: CanvasSettleOperator) -> TaskDeferred:
        with pytest.raises(TaskDeferred) as deferral:
            task.execute(self.context(task))
        assert deferral.value.method_name == "resume"
        return deferral.value

    def resume(self, task: CanvasSettleOperator, event: Any) -> Done:
        return task.resume(self.context(task), event)

    def opened(self) -> Intent:
        intent = self.ledger.open_intent()
        assert intent is not None
        return intent

    def as_if_written_earlier(self, **span: float) -> None:
        intent = self.opened()
        earlier = intent.model_copy(update={"written": intent.written - timedelta(**span)})
        self.store.write(f"{self.ledger.path}/{intent.version:08d}.intent.json", earlier.model_dump_json().encode())


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    tenants = tmp_path / "tenants"
    tenants.mkdir()
    (tenants / "sample.yaml").write_text(TENANT, encoding="utf-8")
    monkeypatch.setenv("ROSTER_TENANTS", str(tenants))
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(CanvasHook, "retry_delays", (0.0,))
    with running_canvas(tmp_path / "canvas") as canvas:
        connection = {"conn_type": "canvas", "host": canvas.url, "password": canvas.token}
        monkeypatch.setenv("AIRFLOW_CONN_CANVAS_TEST", json.dumps(connection))
        run = Run(canvas, Store(str(tmp_path / "home")))
        run.make_plan()
        yield run


def event_of(deferral: TaskDeferred) -> Any:
    """What the trigger says, after it was written down and read again as the triggerer does."""
    path, arguments = deferral.trigger.serialize()
    assert path == "roster_airflow.triggers.canvas.SisImportTrigger"
    trigger = SisImportTrigger(**json.loads(json.dumps(arguments)))

    async def first() -> Any:
        return [event async for event in trigger.run()]

    [event] = asyncio.run(first())
    return event.payload


def arguments_of(deferral: TaskDeferred) -> dict[str, Any]:
    return dict(deferral.trigger.serialize()[1])


def test_a_load_posts_waits_and_answers_with_counts(run: Run) -> None:
    deferral = run.deferred(run.load())

    posted = run.canvas.imports()[-1]
    intent = run.opened()
    begun = max(intent.written, datetime.fromisoformat(posted["created_at"]))
    assert arguments_of(deferral) == {
        "canvas_conn_id": "canvas_test",
        "import_id": str(posted["id"]),
        "account": "1",
        "deadline": (begun + timedelta(minutes=90)).isoformat(),
        "lost_after": (begun + timedelta(minutes=61)).isoformat(),
        "environment": "test",
        "hosts": ["127.0.0.1"],
        "poll": 0.01,
    }
    assert deferral.timeout is None
    assert run.xcoms == {IMPORT_URL: f"{run.canvas.url}/accounts/1/sis_import#{posted['id']}"}

    done = run.resume(run.load(), event_of(deferral))

    rows = len(school().known())
    assert done["counts"] == {
        "rows": rows,
        "sent": rows,
        "refused": 0,
        "newly_refused": 0,
        "doubt": 0,
        "over_budget": False,
        "kept_back": 0,
        "import_id": str(posted["id"]),
        "missed": False,
    }
    assert run.store.exists(f"{done['path']}/import.zip")
    assert live(run.canvas.state()) == school().known()
    assert run.faults() == {}


def test_deadlines_do_not_move_when_the_task_or_the_triggerer_starts_again(run: Run) -> None:
    run.canvas.fault("stuck", state="created")
    first = run.deferred(run.load())
    again = run.deferred(run.load())
    settling = run.deferred(run.settle())
    assert arguments_of(first) == arguments_of(again) == arguments_of(settling)
    path, arguments = first.trigger.serialize()
    assert SisImportTrigger(**arguments).serialize() == (path, arguments)
    assert len(run.canvas.imports()) == 1


def test_a_deadline_that_has_passed_is_met_at_the_first_look(run: Run) -> None:
    run.canvas.fault("stuck", state="importing")
    deferral = run.deferred(run.load())
    assert isinstance(deferral.trigger, SisImportTrigger)
    deferral.trigger.deadline = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    with pytest.raises(CanvasStuck):
        run.resume(run.load(), event_of(deferral))
    assert run.faults() == {"load": "CanvasStuck"}
    assert run.opened().version == 1


def test_a_dry_run_asks_canvas_nothing(run: Run) -> None:
    run.params["dry_run"] = True
    run.canvas.fault("token_dead")
    load = run.load()
    with pytest.raises(AirflowSkipException):
        load.execute(run.context(load))
    assert run.canvas.imports() == []
    assert run.ledger.versions() == (0, 0)
    assert run.faults() == {}


def test_a_plan_without_rows_posts_nothing(run: Run) -> None:
    run.resume(run.load(), event_of(run.deferred(run.load())))
    run.make_plan()
    run.xcoms.clear()
    load = run.load()
    done = load.execute(run.context(load))
    assert done["counts"]["rows"] == 0
    assert done["counts"]["import_id"] is None
    assert len(run.canvas.imports()) == 1
    assert run.xcoms == {"canvas_import_url": ""}  # no link, and no error of Airflow's for want of one


def test_a_try_that_finds_its_import_ended_leaves_the_link_all_the_same(run: Run) -> None:
    event_of(run.deferred(run.load()))
    run.xcoms.clear()  # as Airflow does before a new try
    load = run.load()
    done = load.execute(run.context(load))
    assert done["counts"]["import_id"] == "1"
    assert run.xcoms == {IMPORT_URL: f"{run.canvas.url}/accounts/1/sis_import#1"}


def test_settling_answers_which_ledger_it_is(run: Run) -> None:
    settle = run.settle()
    done = settle.execute(run.context(settle))
    assert done == {"path": "", "counts": {"host": run.ledger.host, "account": "1", "version": 0}}
    assert run.store.exists("probed")


def test_settling_waits_for_an_import_that_runs(run: Run) -> None:
    run.canvas.fault("slow_import", seconds=0.3)
    run.deferred(run.load())
    deferral = run.deferred(run.settle())
    assert arguments_of(deferral)["import_id"] == "1"
    done = run.resume(run.settle(), event_of(deferral))
    assert done["counts"]["version"] == 1
    assert run.ledger.open_intent() is None
    # the run's own load, cleared, finds that it is done
    load = run.load()
    assert load.execute(run.context(load))["counts"]["sent"] == len(school().known())


def test_an_import_canvas_does_not_show_is_looked_for_until_five_minutes_after_it_was_written(run: Run) -> None:
    run.canvas.fault("cut_upload", times=1)
    load = run.load()
    with pytest.raises(CanvasUnreachable):
        load.execute(run.context(load))
    assert run.faults() == {"load": "CanvasUnreachable"}
    for task in (run.load(), run.settle()):
        trigger = run.deferred(task).trigger
        assert isinstance(trigger, DateTimeTrigger)
        assert trigger.moment == run.opened().written + timedelta(minutes=5)
    assert run.xcoms == {"canvas_import_url": ""}  # no link, and no error of Airflow's for want of one
    assert run.faults() == {}  # the later try has not failed

    run.as_if_written_earlier(minutes=5)
    load = run.load()
    with pytest.raises(TaskDeferred) as deferral:
        load.resume(run.context(load), datetime.now(UTC))  # type: ignore[arg-type]  # what this trigger says
    assert run.ledger.settled(1).outcome == "abandoned"
    assert run.resume(run.load(), event_of(deferral.value))["counts"]["sent"] == len(school().known())
    assert len(run.canvas.imports()) == 1


def test_a_try_after_a_lost_answer_finds_the_import(run: Run) -> None:
    run.canvas.fault("answer_lost", times=1)
    run.canvas.fault("slow_import", seconds=0.5)
    run.canvas.fault("bad_gateway", method="GET", path="/sis_imports$")
    load = run.load()
    with pytest.raises(CanvasBusy):
        load.execute(run.context(load))
    run.canvas.clear_faults()
    deferral = run.deferred(run.load())
    assert arguments_of(deferral)["import_id"] == "1"
    run.resume(run.load(), event_of(deferral))
    assert len(run.canvas.imports()) == 1
    assert live(run.canvas.state()) == school().known()


@pytest.mark.parametrize(
    ("fault", "state", "error"),
    [
        ("token-dead", "importing", CanvasTokenDead),
        ("permission-missing", "importing", CanvasPermissionMissing),
        ("wrong-host", None, CanvasWrongHost),
        ("refused", "importing", CanvasRefused),
        ("gone", None, CanvasGone),
        ("no-connection", None, CanvasRefused),
        ("deadline", "importing", CanvasStuck),
        ("deadline", None, CanvasUnreachable),
    ],
)
def test_what_ends_the_wait_ends_the_try_and_leaves_the_journal_open(
    run: Run, fault: str, state: str | None, error: type[CanvasFault]
) -> None:
    deferral = run.deferred(run.load())
    opened = run.opened()
    with pytest.raises(error):
        run.resume(run.load(), {"import_id": "1", "state": state, "progress": None, "fault": fault})
    assert run.faults() == {"load": error.__name__}
    assert run.opened() == opened
    assert run.ledger.versions() == (0, 1)
    done = run.resume(run.load(), event_of(deferral))  # cleared
    assert done["counts"]["sent"] == len(school().known())
    assert run.faults() == {}
    assert len(run.canvas.imports()) == 1


def test_an_import_that_counts_as_lost_is_no_error_of_the_wait(run: Run) -> None:
    run.canvas.fault("stuck", state="initializing")
    deferral = run.deferred(run.load())
    with pytest.raises(TaskDeferred) as again:  # it is looked at anew, and is not an hour old
        run.resume(run.load(), {"import_id": "1", "state": "initializing", "progress": 0, "fault": "lost"})
    assert arguments_of(again.value) == arguments_of(deferral)


def test_a_token_that_dies_while_an_import_runs_is_told_of_and_the_renewed_one_settles_it(run: Run) -> None:
    run.canvas.fault("slow_import", seconds=0.2)
    deferral = run.deferred(run.load())
    run.canvas.fault("token_dead")
    event = event_of(deferral)
    assert event["fault"] == "token-dead"
    with pytest.raises(CanvasTokenDead):
        run.resume(run.load(), event)
    with pytest.raises(CanvasTokenDead):
        run.settle().execute(run.context(run.settle()))
    run.canvas.clear_faults()
    run.resume(run.settle(), event_of(run.deferred(run.settle())))
    assert run.ledger.versions() == (1, 1)
    assert live(run.canvas.state()) == school().known()
