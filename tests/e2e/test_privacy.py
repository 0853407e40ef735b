"""Nights in which much goes wrong, and then a search for everybody in whatever they left outside ROSTER_HOME.

Over a CSV export, which has more ways to go wrong than an API; `test_rollout` searches after nights over the API.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from roster_sandbox.demo import comparison
from roster_sandbox.demo.airflow import Run, Task
from roster_sandbox.demo.examples import example
from roster_sandbox.demo.keys import keys_in
from roster_sandbox.demo.nights import Nights
from roster_sandbox.demo.places import Places, write_private
from roster_sandbox.demo.report import Report
from roster_sandbox.demo.settings import ZONE, write_tenant
from roster_sandbox.demo.stage import DAG, PRODUCTION, Stage, follow, run_night, run_part, standing, today, woken
from roster_sandbox.district import implied, write_clever
from roster_sandbox.district.implied import term_slug
from tests.e2e.traces import Traces, cells, files_below


@contextmanager
def webhook() -> Iterator[tuple[str, list[bytes]]]:
    """An address to notify, and what it was sent."""
    told: list[bytes] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", told
        finally:
            server.shutdown()
            thread.join()


class Killer:
    """Hears of the tasks of a run: kills one task's process while it works, and has Airflow run it again at once."""

    def __init__(self, stage: Stage, run: Run, task_id: str) -> None:
        self.stage, self.run, self.task_id = stage, run, task_id
        self.killed = self.again = False

    def __call__(self, task: Task) -> None:
        print(task)
        if task.id == self.task_id and task.state == "running" and not self.killed:
            until = time.monotonic() + 5
            while not self.killed and time.monotonic() < until:
                self._kill(task.instance)
        elif task.id == self.task_id and task.state in ("up_for_retry", "failed") and self.killed and not self.again:
            self.again = True
            self.stage.api.clear(DAG, self.run.id, self.task_id)

    def _kill(self, instance: str) -> None:
        named = [process for process in self.stage.processes[-1].members() if instance in " ".join(process.cmdline())]
        if named:  # the task itself, not the process that looks after it
            max(named, key=lambda process: process.pid).kill()
            self.killed = True


def spoil(delivery: Path, *, every: int | None = None) -> None:
    """A pupil's line gets fields too many; with `every`, each such nth line loses its first."""
    file = delivery / "students.csv"
    delivered = file.stat().st_mtime
    lines = file.read_bytes().split(b"\r\n")
    lines[5] += b"," + lines[6]
    if every:
        lines[1::every] = [line.partition(b",")[2] for line in lines[1::every]]
    file.write_bytes(b"\r\n".join(lines))
    os.utime(file, (delivered, delivered))


def export_of(stage: Stage) -> Path:
    """Where the district's CSV export lies."""
    return stage.places.work / "export"


def deliver(stage: Stage, nights: Nights, number: int) -> None:
    """Deliver the export of that night, with a control file."""
    write_clever(nights.district(number), export_of(stage), delivered=datetime.now(UTC) - timedelta(minutes=10))


def failures(told: list[bytes]) -> int:
    """How many of these messages are of a run that failed."""
    return sum(json.loads(body)["kind"] == "failure" for body in told)


def a_hard_night(stage: Stage, nights: Nights) -> tuple[Run, Killer, Report]:
    """Canvas throttles, breaks down, refuses rows and loses an answer; a source row is broken; a task is killed."""
    pupil = nights.district(1).students[40]
    canvas = stage.test
    canvas.fault("throttle", times=2)
    canvas.fault("bad_gateway", times=1, after=4)
    canvas.fault("html_page", times=1, after=5, method="GET")
    canvas.fault("answer_lost", times=1)
    canvas.fault("refuse_rows", file="users", pattern=pupil.email, message=f"{pupil.email}: {pupil.family} is odd")
    canvas.fault("refuse_rows", file="enrollments", every=1000, message=f"Nobody like {pupil.id}")
    deliver(stage, nights, 1)
    spoil(export_of(stage))
    run = stage.api.trigger(DAG)
    killer = Killer(stage, run, "check")
    run, _ = follow(stage, DAG, run, killer)
    canvas.clear_faults()
    report = Report.read(stage.places.home, stage.places.reports()[-1])
    run_part(stage, PRODUCTION, print, lambda: woken(stage, PRODUCTION, ()))
    return run, killer, report


@pytest.mark.e2e
@pytest.mark.timeout(1200)
def test_nobody_is_named_outside_the_run_folders(tmp_path: Path) -> None:
    places = Places(tmp_path / "work")
    places.make()
    write_tenant(places, keys_in(places.keys, example(places.tenant).KEYS))
    file = places.tenant_file
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    content["sources"] = [{"name": "clever", "system": "clever_csv", "connection": "export", "control": "control.csv"}]
    content["sync"] = {"login_id": "email", "observers": {"relationships": ["Mother", "Father", "Guardian"]}}
    write_private(file, yaml.safe_dump({**content, "notify": "hook"}))
    with webhook() as (address, told):
        more = {
            "AIRFLOW_CONN_EXPORT": json.dumps({"conn_type": "fs", "extra": {"path": str(places.work / "export")}}),
            "AIRFLOW_CONN_HOOK": json.dumps({"conn_type": "http", "host": address}),
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        }
        with standing(places, print, more) as stage:
            nights = Nights(places, today())
            run, killer, hard = a_hard_night(stage, nights)
            assert (run.state, killer.killed, killer.again) == ("success", True, True)
            assert hard.content["load"]["counts"]["refused"] > 7
            assert any("unreadable" in rule for rule in hard.content["check"]["counts"]["findings"])

            deliver(stage, nights, 1)
            well = run_night(stage, print)
            assert well.wrong == []
            assert well.report is not None
            held = implied(nights.district(1), today=well.report.day, term_id=term_slug)
            assert comparison.differences(stage.test.state(), held, ZONE) == []

            deliver(stage, nights, 1)
            spoil(export_of(stage), every=2)
            stale = run_night(stage, print)
            assert stale.run.state == "failed"
            assert any("last good extract" in reason for reason in stale.wrong)

            deliver(stage, nights, 2)
            stage.test.fault("token_dead", after=4)  # at the POST
            dead = run_night(stage, print)
            assert dead.run.state == "failed"
            stage.test.clear_faults()
            until = time.monotonic() + 90  # Airflow calls back when it gets round to it
            while failures(told) < 2 and time.monotonic() < until:
                time.sleep(0.5)
            tokens = [stage.keys.test_token, stage.keys.production_token]
        districts = [nights.district(number) for number in (1, 2)]

    assert failures(told) == 2
    assert any(json.loads(body)["kind"] == "request" for body in told)
    people = {value for district in districts for value in (*district.personal_values(), *district.secrets())}
    traces = Traces([*people, *tokens])
    left_behind = [
        *files_below(places.airflow),
        *cells(places.airflow / "airflow.db"),
        ("standalone", (places.logs / "airflow.log").read_bytes()),
        *((f"notification {number}", body) for number, body in enumerate(told)),
    ]
    assert sum(len(content) for _, content in left_behind) > 1_000_000
    assert sum(name.endswith(".log") for name, _ in left_behind) > 20
    assert traces.found(left_behind) == {}
    # The same search finds them where they may be.
    assert traces.found(files_below(places.home))
