"""Enrolments change state in one place, because the observers of a student follow every change.

A link makes one observer enrolment per live student enrolment, in the same section, with its dates. It follows the
student's state; one that was deleted on purpose comes back only when its student comes back.
"""

from __future__ import annotations

import sqlite3

from roster_sandbox.canvas.run import Run

STUDENT = "StudentEnrollment"
OBSERVER = "ObserverEnrollment"


def set_state(run: Run, enrollment: sqlite3.Row, state: str) -> None:
    """Give an enrolment a state, count it, and let its observers follow.

    The row may be stale: a student handled just before may have taken this observer along.
    """
    before = run.db.execute("SELECT state FROM enrollments WHERE id = ?", (enrollment["id"],)).fetchone()["state"]
    run.db.execute(
        "UPDATE enrollments SET state = ?, import_id = COALESCE(?, import_id) WHERE id = ?",
        (state, run.import_id, enrollment["id"]),
    )
    run.changed("Enrollment", before, state)
    if enrollment["type"] == STUDENT:
        observers_follow(run, int(enrollment["id"]), before)


def observers_follow(run: Run, enrollment_id: int, before: str | None) -> None:
    """Mirror a student's enrolment for everyone linked to the student; `before` is None for a new one."""
    links = run.db.execute(
        "SELECT l.observer_id FROM observer_links l JOIN enrollments e ON e.user_id = l.student_id"
        " WHERE e.id = ? AND l.state = 'active'",
        (enrollment_id,),
    ).fetchall()
    if not links:
        return
    student = run.db.execute("SELECT * FROM enrollments WHERE id = ?", (enrollment_id,)).fetchone()
    for link in links:
        _mirror(run, student, int(link["observer_id"]), came_back=before in {None, "deleted"})


def watch(run: Run, observer_id: int, student_id: int) -> None:
    """A new or restored link: one observer enrolment per live enrolment of the student."""
    query = "SELECT * FROM enrollments WHERE user_id = ? AND type = ? AND state = 'active'"
    for student in run.db.execute(query, (student_id, STUDENT)).fetchall():
        _mirror(run, student, observer_id, came_back=True)


def unwatch(run: Run, observer_id: int, student_id: int) -> None:
    """A removed link takes the observer's enrolments for that student with it."""
    query = "SELECT * FROM enrollments WHERE user_id = ? AND associated_user_id = ? AND type = ? AND state != 'deleted'"
    for enrollment in run.db.execute(query, (observer_id, student_id, OBSERVER)).fetchall():
        set_state(run, enrollment, "deleted")


def _mirror(run: Run, student: sqlite3.Row, observer_id: int, *, came_back: bool) -> None:
    mirrored = run.db.execute(
        "SELECT * FROM enrollments WHERE section_id = ? AND user_id = ? AND type = ? AND associated_user_id = ?",
        (student["section_id"], observer_id, OBSERVER, student["user_id"]),
    ).fetchone()
    state = str(student["state"])
    if mirrored is None:
        if state == "active":
            run.create(
                "enrollments",
                {
                    "user_id": observer_id,
                    "section_id": student["section_id"],
                    "type": OBSERVER,
                    "role": OBSERVER,
                    "associated_user_id": student["user_id"],
                    "state": state,
                    "start_at": student["start_at"],
                    "end_at": student["end_at"],
                    "linked": 1,
                },
            )
            run.changed("Enrollment", None, state)
        return
    if mirrored["state"] == "deleted" and not came_back:
        return
    run.db.execute(
        "UPDATE enrollments SET state = ?, start_at = ?, end_at = ?, linked = 1,"
        " import_id = COALESCE(?, import_id) WHERE id = ?",
        (state, student["start_at"], student["end_at"], run.import_id, mirrored["id"]),
    )
    run.changed("Enrollment", mirrored["state"], state)
