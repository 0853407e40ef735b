"""All of it standing: Canvas's stand-in and Airflow as processes. A night is played on it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import httpx

from roster_sandbox.canvas import Canvas
from roster_sandbox.demo import comparison
from roster_sandbox.demo.airflow import AirflowApi, Run, Task
from roster_sandbox.demo.keys import LOOPBACK, Keys, free_port, is_free, keys_in
from roster_sandbox.demo.nights import Nights
from roster_sandbox.demo.places import REPOSITORY, TENANT, Places
from roster_sandbox.demo.processes import Process, StartFailed, end_left_over, keep, undisturbed
from roster_sandbox.demo.report import Report
from roster_sandbox.demo.settings import ZONE, environment, write_passwords, write_tenant

DAG = f"{TENANT}_canvas_test"
UI_PORT = 8080
START_CANVAS, START_AIRFLOW, NIGHT = 60.0, 240.0, 900.0
"""Seconds that each may take."""


@dataclass(frozen=True)
class Stage:
    """What stands. processes: in the order they were started."""

    places: Places
    keys: Keys
    canvas: Canvas
    api: AirflowApi
    processes: tuple[Process, ...]

    def require_running(self) -> None:
        """Raise StartFailed naming the log of a process that has ended."""
        for process in self.processes:
            process.require_running()


@dataclass(frozen=True)
class Played:
    """A night that came to its end. wrong: what is not as it should be, empty if all is."""

    run: Run
    tasks: list[Task]
    seconds: float
    report: Report | None
    wrong: list[str]


@contextmanager
def standing(places: Places, say: Callable[[str], None], more: Mapping[str, str] | None = None) -> Iterator[Stage]:
    """Start what is needed; at the end of the block all of it is stopped. more: further variables for Airflow.

    Raises StartFailed.
    """
    places.make()
    keys = keys_in(places.keys)
    write_tenant(places)
    write_passwords(places, keys)
    if count := end_left_over(places.sessions):
        say(f"{count} processes were left over from a run that was killed: ended")
    with ExitStack() as stack:
        stack.callback(lambda: places.sessions.unlink(missing_ok=True))
        say(f"Canvas's stand-in starts at http://{LOOPBACK}:{keys.canvas_port}")
        with undisturbed():
            canvas_process = _start_canvas(places, keys)
            stack.callback(canvas_process.stop)
            keep(places.sessions, [canvas_process])
        port = free_port(UI_PORT)
        say(f"Airflow starts at http://{LOOPBACK}:{port}; the first time this takes a minute")
        with undisturbed():
            airflow_process = Process(
                "airflow standalone",
                [sys.executable, "-m", "airflow", "standalone"],
                environment=environment(places, keys, port, more),
                log=places.logs / "airflow.log",
            )
            stack.callback(airflow_process.stop)
            keep(places.sessions, [canvas_process, airflow_process])
        canvas = Canvas(f"http://{LOOPBACK}:{keys.canvas_port}", keys.canvas_token)
        api = stack.enter_context(closing(AirflowApi(f"http://{LOOPBACK}:{port}", "admin", keys.admin)))
        stage = Stage(places, keys, canvas, api, (canvas_process, airflow_process))
        _wait("Canvas's stand-in", START_CANVAS, canvas_process, lambda: _answers(canvas), stage)
        _wait("airflow standalone", START_AIRFLOW, airflow_process, api.healthy, stage)
        _wait(f"the DAG {DAG} in Airflow", START_AIRFLOW, airflow_process, lambda: api.has_dag(DAG), stage)
        yield stage


def _start_canvas(places: Places, keys: Keys) -> Process:
    if not is_free(keys.canvas_port):
        message = (
            f"port {keys.canvas_port} is taken, where this Canvas has been since it was set up: end what listens there "
            f"(left over from an earlier run?), or remove {places.work} and begin anew"
        )
        raise StartFailed(message)
    command = ["-m", "roster_sandbox.canvas", "--state", str(places.canvas), "--port", str(keys.canvas_port)]
    # The token goes by environment: an argument could be read by everybody on the machine.
    return Process(
        "Canvas's stand-in",
        [sys.executable, *command, "--name", "Banksia Schools"],
        environment={"PYTHONPATH": str(REPOSITORY / "include"), "ROSTER_SANDBOX_TOKENS": keys.canvas_token},
        log=places.logs / "canvas.log",
    )


def _answers(canvas: Canvas) -> bool:
    try:
        canvas.imports()
    except httpx.HTTPError:
        return False
    return True


def _wait(what: str, seconds: float, process: Process, ready: Callable[[], bool], stage: Stage) -> None:
    until = time.monotonic() + seconds
    while not ready():
        stage.require_running()
        if time.monotonic() > until:
            message = f"{what} was not ready after {seconds:.0f} seconds: see {process.log}"
            raise StartFailed(message)
        time.sleep(0.3)


def follow(stage: Stage, run: Run, changed: Callable[[Task], None]) -> tuple[Run, list[Task]]:
    """Wait for the run to end; `changed` hears of every task whenever its state changes. Raises StartFailed."""
    until, seen = time.monotonic() + NIGHT, dict[str, tuple[str | None, int]]()
    while True:
        stage.require_running()
        run = stage.api.run(DAG, run.id)
        tasks = stage.api.tasks(DAG, run.id)
        for task in tasks:
            if task.state is not None and seen.get(task.id) != (task.state, task.tries):
                seen[task.id] = (task.state, task.tries)
                changed(task)
        if run.is_final:
            return run, tasks
        if time.monotonic() > until:
            message = (
                f"the night did not end within {NIGHT / 60:.0f} minutes: see {stage.api.url} and {stage.places.logs}"
            )
            raise StartFailed(message)
        time.sleep(0.5)


def run_night(stage: Stage, changed: Callable[[Task], None], conf: dict[str, Any] | None = None) -> Played:
    """One run over whatever is delivered; wrong is what its own report says. conf: Params."""
    began, known = time.monotonic(), set(stage.places.reports())
    run, tasks = follow(stage, stage.api.trigger(DAG, conf), changed)
    seconds = time.monotonic() - began
    new = [file for file in stage.places.reports() if file not in known]
    report = Report.read(stage.places.home, new[-1]) if new else None
    wrong = report.failed if report else [f"the night wrote no report: see {stage.api.url}"]
    if run.state != "success" and not wrong:
        wrong = [f"the run ended as {run.state}"]
    return Played(run, tasks, seconds, report, wrong)


def play(stage: Stage, nights: Nights, changed: Callable[[Task], None]) -> Played:
    """The next night: deliver its export, run it, and hold Canvas against what the district implies.

    A night in which all is right counts as played; another is played again next time.
    """
    nights.deliver(nights.next)
    played = run_night(stage, changed)
    if played.report and not played.wrong:
        played.wrong.extend(_compared(stage, nights, played.report))
        if not played.wrong:
            nights.done(played.report.day)
    return played


def today() -> date:
    """The day of a night that begins now."""
    return datetime.now(ZONE).date()


def _compared(stage: Stage, nights: Nights, report: Report) -> list[str]:
    before, expected = nights.before(), nights.expected(report.day)
    wrong = [
        f"Canvas does not hold what the district implies: {difference.text}"
        for difference in comparison.differences(stage.canvas.state(), expected, ZONE)
    ]
    implied, sent = comparison.implied_changes(before, expected, ZONE), report.changes("free")
    for file, action in sorted(implied.keys() | sent.keys()):
        if implied[file, action] != sent[file, action]:
            count, should = sent[file, action], implied[file, action]
            wrong.append(f"{file}: {count} rows were sent to {action}, the district implies {should}")
    return wrong
