"""Bodies of a real OneRoster 1.1 provider: every kept value by hand, and nothing of them goes on to Canvas."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from roster.checks import judge
from roster.sources import system
from tests.roster.sources.oneroster.replies import Provider, settings
from tests.roster.sources.oneroster.tenants import a_tenant

NOW = datetime(2021, 2, 1, 9, tzinfo=UTC)
TODAY = date(2021, 2, 1)
NAMES = ("orgs", "academicSessions", "courses", "classes", "users", "enrollments")


@pytest.fixture
def raw(samples: Path, tmp_path: Path) -> Path:
    folder = samples / "oneroster-rest-json"
    if not folder.is_dir():
        pytest.skip(f"the sample bodies are not there: {folder.name}")
    lists = {name: json.loads((folder / f"{name}.json").read_bytes())[name] for name in NAMES}
    evidence = system("oneroster").extract(Provider(lists), settings(limit=2), tmp_path, last_good=None, now=NOW)
    assert evidence.proven
    return tmp_path


def rows(raw: Path, name: str, *columns: str) -> list[tuple[object, ...]]:
    return pl.read_parquet(raw / f"{name}.parquet").select(columns).rows()


def test_its_people(raw: Path) -> None:
    assert rows(raw, "users", "sourced_id", "role", "enabled", "username", "given_name", "middle_name") == [
        ("001", "student", True, "test01", "Bob", None),
        ("002", "parent", False, "test02", "Jane", "Smith"),
        ("003", "teacher", True, "test03", "Teach", None),
    ]
    assert rows(raw, "users", "family_name", "identifier", "email", "org_ids", "agent_ids", "row") == [
        ("Smith", None, None, ["015"], ["002"], 1),
        ("Doe", "test02", "test02@localhost.lan", ["015"], [], 2),
        ("McTeacher", None, None, ["015"], [], 3),
    ]


def test_its_places_and_times(raw: Path) -> None:
    assert rows(raw, "orgs", "sourced_id", "status", "name", "type", "identifier", "parent_id") == [
        ("015", "tobedeleted", "put05", "local", None, None),
        ("016", "tobedeleted", "put06", "state", None, "015"),
        ("017", "active", "put07", "local", None, None),
        ("018", "active", "put08", "district", "England Academy", "017"),
    ]
    assert rows(raw, "academic_sessions", "sourced_id", "status", "title", "type", "start_date", "end_date") == [
        ("001", "active", "Spring Term", "term", "2021-01-01", "2021-04-01"),
        ("002", "active", "Session 20/21", "schoolYear", "2020-04-01", "2021-04-01"),
        ("003", "tobedeleted", "Summer Term", "term", "2021-04-01", "2021-07-01"),
    ]
    assert rows(raw, "academic_sessions", "parent_id") == [("002",), (None,), ("002",)]


def test_its_classes_and_who_is_in_them(raw: Path) -> None:
    assert rows(raw, "courses", "sourced_id", "title", "course_code", "org_id") == [
        ("01", "maths101", None, "016"),
        ("02", "Computing Science 101", "CS101", "016"),
    ]
    assert rows(raw, "classes", "sourced_id", "title", "class_code", "class_type", "course_id", "school_id") == [
        ("01", "S1Maths", None, "scheduled", "01", "016"),
        ("02", "S3Maths", "S3M", "scheduled", "01", "016"),
        ("03", "S2Maths", "S2M", "scheduled", "01", "016"),
    ]
    assert rows(raw, "classes", "term_ids", "periods") == [(["002"], []), (["002"], ["01"]), (["002"], ["01"])]
    assert rows(raw, "enrollments", "sourced_id", "class_id", "school_id", "user_id", "role", "primary") == [
        ("01", "01", "017", "001", "student", None),
        ("02", "01", "017", "003", "teacher", True),
    ]
    assert rows(raw, "enrollments", "begin_date", "end_date") == [(None, None), ("2012-07-01", "2013-07-01")]


def test_each_of_its_classes_is_in_quarantine_with_its_rule(raw: Path) -> None:
    """Their only org is a state, and deleted. What becomes of the enrolments shows in a plan (tests/nights)."""
    roster = system("oneroster").to_roster(raw, settings())
    judged = judge(roster, {"sis": raw}, a_tenant(), TODAY, last_good_rows=None, docs=None)
    found = judged.findings.filter(pl.col("severity") == "quarantine").select("rule", "table", "record").rows()
    assert sorted(found) == [
        *(("class-unknown-school", "classes", record) for record in ("01", "02", "03")),
        *(("user-login-missing", "users", record) for record in ("001", "003")),
    ]
