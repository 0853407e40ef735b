"""`user_observers.csv`: links between an observer and a student; enrolments follow by themselves."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from roster_sandbox.canvas.importers.enrolling import unwatch, watch
from roster_sandbox.canvas.run import Row, Run


def apply(run: Run, rows: Sequence[Row]) -> None:
    """Make or remove links; the status is a whole word, in any case."""
    for row in rows:
        if message := _apply(run, row):
            run.warn(row, message)


def _apply(run: Run, row: Row) -> str | None:
    observer_id, student_id = row["observer_id"], row["student_id"]
    if observer_id is None:
        return "No observer_id given for a user observer"
    if student_id is None:
        return "No user_id given for a user observer"
    if observer_id == student_id:
        return f"Can't observe yourself user {student_id}"
    status = (row["status"] or "").lower()
    if status not in {"active", "deleted"}:
        return f'Improper status "{row["status"] or ""}" for a user_observer'
    if status == "deleted" and run.options.skip_deletes:
        return None
    observer, student = _live(run, observer_id), _live(run, student_id)
    if observer is None:
        return f"An observer referenced a non-existent user {observer_id}"
    if student is None:
        return f"A student referenced a non-existent user {student_id}"
    if observer["user_id"] == student["user_id"]:
        return f"Can't observe yourself user {student_id}"
    if message := _save(run, row, status, int(observer["user_id"]), int(student["user_id"])):
        return message
    run.counts["user_observers"] += 1
    return None


def _live(run: Run, sis_id: str) -> sqlite3.Row | None:
    login = run.by_sis_id("logins", sis_id)
    return login if login is not None and login["state"] != "deleted" else None


def _save(run: Run, row: Row, status: str, observer: int, student: int) -> str | None:
    query = "SELECT * FROM observer_links WHERE observer_id = ? AND student_id = ?"
    old = run.db.execute(query, (observer, student)).fetchone()
    before = old["state"] if old else None
    if status == "deleted":
        if before != "active":
            return f"Can't delete a non-existent observer for observer: {row['observer_id']}, user: {row['student_id']}"
        run.db.execute(
            "UPDATE observer_links SET state = 'deleted', import_id = ? WHERE id = ?", (run.import_id, old["id"])
        )
        unwatch(run, observer, student)
    elif before is None:
        run.create("observer_links", {"observer_id": observer, "student_id": student, "state": "active"})
        watch(run, observer, student)
    elif before == "deleted":
        run.db.execute(
            "UPDATE observer_links SET state = 'active', import_id = ? WHERE id = ?", (run.import_id, old["id"])
        )
        watch(run, observer, student)
    run.changed("UserObserver", before, status)
    return None
