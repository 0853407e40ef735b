"""The tasks of production and release, run one by one over a small export and two stand-ins for Canvas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk.exceptions import TaskAwaitingInput, TaskDeferred

from roster.decisions import decisions, open_request
from roster.errors import CanvasNotEmpty, NotRehearsed, RequestUnknown
from roster.runs import pointed, read_step
from roster.store import Store
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.params import canvas_production_params, canvas_test_params
from roster_airflow.recording import night_of
from roster_airflow.release import ANSWER
from roster_sandbox.canvas import Canvas, running_canvas
from tests.dags.test_canvas_sync import dags
from tests.five_pupils import PERSONAL, Rows, changed, connections, deliver, tables, tenant_file, without
from tests.roster_airflow.test_night import START, TODAY, Evening, TaskInstance, resolved

EXPORT = tables(TODAY)
FEWER = without(EXPORT, "p2", "p3", "p4", "p5")
APPROVERS = {"rollout": {"approvers": ["principal", "registrar"]}}
LIVE = {"rollout": {"phase": "live", "approvers": ["principal", "registrar"]}}
DISPLAYED = ("subject", "body")


@dataclass
class Form:
    """What Airflow was told to show, and how long."""

    shown: dict[str, Any]
    timeout: timedelta | None


@dataclass
class Part(Evening):
    """A run of one of the DAGs. reply: what comes back from the form: (option, hash, user); None: it is left alone."""

    reply: tuple[str, str | None, str | None] | None = None
    by_hand: bool = False
    forms: list[Form] = field(default_factory=list)
    waited: list[Any] = field(default_factory=list)

    def execute(self, task: Any) -> Any:
        context = self.context(task)
        for name in task.template_fields:
            if name not in DISPLAYED:
                setattr(task, name, resolved(getattr(task, name), context))
        act, event = task.execute, ()
        while True:
            try:
                return act(context, *event)
            except TaskAwaitingInput as form:
                self.forms.append(Form(dict(SHOWN[-1]), form.timeout))
                act, event = getattr(task, form.method_name), (self._event(),)  # type: ignore[assignment]
            except TaskDeferred as deferral:
                self.waited.append(deferral.trigger)
                if isinstance(deferral.trigger, DateTimeTrigger):
                    self.while_closed()
                act, event = getattr(task, deferral.method_name), ()

    def while_closed(self) -> None:
        """The load window opens."""
        tenant_file(Path(TENANTS[-1]), **self.opened)

    opened: dict[str, Any] = field(default_factory=dict)

    def _event(self) -> dict[str, Any]:
        assert self.reply is not None, "nobody answers"
        option, hash_, user = self.reply
        return {
            "chosen_options": [option],
            "params_input": {"hash": hash_} if hash_ else {},
            "responded_at": datetime.now(UTC),
            "responded_by_user": {"id": user, "name": user} if user else None,
        }

    def context(self, task: Any) -> Any:
        run = SimpleNamespace(
            run_after=START + timedelta(days=self.number),
            run_id=f"run-{self.number}",
            logical_date=None,
            dag_id=self.dag.dag_id,
            run_type="manual" if self.by_hand else "asset_triggered",
        )
        ti = TaskInstance(task.task_id, self.kept, self.try_number)
        ids = {"task_instance": SimpleNamespace(id=f"ti-{task.task_id}")}
        return {"dag_run": run, "params": self.params, "task": task, "ti": ti, "run_id": run.run_id, **ids}

    @property
    def answer(self) -> Any:
        return self.kept.get(("decide", ANSWER), {}).get("answer")

    @property
    def told(self) -> Any:
        """report.json of the verdict."""
        night = night_of(self.context(self.dag.get_task("verdict")), "fern")
        return read_step(night.store, str(night.run.latest("verdict")), "report.json")

    @property
    def wakes(self) -> bool:
        """Whether a task that carries the asset of what is held ended well."""
        return "success" in {self.states.get("hold"), self.states.get("conclude")}


SHOWN: list[dict[str, Any]] = []
TENANTS: list[Path] = []


@dataclass
class Rollout:
    """One tenant's runs, whose files and Canvases the test holds."""

    folder: Path
    test: Canvas
    production: Canvas
    runs: Iterator[int]

    def set(self, **tenant: Any) -> None:
        """The tenant file from now on."""
        hosts = [one.url.removeprefix("http://") for one in (self.test, self.production)]
        canvas = {
            "test": {"connection": "fern_canvas", "hosts": hosts[:1]},
            "production": {"connection": "fern_production", "hosts": hosts[1:]},
        }
        tenant_file(self.folder / "tenants", **{"canvas": canvas, **APPROVERS, **tenant})

    def play(self, export: dict[str, Rows], *left_out: str, **params: Any) -> Part:
        """The night in test."""
        number = next(self.runs)
        deliver(self.folder / "files", export, delivered=START + timedelta(days=number, hours=-2))
        form = {name: param.value for name, param in canvas_test_params().items()}
        return self._run(Part(dags()["fern_canvas_test"], number, {**form, **params}), *left_out)

    def promote(self, *left_out: str, **params: Any) -> Part:
        """A run of production."""
        form = {name: param.value for name, param in canvas_production_params().items()}
        return self._run(Part(dags()["fern_canvas_production"], next(self.runs), {**form, **params}), *left_out)

    def release(
        self,
        option: str = "Approve",
        *left_out: str,
        hash: str | None = "as shown",
        by: str | None = "registrar",
        opened: dict[str, Any] | None = None,
        by_hand: bool = False,
    ) -> Part:
        """A run of the release, answered like that."""
        found = open_request(Store.home(), "fern")
        shown = found[0].held_hash if found else None
        reply = (option, shown if hash == "as shown" else hash, by)
        part = Part(dags()["fern_canvas_release"], next(self.runs), {}, reply=reply, by_hand=by_hand)
        part.opened = opened or {}
        return self._run(part, *left_out)

    def _run(self, part: Part, *left_out: str) -> Part:
        part.run(*left_out)
        return part

    def first(self) -> None:
        """The whole first load, released."""
        self.play(EXPORT)
        self.promote()
        assert self.release().states["verdict"] == "success"

    def people(self, canvas: Canvas) -> list[str]:
        """Who may log in."""
        return sorted(one["user_id"] for one in canvas.state()["users"] if one["user_id"] and one["state"] == "active")


@pytest.fixture
def rollout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rollout]:
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path / "tenants"))
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("roster.checks.judgement.read_suites", lambda _: ())
    # What Airflow's server does: it has no part in a test without one.
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **shown: SHOWN.append(shown)
    )
    with ExitStack() as stack:
        test, production = (stack.enter_context(running_canvas(tmp_path / name)) for name in ("test", "production"))
        for name, value in connections(test.url, test.token, tmp_path / "files").items():
            monkeypatch.setenv(name, value)
        connection = {"conn_type": "canvas", "host": production.url, "password": production.token}
        monkeypatch.setenv("AIRFLOW_CONN_FERN_PRODUCTION", json.dumps(connection))
        monkeypatch.setattr(CanvasHook, "retry_delays", ())
        rollout = Rollout(tmp_path, test, production, iter(range(1000)))
        rollout.set()
        TENANTS.append(tmp_path / "tenants")
        yield rollout


def closed_now() -> dict[str, Any]:
    """A load window that is closed for two hours around now."""
    now = datetime.now(ZoneInfo("Australia/Brisbane"))
    return {"not_between": [f"{now + timedelta(hours=hours):%H:%M}" for hours in (-1, 1)]}


def test_review_release_live(rollout: Rollout, caplog: pytest.LogCaptureFixture) -> None:
    rollout.play(EXPORT)
    assert rollout.people(rollout.production) == []
    held = rollout.promote()
    assert set(held.states.values()) == {"success"}
    assert held.kept["load", "return_value"]["counts"]["rows"] == 0
    assert "31 changes are held and wait for an answer in fern_canvas_release" in held.report
    assert rollout.production.imports() == []

    released = rollout.release()
    assert {task for task, state in released.states.items() if state != "success"} == {"conclude"}
    assert rollout.people(rollout.production) == rollout.people(rollout.test)
    assert len(rollout.test.imports()) == 1  # test had it all
    (kept,) = decisions(Store.home(), "fern")
    assert (kept.answer, kept.outcome, kept.by, kept.import_id) == ("approved", "loaded", "registrar", "1")
    told_of = released.told["request"]
    assert (told_of["state"], told_of["by"], told_of["rows"]) == ("loaded", "registrar", 31)

    rollout.set(**LIVE)
    rollout.play(changed(EXPORT, "students.csv", "p1", "Last_name", "Newfeather"))
    promoted = rollout.promote()
    assert (promoted.states["load"], promoted.states["hold"]) == ("success", "skipped")
    names = [one["name"] for one in rollout.production.state()["users"] if one["user_id"] == "p1"]
    assert names == ["Aoife Newfeather"]
    told = caplog.text + str(held.kept) + str(released.kept) + held.report + released.report + str(released.forms)
    assert [word for word in (*PERSONAL, "Newfeather") if word in told] == []


def test_the_form_shows_numbers_and_the_hash_to_approvers_alone(rollout: Rollout) -> None:
    rollout.play(EXPORT)
    held = rollout.promote()
    released = rollout.release("Reject")
    (form,) = released.forms
    shown = held.kept["hold", "return_value"]
    assert form.shown["subject"] == "Fern Schools: release for the production Canvas?"
    assert form.shown["options"] == ["Approve", "Reject"]
    assert form.shown["defaults"] == ["Reject"]
    assert form.shown["assigned_users"] == [{"id": one, "name": one} for one in ("principal", "registrar")]
    assert form.shown["params"]["hash"]["value"] == shown
    assert "**31 changes**" in form.shown["body"]
    assert f"Hash of what is shown: `{shown}`" in form.shown["body"]
    assert "dags/fern_canvas_release/runs/run-" in form.shown["body"]
    assert form.timeout is not None
    assert timedelta(hours=19, minutes=58) < form.timeout <= timedelta(hours=20)  # without a schedule


def test_the_form_ends_before_the_next_night(rollout: Rollout) -> None:
    rollout.set(schedule="0 2 * * *")
    rollout.play(EXPORT)
    rollout.promote()
    (form,) = rollout.release("Reject").forms
    assert form.timeout is not None
    ends = datetime.now(ZoneInfo("Australia/Brisbane")) + form.timeout
    assert (ends + timedelta(seconds=30)).strftime("%H:%M") in ("01:30", "01:31") or form.timeout <= timedelta(
        minutes=5
    )


@pytest.mark.parametrize(
    ("reply", "answer", "wakes"),
    [
        ({"option": "Reject"}, "rejected", False),
        ({"by": None}, "unanswered", False),
        ({"by": "stranger"}, "foreign", True),
        ({"hash": "0" * 64}, "outdated", True),
        ({"hash": None}, "outdated", True),
    ],
)
def test_no_other_answer_releases_anything(rollout: Rollout, reply: dict[str, Any], answer: str, wakes: bool) -> None:
    rollout.play(EXPORT)
    rollout.promote()
    released = rollout.release(**reply)
    assert (released.answer, released.wakes) == (answer, wakes)
    assert released.states["decide"] == "skipped"
    assert {released.states[task] for task in ("test.settle", "test.load", "production.settle", "production.load")} == {
        "skipped"
    }
    assert released.states["verdict"] == "success"
    assert rollout.production.imports() == []
    assert open_request(Store.home(), "fern") is not None
    again = rollout.release("Reject")
    assert (again.states["ask"] == "success") is wakes
    assert rollout.release("Reject", by_hand=True).states["ask"] == "success"


def test_a_form_that_was_shown_before_does_not_wait_and_counts_for_nothing(rollout: Rollout) -> None:
    rollout.play(EXPORT)
    rollout.promote()
    released = rollout.release("Reject")
    assert len(released.forms) == 1
    again = Part(dags()["fern_canvas_release"], released.number, {}, reply=released.reply, by_hand=True)
    again.run()  # as after a clear of the whole run
    assert again.forms == []
    assert (again.answer, again.wakes) == ("cleared", True)
    assert again.states["verdict"] == "success"
    assert rollout.production.imports() == []
    assert rollout.release(by_hand=True).answer == "approved"


def test_forms_that_never_can_be_answered_are_not_made_for_ever(rollout: Rollout) -> None:
    rollout.play(EXPORT)
    rollout.promote()
    seen = []
    for _ in range(3):
        released = rollout.release("Reject", by_hand=True)
        again = Part(dags()["fern_canvas_release"], released.number, {}, reply=released.reply, by_hand=True)
        seen.append(again.run())
    # Each was answered before it was cleared, so none follows upon another.
    assert [one.wakes for one in seen] == [True, True, True]
    for _ in range(2):
        last = Part(dags()["fern_canvas_release"], seen[-1].number, {}, reply=None, by_hand=True)
        last.run()
    assert (last.answer, last.wakes) == ("cleared", False)
    assert "3 forms in a row" in str(last.errors["conclude"])
    assert "step conclude failed: 3 forms in a row" in str(last.errors["verdict"])
    assert rollout.production.imports() == []


def test_with_nothing_held_nobody_is_asked(rollout: Rollout) -> None:
    released = rollout.release()
    assert released.states == {
        "ask": "skipped",
        **dict.fromkeys(("sign_off", "decide", "test.settle", "test.plan", "test.load"), "skipped"),
        **dict.fromkeys(("production.settle", "production.plan", "production.load", "conclude"), "skipped"),
        "verdict": "success",
    }
    rollout.first()
    assert rollout.release(by_hand=True).states["ask"] == "skipped"


def test_a_release_waits_for_its_window_and_looks_again_then(rollout: Rollout) -> None:
    rollout.play(EXPORT)
    rollout.promote()
    rollout.set(load_window=closed_now())
    content = json.loads((rollout.folder / "tenants" / "fern.yaml").read_text(encoding="utf-8"))
    opened = {key: value for key, value in content.items() if key not in ("id", "load_window")}
    released = rollout.release(opened=opened)
    trigger = next(one for one in released.waited if isinstance(one, DateTimeTrigger))
    assert timedelta(minutes=58) < trigger.moment - datetime.now(UTC) <= timedelta(hours=1)
    assert released.states["production.load"] == "success"
    assert len(rollout.production.imports()) == 1


def test_what_changed_while_the_window_was_closed_is_not_sent(rollout: Rollout) -> None:
    rollout.first()
    rollout.play(changed(EXPORT, "students.csv", "p1", "Last_name", "Newfeather"))
    rollout.promote()
    rollout.set(load_window=closed_now())
    content = json.loads((rollout.folder / "tenants" / "fern.yaml").read_text(encoding="utf-8"))
    opened = {key: value for key, value in content.items() if key not in ("id", "load_window")}

    class Meanwhile(Part):
        def while_closed(self) -> None:
            super().while_closed()
            rollout.play(changed(EXPORT, "students.csv", "p1", "Last_name", "Otherfeather"))
            rollout.set(**LIVE)
            assert rollout.promote().states["load"] == "success"

    found = open_request(Store.home(), "fern")
    assert found is not None
    reply = ("Approve", found[0].held_hash, "registrar")
    part = Meanwhile(dags()["fern_canvas_release"], next(rollout.runs), {}, reply=reply, opened=opened)
    part.run()
    assert part.answer == "approved"
    assert part.states["production.load"] == "success"
    (kept, *_) = decisions(Store.home(), "fern")
    assert kept.outcome == "outdated"
    names = [one["name"] for one in rollout.production.state()["users"] if one["user_id"] == "p1"]
    assert names == ["Aoife Otherfeather"]


def test_a_night_that_falls_into_the_closed_window_is_missed_and_the_next_one_covers_it(rollout: Rollout) -> None:
    rollout.first()
    window = closed_now()
    rollout.set(**LIVE, load_window=window)
    rollout.play(changed(EXPORT, "students.csv", "p1", "Last_name", "Newfeather"))
    missed = rollout.promote()
    assert missed.states["load"] == "success"
    assert missed.states["hold"] == "skipped"
    assert missed.states["verdict"] == "success"
    assert missed.kept["load", "return_value"]["counts"]["missed"] is True
    assert "missed: the load window is closed until" in missed.report
    assert len(rollout.production.imports()) == 1
    rollout.set(**LIVE)
    rollout.play(changed(EXPORT, "students.csv", "p1", "Last_name", "Newfeather"))
    covered = rollout.promote()
    assert (
        covered.kept["load", "return_value"]["counts"] | {"sent": 1, "missed": False}
        == covered.kept["load", "return_value"]["counts"]
    )


def test_only_does_not_wait_for_the_window(rollout: Rollout) -> None:
    rollout.first()
    rollout.set(**LIVE, load_window=closed_now())
    rollout.play(changed(EXPORT, "students.csv", "p1", "Last_name", "Newfeather"))
    run = rollout.promote(only="sch1")
    assert run.kept["load", "return_value"]["counts"]["sent"] == 1


def test_what_production_takes_is_the_pointers_and_no_more_than_its_scope(rollout: Rollout) -> None:
    before = rollout.promote()
    assert isinstance(before.errors["take"], NotRehearsed)
    assert (before.states["plan"], before.states["hold"]) == ("upstream_failed", "skipped")
    assert str(before.errors["verdict"]).startswith("step take failed: no night was handed on yet")
    rollout.first()
    rollout.play(changed(EXPORT, "students.csv", "p1", "Last_name", "Newfeather"), only="sch1")
    assert pointed(Store.home(), "fern", "tested")["scope"] == "sch1"  # type: ignore[index]
    other = rollout.promote(only="sch2")
    assert isinstance(other.errors["plan"], RequestUnknown)
    assert rollout.promote().kept["plan", "return_value"]["counts"]["narrowed"] is True


def test_a_dry_run_of_production_asks_and_sends_nothing(rollout: Rollout) -> None:
    rollout.play(EXPORT)
    run = rollout.promote(dry_run=True)
    assert (run.states["plan"], run.states["load"], run.states["hold"]) == ("success", "skipped", "skipped")
    assert run.states["verdict"] == "success"
    assert open_request(Store.home(), "fern") is None
    assert rollout.production.imports() == []


def test_a_canvas_with_people_of_its_own_is_refused_before_anything_is_asked(rollout: Rollout) -> None:
    rollout.first()
    Store.home().remove("ledgers/" + rollout.production.url.removeprefix("http://").replace(":", "_"))
    rollout.play(EXPORT)
    run = rollout.promote()
    assert isinstance(run.errors["load"], CanvasNotEmpty)
    assert run.states["hold"] == "skipped"
    assert open_request(Store.home(), "fern") is None
    assert "already holds users with SIS ids" in str(run.errors["verdict"])


def test_what_test_does_not_take_is_not_promoted(rollout: Rollout) -> None:
    rollout.first()
    rollout.set(**LIVE, safety={"refused": "1%", "at_least": 0})
    rollout.play(FEWER)
    rollout.promote()
    rollout.test.fault("refuse_rows", file="users")
    released = rollout.release()
    assert released.states["test.load"] == "success"
    assert isinstance(released.errors["production.settle"], NotRehearsed)
    assert "refused more of what was released" in str(released.errors["production.settle"])
    assert (released.states["production.load"], released.states["verdict"]) == ("upstream_failed", "failed")
    assert "p5" in rollout.people(rollout.production)
    (kept, *_) = decisions(Store.home(), "fern")
    assert kept.outcome == "not loaded"


@pytest.mark.parametrize(("phase", "goes"), [("live", True), ("review", False)])
@pytest.mark.parametrize("fault", ["server_error", "token_dead"])
def test_a_test_that_is_away_stops_a_release_in_review_only(
    rollout: Rollout, phase: str, goes: bool, fault: str
) -> None:
    rollout.first()
    rollout.set(rollout={"phase": phase, "approvers": ["registrar"]})
    rollout.play(FEWER)
    rollout.promote()
    rollout.test.fault(fault)
    released = rollout.release()
    assert released.states["test.settle"] == "failed"
    assert (released.states["production.settle"] == "success") is goes
    assert ("p5" in rollout.people(rollout.production)) is not goes
    assert isinstance(released.errors.get("production.settle"), NotRehearsed) is not goes


def test_another_fault_in_test_stops_a_release_whatever_the_phase(rollout: Rollout) -> None:
    rollout.first()
    rollout.set(**LIVE)
    rollout.play(FEWER)
    rollout.promote()
    rollout.test.fault("no_permission")
    released = rollout.release()
    assert isinstance(released.errors["production.settle"], NotRehearsed)
    assert "p5" in rollout.people(rollout.production)


def test_a_tenant_without_a_test_environment(rollout: Rollout) -> None:
    host = rollout.production.url.removeprefix("http://")
    none = {"test": "none", "production": {"connection": "fern_production", "hosts": [host]}}
    rollout.set(canvas=none)
    night = rollout.play(EXPORT)
    assert set(night.states.values()) == {"success"}
    assert night.kept["load", "return_value"]["counts"]["rows"] == 0
    assert json.loads((night.folder("load") / "load.json").read_text(encoding="utf-8"))["read"]["users.csv"] == 12
    assert (rollout.test.imports(), rollout.production.imports()) == ([], [])
    rollout.promote()
    assert [task for task in dags()["fern_canvas_release"].task_ids if task.startswith("test.")] == []
    assert rollout.release().states["production.load"] == "success"
    rollout.set(canvas=none, **LIVE)
    rollout.play(changed(without(EXPORT, "p5"), "students.csv", "p1", "Last_name", "Newfeather"))
    run = rollout.promote()
    assert run.kept["load", "return_value"]["counts"]["sent"] == 1
    assert run.kept["plan", "return_value"]["counts"]["held"] > 0
    assert "unrehearsed: this artefact was not loaded into a test environment" in run.report
    assert "p5" in rollout.people(rollout.production)
    assert rollout.release().answer == "approved"
    assert "p5" not in rollout.people(rollout.production)
    dry = rollout.play(EXPORT, dry_run=True)
    assert dry.states["load"] == "skipped"


def test_a_resync_in_review_is_released(rollout: Rollout) -> None:
    rollout.first()
    rollout.play(EXPORT)
    run = rollout.promote(resync=True)
    assert (run.states["hold"], run.kept["plan", "return_value"]["counts"]["free"]) == ("success", 0)
    released = rollout.release()
    assert released.kept["production.load", "return_value"]["counts"]["sent"] == 12 + 2 + 8 + 5
    (kept, *_) = decisions(Store.home(), "fern")
    assert kept.outcome == "loaded"


def test_a_release_that_breaks_off_is_told_and_asked_again(rollout: Rollout) -> None:
    rollout.play(EXPORT)
    rollout.promote()
    broken = rollout.release("Approve", "production.plan")
    assert broken.states["verdict"] == "failed"
    assert "step plan did not finish" in str(broken.errors["verdict"])
    (kept, *_) = decisions(Store.home(), "fern")
    assert kept.outcome == "not loaded"
    assert rollout.release().answer == "approved"
    assert len(rollout.production.imports()) == 1


def test_a_form_that_failed_is_told(rollout: Rollout) -> None:
    rollout.play(EXPORT)
    rollout.promote()
    lost = rollout.release("Approve", "sign_off")
    assert lost.states["verdict"] == "failed"
    assert (lost.answer, lost.wakes) == (None, False)
    assert "step decide did not finish" in str(lost.errors["verdict"])
