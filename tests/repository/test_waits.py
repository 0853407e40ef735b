"""Every wait of ours has a deadline: a new one is listed here, with what bounds it."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "include" / "roster_airflow"

# Where something is waited for, and what ends it however long the other side takes.
BOUNDS = {
    ("cli.py", "reconcile", "sleep"): "reconciling.PATIENCE: four hours",
    ("cli.py", "settle", "sleep"): "--patience",
    ("hooks/canvas.py", "_get", "sleep"): "retry_delays: four, 40 seconds together",
    ("hooks/canvas_pacing.py", "wait", "sleep"): "LONGEST: 30 seconds for one request",
    ("hooks/canvas_pacing.py", "wait_until", "sleep"): "the same, and the trigger's deadline",
    ("hooks/canvas_token.py", "renew", "sleep"): "two leases",
    ("operators/canvas.py", "_defer", "defer"): "canvas.deadline; an import that is not there: five minutes",
    ("operators/canvas_reconcile.py", "resume", "defer"): "one look; reconciling.PATIENCE: four hours",
    ("release.py", "execute", "defer"): "the load window opens within a day",
    ("undoing.py", "execute", "defer"): "canvas.deadline, counted from when it was asked for",
    ("triggers/canvas.py", "run", "sleep"): "one poll",
    ("triggers/canvas.py", "_wait", "sleep"): "deadline; lost_after while it is initializing",
}
OF_SOURCES = {"hooks/clever.py", "hooks/oneroster.py", "hooks/tass.py", "hooks/delivery.py", "hooks/source_http.py"}
"""Hooks of sources have their own retry_delays, and tests of them."""


def waits(path: Path) -> set[tuple[str, str, str]]:
    name, found = path.relative_to(SOURCE).as_posix(), set()
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            called = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
            if called in {"sleep", "defer"}:
                found.add((name, function.name, called))
    return found


def test_every_wait_has_a_deadline() -> None:
    found = {wait for path in sorted(SOURCE.rglob("*.py")) for wait in waits(path)}
    assert {wait for wait in found if wait[0] not in OF_SOURCES} - BOUNDS.keys() == set()
    assert BOUNDS.keys() - found == set()
