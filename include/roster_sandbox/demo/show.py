"""What a person reads while a night works, and after it. Numbers, rules and places; nobody's data."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from typing import TextIO

from roster_sandbox.demo.airflow import Task
from roster_sandbox.demo.report import Report
from roster_sandbox.demo.stage import Played
from roster_sandbox.district.moves import EACH

ACTIONS = {"create": "created", "update": "changed", "drop": "dropped", "resend": "sent again"}
_COLOURS = {"success": "32", "failed": "31", "upstream_failed": "31", "up_for_retry": "33", "deferred": "36"}
_WORDS = {
    "class": "change class",
    "school": "change school",
    "leaves": "leave",
    "comes": "come",
    "name": "change their name",
}


class Screen:
    """Lines as they happen; with colours where a person looks on."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._colours = out.isatty()

    def say(self, text: str = "") -> None:
        """A line, at once."""
        print(text, file=self._out, flush=True)

    def step(self, text: str) -> None:
        """A line with the time of day."""
        self.say(f"{datetime.now().astimezone():%H:%M:%S}  {text}")

    def task(self, task: Task) -> None:
        """A task has changed its state."""
        colour = _COLOURS.get(task.state or "") if self._colours else None
        state = f"\033[{colour}m{task.state}\033[0m" if colour else str(task.state)
        took = f"  {task.seconds:.1f} s" if task.seconds is not None and task.state == "success" else ""
        again = f"  (try {task.tries})" if task.tries > 1 else ""
        self.step(f"{task.id:<18} {state}{took}{again}")

    def night(self, number: int, played: Played) -> None:
        """The summary of a night."""
        for line in summary(number, played):
            self.say(line)


def moves() -> str:
    """The moves between two nights, in words."""
    return ", ".join(f"{count} {_WORDS[kind]}" for kind, count in EACH.items())


def summary(number: int, played: Played) -> Iterator[str]:
    """What was sent, what was kept back and why, how long each step took, and where it lies."""
    yield ""
    yield f"Night {number}: {played.run.state} in {played.seconds:.0f} seconds"
    if report := played.report:
        yield from _sent(report)
        yield from _block("Kept back", [*report.kept_back()] or ["nothing"])
    yield from _block("Seconds by step", [_took(task) for task in played.tasks])
    if report := played.report:
        yield from _block("To read", _places(report))
    if played.wrong:
        yield from _block("NOT AS IT SHOULD BE", played.wrong)
    elif played.report:
        yield ""
        yield "Canvas holds exactly what the district implies, and was sent no other rows."


def _sent(report: Report) -> Iterator[str]:
    sent = report.changes("free")
    yield ""
    if not sent:
        yield "Sent to Canvas: nothing, there was nothing to change"
        return
    yield f"Sent to Canvas (import {report.import_id}, {report.content['load']['workflow_state']})"
    actions = [action for action in ACTIONS if any(found == action for _, found in sent)]
    yield f"  {'':<20}" + "".join(f"{ACTIONS[action]:>12}" for action in actions)
    for file in dict.fromkeys(file for file, _ in sent):
        yield f"  {file:<20}" + "".join(f"{sent[file, action] or '':>12}" for action in actions)


def _took(task: Task) -> str:
    return f"{task.id:<18} {task.seconds:>6.1f}" if task.seconds is not None else f"{task.id:<18} {task.state}"


def _places(report: Report) -> Iterator[str]:
    yield f"run folder   {report.run_folder}"
    yield f"report       {report.folder / 'report.html'}"
    for docs in report.docs():
        yield f"data docs    {docs}"


def _block(title: str, lines: Iterator[str] | list[str]) -> Iterator[str]:
    yield ""
    yield title
    for line in lines:
        yield f"  {line}"
