"""`terms.csv`: terms, and dates of a term that count for one kind of enrolment only."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from roster_sandbox.canvas.run import Row, Run

_STICKY = ("name", "start_at", "end_at")
_OVERRIDES = frozenset({"StudentEnrollment", "TeacherEnrollment", "TaEnrollment", "DesignerEnrollment"})


def apply(run: Run, rows: Sequence[Row]) -> None:
    """Create, rename, date, delete or restore terms; a blank date clears, and so does a bad one."""
    for row in rows:
        if message := _apply(run, row):
            run.warn(row, message)


def _apply(run: Run, row: Row) -> str | None:
    sis_id = row["term_id"]
    if sis_id is None:
        return "No term_id given for a term"
    if not (row.says("active") or row.says("deleted")):
        return f'Improper status "{row["status"] or ""}" for term {sis_id}'
    old = run.by_sis_id("terms", sis_id)
    if row["date_override_enrollment_type"]:
        return _override(run, row, old, row["date_override_enrollment_type"])
    if row["name"] is None:
        return f"No name given for term {sis_id}"
    if row.says("deleted"):
        if run.options.skip_deletes:
            return None
        if old is not None and _has_courses(run, old):
            return "A term did not pass validation (term: Cannot delete a term with active courses)"
    if len(row["name"]) > 255:
        return "A term did not pass validation (term: name is too long)"
    _save(run, row, sis_id, old)
    run.counts["terms"] += 1
    return None


def _save(run: Run, row: Row, sis_id: str, old: sqlite3.Row | None) -> None:
    state = "deleted" if row.says("deleted") else "active"
    values: dict[str, object] = {"name": row["name"], "state": state, **_dates(run, row)}
    if row["integration_id"]:
        values["integration_id"] = row["integration_id"]
    if old is None:
        run.create("terms", {"sis_id": sis_id, **values})
    else:
        run.update("terms", old, values, _STICKY)
    run.changed("EnrollmentTerm", old["state"] if old else None, state)


def _dates(run: Run, row: Row) -> dict[str, object]:
    about = f"term {row['term_id']}"
    return {"start_at": run.date(row, "start_date", about)[0], "end_at": run.date(row, "end_date", about)[0]}


def _override(run: Run, row: Row, term: sqlite3.Row | None, enrollment_type: str) -> str | None:
    if enrollment_type not in _OVERRIDES:
        return f'Invalid date_override_enrollment_type "{enrollment_type}" for term {row["term_id"]}'
    if term is None:
        return f"Cannot set date override on non-existent term {row['term_id']}"
    run.db.execute(
        "DELETE FROM term_overrides WHERE term_id = ? AND enrollment_type = ?", (term["id"], enrollment_type)
    )
    if row.says("active"):
        run.db.execute(
            "INSERT INTO term_overrides (term_id, enrollment_type, start_at, end_at) VALUES (?, ?, ?, ?)",
            (term["id"], enrollment_type, *_dates(run, row).values()),
        )
    run.counts["terms"] += 1
    return None


def _has_courses(run: Run, term: sqlite3.Row) -> bool:
    query = "SELECT 1 FROM courses WHERE term_id = ? AND state != 'deleted'"
    return run.db.execute(query, (term["id"],)).fetchone() is not None
