"""`python -m roster_sandbox.demo`, which `make run` calls.

TENANT: the example tenant that is played, banksia if none is named. ONCE=1: play, answer the first request as the
approver, stop everything, and exit non-zero if anything is not as it should be. ROSTER_DEMO: another work folder than
.work/run, or .work/<id> of another tenant than banksia.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import quote

from roster_sandbox.demo.airflow import AirflowSilent
from roster_sandbox.demo.examples import TenantUnknown, example
from roster_sandbox.demo.nights import Nights
from roster_sandbox.demo.places import DEFAULT, REPOSITORY, Places
from roster_sandbox.demo.processes import ENDING, StartFailed
from roster_sandbox.demo.show import Screen, told
from roster_sandbox.demo.stage import RELEASE, SIGN_OFF, Part, Stage, asks, follow, play, standing, today

FIRST_NIGHTS = 2
"""Nights of the first ONCE in a work folder: one from nothing, one after the moves."""


class Ended(BaseException):
    """Somebody ended us by a signal."""


def main() -> int:
    """Set up, play, show, wait; the exit code."""
    os.umask(0o077)
    screen = Screen()
    try:
        places = places_of(os.environ)
    except TenantUnknown as fault:
        print(f"make run: {fault}", file=sys.stderr)
        return 2
    once = os.environ.get("ONCE", "") not in ("", "0")
    began = time.monotonic()
    for number in ENDING:
        signal.signal(number, _end)
    code = 0
    try:
        with _alone(places), standing(places, screen.step) as stage:
            try:
                code, waiting = _play(stage, screen, once=once)
                if not once:
                    _wait(stage, screen, waiting)
            finally:
                for number in ENDING:
                    signal.signal(number, signal.SIG_IGN)
                screen.step("stopping all that was started")
    except Ended:
        code = code or (130 if once else 0)
    except (StartFailed, AirflowSilent) as fault:
        print(f"make run: {fault}", file=sys.stderr)
        code = 1
    screen.step(f"stopped after {time.monotonic() - began:.0f} seconds")
    return code


def places_of(environment: Mapping[str, str]) -> Places:
    """Where the tenant that is asked for is played. Raises TenantUnknown."""
    tenant = environment.get("TENANT") or DEFAULT
    example(tenant)
    folder = REPOSITORY / ".work" / ("run" if tenant == DEFAULT else tenant)
    return Places(Path(environment.get("ROSTER_DEMO") or folder).absolute(), tenant)


def _play(stage: Stage, screen: Screen, *, once: bool) -> tuple[int, Part | None]:
    """(exit code, the release that waits for a person)."""
    waiting = None
    nights = Nights(stage.places, today())
    count = FIRST_NIGHTS if once and not nights.played else 1
    for _ in range(count):
        screen.say()
        number = nights.next
        screen.step(f"night {number}, {told(number)}")
        played = play(stage, nights, screen.task, approve=once)
        screen.night(number, played)
        screen.say()
        if played.wrong:
            return 1, None
        waiting = played.part(RELEASE) if played.waits else None
    return 0, waiting


def _wait(stage: Stage, screen: Screen, waiting: Part | None) -> None:
    """Leave everything up until a person ends it; raises StartFailed if it ends by itself.

    waiting: a release that a person may answer meanwhile; what comes of it is told.
    """
    screen.say(f"Airflow's UI   {stage.api.url}")
    screen.say(f"  log in as    admin / {stage.keys.admin}")
    screen.say(f"  to answer    approver / {stage.keys.approver}")
    screen.say(f"  to look on   viewer / {stage.keys.viewer}")
    for source in stage.sources:
        screen.say(f"{source.of:<20} {source.url}")
    for name, canvas in (("test", stage.test), ("production", stage.production)):
        screen.say(f"{'Canvas, ' + name:<20} {canvas.url}  (what it holds: {canvas.url}/sandbox/state)")
    screen.say(f"Logs           {stage.places.logs}")
    if waiting:
        screen.say()
        screen.say("Production waits for an answer. Log in as approver, and say Approve or Reject at")
        asked = f"{stage.api.url}/dags/{stage.api.dag(RELEASE)}/runs/{quote(waiting.run.id)}"
        screen.say(f"  {asked}/tasks/{SIGN_OFF}/required_actions")
        screen.say()
    screen.say("Ctrl-C stops everything; the same make run again plays the next night.")
    while True:
        stage.require_running()
        if waiting and not asks(stage.api.tasks(RELEASE, waiting.run.id)):
            screen.step("somebody has answered")
            run, _ = follow(stage, RELEASE, waiting.run, screen.task)
            screen.step(f"the release ended as {run.state}: {len(stage.production.imports())} imports in production")
            waiting = None
        time.sleep(1)


@contextmanager
def _alone(places: Places) -> Iterator[None]:
    """One at a time in a work folder."""
    places.make()
    with (places.work / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"another make run is at work in {places.work}: end that one first"
            raise StartFailed(message) from None
        yield


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Ended


if __name__ == "__main__":
    sys.exit(main())
