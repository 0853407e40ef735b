"""`courses.csv`: what a status means depends on the state the course is in; an unknown term is ignored in silence."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from roster_sandbox.canvas.importers.enrolling import set_state
from roster_sandbox.canvas.run import Row, Run

_STICKY = ("name", "code", "state", "account_id", "term_id", "start_at", "end_at", "grade_passback")
_FORMATS = frozenset({"on_campus", "online", "blended", "not_set"})
_PASSBACK = frozenset({"nightly_sync", "disabled", "not_set"})
_CLEARED = "<delete>"


def apply(run: Run, rows: Sequence[Row]) -> None:
    """Create, change, publish, conclude, delete or restore courses; enrolments go along with the last three."""
    for row in rows:
        if message := _apply(run, row):
            run.warn(row, message)


def _apply(run: Run, row: Row) -> str | None:
    if message := _improper(row):
        return message
    sis_id = str(row["course_id"])
    old = run.by_sis_id("courses", sis_id)
    if row.says("deleted") and run.options.skip_deletes:
        return None
    account, message = _account(run, row)
    if message:
        return message
    if not row.says("deleted"):
        home = account or (run.by("accounts", "id", old["account_id"]) if old else None)
        if home is not None and home["state"] == "deleted":
            return f"Cannot restore course {sis_id} because the associated account {home['sis_id']} is deleted"
    values = _values(run, row, account)
    if max(len(str(values["name"])), len(str(values["code"]))) > 255:
        return "A course did not pass validation (course: a name is too long)"
    if old is None:
        _create(run, row, sis_id, values)
    else:
        values["state"] = _state(row, str(old["state"]))
        applied = run.update("courses", old, values, _STICKY)
        after = str(applied.get("state", old["state"]))
        run.changed("Course", old["state"], after)
        _carry_enrollments(run, int(old["id"]), after)
        _copies_follow(run, int(old["id"]), applied)
    run.counts["courses"] += 1
    return None


def _improper(row: Row) -> str | None:
    sis_id = row["course_id"]
    if sis_id is None:
        return "No course_id given for a course"
    if row["short_name"] is None:
        return f"No short_name given for course {sis_id}"
    if row["long_name"] is None:
        return f"No long_name given for course {sis_id}"
    if not any(row.says(word) for word in ("active", "unpublished", "published", "completed", "deleted")):
        return f'Improper status "{row["status"] or ""}" for course {sis_id}'
    if row["course_format"] and row["course_format"] not in _FORMATS:
        return f'Invalid course_format "{row["course_format"]}" for course {sis_id}'
    if row["grade_passback_setting"] and row["grade_passback_setting"] not in _PASSBACK:
        return f'Invalid grade_passback_setting "{row["grade_passback_setting"]}" for course {sis_id}'
    if row["blueprint_course_id"] or row["abstract_course_id"]:
        return f"Blueprint and abstract courses are not simulated (course {sis_id})"
    return None


def _account(run: Run, row: Row) -> tuple[sqlite3.Row | None, str | None]:
    given = [name for name in (row["account_id"], row["fallback_account_id"]) if name]
    for name in given:
        if account := run.by_sis_id("accounts", name):
            return account, None
    if given:
        return None, f'Account not found "{given[0]}" for course {row["course_id"]}'
    return None, None


def _values(run: Run, row: Row, account: sqlite3.Row | None) -> dict[str, object]:
    values: dict[str, object] = {
        "name": row["long_name"],
        "code": row["short_name"],
        "integration_id": row["integration_id"],
    }
    if account is not None:
        values["account_id"] = account["id"]
    term = run.by_sis_id("terms", row["term_id"])
    if term is not None and term["state"] == "active":
        values["term_id"] = term["id"]
    for column, name in (("course_format", "format"), ("grade_passback_setting", "grade_passback")):
        if row[column]:
            values[name] = row[column]
    for column, name in (("start_date", "start_at"), ("end_date", "end_at")):
        if row[column] == _CLEARED:
            values[name] = None
        elif row[column]:
            moment, good = run.date(row, column, f"course {row['course_id']}")
            if good:
                values[name] = moment
                values["restrict_dates"] = 1
    return values


def _state(row: Row, before: str) -> str:
    if row.says("published"):
        return "available"
    if row.says("completed"):
        return "completed"
    if row.says("deleted"):
        return "deleted"
    return {"completed": "available", "deleted": "claimed"}.get(before, before)


def _create(run: Run, row: Row, sis_id: str, values: dict[str, object]) -> None:
    state = _state(row, "claimed")
    home = {"account_id": run.settings.root_account_id, "term_id": 1}
    run.create("courses", {"sis_id": sis_id, "state": state, **home, **values})
    run.changed("Course", None, state)


def _copies_follow(run: Run, course_id: int, applied: dict[str, object]) -> None:
    """A course that a cross-listing made after this one takes over what has changed here."""
    followed = {name: value for name, value in applied.items() if name in _STICKY and name != "state"}
    if not followed:
        return
    for copy in run.db.execute("SELECT * FROM courses WHERE template_id = ?", (course_id,)).fetchall():
        run.update("courses", copy, followed, _STICKY)


def _carry_enrollments(run: Run, course_id: int, state: str) -> None:
    leaving = {"deleted": ("active", "inactive", "completed"), "completed": ("active",)}.get(state)
    if leaving is None:
        return
    query = (
        "SELECT e.* FROM enrollments e JOIN sections s ON s.id = e.section_id"  # noqa: S608 - only question marks
        f" WHERE s.course_id = ? AND e.state IN ({', '.join('?' * len(leaving))})"
    )
    for enrollment in run.db.execute(query, (course_id, *leaving)).fetchall():
        set_state(run, enrollment, state)
