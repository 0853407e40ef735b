"""`enrollments.csv`: who is in which section, as what; deletes come after everything else of their segment."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from roster_sandbox.canvas.importers.enrolling import OBSERVER, STUDENT, observers_follow, set_state
from roster_sandbox.canvas.run import Row, Run
from roster_sandbox.canvas.settings import BUILT_IN_ROLES

_STICKY = ("start_at", "end_at")
_STATES = ("active", "deleted", "completed", "inactive")  # deleted_last_completed begins with deleted
_PLACED = ("teacher", "ta", "observer", "designer")


class RowRefused(Exception):
    """The row is not applied; the text is its message."""


@dataclass(frozen=True)
class Place:
    """Whom a row puts where, as what: together the identity of an enrolment."""

    user_id: int
    section: sqlite3.Row
    type: str
    role: str
    associated_user_id: int | None


def apply(run: Run, rows: Sequence[Row]) -> None:
    """Check the form of every row first, then apply, then delete: so messages do not come in the order of rows."""
    proper = []
    for row in rows:
        if message := _improper(row):
            run.warn(row, message)
        else:
            proper.append(row)
    to_delete: dict[int, sqlite3.Row] = {}
    for row in proper:
        try:
            if _apply(run, row, to_delete):
                run.counts["enrollments"] += 1
        except RowRefused as refusal:
            run.warn(row, str(refusal))
    for enrollment_id in to_delete:
        current = run.by("enrollments", "id", enrollment_id)
        if current is not None and current["state"] != "deleted":
            set_state(run, current, "deleted")


def _improper(row: Row) -> str | None:
    if row["course_id"] is None and row["section_id"] is None:
        return "No course_id or section_id given for an enrollment"
    if row["user_id"] is None and row["user_integration_id"] is None:
        return f"No user_id given for an enrollment in {_where(row)}"
    if not any(row.says(word) for word in _STATES):
        return f'Improper status "{row["status"] or ""}" for an enrollment of {_who(row)} in {_where(row)}'
    return None


def _apply(run: Run, row: Row, to_delete: dict[int, sqlite3.Row]) -> bool:
    state = _state(row)
    if state == "deleted" and run.options.skip_deletes:
        return False
    login = _login(run, row)
    section = _section(run, row)
    type_, role = _role(run, row)
    associated = _associated(run, row, type_)
    place = Place(int(login["user_id"]), section, type_, role, associated)
    old = _existing(run, place)
    if state == "deleted" and old is not None:
        if row.says("deleted_last_completed") and not _has_another(run, old):
            set_state(run, old, "completed")
        else:
            to_delete[int(old["id"])] = old
        return True
    state, note = _allowed_state(run, row, login, state)
    _check_place(run, row, section)
    _save(run, row, place, old, state)
    if note:
        run.warn(row, note)
    return True


def _state(row: Row) -> str:
    return next(word for word in _STATES if row.says(word))


def _login(run: Run, row: Row) -> sqlite3.Row:
    if row["user_integration_id"]:
        login = run.by("logins", "integration_id", row["user_integration_id"])
    else:
        login = run.by_sis_id("logins", row["user_id"])
    if login is None:
        message = (
            f"User not found for enrollment (User ID: {row['user_integration_id'] or row['user_id']},"
            f" Course ID: {row['course_id'] or ''}, Section ID: {row['section_id'] or ''})"
        )
        raise RowRefused(message)
    return login


def _section(run: Run, row: Row) -> sqlite3.Row:
    course = run.by_sis_id("courses", row["course_id"])
    section = run.by_sis_id("sections", row["section_id"])
    if course is None and section is None:
        message = (
            f"Neither course nor section existed for user enrollment (Course ID: {row['course_id'] or ''},"
            f" Section ID: {row['section_id'] or ''}, {_who(row)})"
        )
        raise RowRefused(message)
    if row["section_id"] and section is None:
        message = f"An enrollment referenced a non-existent section {row['section_id']}"
        raise RowRefused(message)
    if row["course_id"] and course is None:
        message = f"An enrollment referenced a non-existent course {row['course_id']}"
        raise RowRefused(message)
    if section is None and course is not None:
        return _default_section(run, course)
    if section is not None and course is not None and section["course_id"] != course["id"]:
        message = (
            f"An enrollment listed a section ({row['section_id']}) and a course ({row['course_id']})"
            f" that are unrelated for {_who(row)}"
        )
        raise RowRefused(message)
    assert section is not None  # noqa: S101 - both None was refused above
    return section


def _default_section(run: Run, course: sqlite3.Row) -> sqlite3.Row:
    query = "SELECT * FROM sections WHERE course_id = ? AND default_section = 1 AND state = 'active'"
    found: sqlite3.Row | None = run.db.execute(query, (course["id"],)).fetchone()
    if found is not None:
        return found
    made = run.create(
        "sections",
        {"course_id": course["id"], "name": course["name"], "state": "active", "default_section": 1},
    )
    section: sqlite3.Row = run.db.execute("SELECT * FROM sections WHERE id = ?", (made,)).fetchone()
    return section


def _role(run: Run, row: Row) -> tuple[str, str]:
    given = row["role"] or ""
    if row["role_id"]:
        for type_, number in BUILT_IN_ROLES.values():
            if str(number) == row["role_id"]:
                return type_, type_
    elif given in run.settings.custom_roles:
        return run.settings.custom_roles[given], given
    elif given.lower().startswith("student"):
        return STUDENT, STUDENT
    elif given.lower() in _PLACED:
        type_ = BUILT_IN_ROLES[given.lower()][0]
        return type_, type_
    message = f'Improper role "{row["role_id"] or given}" for an enrollment of {_who(row)} in {_where(row)}'
    raise RowRefused(message)


def _associated(run: Run, row: Row, type_: str) -> int | None:
    if type_ != OBSERVER or row["associated_user_id"] is None:
        return None
    login = run.by_sis_id("logins", row["associated_user_id"])
    if login is None:
        message = f"An enrollment referenced a non-existent associated user {row['associated_user_id']}"
        raise RowRefused(message)
    return int(login["user_id"])


def _existing(run: Run, place: Place) -> sqlite3.Row | None:
    found: sqlite3.Row | None = run.db.execute(
        "SELECT * FROM enrollments WHERE section_id = ? AND user_id = ? AND type = ? AND role = ?"
        " AND associated_user_id IS ?",
        (place.section["id"], place.user_id, place.type, place.role, place.associated_user_id),
    ).fetchone()
    return found


def _has_another(run: Run, enrollment: sqlite3.Row) -> bool:
    """Whether the person has another live enrolment in the same course at this moment."""
    query = (
        "SELECT 1 FROM enrollments e JOIN sections s ON s.id = e.section_id"
        " WHERE e.user_id = ? AND e.id != ? AND e.state = 'active'"
        " AND s.course_id = (SELECT course_id FROM sections WHERE id = ?)"
    )
    parameters = (enrollment["user_id"], enrollment["id"], enrollment["section_id"])
    return run.db.execute(query, parameters).fetchone() is not None


def _allowed_state(run: Run, row: Row, login: sqlite3.Row, state: str) -> tuple[str, str | None]:
    """What becomes of an enrolment of someone whose log-in, or person, is gone."""
    if state == "deleted":
        return state, None
    user = run.by("users", "id", login["user_id"])
    if user is None or user["state"] == "deleted":
        return "deleted", f"Attempted enrolling of deleted user {_who(row)} in {_where(row)}"
    if login["state"] != "deleted":
        return state, None
    query = "SELECT 1 FROM logins WHERE user_id = ? AND state != 'deleted'"
    if run.db.execute(query, (login["user_id"],)).fetchone():
        return state, f"Enrolled a user {_who(row)} in {_where(row)}, but referenced a deleted sis login"
    message = f"Attempted enrolling with deleted sis login {_who(row)} in {_where(row)}"
    raise RowRefused(message)


def _check_place(run: Run, row: Row, section: sqlite3.Row) -> None:
    course = run.by("courses", "id", section["course_id"])
    wrong = "course" if course is None or course["state"] == "deleted" else None
    if section["state"] == "deleted":
        wrong = "section"
    if wrong:
        message = f"An enrollment did not pass validation (is not a valid {wrong}: {_where(row)})"
        raise RowRefused(message)


def _save(run: Run, row: Row, place: Place, old: sqlite3.Row | None, state: str) -> None:
    about = f"enrollment of {_who(row)} in {_where(row)}"
    values: dict[str, object] = {
        "state": state,
        "start_at": run.date(row, "start_date", about)[0],
        "end_at": run.date(row, "end_date", about)[0],
    }
    if row["limit_section_privileges"]:
        values["limit_section"] = int(row["limit_section_privileges"].lower() in {"true", "1", "t"})
    if old is None:
        identity = {
            "user_id": place.user_id,
            "section_id": place.section["id"],
            "type": place.type,
            "role": place.role,
            "associated_user_id": place.associated_user_id,
        }
        enrollment_id = run.create("enrollments", {**identity, **values})
    else:
        enrollment_id = int(old["id"])
        run.update("enrollments", old, values, _STICKY)
    run.changed("Enrollment", old["state"] if old else None, state)
    if place.type == STUDENT:
        observers_follow(run, enrollment_id, old["state"] if old else None)


def _where(row: Row) -> str:
    return f"course {row['course_id']}" if row["course_id"] else f"section {row['section_id']}"


def _who(row: Row) -> str:
    return f"user {row['user_integration_id'] or row['user_id']}"
