"""The tasks of a night, run one by one over a small export and the stand-in for Canvas."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred

from roster.errors import (
    CanvasBusy,
    CanvasTokenDead,
    NightFailed,
    RequestUnknown,
    RosterError,
    RunFolderBroken,
    SourceIncomplete,
    StoppedByRule,
)
from roster.runs import pointed
from roster.store import Store
from roster.tenants import find_tenant
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.loading import loading_for
from roster_airflow.params import canvas_test_params
from roster_airflow.recording import night_of
from roster_sandbox.canvas import Canvas, running_canvas
from tests.dags.test_canvas_sync import dags
from tests.five_pupils import FAMILY, PERSONAL, Rows, changed, connections, deliver, live, tables, tenant_file, without
from tests.roster_airflow.scripted import Answer, scripted_server

pytestmark = pytest.mark.usefixtures("rules_only")

START = datetime(2026, 3, 2, 16, tzinfo=UTC)
TODAY = START.date()


@dataclass
class TaskInstance:
    """What a task knows of itself: it keeps what is pushed, for all tasks of the run."""

    task_id: str
    kept: dict[tuple[str, str], Any]
    try_number: int = 4
    start_date: datetime = field(default_factory=lambda: datetime.now(UTC))

    def xcom_push(self, key: str, value: Any) -> None:
        self.kept[self.task_id, key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value") -> Any:
        return self.kept.get((task_ids, key))


@dataclass
class Evening:
    """One run: the tasks of the DAG in their order, those after a failed one left out as Airflow leaves them out."""

    dag: DAG
    number: int
    params: dict[str, Any]
    try_number: int = 4
    kept: dict[tuple[str, str], Any] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    errors: dict[str, BaseException] = field(default_factory=dict)

    def run(self, *left_out: str) -> Evening:
        for task in self.dag.topological_sort():
            if task.task_id in left_out:
                self.states[task.task_id] = "failed"
                continue
            above = {self.states[name] for name in task.upstream_task_ids}
            if task.trigger_rule == "all_success" and above - {"success"}:
                self.states[task.task_id] = "skipped" if "skipped" in above else "upstream_failed"
                continue
            try:
                self.kept[task.task_id, "return_value"] = self.execute(task)
                self.states[task.task_id] = "success"
            except AirflowSkipException:
                self.states[task.task_id] = "skipped"
            except RosterError as error:
                self.states[task.task_id], self.errors[task.task_id] = "failed", error
        return self

    def execute(self, task: Any) -> Any:
        context = self.context(task)
        for name in task.template_fields:
            setattr(task, name, resolved(getattr(task, name), context))
        act = task.execute
        while True:
            try:
                return act(context)
            except TaskDeferred:
                time.sleep(0.05)
                act = task.resume

    def context(self, task: Any) -> Any:
        run = SimpleNamespace(
            run_after=START + timedelta(days=self.number), run_id=f"manual-{self.number}", logical_date=None
        )
        ti = TaskInstance(task.task_id, self.kept, self.try_number)
        return {"dag_run": run, "params": self.params, "task": task, "ti": ti, "run_id": run.run_id}

    def folder(self, step: str) -> Path:
        return Store.home().local_path(self.kept[step, "return_value"]["path"])

    @property
    def report(self) -> str:
        night = night_of(self.context(self.dag.get_task("verdict")), "fern")
        path = night.run.latest("verdict")
        assert path is not None
        return night.store.read(f"{path}/report.md").decode()


def resolved(value: Any, context: Any) -> Any:
    """A templated value with what upstream tasks answered in the place of references to it."""
    if isinstance(value, dict):
        return {name: resolved(one, context) for name, one in value.items()}
    return context["ti"].xcom_pull(value.operator.task_id)


@pytest.fixture
def canvas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canvas]:
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path / "tenants"))
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    tenant_file(tmp_path / "tenants")
    with running_canvas(tmp_path / "canvas") as running:
        for name, value in connections(running.url, running.token, tmp_path / "files").items():
            monkeypatch.setenv(name, value)
        yield running


Play = Callable[..., Evening]


@pytest.fixture
def play(tmp_path: Path, canvas: Canvas) -> Play:
    """The next night over a delivery; Params by name."""
    nights = iter(range(100))

    def play_one(export: dict[str, Rows] | None, *left_out: str, try_number: int = 4, **params: Any) -> Evening:
        number = next(nights)
        if export is not None:
            deliver(tmp_path / "files", export, delivered=START + timedelta(days=number, hours=-2))
        form = {name: param.value for name, param in canvas_test_params().items()}
        return Evening(dags()["fern_canvas_test"], number, {**form, **params}, try_number).run(*left_out)

    return play_one


def pointer(name: str) -> Any:
    return pointed(Store.home(), "fern", name)


def test_two_nights(play: Play, canvas: Canvas, caplog: pytest.LogCaptureFixture) -> None:
    export = tables(TODAY)
    first = play(export)
    assert set(first.states.values()) == {"success"}
    assert len(live(canvas.state()["users"], "user_id")) == 12
    assert first.kept["hand_on", "return_value"] == pointer("tested")["artefact"]
    assert first.kept["verdict", "notice"] == {"reasons": [], "counts": {"failed": 0, "notices": 0}}
    assert "· " in first.report
    assert "| extract.clever |" in first.report

    second = play(without(export, "p5"))
    assert set(second.states.values()) == {"success"}
    assert "p5" not in live(canvas.state()["enrollments"], "user_id")
    assert pointer("tested")["number"] == 2
    told = caplog.text + str(first.kept) + str(second.kept) + first.report + second.report
    assert [word for word in PERSONAL if word in told] == []


def test_a_source_that_fails_is_asked_again_and_then_stood_in_for(play: Play, canvas: Canvas, tmp_path: Path) -> None:
    export = tables(TODAY)
    play(export)
    (tmp_path / "files" / "students.csv").unlink()
    asked = play(None, try_number=1)
    assert isinstance(asked.errors["extract.clever"], SourceIncomplete)
    assert asked.states["check"] == "upstream_failed"

    failed = play(None)
    assert failed.states["extract.clever"] == "success"
    assert failed.states["load"] == "success"
    assert failed.states["verdict"] == "failed"
    said = str(failed.errors["verdict"])
    assert "source clever failed and its last good extract stood in: clever: no students.csv in the delivery" in said
    assert len(canvas.imports()) == 1


def test_a_source_that_fails_and_never_was_good_ends_the_night(play: Play, canvas: Canvas) -> None:
    night = play({name: rows for name, rows in tables(TODAY).items() if name != "students.csv"})
    assert night.states == {
        "extract.clever": "failed",
        "settle": "success",
        **dict.fromkeys(("check", "transform", "plan", "load"), "upstream_failed"),
        "hand_on": "skipped",
        "verdict": "failed",
    }
    assert str(night.errors["verdict"]).startswith("source clever failed: clever: no students.csv")
    assert canvas.imports() == []
    assert pointer("tested") is None


def test_a_rule_of_severity_stop_ends_the_night_before_the_transform(
    play: Play, canvas: Canvas, tmp_path: Path
) -> None:
    tenant_file(tmp_path / "tenants", rules={"class-without-students": "stop"})
    export = tables(TODAY)
    export["enrollments.csv"] = [row for row in export["enrollments.csv"] if row[1] != "c2"]
    night = play(export)
    assert isinstance(night.errors["check"], StoppedByRule)
    assert night.states["transform"] == "upstream_failed"
    assert night.states["hand_on"] == "skipped"
    assert str(night.errors["verdict"]) == (
        "rule class-without-students (severity stop) found something: nothing of this night went on"
    )
    assert canvas.imports() == []


def test_refused_beyond_the_budget_fails_and_hands_nothing_on(play: Play, canvas: Canvas, tmp_path: Path) -> None:
    canvas.fault("refuse_rows", file="users.csv", every=3)
    tenant_file(tmp_path / "tenants", safety={"refused": "1%", "at_least": 0})
    night = play(tables(TODAY))
    assert night.states["load"] == "success"
    assert night.states["hand_on"] == "skipped"
    assert "more than the tenant's budget (safety.refused)" in str(night.errors["verdict"])


def test_a_dry_run_stops_after_the_plan(play: Play, canvas: Canvas) -> None:
    night = play(tables(TODAY), dry_run=True)
    assert night.states["plan"] == "success"
    assert (night.states["load"], night.states["hand_on"], night.states["verdict"]) == ("skipped", "skipped", "success")
    assert canvas.imports() == []
    assert pointer("tested") is None


def test_a_past_day_is_played_and_hands_nothing_on(play: Play, canvas: Canvas) -> None:
    night = play(tables(TODAY), as_of="2025-03-01")
    assert night.states["hand_on"] == "skipped"
    assert night.states["verdict"] == "success"
    assert live(canvas.state()["sections"], "section_id") == []
    assert pointer("tested") is None


@pytest.mark.parametrize("stickiness", ["override", "override_and_clear", "override_and_add"])
def test_a_past_day_writes_over_nothing_that_people_changed(play: Play, canvas: Canvas, stickiness: str) -> None:
    export = tables(TODAY)
    play(export)
    canvas.edit("user", "p1", name="By hand")
    night = play(
        changed(export, "students.csv", "p1", "First_name", "Zephyrine"), as_of="2026-03-02", stickiness=stickiness
    )
    assert isinstance(night.errors["plan"], RequestUnknown)
    assert (night.states["load"], night.states["verdict"]) == ("upstream_failed", "failed")
    assert "step plan failed: `as_of` plays a day for practice" in night.report
    assert len(canvas.imports()) == 1
    assert play(export, as_of="2026-03-02", stickiness="keep").states["verdict"] == "success"


def test_a_canvas_that_does_not_answer_hands_on_unrehearsed(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_: CanvasHook) -> None:
        message = "Canvas asks for patience"
        raise CanvasBusy(message)

    play(tables(TODAY))
    monkeypatch.setattr(CanvasHook, "root_account", busy)
    night = play(tables(TODAY))
    assert (night.states["settle"], night.states["plan"]) == ("failed", "upstream_failed")
    assert night.states["hand_on"] == "success"
    assert pointer("tested")["rehearsed"] is False
    assert str(night.errors["verdict"]) == "step settle failed: Canvas asks for patience"


def test_a_dead_token_of_test_is_a_test_that_can_not_be_reached(play: Play, canvas: Canvas) -> None:
    play(tables(TODAY))
    canvas.fault("token_dead")
    evening = play(tables(TODAY))
    assert isinstance(evening.errors["settle"], CanvasTokenDead)
    assert "make the token in production" in evening.report
    assert "was refreshed" not in evening.report
    assert pointer("tested")["rehearsed"] is False


def test_a_refresh_that_nothing_tells_of_ends_the_night_with_what_to_do(
    play: Play, canvas: Canvas, tmp_path: Path
) -> None:
    play(tables(TODAY))
    before = pointer("tested")
    with running_canvas(tmp_path / "production") as production:
        canvas.refresh_from(production)
    evening = play(tables(TODAY))
    assert evening.states["plan"] == "upstream_failed"
    assert "roster settle TENANT --environment test --refreshed" in evening.report
    assert pointer("tested") == before
    loading_for(Store.home(), find_tenant("fern"), "test").follow_refresh(confirmed=True)
    again = play(tables(TODAY))
    assert again.states["verdict"] == "success"
    assert len(canvas.imports()) == 1


def test_hand_on_that_fails_is_not_passed_over(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        message = "the folder is gone"
        raise RunFolderBroken(message)

    monkeypatch.setattr("roster.steps.hand_on.hand_on", broken)
    night = play(tables(TODAY))
    assert isinstance(night.errors["verdict"], NightFailed)
    assert str(night.errors["verdict"]) == "step hand_on failed: the folder is gone"
    assert str(play(tables(TODAY), "hand_on").errors["verdict"]) == "step hand_on failed: see its task log"


def test_a_step_that_was_killed_is_named(play: Play) -> None:
    night = play(tables(TODAY), "plan")
    assert str(night.errors["verdict"]) == "step plan did not finish: see its task log"


def test_a_release_that_is_not_tonights_lets_nothing_go(play: Play, canvas: Canvas) -> None:
    export = tables(TODAY)
    play(export)
    fewer = without(export, "p2", "p3", "p4", "p5")
    held = play(fewer, release="0" * 64)
    assert set(held.states.values()) == {"success"}
    assert "is not the hash of tonight's held part" in held.report
    assert "changes are held; to let them go, run with release = " in held.report
    assert len(canvas.imports()) == 1

    shown = held.kept["plan", "return_value"]["counts"]["held_hash"]
    released = play(fewer, release=shown)
    assert set(released.states.values()) == {"success"}
    assert [one["state"] for one in canvas.state()["users"] if one["user_id"] == "p5"] == ["suspended"]


def test_only_a_school_sends_no_drop_and_leaves_the_good_extract_alone(play: Play, canvas: Canvas) -> None:
    export = tables(TODAY)
    play(export)
    good = pointer("good-clever")
    night = play(changed(without(export, "p5"), "students.csv", "p1", "Last_name", "Newfeather"), only="sch1")
    assert set(night.states.values()) == {"success"}
    state = canvas.state()
    assert "p5" in live(state["users"], "user_id")
    assert [one["name"] for one in state["users"] if one["user_id"] == "p1"] == ["Aoife Newfeather"]
    assert pointer("good-clever") == good
    assert pointer("tested")["scope"] == "sch1"


def test_only_takes_a_school_by_the_id_that_canvas_has_of_it(play: Play, tmp_path: Path) -> None:
    tenant_file(
        tmp_path / "tenants", sync={"ids": {"account": "acc-{org_id}"}, "observers": {"relationships": ["mother"]}}
    )
    play(tables(TODAY))
    by_source, by_canvas = (play(tables(TODAY), resync=True, only=name) for name in ("sch1", "acc-sch1"))
    for night in (by_source, by_canvas):
        assert set(night.states.values()) == {"success"}
    sent = [night.kept["load", "return_value"]["counts"]["rows"] for night in (by_source, by_canvas)]
    assert sent[0] == sent[1] > 0


def test_only_what_is_not_there_fails_at_the_plan(play: Play, canvas: Canvas) -> None:
    night = play(tables(TODAY), only="nowhere")
    assert night.states["plan"] == "failed"
    assert "step plan failed: `only` names neither a school" in str(night.errors["verdict"])
    assert canvas.imports() == []


def test_resync_sends_again_what_is_live(play: Play, canvas: Canvas) -> None:
    export = tables(TODAY)
    play(export)
    assert play(export).kept["plan", "return_value"]["counts"]["free"] == 0
    night = play(export, resync=True)
    lines = night.folder("plan") / "plan.json"
    assert night.kept["plan", "return_value"]["counts"]["free"] == 12 + 2 + 8 + 5
    assert "resend" in lines.read_text(encoding="utf-8")
    assert FAMILY not in lines.read_text(encoding="utf-8")
    assert len(canvas.imports()) == 2


def test_a_verdict_tells_what_is_held_and_pings_after_a_good_night(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_file(tmp_path / "tenants", notify="channel", ping="alive")
    export = tables(TODAY)
    with scripted_server() as people:
        people.says(Answer("ok"))
        for name in ("channel", "alive"):
            fields = {"conn_type": "http", "host": f"{people.url}/{name}"}
            monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(fields))
        play(export)
        assert [asked.path for asked in people.asked] == ["/alive"]
        play(export, as_of="2026-03-02")
        play(export, dry_run=True)
        assert len(people.asked) == 1
        for _ in range(2):
            play(without(export, "p2", "p3", "p4", "p5"))
        play(export)
        assert [asked.path for asked in people.asked[1:]] == ["/channel", "/alive", "/alive", "/channel", "/alive"]
        held, over = (json.loads(asked.body) for asked in people.asked if asked.path == "/channel")
        assert (held["kind"], held["state"], over["state"]) == ("held", "new", "over")
        assert "limit-deleted" in held["text"]
        assert [word for word in PERSONAL if word in held["text"]] == []
        play(None, "extract.clever")
        assert len(people.asked) == 6  # a night that failed is told by Airflow's callback


def test_a_mapping_of_ids_that_can_not_be_read_ends_the_night_before_its_plan(
    play: Play, canvas: Canvas, tmp_path: Path
) -> None:
    """Without it every teacher would be made a second time."""
    export = tables(TODAY)
    play(export)
    people = {user["id"]: user["user_id"] for user in canvas.state()["users"]}
    sync = {"ids": {"user": {"staff": "staff-{sourced_id}"}}, "observers": {"relationships": ["mother"]}}
    mapping = {"connection": "fern_files", "path": "moves/ids.csv"}
    tenant_file(tmp_path / "tenants", sync=sync, id_changes=mapping)
    (tmp_path / "files" / "moves").mkdir()

    missing = play(export)
    assert (missing.states["transform"], missing.states["plan"]) == ("failed", "upstream_failed")
    assert isinstance(missing.errors["transform"], SourceIncomplete)
    assert "step transform failed: ids.csv, which says which ids change, is not there" in missing.report
    (tmp_path / "files" / "moves" / "ids.csv").write_text("type,old_id,new_id\nuser,t1,staff-t1\nuser,t2,\n")
    wrong = play(export)
    assert "ids.csv:3: a cell is blank" in wrong.report
    assert len(canvas.imports()) == 1

    (tmp_path / "files" / "moves" / "ids.csv").write_text("type,old_id,new_id\nuser,t1,staff-t1\nuser,t2,staff-t2\n")
    changed = play(export)
    assert set(changed.states.values()) == {"success"}
    assert "| change_sis_id.csv | · | · | · | · | 2 |" in changed.report
    staff = {"t1": "staff-t1", "t2": "staff-t2"}
    after = {user["id"]: user["user_id"] for user in canvas.state()["users"]}
    assert after == {own: staff.get(sis, sis) for own, sis in people.items()}
    posts = len(canvas.imports())
    play(export)
    assert len(canvas.imports()) == posts


@pytest.fixture
def files(tmp_path: Path, canvas: Canvas) -> Path:
    """Where exports of a tenant arrive that has an archive."""
    file = tmp_path / "tenants" / "fern.yaml"
    content = json.loads(file.read_text())
    content["sources"][0]["archive"] = "archive"
    file.write_text(json.dumps(content))
    return tmp_path / "files"


def inbox(files: Path) -> list[str]:
    return sorted(file.name for file in files.iterdir() if file.is_file())


def archived(files: Path) -> dict[str, list[str]]:
    """By day: what lies in the archive."""
    days = (files / "archive").iterdir() if (files / "archive").exists() else ()
    return {day.name: sorted(file.name for file in day.iterdir()) for day in days}


def test_what_a_good_night_read_is_archived_by_date(play: Play, files: Path, canvas: Canvas) -> None:
    export = tables(TODAY)
    names = sorted([*export, "control.csv"])
    first = play(export)
    assert set(first.states.values()) == {"success"}
    assert (inbox(files), archived(files)) == ([], {"2026-03-03": names})

    again = play(None)
    said = str(again.errors["verdict"])
    assert "its last good extract stood in: clever: nothing was delivered since the last delivery was moved to" in said
    assert again.states["load"] == "success"
    assert len(canvas.imports()) == 1

    play(without(export, "p5"))
    assert "p5" not in live(canvas.state()["enrollments"], "user_id")
    assert (inbox(files), archived(files)) == ([], {"2026-03-03": names, "2026-03-05": names})


@pytest.mark.parametrize(
    ("params", "left_out"),
    [
        ({"dry_run": True}, ()),
        ({"as_of": TODAY.isoformat()}, ()),
        ({"only": "sch1"}, ()),
        ({}, ("load",)),
        ({}, ("hand_on",)),
    ],
)
def test_other_nights_leave_the_delivery_where_it_is(
    play: Play, files: Path, params: dict[str, Any], left_out: tuple[str, ...]
) -> None:
    export = tables(TODAY)
    play(export, *left_out, **params)
    assert inbox(files) == sorted([*export, "control.csv"])
    assert archived(files) == {}


def test_what_stands_in_is_never_older_than_what_was_archived(play: Play, files: Path, canvas: Canvas) -> None:
    export = tables(TODAY)
    play(export)
    renamed = changed(without(export, "p5"), "students.csv", "p1", "Last_name", "Newfeather")
    cut = {**renamed, "enrollments.csv": renamed["enrollments.csv"][:1]}
    unproven = play(cut)
    assert unproven.states["verdict"] == "success"
    assert pointer("good-clever")["path"] != pointer("archived-clever")["path"]
    before = canvas.imports()
    stale = play(None)
    assert stale.states["load"] == "success"
    assert canvas.imports() == before
    assert [one["name"] for one in canvas.state()["users"] if one["user_id"] == "p1"] == ["Aoife Newfeather"]


def test_what_cannot_be_archived_is_a_notice(play: Play, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(files, tables(TODAY))
    (files / "archive").write_text("a file where the archive should be")
    night = play(tables(TODAY))
    assert set(night.states.values()) == {"success"}
    assert "source clever: what was read is not archived: the delivery can't be moved to its archive" in night.report
    assert "students.csv" in inbox(files)

    (files / "archive").unlink()
    reading = night_of(night.context(night.dag.get_task("hand_on")), "fern")
    deliver(files, tables(TODAY), delivered=START + timedelta(hours=1))
    hand_on = night.dag.get_task("hand_on")
    hand_on.execute(night.context(hand_on))
    assert reading.store.names(f"{reading.run.path}/not-archived") == ["clever"]
    night.execute(night.dag.get_task("verdict"))
    assert "changed since it was read, so it is not archived: the next night reads it" in night.report
    assert "students.csv" in inbox(files)
