"""`sections.csv`: a section may move to another course, and takes its enrolments along."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from roster_sandbox.canvas.importers.enrolling import set_state
from roster_sandbox.canvas.run import Row, Run

_STICKY = ("course_id", "name", "start_at", "end_at")


def apply(run: Run, rows: Sequence[Row]) -> None:
    """Create, rename, move, date, delete or restore sections; a blank date clears, and so does a bad one."""
    for row in rows:
        if message := _apply(run, row):
            run.warn(row, message)


def _apply(run: Run, row: Row) -> str | None:
    sis_id, course_id = row["section_id"], row["course_id"]
    if sis_id is None:
        return f"No section_id given for a section in course {course_id or ''}"
    if course_id is None:
        return f"No course_id given for a section {sis_id}"
    if row["name"] is None:
        return f"No name given for section {sis_id} in course {course_id}"
    if not (row.says("active") or row.says("deleted")):
        return f'Improper status "{row["status"] or ""}" for section {sis_id} in course {course_id}'
    if row.says("deleted") and run.options.skip_deletes:
        return None
    course = run.by_sis_id("courses", course_id)
    if course is None:
        return f"Section {sis_id} references course {course_id} which doesn't exist"
    if len(row["name"]) > 255:
        return "A section did not pass validation (section: name is too long)"
    state = "deleted" if row.says("deleted") else "active"
    about = f"section {sis_id}"
    values: dict[str, object] = {
        "course_id": course["id"],
        "name": row["name"],
        "state": state,
        "integration_id": row["integration_id"],
        "start_at": run.date(row, "start_date", about)[0],
        "end_at": run.date(row, "end_date", about)[0],
    }
    old = run.by_sis_id("sections", sis_id)
    if old is None:
        run.create("sections", {"sis_id": sis_id, **values})
    else:
        if old["nonxlist_course_id"] is not None:
            values |= _cross_listed(old, int(course["id"]))
        run.update("sections", old, values, _STICKY)
        if state == "deleted":
            _drop_enrollments(run, int(old["id"]))
    run.changed("CourseSection", old["state"] if old else None, state)
    run.counts["sections"] += 1
    return None


def _cross_listed(old: sqlite3.Row, named: int) -> dict[str, object]:
    """A cross-listed section stays where it is while its home, or where it is, is named; another course undoes that."""
    if named in {old["nonxlist_course_id"], old["course_id"]}:
        return {"course_id": old["course_id"]}
    return {"nonxlist_course_id": None}


def _drop_enrollments(run: Run, section_id: int) -> None:
    query = "SELECT * FROM enrollments WHERE section_id = ? AND state != 'deleted'"
    for enrollment in run.db.execute(query, (section_id,)).fetchall():
        set_state(run, enrollment, "deleted")
