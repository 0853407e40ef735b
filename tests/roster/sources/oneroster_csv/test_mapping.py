"""From a set to the roster: a small one in which every value is another."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from roster.model import SCHEMAS
from tests.roster.sources.exports import rows
from tests.roster.sources.oneroster_csv.sets import FILES, NEWER, extract, roster, write

TERM = "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear\n"


def test_every_table_of_a_small_set(tmp_path: Path) -> None:
    found = roster(extract(write(tmp_path / "set"))[0])
    assert rows(found.orgs, *SCHEMAS["orgs"]) == [
        ("D1", "Fern District", "district", None, "D1"),
        ("0007", "Fern Hill", "school", "D1", "0007"),
    ]
    assert rows(found.academic_sessions, *SCHEMAS["academic_sessions"]) == [
        ("Y26", "Year", date(2025, 9, 1), date(2026, 6, 30), None),
        ("H2", "Second", date(2026, 1, 16), date(2026, 6, 29), None),
    ]
    assert rows(found.courses, *SCHEMAS["courses"]) == [("C1", "Maths", "MA7", "D1")]
    assert rows(found.classes, *SCHEMAS["classes"]) == [
        ("K1", "Maths A", "ma-a", "3, 4", "C1", "0007", "Y26", "K1"),
        ("K2", "Form 7", "f-7", None, "C1", "0007", "H2", "K2"),
    ]
    names = ("given_name", "middle_name", "family_name", "username", "email", "identifier", "sis_id")
    assert sorted(rows(found.users, "sourced_id", *names)) == [
        ("g1", "Maria", None, "Ode", "maria", "maria@example.org", None, "g1"),
        ("g2", "Gus", None, "Hall", "gus", "gus@example.org", None, "g2"),
        ("s1", "Ann", "Q", "Ode", "anno", "ann@example.org", "N41", "s1"),
        ("s2", "Bo", None, "Bell", "bob", "bo@example.org", "N42", "s2"),
        ("t1", "Tess", None, "Vaux", "tessv", "tess@example.org", "N1", "t1"),
    ]
    assert sorted(rows(found.users, "sourced_id", "kind", "school_id", "school_ids", "status")) == [
        ("g1", "guardian", "0007", ["0007"], None),
        ("g2", "guardian", "0007", ["0007"], None),
        ("s1", "student", "0007", ["0007", "D1"], None),
        ("s2", "student", "0007", ["0007"], "suspended"),
        ("t1", "staff", "0007", ["0007"], None),
    ]
    assert rows(found.enrollments, *SCHEMAS["enrollments"]) == [
        ("e1", "K1", "s1", "student", None, date(2025, 9, 3), date(2026, 6, 26)),
        ("e2", "K2", "s2", "student", None, date(2026, 1, 16), date(2026, 6, 29)),
        ("e3", "K1", "t1", "teacher", True, date(2025, 9, 4), date(2026, 6, 25)),
    ]
    assert rows(found.guardians, *SCHEMAS["guardians"]) == [
        ("g1:s1", "g1", "s1", "parent"),
        ("g2:s1", "g2", "s1", "relative"),
    ]


def test_every_record_has_its_file_and_row(tmp_path: Path) -> None:
    found = roster(extract(write(tmp_path / "set"))[0])
    assert set(rows(found.lineage, "table", "record", "source", "file", "row")) == {
        ("orgs", "D1", "sis", "orgs.csv", 2),
        ("orgs", "0007", "sis", "orgs.csv", 3),
        ("academic_sessions", "Y26", "sis", "academicSessions.csv", 2),
        ("academic_sessions", "H2", "sis", "academicSessions.csv", 4),
        ("courses", "C1", "sis", "courses.csv", 2),
        ("classes", "K1", "sis", "classes.csv", 2),
        ("classes", "K2", "sis", "classes.csv", 3),
        *(("users", one, "sis", "users.csv", row) for row, one in enumerate(("s1", "s2", "t1", "g1", "g2"), start=2)),
        *(("enrollments", f"e{row - 1}", "sis", "enrollments.csv", row) for row in (2, 3, 4)),
        ("guardians", "g1:s1", "sis", "users.csv", 2),
        ("guardians", "g1:s1", "sis", "users.csv", 5),
        ("guardians", "g2:s1", "sis", "users.csv", 2),
    }


def test_in_1p2_roles_have_a_file_and_people_a_preferred_name(tmp_path: Path) -> None:
    raw, evidence = extract(write(tmp_path / "set", **NEWER))
    found = roster(raw)
    columns = ("sourced_id", "kind", "preferred_given_name", "preferred_family_name", "school_id", "school_ids")
    assert sorted(rows(found.users, *columns)) == [
        ("g1", "guardian", None, None, "0007", ["0007"]),
        ("s1", "student", "Annie", "Odette", "0007", ["0007"]),
        ("s2", "student", None, None, "0007", ["0007"]),
        ("t1", "staff", None, None, "0007", ["0007", "D1"]),
    ]
    assert rows(found.guardians, "sourced_id", "relationship") == [("g1:s1", "guardian")]
    assert ("users", "t1", "roles.csv", 4) in rows(found.lineage, "table", "record", "file", "row")
    assert evidence.rows == {
        **{"orgs": 2, "academic_sessions": 3, "courses": 1, "classes": 2, "users": 4, "roles": 5, "enrollments": 3},
        **{"students": 2, "staff": 1, "guardians": 1},
    }


@pytest.mark.parametrize(
    ("sessions", "terms", "chosen"),
    [
        ("H1,,,First,term,2025-09-02,2026-01-15,,\nH2,,,Second,term,2026-01-16,2026-06-29,,\n", "H1,H2", "H2"),
        ("A,,,Year,,2025-09-01,2026-06-30,,\nB,,,Long,,2025-08-01,2026-06-30,,\n", "A,B", "B"),
        (
            "H1,,,1,,2025-09-02,2026-01-15,P,\nH2,,,2,,2026-01-16,2026-06-29,P,\n"
            "Y,,,Y,,2025-09-01,2026-06-30,,\nP,,,P,,2025-08-01,2026-07-30,,\n",
            "H1,H2",
            "P",
        ),
        (
            "H1,,,1,,2025-09-02,2026-01-15,P,\nH2,,,2,,2026-01-16,2026-06-29,P,\n"
            "Y,,,Y,,2025-09-01,2026-06-30,,\nP,,,P,,2025-12-01,2026-01-30,,\n",
            "H1,H2",
            "Y",
        ),
        ("H2,,,Second,term,2026-01-16,2026-06-29,,\n", "H2,H9", "H9"),
    ],
    ids=["the last", "the one of them that spans", "their parent", "no parent that is shorter", "an unknown one"],
)
def test_a_class_in_several_terms(tmp_path: Path, sessions: str, terms: str, chosen: str) -> None:
    classes = FILES["classes"].replace("H1, H2", terms)
    found = roster(extract(write(tmp_path / "set", academicSessions=TERM + sessions, classes=classes))[0])
    assert rows(found.classes.filter(sourced_id="K1"), "session_id") == [(chosen,)]


@pytest.mark.parametrize("word", ["tobedeleted", "inactive", "ToBeDeleted"])
def test_what_is_marked_as_gone_is_as_absent(tmp_path: Path, word: str) -> None:
    marked = {
        "users": FILES["users"].replace("g1,,,true", f"g1,{word},,true"),
        "enrollments": FILES["enrollments"].replace("e2,,", f"e2,{word},"),
    }
    raw, evidence = extract(write(tmp_path / "set", **marked))
    found = roster(raw)
    assert sorted(rows(found.users, "sourced_id")) == [("g2",), ("s1",), ("s2",), ("t1",)]
    assert rows(found.enrollments, "sourced_id") == [("e1",), ("e3",)]
    assert (evidence.rows["users"], evidence.rows["guardians"], evidence.rows["enrollments"]) == (4, 1, 2)


def test_who_has_several_roles_is_staff_before_student_before_guardian(tmp_path: Path) -> None:
    more = "r6,,,s2,secondary,Guardian,,,0007,\nr7,,,s1,secondary,proctor,,,0007,\n"
    found = roster(extract(write(tmp_path / "set", **NEWER | {"roles": NEWER["roles"] + more}))[0])
    kinds = dict(rows(found.users, "sourced_id", "kind"))
    assert kinds == {"s1": "staff", "s2": "student", "t1": "staff", "g1": "guardian"}


def test_an_agent_who_is_nobodys_parent_makes_a_link_without_a_relationship(tmp_path: Path) -> None:
    users = FILES["users"].replace('"g1,g2"', '"g1,t1,nobody"')
    found = roster(extract(write(tmp_path / "set", users=users))[0])
    assert rows(found.guardians, "sourced_id", "relationship") == [
        ("g1:s1", "parent"),
        ("t1:s1", None),
        ("nobody:s1", None),
    ]


def test_rows_of_one_person_that_agree_are_one_with_all_schools(tmp_path: Path) -> None:
    again = "s2,,,false,D1,student,bob,,Bo,Bell,,N42,bo@example.org,,,,07,\n"
    users = roster(extract(write(tmp_path / "set", users=FILES["users"] + again))[0]).users
    assert rows(users.filter(pl.col("sourced_id") == "s2"), "school_ids") == [(["0007", "D1"],)]
