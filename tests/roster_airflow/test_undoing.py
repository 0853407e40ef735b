"""The tasks of canvas_undo, run one by one over two nights of a small export and the stand-in for Canvas."""

from __future__ import annotations

import json
import runpy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowSkipException

from roster.errors import CanvasStuck, LedgerMoved
from roster.runs import read_step
from roster.store import Store
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.recording import night_of
from roster_sandbox.canvas import Canvas
from tests.dags.processes import REPOSITORY
from tests.five_pupils import PERSONAL, changed, live, tables, tenant_file, without
from tests.roster_airflow import test_night, test_rollout
from tests.roster_airflow.scripted import Answer, Scripted, scripted_server
from tests.roster_airflow.test_night import TODAY, Play

pytestmark = pytest.mark.usefixtures("rules_only")

canvas, play = test_night.canvas, test_night.play

EXPORT = tables(TODAY)
NEXT = changed(without(EXPORT, "p5"), "students.csv", "p1", "First_name", "Zephyrine")
DELETES = {"observers": {"relationships": ["mother"]}, "on_drop": {"enrollments": "deleted"}}


def undo_dag() -> DAG:
    found = runpy.run_path(str(REPOSITORY / "dags" / "canvas_undo.py"))["canvas_undo"]
    assert isinstance(found, DAG)
    return found


@dataclass
class UndoRun(test_rollout.Part):
    """A run of canvas_undo. reply: as of a release; its hash may be `as shown`."""

    def execute(self, task: Any) -> Any:
        whose = {"tenant_id": "tenant", "environment": "environment"}
        for name in whose.keys() & set(task.template_fields):
            setattr(task, name, self.params[whose[name]])
        fields = task.template_fields
        task.template_fields = tuple(name for name in fields if name not in whose)
        try:
            return super().execute(task)
        finally:
            task.template_fields = fields

    def while_closed(self) -> None:
        """Time passes."""

    def _event(self) -> dict[str, Any]:
        event = super()._event()
        if event["params_input"].get("hash") == "as shown":
            event["params_input"]["hash"] = self.kept["show", "return_value"]["counts"]["undo_hash"]
        return event

    @property
    def told(self) -> Any:
        night = night_of(self.context(self.dag.get_task("verdict")), "fern")
        return read_step(night.store, str(night.run.latest("verdict")), "report.json")


Undo = Callable[..., UndoRun]


@pytest.fixture
def undo(tmp_path: Path, canvas: Canvas, monkeypatch: pytest.MonkeyPatch) -> Undo:
    """A run over the newest import, approved by the registrar unless told otherwise."""
    tenant_file(tmp_path / "tenants", rollout={"approvers": ["registrar"]}, sync=DELETES)
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **shown: test_rollout.SHOWN.append(shown)
    )
    monkeypatch.setattr(CanvasHook, "retry_delays", ())
    numbers = iter(range(50, 99))

    def run(*left_out: str, of: int = -1, reply: Any = ("Approve", "as shown", "registrar"), **params: Any) -> UndoRun:
        named = str(canvas.imports()[of]["id"])
        form = {"tenant": "fern", "environment": "test", "import": named, "later": "leave", **params}
        one = UndoRun(undo_dag(), next(numbers), form, reply=reply)
        one.run(*left_out)
        return one

    return run


def two_nights(play: Play) -> None:
    for export in (EXPORT, NEXT):
        assert play(export).states["load"] == "success"


def names(canvas: Canvas) -> dict[str, str]:
    return {one["user_id"]: one["name"] for one in canvas.state()["users"] if one["user_id"]}


def test_what_was_approved_is_undone_and_told_in_numbers(
    play: Play, undo: Undo, canvas: Canvas, caplog: pytest.LogCaptureFixture
) -> None:
    play(EXPORT)
    was = live(canvas.state()["enrollments"], "user_id"), names(canvas)
    play(NEXT)
    assert (live(canvas.state()["enrollments"], "user_id"), names(canvas)) != was
    run = undo()
    assert set(run.states.values()) == {"success"}
    assert (live(canvas.state()["enrollments"], "user_id"), names(canvas)) == was
    (form,) = run.forms
    assert form.shown["assigned_users"] == [{"id": "registrar", "name": "registrar"}]
    assert "Undo import 2" in form.shown["body"]
    assert "asked to restore the states" in form.shown["body"]
    assert run.kept["restore", "return_value"] == {"state": "partially_restored", "why_not": None}
    assert canvas.imports()[1]["state"] == "partially_restored"
    assert run.told["answer"]["by"] == "registrar"
    assert (run.told["failed"], run.told["environment"]) == ([], "test")
    said = caplog.text + str(run.kept) + run.report + str(run.told) + str(form.shown)
    assert [word for word in (*PERSONAL, "Zephyrine") if word in said] == []
    held = play(NEXT)
    assert held.kept["load", "return_value"]["counts"]["rows"] == 0
    assert "an undo took this back" in held.report


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (("Reject", "as shown", "registrar"), "rejected"),
        (("Approve", "0" * 64, "registrar"), "outdated"),
        (("Approve", "as shown", "passer-by"), "foreign"),
        (("Reject", None, None), "unanswered"),
    ],
)
def test_nothing_is_asked_of_canvas_without_the_approval_of_what_was_shown(
    play: Play, undo: Undo, canvas: Canvas, reply: Any, answer: str
) -> None:
    two_nights(play)
    run = undo(reply=reply)
    assert run.told["answer"]["answer"] == answer
    assert [run.states[step] for step in ("restore", "again", "load")] == ["skipped"] * 3
    assert run.states["verdict"] == "success"
    assert (len(canvas.imports()), canvas.imports()[1]["state"]) == (2, "imported")


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    """Where the connection `channel` posts."""
    with scripted_server() as people:
        people.says(Answer("ok"))
        fields = {"conn_type": "http", "host": f"{people.url}/channel"}
        monkeypatch.setenv("AIRFLOW_CONN_CHANNEL", json.dumps(fields))
        yield people


def test_what_came_of_it_is_told_once_in_numbers_and_a_failure_is_left_to_the_callback(
    play: Play, undo: Undo, canvas: Canvas, channel: Scripted, tmp_path: Path
) -> None:
    two_nights(play)
    tenant_file(tmp_path / "tenants", rollout={"approvers": ["registrar"]}, sync=DELETES, notify="channel")
    undo(reply=("Reject", "as shown", "registrar"))
    canvas.fault("restore_fails", times=1)
    assert undo().states["verdict"] == "failed"
    run = undo()  # of the undo
    clear(run, "verdict")
    asked, rejected, again, late, done = (json.loads(one.body) for one in channel.asked)
    assert asked["said"] == again["said"] == "Undoing import 2 waits for approval (test)"
    assert late["said"] == "Undoing import 3 waits for approval (test)"
    assert late["counts"] == {"users": 3, "enrollments": 1, "user_observers": 1}
    assert (late["kind"], late["state"], late["link"]) == ("undo", "new", done["link"])
    assert [reason[:6] for reason in late["reasons"]] == ["until "]
    assert [rejected["said"], done["said"]] == ["Import 2 was not undone (test)", "Import 3 was undone (test)"]
    assert [(one["kind"], one["subject"], one["state"]) for one in (rejected, done)] == [("undo", "test", "new")] * 2
    assert "Nothing was sent: the undo was rejected." in rejected["reasons"]
    assert rejected["counts"] == {}
    assert done["counts"] == {"users": 3, "enrollments": 1, "user_observers": 1}
    folder = Path(run.kept["verdict", "return_value"]["path"]).parent  # the verdict ran twice
    assert f"report: {folder / 'attempt-1'}/report.html" in done["reasons"]
    assert "dags/canvas_undo/runs/run-" in done["link"]
    assert [word for word in PERSONAL if word in asked["text"] + rejected["text"] + done["text"]] == []


def test_a_form_that_was_shown_before_counts_for_nothing(play: Play, undo: Undo, canvas: Canvas) -> None:
    two_nights(play)
    run = undo("sign_off")  # killed after it was shown
    night = night_of(run.context(run.dag.get_task("sign_off")), "fern")
    night.store.create(f"{night.run.path}/sign_off.shown", b"")
    clear(run, "sign_off")
    assert run.told["answer"]["answer"] == "cleared"
    assert (run.forms, len(canvas.imports())) == ([], 2)


def test_a_row_that_a_later_night_changed_goes_back_only_when_asked(play: Play, undo: Undo, canvas: Canvas) -> None:
    two_nights(play)
    play(changed(NEXT, "students.csv", "p1", "First_name", "Ludmila"))
    left = undo(of=1)
    assert left.kept["restore", "return_value"] == {"state": "not asked", "why_not": "left"}
    assert left.kept["show", "return_value"]["counts"]["later"] == 1
    assert names(canvas)["p1"].startswith("Ludmila")
    assert undo(of=1, later="undo").states["verdict"] == "success"
    assert names(canvas)["p1"].startswith("Aoife")


def test_where_states_are_not_restored_the_rows_go_all_the_same(play: Play, undo: Undo, canvas: Canvas) -> None:
    two_nights(play)
    canvas.fault("restore_fails")
    run = undo()
    assert (run.states["load"], run.states["verdict"]) == ("success", "failed")
    assert "Canvas began to restore states and failed: what it did beside the rows" in str(run.errors["verdict"])
    assert names(canvas)["p1"].startswith("Aoife")
    assert "p5" in live(canvas.state()["enrollments"], "user_id")


def test_what_is_older_than_thirty_days_is_not_restored(
    play: Play, undo: Undo, canvas: Canvas, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_nights(play)
    monkeypatch.setattr("roster.steps.undo.STATES_KEPT", timedelta())
    run = undo()
    assert run.kept["restore", "return_value"] == {"state": "not asked", "why_not": "old"}
    assert "older than the 30 days" in run.forms[0].shown["body"]
    assert run.states["verdict"] == "success"
    assert canvas.imports()[1]["state"] == "imported"
    assert names(canvas)["p1"].startswith("Aoife")


def within_a_second(tmp_path: Path) -> None:
    """What Canvas does has to end by then."""
    where = {"test": {"connection": "fern_canvas", "hosts": ["127.0.0.1"]}, "deadline": "1 second"}
    tenant_file(tmp_path / "tenants", rollout={"approvers": ["registrar"]}, sync=DELETES, canvas=where)


def test_a_restore_that_does_not_end_is_waited_for_until_its_deadline(
    play: Play, undo: Undo, canvas: Canvas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_nights(play)
    monkeypatch.setattr("roster_airflow.restoring.state_of", lambda *_: "restoring")
    within_a_second(tmp_path)
    run = undo()
    assert isinstance(run.errors["restore"], CanvasStuck)
    assert (run.states["load"], run.states["verdict"]) == ("success", "failed")


LOST = {"method": "PUT", "path": "/restore_states$", "times": 1}


@pytest.mark.parametrize(
    ("fault", "asked"),
    [
        ({"name": "answer_lost"}, 1),
        ({"name": "cut_upload"}, 2),
        ({"name": "late_post", "seconds": 0.3}, 2),
        ({"name": "bad_gateway"}, 2),
        ({"name": "throttle"}, 2),
    ],
)
def test_a_restore_whose_answer_was_lost_is_found_or_asked_for_once_more(
    play: Play, undo: Undo, canvas: Canvas, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any], asked: int
) -> None:
    monkeypatch.setattr("roster_airflow.restoring.LATE", timedelta())
    play(EXPORT)
    was = live(canvas.state()["enrollments"], "user_id"), names(canvas)
    play(NEXT)
    canvas.fault(**{**LOST, **fault})
    run = undo()
    assert set(run.states.values()) == {"success"}
    assert run.kept["restore", "return_value"] == {"state": "partially_restored", "why_not": None}
    assert len(asked_at(run)) == asked
    time.sleep(fault.get("seconds", 0))
    for _ in range(4):  # a job that came late goes on as well
        assert play(NEXT).states["verdict"] == "success"
    assert (live(canvas.state()["enrollments"], "user_id"), names(canvas)) == was
    assert canvas.imports()[1]["state"] == "partially_restored"


def asked_at(run: UndoRun) -> list[str]:
    """When Canvas was asked to restore states."""
    night = night_of(run.context(run.dag.get_task("restore")), "fern")
    return list(night.store.read_json(f"{night.run.path}/restore.json")["at"])


@pytest.mark.parametrize(("late", "asked"), [(timedelta(minutes=5), 1), (timedelta(), 2)])
def test_a_restore_that_never_begins_is_waited_for_and_asked_for_twice_at_most(
    play: Play,
    undo: Undo,
    canvas: Canvas,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    late: timedelta,
    asked: int,
) -> None:
    two_nights(play)
    monkeypatch.setattr("roster_airflow.restoring.LATE", late)
    within_a_second(tmp_path)
    canvas.fault(**{**LOST, "times": None}, name="cut_upload")
    run = undo()
    assert isinstance(run.errors["restore"], CanvasStuck)
    assert (len(asked_at(run)), run.states["load"], run.states["verdict"]) == (asked, "success", "failed")


def test_it_is_not_asked_for_once_more_when_the_ledger_has_moved_on(
    play: Play, undo: Undo, canvas: Canvas, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile() -> None:
        monkeypatch.setattr("roster_airflow.restoring.LATE", timedelta())
        play(changed(NEXT, "students.csv", "p1", "First_name", "Ludmila"))

    two_nights(play)
    canvas.fault(**LOST, name="cut_upload")
    run = undo("restore", "again")
    monkeypatch.setattr(run, "while_closed", meanwhile)
    assert run.execute(undo_dag().get_task("restore")) == {"state": "unknown", "why_not": None}
    assert len(asked_at(run)) == 1
    assert canvas.imports()[1]["state"] == "imported"


def test_a_restore_that_canvas_refuses_was_not_asked_for(play: Play, undo: Undo, canvas: Canvas) -> None:
    two_nights(play)
    canvas.fault(**{**LOST, "times": 1}, name="no_permission")
    run = undo()
    assert run.states["restore"] == "failed"
    clear(run, "restore")
    assert run.kept["restore", "return_value"] == {"state": "not asked", "why_not": "moved"}
    assert canvas.imports()[1]["state"] == "imported"


def test_cleared_at_any_task_nothing_is_sent_twice(play: Play, undo: Undo, canvas: Canvas) -> None:
    two_nights(play)
    run = undo("load")  # killed before it posted
    assert (run.states["verdict"], len(canvas.imports())) == ("failed", 2)
    for task in ("load", "again", "restore", "decide"):
        clear(run, task)
        assert (run.states["load"], len(canvas.imports())) == ("success", 3), task
    assert set(canvas.posts_by_identifier().values()) == {1}
    assert run.states["verdict"] == "success"


def clear(run: UndoRun, first: str) -> None:
    """That task and what follows run once more, each from the DAG file anew; what came before stays as it was."""
    order = [task.task_id for task in run.dag.topological_sort()]
    before = set(order[: order.index(first)])
    run.dag = undo_dag()
    for task in run.dag.topological_sort():
        if task.task_id in before:
            continue
        run.kept = {key: value for key, value in run.kept.items() if key[0] != task.task_id}
        above = {run.states[name] for name in task.upstream_task_ids}
        if task.trigger_rule == "all_success" and above - {"success"}:
            run.states[task.task_id] = "skipped"
            continue
        try:
            run.kept[task.task_id, "return_value"] = run.execute(task)
            run.states[task.task_id] = "success"
        except AirflowSkipException:
            run.states[task.task_id] = "skipped"


def test_what_moved_on_after_the_answer_is_not_loaded(
    play: Play, undo: Undo, canvas: Canvas, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_nights(play)
    run = undo("again")
    play(changed(NEXT, "students.csv", "p1", "First_name", "Ludmila"))
    with pytest.raises(LedgerMoved, match="moved on since this undo was shown"):
        run.execute(run.dag.get_task("again"))
    assert len(canvas.imports()) == 3
    assert "run `roster reconcile`" in str(run.errors["verdict"])
    assert Store.home().names(f"runs/fern/{Path(str(run.told['run'])).name}/load") == []


def test_states_are_not_restored_once_the_ledger_has_moved_on(play: Play, undo: Undo, canvas: Canvas) -> None:
    two_nights(play)
    run = undo("restore", "again")
    play(changed(NEXT, "students.csv", "p1", "First_name", "Ludmila"))
    answer = run.execute(undo_dag().get_task("restore"))
    assert answer == {"state": "not asked", "why_not": "moved"}
    assert canvas.imports()[1]["state"] == "imported"
