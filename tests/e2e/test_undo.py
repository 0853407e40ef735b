"""An import is undone through a real `airflow standalone`: shown, refused to a stranger, signed off, and taken back."""

from __future__ import annotations

from typing import Any

import pytest

from roster_sandbox.canvas import Canvas
from roster_sandbox.demo.nights import Nights
from roster_sandbox.demo.stage import SIGN_OFF, Stage, answer, asks, play, run_part

UNDO = "canvas_undo"
SEEN = {
    "users": ("user_id", "name", "login_id", "email"),
    "courses": ("course_id", "name"),
    "sections": ("section_id", "name", "course_id"),
    "enrollments": ("section_id", "user_id", "type"),
    "observer_links": ("observer_id", "student_id"),
}

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]


def live(canvas: Canvas) -> dict[str, list[tuple[Any, ...]]]:
    """What a Canvas shows to people, by table."""
    state, gone = canvas.state(), ("deleted", "suspended", "inactive")
    return {
        table: sorted(tuple(str(one[name]) for name in columns) for one in state[table] if one["state"] not in gone)
        for table, columns in SEEN.items()
    }


def test_a_night_is_undone_and_canvas_is_as_it_was_before(stage: Stage, nights: Nights) -> None:
    assert play(stage, nights, print).wrong == []
    was = live(stage.production)
    assert play(stage, nights, print).wrong == []
    in_test = live(stage.test)
    assert live(stage.production) != was

    form = {"tenant": stage.places.tenant, "environment": "production", "import": "2", "later": "leave"}
    shown = run_part(stage, UNDO, print, lambda: stage.api.trigger(UNDO, form))
    assert asks(shown.tasks)
    assert stage.api.answer(UNDO, shown.run.id, SIGN_OFF, "Approve", {}) == 403
    asked = stage.approver.request(UNDO, shown.run.id, SIGN_OFF)
    assert asked is not None
    assert "**Undo import 2**" in asked["body"]
    assert len(stage.production.imports()) == 2

    undone = answer(stage, shown, "Approve", print)
    assert undone.run.state == "success"
    assert {task.state for task in undone.tasks} == {"success"}
    assert undone.report is not None
    assert (undone.report.failed, undone.report.content["answer"]["by"]) == ([], "approver")
    assert (undone.report.folder / "report.html").exists()
    assert live(stage.production) == was
    assert live(stage.test) == in_test, "an undo is for one environment"
    assert [one["state"] for one in stage.production.imports()] == ["imported", "partially_restored", "imported"]
    assert set(stage.production.posts_by_identifier().values()) == {1}
