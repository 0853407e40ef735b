"""What Canvas holds against what the district implies: exactly, or by how much it differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from roster_sandbox.district.implied import ImpliedCanvas, ImpliedTerm

State = Mapping[str, Sequence[Mapping[str, Any]]]
Table = dict[Any, tuple[Any, ...]]
"""Key → what is compared of it."""

_ROLES = {"StudentEnrollment": "student", "TeacherEnrollment": "teacher"}
_GONE = frozenset({"suspended", "inactive", "deleted", "completed"})


@dataclass(frozen=True)
class Difference:
    """The keys of one file by what is wrong with them. Holds people's ids: show `text`, never the keys."""

    file: str
    missing: frozenset[Any]
    unexpected: frozenset[Any]
    different: frozenset[Any]

    @property
    def text(self) -> str:
        """In numbers."""
        parts = {"missing": self.missing, "not expected": self.unexpected, "other than expected": self.different}
        return f"{self.file}: " + ", ".join(f"{len(keys)} {word}" for word, keys in parts.items() if keys)


def differences(state: State, expected: ImpliedCanvas, zone: ZoneInfo) -> list[Difference]:
    """Where the stand-in's state (`/sandbox/state`) is not exactly what is expected; empty if it is.

    zone: of the tenant; the term's first and last instant are reckoned in it.
    """
    found = []
    there, wanted = held(state), implied_tables(expected, zone)
    for file, table in wanted.items():
        holds = there[file]
        difference = Difference(
            file,
            missing=frozenset(table.keys() - holds.keys()),
            unexpected=frozenset(holds.keys() - table.keys()),
            different=frozenset(key for key in table.keys() & holds.keys() if table[key] != holds[key]),
        )
        if difference.missing or difference.unexpected or difference.different:
            found.append(difference)
    return found


def implied_changes(before: ImpliedCanvas, now: ImpliedCanvas, zone: ZoneInfo) -> Counter[tuple[str, str]]:
    """(file, create | update | drop) → rows that lead from the one to the other; what comes back is a create."""
    counts: Counter[tuple[str, str]] = Counter()
    earlier = implied_tables(before, zone)
    for file, table in implied_tables(now, zone).items():
        for key, content in table.items():
            old = earlier[file].get(key)
            if old == content:
                continue
            was, lives = old is not None and old[-1] not in _GONE, content[-1] not in _GONE
            action = "update" if was and lives else "create" if lives else "drop"
            counts[file, action] += 1
    return counts


def implied_tables(canvas: ImpliedCanvas, zone: ZoneInfo) -> dict[str, Table]:
    """Per file, key → what is compared, its state last."""
    return {
        "accounts.csv": {key: (name, None, "active") for key, name in canvas.accounts.items()},
        "terms.csv": {key: (term.name, *_instants(term, zone), "active") for key, term in canvas.terms.items()},
        "courses.csv": {
            # A course per section bears the section's name; all are created unpublished.
            key: (
                canvas.sections[key].name if key in canvas.sections else course.course_name,
                course.account_id,
                course.term_id,
                "claimed",
            )
            for key, course in canvas.courses.items()
        },
        "sections.csv": {key: (section.name, section.course_id, "active") for key, section in canvas.sections.items()},
        "users.csv": {
            key: (user.login, user.email or None, f"{user.given} {user.family}", user.state)
            for key, user in canvas.users.items()
        },
        "enrollments.csv": {key: (state,) for key, state in canvas.enrollments.items()},
        "user_observers.csv": {key: (state,) for key, state in canvas.links.items()},
    }


def held(state: State) -> dict[str, Table]:
    """The same of what the stand-in holds; a log-in's state stands for the user's.

    What Canvas made of its own accord (default term, default sections, observers' enrolments) is left out.
    """
    return {
        "accounts.csv": {
            row["account_id"]: (row["name"], row["parent_account_id"], row["state"])
            for row in state["accounts"]
            if row["account_id"]
        },
        "terms.csv": {
            row["term_id"]: (row["name"], row["start_at"], row["end_at"], row["state"])
            for row in state["terms"]
            if row["term_id"]
        },
        "courses.csv": {
            row["course_id"]: (row["name"], row["account_id"], row["term_id"], row["state"]) for row in state["courses"]
        },
        "sections.csv": {
            row["section_id"]: (row["name"], row["course_id"], row["state"])
            for row in state["sections"]
            if row["section_id"]
        },
        "users.csv": {
            row["user_id"]: (row["login_id"], row["email"], row["name"], row["state"])
            for row in state["users"]
            if row["user_id"]
        },
        "enrollments.csv": {
            (row["section_id"], row["user_id"], _ROLES.get(row["type"], row["type"])): (row["state"],)
            for row in state["enrollments"]
            if not row["linked"]
        },
        "user_observers.csv": {
            (row["observer_id"], row["student_id"]): (row["state"],) for row in state["observer_links"]
        },
    }


def _instants(term: ImpliedTerm, zone: ZoneInfo) -> tuple[str, str]:
    def instant(day: date, less: timedelta) -> str:
        moment = datetime.combine(day, time.min, zone).astimezone(UTC) - less
        return f"{moment:%Y-%m-%dT%H:%M:%SZ}"

    return instant(term.start, timedelta(0)), instant(term.end + timedelta(days=1), timedelta(seconds=1))
