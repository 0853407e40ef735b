"""`xlists.csv`: a section is taught in another course than its own; its enrolments are found there."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from roster_sandbox.canvas.run import Row, Run

_COPIED = ("account_id", "term_id", "name", "code", "state", "start_at", "end_at", "restrict_dates")


def apply(run: Run, rows: Sequence[Row]) -> None:
    """List sections in other courses and take them back; the status is a whole word, in any case."""
    for row in rows:
        if message := _apply(run, row):
            run.warn(row, message)


def _apply(run: Run, row: Row) -> str | None:
    status = (row["status"] or "").lower()
    if row["xlist_course_id"] is None:
        return "No xlist_course_id given for a cross-listing"
    if row["section_id"] is None:
        return "No section_id given for a cross-listing"
    if status not in {"active", "deleted"}:
        return f'Improper status "{row["status"] or ""}" for a cross-listing'
    if status == "deleted" and run.options.skip_deletes:
        return None
    section = run.by_sis_id("sections", row["section_id"])
    if section is None:
        return f"A cross-listing referenced a non-existent section {row['section_id']}"
    course = run.by_sis_id("courses", row["xlist_course_id"])
    if status == "active":
        _list(run, section, int(course["id"]) if course else _copy(run, section, str(row["xlist_course_id"])))
    elif course is None or course["id"] == section["course_id"]:
        _take_back(run, section)
    run.counts["xlists"] += 1
    return None


def _copy(run: Run, section: sqlite3.Row, sis_id: str) -> int:
    """A course that nobody has made is made after the section's own, and goes on following it."""
    home = run.by("courses", "id", section["nonxlist_course_id"] or section["course_id"])
    assert home is not None  # noqa: S101 - no section is without a course
    values = {name: home[name] for name in _COPIED}
    made = run.create("courses", {"sis_id": sis_id, "template_id": home["id"], **values})
    run.changed("Course", None, str(home["state"]))
    return made


def _list(run: Run, section: sqlite3.Row, course_id: int) -> None:
    home = section["nonxlist_course_id"] or section["course_id"]
    if not _is_stuck(run, section):
        listed = {"course_id": course_id, "nonxlist_course_id": None if course_id == home else home}
        run.update("sections", section, listed)


def _take_back(run: Run, section: sqlite3.Row) -> None:
    home = section["nonxlist_course_id"]
    if home is not None and not _is_stuck(run, section):
        run.update("sections", section, {"course_id": home, "nonxlist_course_id": None})


def _is_stuck(run: Run, section: sqlite3.Row) -> bool:
    """A section that a person moved stays there, without a word."""
    return not run.options.override_sis_stickiness and "course_id" in str(section["sticky"]).split()
