"""Objects of the API as the roster has them: every field in its place, with where it came from."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from roster.model import SCHEMAS, Roster
from roster.settings import Clever
from roster.sources.clever.mapping import to_roster
from roster.sources.clever.reading import extract
from tests.roster.sources.clever.lists import Lists
from tests.roster.sources.exports import rows

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
SETTINGS = Clever(name="clever", system="clever", connection="api", limit=2)

SCHOOLS = [
    {"id": "a1", "sis_id": "420", "name": "Banksia Middle", "school_number": "0420", "phone": "555-0100"},
    {"id": "a2", "sis_id": "421", "name": " Wattle  High "},
]
TERMS = [
    {"id": "f1", "name": "S1 26-27", "start_date": "2026-01-10", "end_date": "2026-06-18"},
    {"id": "f2", "name": "Never used", "start_date": "2026-08-10T00:00:00.000Z", "end_date": None},
    {"id": "f3", "name": "S2 26-27", "start_date": "2026-07-10T00:00:00.000Z", "end_date": "2026-12-18T00:00:00Z"},
]
COURSES = [{"id": "e1", "name": "Math 7", "number": "M7"}, {"id": "e2", "name": "Art", "number": None}]


def name(first: str | None, last: str | None, middle: str | None = "") -> dict[str, Any]:
    return {"first": first, "middle": middle, "last": last}


ZOE = {
    "id": "b1",
    "email": "zoe@s.example.org",
    "name": name("Zoe\u0308", " Núñez ", "Q"),
    "roles": {
        "student": {
            "sis_id": "100245",
            "state_id": "9900100245",
            "student_number": "N-245",
            "school": "a2",
            "schools": ["a1", "a2"],
            "grade": "7",
            "dob": "2013-11-02",
            "race": "Asian",
            "frl_status": "Free",
            "iep_status": "Y",
            "preferred_name": {"first": "Zo", "last": "Nu"},
            "credentials": {"district_username": "znunez32", "password": "secret"},
            "ext": {"x": 1},
        }
    },
}
BO = {"id": "b2", "email": "", "name": None, "roles": {"student": {"sis_id": None, "school": None, "schools": None}}}
ADA = {
    "id": "c1",
    "email": "ada@example.org",
    "name": name("Ada", "Okafor"),
    "roles": {
        "teacher": {
            "sis_id": "T778",
            "teacher_number": "N-778",
            "school": "a1",
            "schools": ["a1"],
            "credentials": None,
        },
        "staff": {"staff_id": "P778", "schools": ["a2"], "credentials": {"district_username": "aokafor"}},
    },
}
TESS = {"id": "c2", "name": name("Tess", "Vaux"), "roles": {"teacher": {"sis_id": "T9", "school": "a2"}}}
REED = {"id": "c3", "name": name("Rae", "Reed"), "roles": {"staff": {"staff_id": "P9", "schools": []}}}
HEAD = {
    "id": "c4",
    "email": "head@example.org",
    "name": name("Hugo", "Hall"),
    "roles": {"district_admin": {"title": "x"}},
}
MARIA = {
    "id": "d1",
    "email": "maria@example.net",
    "name": name("", "Maria  del Núñez"),
    "roles": {
        "contact": {
            "sis_id": "G1",
            "phone": "5550111",
            "student_relationships": [
                {"student": "b1", "relationship": "Parent", "type": "Primary"},
                {"student": "b1", "relationship": "", "type": "Emergency"},
            ],
        }
    },
}
JO = {
    "id": "d2",
    "name": name("Jo", "Ode"),
    "roles": {"contact": {"student_relationships": [{"student": "b2", "relationship": None}]}},
}
SECTIONS = [
    {
        "id": "01",
        "sis_id": "SEC-1",
        "school": "a1",
        "course": "e1",
        "term_id": "f1",
        "name": "Math 7 - Okafor - 3",
        "section_number": "2",
        "period": "3",
        "students": ["b1", "b2", "b1"],
        "teacher": "c1",
        "teachers": ["c2", "c1"],
    },
    {"id": "02", "school": "a2", "course": "gone", "term_id": "lost", "name": None, "students": None, "teachers": None},
    {"id": "03", "sis_id": "SEC-3", "school": "a2", "course": "e2", "term_id": "f3", "period": "4", "teacher": "c2"},
]


def roster(folder: Path, **lists: Any) -> Roster:
    users = [ZOE, BO, ADA, TESS, REED, HEAD, MARIA, JO]
    served = {"schools": SCHOOLS, "terms": TERMS, "courses": COURSES, "users": users, "sections": SECTIONS} | lists
    folder.mkdir()
    extract(Lists.of(**served), SETTINGS, folder, last_good=None, now=NOW)
    return to_roster(folder, SETTINGS)


def test_every_table_of_a_small_district(tmp_path: Path) -> None:
    found = roster(tmp_path / "raw")
    assert rows(found.orgs, *SCHEMAS["orgs"]) == [
        ("a1", "Banksia Middle", "school", None, "420"),
        ("a2", "Wattle  High", "school", None, "421"),
    ]
    assert rows(found.academic_sessions, *SCHEMAS["academic_sessions"]) == [
        ("s1-26-27-20260110-20260618", "S1 26-27", date(2026, 1, 10), date(2026, 6, 18), None),
        ("s2-26-27-20260710-20261218", "S2 26-27", date(2026, 7, 10), date(2026, 12, 18), None),
    ]
    assert rows(found.courses, *SCHEMAS["courses"]) == [
        ("a1-M7-math-7", "Math 7", "M7", "a1"),
        ("a2--art", "Art", None, "a2"),
    ]
    assert rows(found.classes, *SCHEMAS["classes"]) == [
        ("01", "Math 7 - Okafor - 3", "2", "3", "a1-M7-math-7", "a1", "s1-26-27-20260110-20260618", "SEC-1"),
        ("02", None, None, None, "gone", "a2", "lost", None),
        ("03", "Art - 4", None, "4", "a2--art", "a2", "s2-26-27-20260710-20261218", "SEC-3"),
    ]
    zoe = ("Zoë", "Q", "Núñez", "Zo", "Nu", "znunez32", "zoe@s.example.org", "N-245", "a2", ["a2", "a1"], "100245")
    ada = ("Ada", None, "Okafor", None, None, "aokafor", "ada@example.org", "N-778", "a1", ["a1", "a2"], "T778")
    columns = [column for column in SCHEMAS["users"] if column != "status"]
    assert sorted(rows(found.users, *columns)) == [
        ("b1", "student", *zoe),
        ("b2", "student", *[None] * 9, [], None),
        ("c1", "staff", *ada),
        ("c2", "staff", "Tess", None, "Vaux", *[None] * 5, "a2", ["a2"], "T9"),
        ("c3", "staff", "Rae", None, "Reed", *[None] * 6, [], "P9"),
        ("c4", "staff", "Hugo", None, "Hall", None, None, None, "head@example.org", None, None, [], None),
        ("d1", "guardian", "Maria  del", None, "Núñez", None, None, None, "maria@example.net", "G1", None, [], "G1"),
        ("d2", "guardian", "Jo", None, "Ode", *[None] * 6, [], None),
    ]
    assert rows(found.guardians, *SCHEMAS["guardians"]) == [
        ("d1:b1", "d1", "b1", "Parent"),
        ("d1:b1:emergency", "d1", "b1", "Emergency"),
        ("d2:b2", "d2", "b2", None),
    ]
    assert sorted(rows(found.enrollments, *SCHEMAS["enrollments"])) == [
        ("01:b1:student", "01", "b1", "student", None, None, None),
        ("01:b2:student", "01", "b2", "student", None, None, None),
        ("01:c1:teacher", "01", "c1", "teacher", True, None, None),
        ("01:c2:teacher", "01", "c2", "teacher", False, None, None),
        ("03:c2:teacher", "03", "c2", "teacher", True, None, None),
    ]


def test_every_record_says_where_it_came_from(tmp_path: Path) -> None:
    lineage = set(rows(roster(tmp_path / "raw").lineage, "table", "record", "source", "file", "row"))
    assert {
        ("orgs", "a2", "clever", "schools", 2),
        ("academic_sessions", "s2-26-27-20260710-20261218", "clever", "sections", 3),
        ("courses", "a1-M7-math-7", "clever", "sections", 1),
        ("classes", "03", "clever", "sections", 3),
        ("users", "b2", "clever", "students", 2),
        ("users", "c1", "clever", "teachers", 1),
        ("users", "c1", "clever", "staff", 1),
        ("users", "c4", "clever", "district_admins", 1),
        ("users", "d2", "clever", "contacts", 2),
        ("enrollments", "01:c2:teacher", "clever", "sections", 1),
        ("guardians", "d1:b1", "clever", "contacts", 1),
    } <= lineage


def test_an_empty_district_is_an_empty_roster(tmp_path: Path) -> None:
    found = roster(tmp_path / "raw", schools=[], terms=[], courses=[], users=[], sections=[])
    assert [frame.collect().height for _, frame in found.tables()] == [0] * 7
