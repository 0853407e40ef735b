"""All of it standing: the sources, Canvas's two environments, and Airflow. Nights are played on it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import yaml

from roster_sandbox.canvas import Canvas
from roster_sandbox.demo import comparison
from roster_sandbox.demo.airflow import AirflowApi, Run, Task
from roster_sandbox.demo.examples import example, tenant_file
from roster_sandbox.demo.keys import LOOPBACK, Key, Keys, free_port, keys_in
from roster_sandbox.demo.nights import Nights
from roster_sandbox.demo.places import Places
from roster_sandbox.demo.processes import Process, StartFailed, end_left_over, keep, undisturbed
from roster_sandbox.demo.report import Report
from roster_sandbox.demo.settings import ZONE, environment, go_live, write_passwords, write_tenant
from roster_sandbox.demo.stand_ins import StandIn, sandbox

DAG = "canvas_test"
PRODUCTION = "canvas_production"
RELEASE = "canvas_release"
DAGS = (DAG, PRODUCTION, RELEASE)
SIGN_OFF = "sign_off"
UI_PORT = 8080
START_STAND_IN, START_AIRFLOW, NIGHT, WAKING = 60.0, 240.0, 900.0, 120.0
"""Seconds that each may take."""
HEARTBEAT = 7.0
"""Airflow 3.3.2 loses an answer that comes within a scheduler's heartbeat of the question."""


@dataclass(frozen=True)
class Stage:
    """What stands. sources: the stand-ins of the tenant's sources. processes: in the order they were started."""

    places: Places
    keys: Keys
    sources: tuple[StandIn, ...]
    test: Canvas
    production: Canvas
    api: AirflowApi
    approver: AirflowApi
    processes: tuple[Process, ...]

    def require_running(self) -> None:
        """Raise StartFailed naming the log of a process that has ended."""
        for process in self.processes:
            process.require_running()


@dataclass(frozen=True)
class Part:
    """A run of one DAG that has ended, or waits for a person."""

    dag: str
    run: Run
    tasks: list[Task]
    seconds: float
    report: Report | None


@dataclass(frozen=True)
class Played:
    """A night that came to its end. parts: rehearsal, production, release, as far as it came. wrong: what is not as it
    should be, empty if all is.
    """

    parts: tuple[Part, ...]
    wrong: list[str]

    @property
    def run(self) -> Run:
        """Of the rehearsal."""
        return self.parts[0].run

    @property
    def report(self) -> Report | None:
        """Of the rehearsal."""
        return self.parts[0].report

    def part(self, dag: str) -> Part | None:
        """The run of that DAG."""
        return next((part for part in self.parts if part.dag == dag), None)

    @property
    def waits(self) -> bool:
        """Whether somebody is asked."""
        release = self.part(RELEASE)
        return release is not None and not release.run.is_final


@contextmanager
def standing(places: Places, say: Callable[[str], None], more: Mapping[str, str] | None = None) -> Iterator[Stage]:
    """Start what is needed; at the end of the block all of it is stopped. more: further variables for Airflow.

    Raises StartFailed.
    """
    places.make()
    played = example(places.tenant)
    keys = keys_in(places.keys, played.KEYS)
    write_tenant(places, keys)
    write_passwords(places, keys)
    if not any(places.delivery.iterdir()):
        Nights(places, today()).deliver(1)
    if count := end_left_over(places.sessions):
        say(f"{count} processes were left over from a run that was killed: ended")
    started: list[Process] = []

    def start(made: Callable[[], Process]) -> Process:
        with undisturbed():
            process = made()
            stack.callback(process.stop)
            started.append(process)
            keep(places.sessions, started)
        return process

    with ExitStack() as stack:
        stack.callback(lambda: places.sessions.unlink(missing_ok=True))
        sources = tuple(played.stand_ins(places, keys))
        name = ("--name", account(places.tenant))
        test_key, production_key = (
            Key(keys.test_port, keys.test_token),
            Key(keys.production_port, keys.production_token),
        )
        canvases = (
            sandbox("Canvas (test)", "canvas", places.test, test_key, *name),
            sandbox("Canvas (production)", "canvas", places.production, production_key, *name),
        )
        for stand_in in (*sources, *canvases):
            say(f"{stand_in.of}'s stand-in starts at {stand_in.url}")
            start(lambda stand_in=stand_in: stand_in.start(places))  # type: ignore[misc]
        port = free_port(UI_PORT)
        say(f"Airflow starts at http://{LOOPBACK}:{port}; the first time this takes a minute")
        command = [sys.executable, "-m", "airflow", "standalone"]
        told = environment(places, keys, port, more)
        log = places.logs / "airflow.log"
        airflow = start(lambda: Process("airflow standalone", command, environment=told, log=log))
        url = f"http://{LOOPBACK}:{port}"
        api = stack.enter_context(closing(AirflowApi(url, places.tenant, "admin", keys.admin)))
        approver = stack.enter_context(closing(AirflowApi(url, places.tenant, "approver", keys.approver)))
        test, production = Canvas(test_key.url, test_key.secret), Canvas(production_key.url, production_key.secret)
        stage = Stage(places, keys, sources, test, production, api, approver, tuple(started))
        for stand_in, process in zip((*sources, *canvases), started, strict=False):
            _wait(process.name, START_STAND_IN, process, stand_in.answers, stage)
        _wait("airflow standalone", START_AIRFLOW, airflow, api.healthy, stage)
        for dag in DAGS:
            _wait(f"the DAG {dag}", START_AIRFLOW, airflow, lambda dag=dag: api.has_dag(dag), stage)  # type: ignore[misc]
        yield stage


def account(tenant: str) -> str:
    """What the tenant, and Canvas's root account, is called."""
    return str(yaml.safe_load(tenant_file(tenant).read_text(encoding="utf-8"))["name"])


def _wait(what: str, seconds: float, process: Process, ready: Callable[[], bool], stage: Stage) -> None:
    until = time.monotonic() + seconds
    while not ready():
        stage.require_running()
        if time.monotonic() > until:
            message = f"{what} was not ready after {seconds:.0f} seconds: see {process.log}"
            raise StartFailed(message)
        time.sleep(0.3)


def asks(tasks: list[Task]) -> bool:
    """Whether one of these tasks waits for a person."""
    return any(task.state == "awaiting_input" for task in tasks)


def follow(stage: Stage, dag: str, run: Run, changed: Callable[[Task], None]) -> tuple[Run, list[Task]]:
    """Wait for the run to end, or to ask a person; `changed` hears of every task whenever its state changes.

    Raises StartFailed.
    """
    until, seen = time.monotonic() + NIGHT, dict[str, tuple[str | None, int]]()
    while True:
        stage.require_running()
        run = stage.api.run(dag, run.id)
        tasks = stage.api.tasks(dag, run.id)
        for task in tasks:
            if task.state is not None and seen.get(task.id) != (task.state, task.tries):
                seen[task.id] = (task.state, task.tries)
                changed(task)
        if run.is_final or asks(tasks):
            return run, tasks
        if time.monotonic() > until:
            message = f"{dag} did not end within {NIGHT / 60:.0f} minutes: see {stage.api.url} and {stage.places.logs}"
            raise StartFailed(message)
        time.sleep(0.5)


def run_part(stage: Stage, dag: str, changed: Callable[[Task], None], start: Callable[[], Run]) -> Part:
    """One run of a DAG, from its start to its end or to its question."""
    began, known = time.monotonic(), set(stage.places.reports())
    run, tasks = follow(stage, dag, start(), changed)
    new = [file for file in stage.places.reports() if file not in known]
    report = Report.read(stage.places.home, new[-1]) if new and run.is_final else None
    return Part(dag, run, tasks, time.monotonic() - began, report)


def woken(stage: Stage, dag: str, known: Collection[str]) -> Run:
    """The run of that DAG which is none of the known ones, as soon as Airflow has made it. Raises StartFailed."""
    until = time.monotonic() + WAKING
    while time.monotonic() < until:
        stage.require_running()
        if new := [run for run in stage.api.runs(dag) if run.id not in known]:
            return new[0]
        time.sleep(0.3)
    message = f"{dag} was not woken within {WAKING:.0f} seconds: see {stage.api.url}"
    raise StartFailed(message)


def run_night(stage: Stage, changed: Callable[[Task], None], conf: dict[str, Any] | None = None) -> Played:
    """Rehearsal, production and question over whatever is delivered; wrong is what their own reports say.

    conf: Params of the rehearsal.
    """
    before = {dag: {run.id for run in stage.api.runs(dag)} for dag in DAGS}
    parts = [run_part(stage, DAG, changed, lambda: stage.api.trigger(DAG, conf))]
    wrong = said_wrong(stage, parts[0])
    if not wrong and handed_on(parts[0], "hand_on"):
        parts.append(run_part(stage, PRODUCTION, changed, lambda: woken(stage, PRODUCTION, before[PRODUCTION])))
        wrong += said_wrong(stage, parts[1])
        if not wrong and handed_on(parts[1], "hold") and not _asked_before(stage, before[RELEASE]):
            parts.append(run_part(stage, RELEASE, changed, lambda: woken(stage, RELEASE, before[RELEASE])))
    return Played(tuple(parts), wrong)


def _asked_before(stage: Stage, known: Collection[str]) -> bool:
    """Whether an earlier request still waits: the next one is asked after it."""
    return any(not run.is_final for run in stage.api.runs(RELEASE) if run.id in known)


def handed_on(part: Part, task_id: str) -> bool:
    """Whether the task that wakes the next DAG did."""
    return any(task.id == task_id and task.state == "success" for task in part.tasks)


def said_wrong(stage: Stage, part: Part) -> list[str]:
    """What the run itself says is wrong."""
    if part.report is None:
        return [f"{part.dag} wrote no report: see {stage.api.url}"]
    if part.run.state != "success" and not part.report.failed:
        return [f"{part.dag} ended as {part.run.state}"]
    return part.report.failed


def answer(stage: Stage, asking: Part, option: str, changed: Callable[[Task], None]) -> Part:
    """Answer what a run asks as the approver, with the hash that it shows, and follow the run to its end."""
    dag, run_id = asking.dag, asking.run.id
    asked = stage.approver.request(dag, run_id, SIGN_OFF)
    shown = asked["params"]["hash"]["value"] if asked else None
    time.sleep(HEARTBEAT)

    def answered() -> Run:
        status = stage.approver.answer(dag, run_id, SIGN_OFF, option, {"hash": shown})
        if status != 200:
            message = f"Airflow did not take the answer (status {status}): see {stage.api.url}"
            raise StartFailed(message)
        _wait("the answer", WAKING, stage.processes[-1], lambda: not asks(stage.api.tasks(dag, run_id)), stage)
        return asking.run

    return run_part(stage, dag, changed, answered)


def play(stage: Stage, nights: Nights, changed: Callable[[Task], None], *, approve: bool = True) -> Played:
    """The next night: deliver its export, run it, answer the first request, and compare both Canvases to the district.

    A night in which all is right counts as played; another is played again next time. approve: answer what asks for the
    whole; else it is left to a person. Once production was filled, the tenant goes live.
    """
    if stage.production.imports():
        go_live(stage.places)
    nights.deliver(nights.next)
    played = run_night(stage, changed)
    release = played.part(RELEASE)
    if not played.wrong and release is not None and nights.next == 1 and approve:
        released = answer(stage, release, "Approve", changed)
        played = Played((*played.parts[:2], released), said_wrong(stage, released))
    if not played.wrong and played.report is not None:
        played.wrong.extend(_compared(stage, nights, played))
        if not played.wrong:
            nights.done(played.report.day)
    return played


def today() -> date:
    """The day of a night that begins now."""
    return datetime.now(ZONE).date()


def _compared(stage: Stage, nights: Nights, played: Played) -> Iterator[str]:
    """Where the Canvases do not hold what the district implies, or were sent other rows than lead to it."""
    report = played.report
    if report is None:
        return
    before, expected = nights.before(), nights.expected(report.day)
    implied = comparison.implied_changes(before, expected, ZONE)
    canvases = {"test": (stage.test, report)}
    finished = [part.report for part in played.parts[1:] if part.report is not None]
    if finished and stage.production.imports():  # nothing may go before somebody has answered
        canvases["production"] = (stage.production, finished[-1])
    for name, (canvas, told) in canvases.items():
        for difference in comparison.differences(canvas.state(), expected, ZONE):
            yield f"Canvas ({name}) does not hold what the district implies: {difference.text}"
        sent = told.changes("free")
        for file, action in sorted(implied.keys() | sent.keys()):
            if implied[file, action] != sent[file, action]:
                count, should = sent[file, action], implied[file, action]
                yield f"{name}, {file}: {count} rows were sent to {action}, the district implies {should}"
