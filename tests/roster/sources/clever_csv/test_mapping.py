"""From raw tables to the roster: a small export in which every value is another."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from roster.model import SCHEMAS
from roster.sources import lessons
from tests.roster.sources.exports import FILES, roster, rows, write


def test_every_table_of_a_small_export(tmp_path: Path) -> None:
    staff = "School_id,Staff_id,Last_name,First_name,Staff_email,Username\n008,P1,Reed,Rae,rae@example.org,raer\n"
    found = roster(write(tmp_path / "export", staff=staff))
    assert rows(found.orgs, *SCHEMAS["orgs"]) == [
        ("007", "Fern Hill", "school", None, "007"),
        ("008", "Gum Creek", "school", None, "008"),
    ]
    assert rows(found.academic_sessions, *SCHEMAS["academic_sessions"]) == [
        ("y1-20250801-20260630", "Y1", date(2025, 8, 1), date(2026, 6, 30), None)
    ]
    assert rows(found.courses, *SCHEMAS["courses"]) == [
        ("007-M7-maths", "Maths", "M7", "007"),
        ("008--art", "Art", None, "008"),
    ]
    assert rows(found.classes, *SCHEMAS["classes"]) == [
        ("S1", "Maths A", "1", "3", "007-M7-maths", "007", "y1-20250801-20260630", "S1"),
        ("S2", "Art B", "2", "4", "008--art", "008", "y1-20250801-20260630", "S2"),
    ]
    guardian = "g-" + hashlib.sha256(b"maria@example.org\x1fmaria ode").hexdigest()[:20]
    columns = [column for column in SCHEMAS["users"] if column != "status"]
    assert rows(found.users, *columns) == [
        ("0041", "student", "Ann", "Q", "Ode", None, None, "anno", "ann@example.org", "N41", "007", ["007"], "0041"),
        ("0042", "student", "Bo", None, "Bell", None, None, "bob", "bo@example.org", "N42", "008", ["008"], "0042"),
        ("T1", "staff", "Tess", None, "Vaux", None, None, "tessv", "tess@example.org", "N1", "007", ["007"], "T1"),
        ("T2", "staff", "Hugo", None, "Hall", None, None, "hugoh", "hugo@example.org", "N2", "007", ["007"], "T2"),
        ("P1", "staff", "Rae", None, "Reed", None, None, "raer", "rae@example.org", None, "008", ["008"], "P1"),
        (guardian, "guardian", "Maria", None, "Ode", None, None, None, "maria@example.org", None, "007", ["007"], None),
    ]
    assert rows(found.guardians, *SCHEMAS["guardians"]) == [(f"{guardian}:0041", guardian, "0041", "Mother")]
    assert rows(found.enrollments, *SCHEMAS["enrollments"]) == [
        ("S1:0041:student", "S1", "0041", "student", None, None, None),
        ("S2:0042:student", "S2", "0042", "student", None, None, None),
        ("S1:T1:teacher", "S1", "T1", "teacher", True, None, None),
        ("S2:T2:teacher", "S2", "T2", "teacher", True, None, None),
        ("S1:T2:teacher", "S1", "T2", "teacher", False, None, None),
    ]
    assert set(rows(found.lineage, "table", "record", "source", "file", "row")) == {
        ("orgs", "007", "clever", "schools.csv", 2),
        ("orgs", "008", "clever", "schools.csv", 3),
        ("academic_sessions", "y1-20250801-20260630", "clever", "sections.csv", 2),
        ("academic_sessions", "y1-20250801-20260630", "clever", "sections.csv", 3),
        ("courses", "007-M7-maths", "clever", "sections.csv", 2),
        ("courses", "008--art", "clever", "sections.csv", 3),
        ("classes", "S1", "clever", "sections.csv", 2),
        ("classes", "S2", "clever", "sections.csv", 3),
        ("users", "0041", "clever", "students.csv", 2),
        ("users", "0042", "clever", "students.csv", 3),
        ("users", "T1", "clever", "teachers.csv", 2),
        ("users", "T2", "clever", "teachers.csv", 3),
        ("users", "P1", "clever", "staff.csv", 2),
        ("users", guardian, "clever", "students.csv", 2),
        ("enrollments", "S1:0041:student", "clever", "enrollments.csv", 2),
        ("enrollments", "S2:0042:student", "clever", "enrollments.csv", 3),
        ("enrollments", "S1:T1:teacher", "clever", "sections.csv", 2),
        ("enrollments", "S1:T2:teacher", "clever", "sections.csv", 2),
        ("enrollments", "S2:T2:teacher", "clever", "sections.csv", 3),
        ("guardians", f"{guardian}:0041", "clever", "students.csv", 2),
    }


HEADER = (
    "School_id,Student_id,Last_name,First_name,Student_email,Username,"
    "Contact_name,Contact_type,Contact_email,Contact_sis_id"
)


def students(tmp_path: Path, *lines: str) -> pl.LazyFrame:
    return roster(write(tmp_path / "export", students="\n".join([HEADER, *lines, ""]))).users


def people(users: pl.LazyFrame, kind: str, *columns: str) -> list[tuple[object, ...]]:
    return rows(users.filter(kind=kind).sort("sourced_id", "family_name"), *columns)


def test_rows_of_one_id_that_agree_are_one_person_of_all_their_schools(tmp_path: Path) -> None:
    users = students(
        tmp_path,
        "008,41,Ode,Ann,ANN@example.org,,Maria Ode,Mother,maria@example.org,",
        "007,41,Ode,Ann,ann@example.org,anno,Max Ode,Father,max@example.org,",
        "008,41,ode,Ann,,,,,,",
    )
    assert people(users, "student", "sourced_id", "family_name", "email", "username", "school_id", "school_ids") == [
        ("41", "Ode", "ANN@example.org", "anno", "008", ["008", "007"])
    ]
    assert set(people(users, "guardian", "given_name", "school_id")) == {("Maria", "008"), ("Max", "007")}


@pytest.mark.parametrize(
    "other", ["Oda,Ann,a@example.org,anno", "Ode,Ana,a@example.org,anno", "Ode,Ann,b@example.org,anno"]
)
def test_rows_of_one_id_that_do_not_agree_stay_side_by_side(tmp_path: Path, other: str) -> None:
    users = students(tmp_path, "007,41,Ode,Ann,a@example.org,anno,,,,", f"007,41,{other},,,,")
    assert people(users, "student", "sourced_id") == [("41",), ("41",)]


def test_rows_without_an_id_stay_each(tmp_path: Path) -> None:
    users = students(tmp_path, "007,,Ode,Ann,,,,,,", "007,,Ode,Ann,,,,,,")
    assert people(users, "student", "sourced_id", "family_name") == [(None, "Ode"), (None, "Ode")]


def test_a_person_in_teachers_and_staff_is_one_user(tmp_path: Path) -> None:
    staff = (
        "School_id,Staff_id,Last_name,First_name,Staff_email\n008,T1,Vaux,Tess,TESS@example.org\n008,T2,Hill,Hugo,\n"
    )
    found = roster(write(tmp_path / "export", staff=staff))
    assert people(found.users, "staff", "sourced_id", "family_name", "identifier", "school_ids") == [
        ("T1", "Vaux", "N1", ["007", "008"]),
        ("T2", "Hall", "N2", ["007"]),
        ("T2", "Hill", None, ["008"]),
    ]


@pytest.mark.parametrize(
    ("contact", "given", "family"),
    [
        ("Maria Ode", "Maria", "Ode"),
        ("Maria de la Ode", "Maria de la", "Ode"),
        ('"Ode, Maria"', "Maria", "Ode"),
        ("Maria", None, "Maria"),
        ("李小龍", None, "李小龍"),
        ("", None, None),
    ],
)
def test_a_contacts_name(tmp_path: Path, contact: str, given: str | None, family: str | None) -> None:
    users = students(tmp_path, f"007,41,Ode,Ann,,,{contact},Mother,m@example.org,")
    assert people(users, "guardian", "given_name", "family_name") == [(given, family)]


def test_a_contacts_key_does_not_know_case_or_unicode_form_and_prefers_its_id(tmp_path: Path) -> None:
    users = students(
        tmp_path,
        "007,41,Ode,Ann,,,ZOE\u0308 Ode,Mother,Z@example.org,",
        "007,42,Ode,Bo,,,Zo\u00eb ODE,Mother,z@EXAMPLE.org,",
        "007,43,Ode,Cy,,,Zo\u00eb Ode,Mother,z@example.org,C7",
        "007,44,Ode,Di,,,Zo\u00eb Ode,Mother,,",
        "007,45,Ode,Ed,,,,Mother,,",
    )
    keys = people(users, "guardian", "sourced_id", "given_name", "identifier")
    assert [(given, identifier) for _, given, identifier in keys] == [("Zo\u00eb", "C7"), ("ZO\u00cb", None)]
    assert keys[0][0] == "C7"


def test_links_without_a_key_stay_and_two_relationships_are_two_links(tmp_path: Path) -> None:
    lines = (
        "007,41,Ode,Ann,,,Maria Ode,Mother,,C7",
        "007,41,Ode,Ann,,,Maria Ode,mother,,C7",
        "007,41,Ode,Ann,,,Maria Ode,Emergency,,C7",
        "007,41,Ode,Ann,,,Max Ode,Father,,",
        "007,,Bell,Bo,,,Mia Bell,Mother,,C8",
    )
    found = roster(write(tmp_path / "export", students="\n".join([HEADER, *lines, ""])))
    assert rows(found.guardians, *SCHEMAS["guardians"]) == [
        ("C7:41", "C7", "41", "Mother"),
        ("C7:41:emergency", "C7", "41", "Emergency"),
        (None, None, "41", "Father"),
        (None, "C8", None, "Mother"),
    ]
    assert people(found.users, "guardian", "sourced_id") == [("C7",), ("C8",)]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("8/1/15", date(2015, 8, 1)),
        ("08/01/2015", date(2015, 8, 1)),
        ("1/31/99", date(2099, 1, 31)),
        ("2015-08-01", date(2015, 8, 1)),
        ("2015-08-01T00:00:00.000Z", date(2015, 8, 1)),
        ("8/1/2015 12:00:00 AM", date(2015, 8, 1)),
        ("25/12/2015", None),
        ("2/30/15", None),
        ("8/1/015", None),
        ("8.1.2015", None),
        ("soon", None),
        (None, None),
    ],
)
def test_dates_have_the_month_first(written: str | None, read: date | None) -> None:
    frame = pl.DataFrame({"when": [written]}, schema={"when": pl.String})
    assert frame.select(lessons.date("when")).item() == read


SECTIONS = (
    "School_id,Section_id,Teacher_id,Teacher_2_id,Name,Course_name,Course_number,Period,Term_name,Term_start,Term_end"
)


def test_one_class_in_several_terms_gets_the_smallest_that_spans_them_else_the_latest(tmp_path: Path) -> None:
    lines = (
        "007,S1,T1,,Maths,,,,S1,8/1/25,1/15/26",
        "007,S1,T2,T1,Maths,,,,S2,1/16/26,6/30/26",
        "007,S2,T1,,Art,,,,Y1,8/1/25,6/30/26",
        "007,S3,T1,,Gym,,,,S2,1/16/26,6/30/26",
        "007,S3,T1,,Gym,,,,Late,1/16/26,7/30/27",
        "007,S4,T1,,Gym,,,,S1,8/1/25,1/15/26",
        "007,S4,T1,,Gum,,,,S1,8/1/25,1/15/26",
    )
    found = roster(write(tmp_path / "export", sections="\n".join([SECTIONS, *lines, ""])))
    assert rows(found.classes, "sourced_id", "title", "session_id") == [
        ("S1", "Maths", "y1-20250801-20260630"),
        ("S2", "Art", "y1-20250801-20260630"),
        ("S3", "Gym", "late-20260116-20270730"),
        ("S4", "Gym", "s1-20250801-20260115"),
        ("S4", "Gum", "s1-20250801-20260115"),
    ]
    teachers = found.enrollments.filter(role="teacher", class_id="S1")
    assert rows(teachers, "user_id", "primary") == [("T1", True), ("T2", True)]


def test_a_section_that_says_little(tmp_path: Path) -> None:
    lines = ("007,S1,,,,Maths,M7,3,,,", "007,S2,,,,Maths,,,,8/1/25,", "007,S3,,,,,,,Q 1: “Früh”,,", "007,,,,,,,,,,")
    found = roster(write(tmp_path / "export", sections="\n".join([SECTIONS, *lines, ""])))
    assert rows(found.classes, "sourced_id", "title", "course_id", "session_id") == [
        ("S1", "Maths - 3", "007-M7-maths", None),
        ("S2", "Maths", "007--maths", "term-20250801-"),
        ("S3", None, None, "q-1-früh--"),
        (None, None, None, None),
    ]
    assert not rows(found.enrollments.filter(role="teacher"), "sourced_id")


def test_repeated_and_broken_enrolments_stay_as_they_are(tmp_path: Path) -> None:
    found = roster(write(tmp_path / "export", enrollments=FILES["enrollments.csv"] + "007,S1,0041\n007,,0041\n"))
    assert rows(found.enrollments.filter(role="student"), "sourced_id") == [
        ("S1:0041:student",),
        ("S2:0042:student",),
        ("S1:0041:student",),
        (None,),
    ]


def test_preferred_names_are_read_where_there_are_any(tmp_path: Path) -> None:
    teachers = (
        "School_id,Teacher_id,Last_name,First_name,Preferred_first_name,Preferred_last_name\n007,T1,Vaux,Tess,Tee,Vo\n"
    )
    found = roster(write(tmp_path / "export", teachers=teachers))
    assert people(found.users, "staff", "preferred_given_name", "preferred_family_name") == [("Tee", "Vo")]
