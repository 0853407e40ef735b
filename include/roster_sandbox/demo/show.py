"""What a person reads while a night works, and after it. Numbers, rules and places; nobody's data."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from typing import TextIO

from roster_sandbox.demo.airflow import Task
from roster_sandbox.demo.report import Report
from roster_sandbox.demo.stage import DAG, PRODUCTION, RELEASE, Part, Played
from roster_sandbox.district.moves import EACH
from roster_sandbox.district.recipe import THINNED

WORDS = {DAG: "rehearsal", PRODUCTION: "production", RELEASE: "release"}
PLACES = {DAG: "Canvas (test)", PRODUCTION: "Canvas (production)", RELEASE: "Canvas (production), once released"}
ACTIONS = {"create": "created", "update": "changed", "drop": "dropped", "resend": "sent again", "rename": "new ids"}
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


def told(number: int) -> str:
    """What is special about a night."""
    if number == 1:
        return "a district of three schools, into two empty Canvases; production waits for a release"
    if number == THINNED:
        return f"after twelve moves ({moves()}), and the delivery lacks a fifth of one school's pupils"
    return f"after twelve more moves: {moves()}"


def moves() -> str:
    """The moves between two nights, in words."""
    return ", ".join(f"{count} {_WORDS[kind]}" for kind, count in EACH.items())


def summary(number: int, played: Played) -> Iterator[str]:
    """What was sent where, what was kept back and why, how long each step took, and where it lies."""
    yield ""
    yield f"Night {number}: " + ", ".join(_ended(part) for part in played.parts)
    for part in played.parts:
        if part.report:
            yield from _sent(PLACES[part.dag], part.report)
    if report := played.report:
        yield from _block("Kept back in the rehearsal", [*report.kept_back()] or ["nothing"])
    if (production := played.part(PRODUCTION)) and production.report and (held := [*production.report.held()]):
        yield from _block("Held in production, for an approver", held)
    for part in played.parts:
        yield from _block(f"Seconds by step, {part.dag}", [*_took(part.tasks)])
    yield from _block("To read", [line for part in played.parts if part.report for line in _places(part.report)])
    if played.wrong:
        yield from _block("NOT AS IT SHOULD BE", played.wrong)
    elif played.report:
        yield ""
        empty = played.waits and not any(part.report.import_id for part in played.parts[1:] if part.report)
        where, more = ("Canvas (test)", "; production waits for an answer") if empty else ("Canvas", "")
        yield f"{where} holds exactly what the district implies, and was sent no other rows{more}."


def _ended(part: Part) -> str:
    state = part.run.state if part.run.is_final else "waits for an answer"
    return f"{WORDS[part.dag]} {state} in {part.seconds:.0f} seconds"


def _sent(where: str, report: Report) -> Iterator[str]:
    sent = report.changes("free")
    yield ""
    if not sent:
        yield f"Sent to {where}: nothing"
        return
    yield f"Sent to {where} (import {report.import_id}, {report.content['load']['workflow_state']})"
    actions = [action for action in ACTIONS if any(found == action for _, found in sent)]
    yield f"  {'':<20}" + "".join(f"{ACTIONS[action]:>12}" for action in actions)
    for file in dict.fromkeys(file for file, _ in sent):
        yield f"  {file:<20}" + "".join(f"{sent[file, action] or '':>12}" for action in actions)


def _took(tasks: list[Task]) -> Iterator[str]:
    for task in tasks:
        if task.seconds is not None:
            yield f"{task.id:<18} {task.seconds:>6.1f}"
        elif task.state is not None:
            yield f"{task.id:<18} {task.state}"


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
