from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from roster_sandbox.demo.comparison import differences, held, implied_changes, implied_tables
from roster_sandbox.district import District, after, generate, implied, moved

ZONE = ZoneInfo("Australia/Brisbane")
TODAY = date(2026, 2, 2)
TYPES = {"student": "StudentEnrollment", "teacher": "TeacherEnrollment"}


@pytest.fixture(scope="module")
def district() -> District:
    return generate(pupils=200, teachers=18)


@pytest.fixture
def state(district: District) -> dict[str, list[dict[str, Any]]]:
    """A Canvas that holds what the district implies, and what Canvas makes by itself."""
    tables = implied_tables(implied(district, today=TODAY), ZONE)

    def rows(file: str, key: tuple[str, ...], *columns: str) -> list[dict[str, Any]]:
        found = []
        for name, content in tables[file].items():
            names = name if isinstance(name, tuple) else (name,)
            found.append({**dict(zip(key, names, strict=False)), **dict(zip(columns, content, strict=True))})
        return found

    enrollments = rows("enrollments.csv", ("section_id", "user_id", "type"), "state")
    enrollments = [{**row, "type": TYPES[row["type"]], "linked": 0} for row in enrollments]
    enrollments.append({**enrollments[0], "user_id": "an observer", "type": "ObserverEnrollment", "linked": 1})
    return {
        "accounts": [
            {"account_id": None, "parent_account_id": None, "name": "Root", "state": "active"},
            *rows("accounts.csv", ("account_id",), "name", "parent_account_id", "state"),
        ],
        "terms": rows("terms.csv", ("term_id",), "name", "start_at", "end_at", "state"),
        "courses": rows("courses.csv", ("course_id",), "name", "account_id", "term_id", "state"),
        "sections": rows("sections.csv", ("section_id",), "name", "course_id", "state"),
        "users": rows("users.csv", ("user_id",), "login_id", "email", "name", "state"),
        "enrollments": enrollments,
        "observer_links": rows("user_observers.csv", ("observer_id", "student_id"), "state"),
    }


def test_what_is_implied_is_no_difference(district: District, state: dict[str, list[dict[str, Any]]]) -> None:
    assert sum(len(table) for table in held(state).values()) > 1000
    assert differences(state, implied(district, today=TODAY), ZONE) == []


def spoil(kind: str, **fields: Any) -> Callable[[dict[str, list[dict[str, Any]]]], None]:
    return lambda state: state[kind][-1].update(fields) if kind != "enrollments" else state[kind][0].update(fields)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda state: state["users"].pop(), "users.csv: 1 missing"),
        (lambda state: state["users"].append({**state["users"][0], "user_id": "x"}), "users.csv: 1 not expected"),
        (spoil("users", name="Another"), "users.csv: 1 other than expected"),
        (spoil("users", login_id="another"), "users.csv: 1 other than expected"),
        (spoil("users", state="suspended"), "users.csv: 1 other than expected"),
        (spoil("accounts", name="Another"), "accounts.csv: 1 other than expected"),
        (spoil("terms", end_at="2026-01-01T00:00:00Z"), "terms.csv: 1 other than expected"),
        (spoil("courses", term_id="another"), "courses.csv: 1 other than expected"),
        (spoil("sections", course_id="another"), "sections.csv: 1 other than expected"),
        (spoil("enrollments", state="inactive"), "enrollments.csv: 1 other than expected"),
        (spoil("enrollments", type="TaEnrollment"), "enrollments.csv: 1 missing, 1 not expected"),
        (spoil("observer_links", state="deleted"), "user_observers.csv: 1 other than expected"),
    ],
)
def test_whatever_differs_is_told(
    district: District,
    state: dict[str, list[dict[str, Any]]],
    act: Callable[[dict[str, list[dict[str, Any]]]], object],
    said: str,
) -> None:
    spoilt = copy.deepcopy(state)
    act(spoilt)
    assert [found.text for found in differences(spoilt, implied(district, today=TODAY), ZONE)] == [said]


def test_terms_begin_and_end_with_the_tenants_days(district: District) -> None:
    term = district.terms[0]
    tables = implied_tables(implied(district, today=TODAY), ZONE)["terms.csv"]
    (_, start, end, _) = next(content for content in tables.values() if content[0] == term.name)
    assert datetime.fromisoformat(start) == datetime.combine(term.start, datetime.min.time(), ZONE)
    assert datetime.fromisoformat(end).astimezone(UTC) == (
        datetime.combine(term.end + timedelta(days=1), datetime.min.time(), ZONE) - timedelta(seconds=1)
    )


def test_the_twelve_moves_imply_these_changes(district: District) -> None:
    before = implied(district, today=TODAY)
    now, moves = moved(district, 3)
    then = after(before, implied(now, today=TODAY))
    changes = implied_changes(before, then, ZONE)
    running = before.sections.keys()
    assert changes["enrollments.csv", "create"] == sum(len(running & set(move.joined)) for move in moves)
    assert changes["enrollments.csv", "drop"] == sum(len(running & set(move.left)) for move in moves)
    assert changes["users.csv", "update"] == 1
    assert changes["users.csv", "create"] == 2
    assert changes["users.csv", "drop"] >= 1
    assert {file for file, _ in changes} == {"users.csv", "enrollments.csv", "user_observers.csv"}
    assert implied_changes(then, then, ZONE) == {}


def test_who_comes_back_is_a_create(district: District) -> None:
    before = implied(district, today=TODAY)
    gone = after(before, implied(moved(district, 3)[0], today=TODAY))
    back = after(gone, before)
    went, came = implied_changes(before, gone, ZONE), implied_changes(gone, back, ZONE)
    assert came["enrollments.csv", "create"] == went["enrollments.csv", "drop"] > 0
