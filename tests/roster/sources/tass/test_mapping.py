"""Replies as the roster has them: every field in its place, with where it came from."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roster.model import SCHEMAS, Roster
from roster.sources.tass.mapping import to_roster
from roster.sources.tass.reading import extract
from tests.roster.sources.exports import rows
from tests.roster.sources.tass.replies import (
    ADA,
    BO,
    CAMPUSES,
    ZOE,
    a_school,
    household,
    lesson,
    person,
    pupil,
    settings,
)

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)


def roster(folder: Path, changed: dict[str, Any] | None = None, **more: Any) -> Roster:
    folder.mkdir()
    chosen = settings(**more)
    extract(a_school(**changed or {}), chosen, folder, last_good=None, now=NOW)
    return to_roster(folder, chosen)


def users(found: Roster, kind: str, *columns: str) -> list[tuple[object, ...]]:
    return sorted(rows(found.users.filter(pl.col("kind") == kind), *columns), key=repr)


def test_every_table_of_a_small_school(tmp_path: Path) -> None:
    found = roster(tmp_path / "raw")
    assert rows(found.orgs, *SCHEMAS["orgs"]) == [
        ("JU", "Junior School", "school", None, "JU"),
        ("7", "Senior School", "school", None, "7"),
    ]
    assert rows(found.academic_sessions, *SCHEMAS["academic_sessions"]) == [
        ("2026-1", "Autumn", date(2026, 1, 27), date(2026, 6, 19), None)
    ]
    assert rows(found.courses, *SCHEMAS["courses"]) == [
        ("10-2026-1-0080-10", "Art & Design 10", "0080", "7"),
        ("10-2026-1-2204--1", "sh -1", "2204", "JU"),
    ]
    art, other = "10-2026-1-0080-10-A", "10-2026-1-2204--1-B"
    assert rows(found.classes, *SCHEMAS["classes"]) == [
        (art, "Art & Design 10 A", "0080-10-A", None, "10-2026-1-0080-10", "7", "2026-1", art),
        (other, "sh -1 B", "2204--1-B", None, "10-2026-1-2204--1", "JU", "2026-1", other),
    ]
    zoe = ("Zoë", "Q", "Nuñez", "Zo", "Nu", "znunez", "zoe@s.example.org", "0009130", "7", ["7"], "0009130", None)
    bo = ("Bo", None, "Bell", None, None, "bbell", "bo@example.org", "20073", "JU", ["JU"], "20073", None)
    cy = ("Cy", None, "Cole", None, None, None, None, "0009131", "Nowhere", ["Nowhere"], "0009131", None)
    ada = ("Ada", "B", "Okafor", "Addie", None, "aokafor", "ada@example.org", "1000016", "7", ["7"], "1000016", None)
    tess = ("Tess", None, "Vaux", None, None, "tvaux", "tess@example.org", "1000017", "JU", ["JU"], "1000017", None)
    rae = ("Rae", "M", "Reed", "R", None, "rreed", "rae@example.org", "1000018", None, [], "1000018", None)
    mary = ("Mary", None, "Nuñez", None, None, "fam000055", "mary@example.net", "000055", None, [], "P299", None)
    assert sorted(rows(found.users, *SCHEMAS["users"])) == [
        ("0009130", "student", *zoe),
        ("0009131", "student", *cy),
        ("1000016", "staff", *ada),
        ("1000017", "staff", *tess),
        ("1000018", "staff", *rae),
        ("20073", "student", *bo),
        ("P299", "guardian", *mary),
    ]
    assert rows(found.guardians, *SCHEMAS["guardians"]) == [
        ("P299:0009130", "P299", "0009130", "Parent 1 of TASS"),
        ("P299:20073", "P299", "20073", "Parent 1 of TASS"),
    ]
    assert rows(found.enrollments, *SCHEMAS["enrollments"]) == [
        (f"{art}:0009130:student", art, "0009130", "student", None, None, None),
        (f"{art}:20073:student", art, "20073", "student", None, None, date(2026, 3, 9)),
        (f"{other}:20073:student", other, "20073", "student", None, date(2026, 2, 3), None),
        (f"{art}:1000016:teacher", art, "1000016", "teacher", True, None, None),
        (f"{other}:1000017:teacher", other, "1000017", "teacher", True, None, None),
    ]


def test_every_record_says_where_it_came_from(tmp_path: Path) -> None:
    found = roster(tmp_path / "raw")
    lineage = set(rows(found.lineage, "table", "record", "source", "file", "row"))
    assert {
        ("orgs", "7", "tass", "campuses", 2),
        ("academic_sessions", "2026-1", "tass", "student_subjects", 1),
        ("courses", "10-2026-1-2204--1", "tass", "student_subjects", 3),
        ("classes", "10-2026-1-0080-10-A", "tass", "student_subjects", 1),
        ("users", "20073", "tass", "students", 2),
        ("users", "1000017", "tass", "teachers", 2),
        ("users", "1000018", "tass", "idm_employees", 3),
        ("users", "P299", "tass", "idm_parents", 1),
        ("enrollments", "10-2026-1-2204--1-B:1000017:teacher", "tass", "teacher_subjects", 2),
        ("guardians", "P299:20073", "tass", "idm_parents", 1),
    } <= lineage
    for name, frame in found.tables():
        known = {record for table, record, *_ in lineage if table == name}
        assert set(frame.collect()["sourced_id"]) == known, name


def test_with_the_lms_api_alone_there_are_no_log_ins_and_no_parents(tmp_path: Path) -> None:
    found = roster(tmp_path / "raw", products=())
    assert users(found, "student", "sourced_id", "username", "email", "school_id") == [
        ("0009130", None, "zoe@s.example.org", "7"),
        ("0009131", None, None, "Nowhere"),
        ("20073", None, None, "JU"),
    ]
    assert users(found, "staff", "sourced_id") == [("1000016",), ("1000017",)]
    assert found.guardians.collect().is_empty()


def test_employee_hr_brings_who_does_not_teach_and_fills_what_is_blank(tmp_path: Path) -> None:
    employees = [
        {
            "general": {
                "employee_code": 1000017,
                "given_names": "Theresa",
                "surname": "V",
                "school_email": "tess@hr.example",
            }
        },
        {
            "general": {
                "employee_code": 1000020,
                "given_names": "Hugo Ian",
                "surname": "Hall",
                "preferred_name": "Hu",
                "school_email": "hugo@example.org",
            },
            "next_of_kin": {"name": "Jane"},
        },
    ]
    changed = {"employee_hr_getEmployeesDetails": employees}
    found = roster(tmp_path / "raw", changed, products=("employee_hr",))
    told = users(found, "staff", "sourced_id", "given_name", "family_name", "preferred_given_name", "email")
    assert told == [
        ("1000016", "Ada", "Okafor", "Addie", "ada@example.org"),
        ("1000017", "Tess", "Vaux", None, "tess@hr.example"),
        ("1000020", "Hugo Ian", "Hall", "Hu", "hugo@example.org"),
    ]


def test_student_details_fills_what_the_lms_api_leaves_blank(tmp_path: Path) -> None:
    details = [BO | {"school_details": {"campus": "Senior School", "email_address": "bo@details.example"}}]
    changed = {"student_details_getStudentsDetails": details}
    found = roster(tmp_path / "raw", changed, products=("student_details",))
    assert users(found, "student", "sourced_id", "email", "school_id")[2] == ("20073", "bo@details.example", "JU")


def test_a_teacher_with_two_codes_is_one_person(tmp_path: Path) -> None:
    teachers = [ADA, ADA | {"teacher_code": "AJ2"}]
    found = roster(tmp_path / "raw", {"lms_getTeachers": teachers}, products=())
    assert users(found, "staff", "sourced_id", "family_name") == [("1000016", "Okafor")]


def test_two_teachers_in_one_cell_of_the_timetable_are_two(tmp_path: Path) -> None:
    cell = {**lesson("0080", 10, "A"), "tch_code": "AJ, BBE,ZZ"}
    unknown = {**lesson("0081", 10, "A"), "tch_code": "AJ"}
    changed = {"lms_getTimetables": [cell, unknown, cell | {"tch_code": ""}]}
    found = roster(tmp_path / "raw", changed, timetable_periods=("1", "2"))
    taught = found.enrollments.filter(pl.col("class_id") == "10-2026-1-0080-10-A", pl.col("role") == "teacher")
    assert rows(taught, "user_id", "primary") == [("1000016", True), ("1000017", False), ("ZZ", False)]
    assert "10-2026-1-0081-10-A" not in set(found.classes.collect()["sourced_id"])


@pytest.mark.parametrize(
    ("products", "changed", "employee"),
    [
        ((), {}, "RR"),
        (("idm",), {"idm_getEmployees": [{"user_code": 1000018, "tch_code": "RR"}]}, "1000018"),
        (
            ("employee_hr",),
            {"employee_hr_getEmployeesDetails": [{"general": {"employee_code": 1000021, "teacher_code": "RR"}}]},
            "1000021",
        ),
    ],
)
def test_a_teachers_code_that_the_lms_api_does_not_explain_is_explained_by_another(
    tmp_path: Path, products: tuple[str, ...], changed: dict[str, Any], employee: str
) -> None:
    taught = {"RR": [lesson("0080", 10, "A") | {"teacher_code": "RR", "employee_code": ""}]}
    found = roster(tmp_path / "raw", changed | {"lms_getTeacherSubjects": taught}, products=products)
    teachers = found.enrollments.filter(pl.col("role") == "teacher")
    assert rows(teachers, "user_id") == [(employee,)]


def test_which_semesters_and_types_are_classes(tmp_path: Path) -> None:
    lessons = [
        lesson("0080", 10, "A"),
        lesson("0081", 10, "A", year_num=2025, semester=2),
        lesson("0082", 10, "A", year_num=2026, semester=3),
        lesson("0083", 10, "A", sub_type="non"),
        lesson("0084", 10, "A", semester=2),
        lesson("", 10, "A"),
    ]
    changed = {"lms_getStudentSubjects": {"x": [one | {"student_code": "0009130"} for one in lessons]}}
    found = roster(tmp_path / "raw", changed, leave_out=("NON",))
    assert rows(found.classes, "sourced_id", "session_id")[:4] == [
        ("10-2026-1-0080-10-A", "2026-1"),
        ("10-2026-3-0082-10-A", "2026-3"),
        ("10-2026-2-0084-10-A", "2026-2"),
        (None, "2026-1"),
    ]
    assert rows(found.academic_sessions, "sourced_id", "title") == [("2026-1", "Autumn"), ("2026-2", "2026 Semester 2")]


def test_a_class_is_where_most_of_its_pupils_are_else_where_its_year_group_is(tmp_path: Path) -> None:
    nobody = {"teacher_code": "AJ", "employee_code": 1000016}
    pupils = [
        ZOE,
        BO,
        pupil("0009132", "Di", "Dee", "Senior School"),
        pupil("0009133", "Ed", "Eno", "Junior School", year=3),
    ]
    attending = [
        *(("0090", code) for code in ("0009130", 20073)),
        *(("0091", code) for code in ("0009130", 20073, "0009133")),
    ]
    changed = {
        "lms_getStudents": pupils,
        "lms_getTeacherSubjects": {"AJ": [lesson("0092", group, "Z") | nobody for group in (10, 3, 12)]},
        "lms_getStudentSubjects": {"x": [lesson(code, 10, "A") | {"student_code": who} for code, who in attending]},
    }
    found = roster(tmp_path / "raw", changed)
    assert dict(rows(found.classes, "code", "school_id")) == {
        "0090-10-A": "7",  # one each: the first by code
        "0091-10-A": "JU",
        "0092-10-Z": "7",  # two of year 10 are there, one is not
        "0092-3-Z": "JU",
        "0092-12-Z": None,
    }


def test_two_companies_may_use_one_code(tmp_path: Path) -> None:
    found = roster(tmp_path / "raw", companies=("10", "20"))
    assert users(found, "student", "sourced_id", "sis_id", "school_id")[:2] == [
        ("10-0009130", "0009130", "10-7"),
        ("10-0009131", "0009131", "10-Nowhere"),
    ]
    assert {name for name, *_ in users(found, "guardian", "sourced_id")} == {"10-P299", "20-P299"}
    assert {name for name, *_ in rows(found.orgs, "sourced_id")} == {"10-JU", "10-7", "20-JU", "20-7"}
    assert {name for name, *_ in rows(found.classes, "sourced_id")} >= {"10-2026-1-0080-10-A", "20-2026-1-0080-10-A"}
    assert ("20-2026-1-0080-10-A:20-1000016:teacher",) in rows(found.enrollments, "sourced_id")
    assert ("20-P299:20-20073",) in rows(found.guardians, "sourced_id")
    assert rows(found.academic_sessions, "sourced_id") == [("2026-1",)]
    one = roster(tmp_path / "one", company_in_ids=True)
    assert ("10-1000016",) in users(one, "staff", "sourced_id")


def test_a_semester_may_be_of_one_company(tmp_path: Path) -> None:
    terms = (
        {"year": 2026, "semester": 1, "start": "2026-01-27", "end": "2026-06-19", "companies": ("10",)},
        {"year": 2026, "semester": 1, "start": "2026-02-03", "end": "2026-06-26", "companies": ("20",)},
    )
    found = roster(tmp_path / "raw", companies=("10", "20"), terms=terms)
    assert rows(found.academic_sessions, "sourced_id", "start_date") == [
        ("10-2026-1", date(2026, 1, 27)),
        ("20-2026-1", date(2026, 2, 3)),
    ]


JUDY, JAMES = person(288, 1, "Judy", "Allen"), person(287, 2, "James", "Allen")
HOME = {"person_posn": "", "email1": "home@example.net"}


def split(one: dict[str, Any], two: dict[str, Any], **second: Any) -> list[dict[str, Any]]:
    """The family as the vendor's sample has it: both persons in both households, at addresses of their own."""
    first = household("000007", ["0009130", 20073], JUDY, JAMES, sfa_num=1, username="one", address=one)
    other = household("000007", ["0009130"], JUDY, JAMES, sfa_num=2, username="two", address=two, **second)
    return [{"000007": [first, other]}]


def at(place: int, email: str = "") -> dict[str, Any]:
    return {"1": HOME, "6": {"person_posn": place, "email1": email}}


def family(folder: Path, parents: list[dict[str, Any]], **more: Any) -> tuple[list[tuple[object, ...]], set[str]]:
    """((id, log-in, e-mail, status) of the guardians, links)"""
    found = roster(folder, {"idm_getParents": parents}, **more)
    told = users(found, "guardian", "sourced_id", "username", "email", "status")
    return told, {link for (link,) in rows(found.guardians, "sourced_id")}


def test_in_a_split_family_each_has_the_household_at_their_own_address(tmp_path: Path) -> None:
    told, links = family(tmp_path / "raw", split(at(1, "judy@example.net"), at(2, "james@example.net")))
    assert told == [("P287", "two", "james@example.net", None), ("P288", "one", "judy@example.net", None)]
    assert links == {"P288:0009130", "P288:20073", "P287:0009130"}


def test_a_household_without_addresses_of_its_persons_is_both_persons(tmp_path: Path) -> None:
    told, links = family(tmp_path / "raw", split({"1": HOME}, {}))
    assert told == [("P287", None, None, None), ("P288", None, None, None)]
    assert links == {"P288:0009130", "P288:20073", "P287:0009130", "P287:20073"}


def test_two_who_share_a_household_share_neither_its_log_in_nor_the_e_mail_of_its_address(tmp_path: Path) -> None:
    together = [{"9": household("9", ["0009130"], JUDY, JAMES, address={"1": HOME | {"person_posn": 1}})}]
    assert family(tmp_path / "raw", together)[0] == [("P287", None, None, None), ("P288", None, None, None)]


def test_the_dead_observe_nobody_and_leave_the_log_in_to_who_is_left(tmp_path: Path) -> None:
    dead = [{"9": household("9", ["0009130"], JUDY | {"deceased_flg": "Y"}, JAMES)}]
    assert family(tmp_path / "raw", dead) == ([("P287", "fam9", None, None)], {"P287:0009130"})


def test_a_place_that_nobody_fills_is_nobody(tmp_path: Path) -> None:
    nobody = person(0, 2, "", "", description="") | {"person_num": ""}
    alone = [{"9": household("9", ["0009130"], JUDY | {"description": ""}, nobody)}]
    found = roster(tmp_path / "raw", {"idm_getParents": alone})
    assert users(found, "guardian", "sourced_id", "username") == [("P288", "fam9")]
    assert rows(found.guardians, "relationship") == [("Parent 1",)]


@pytest.mark.parametrize(
    ("ended", "status", "links"),
    [
        ("nothing", None, {"P288:0009130", "P288:20073", "P287:0009130"}),
        ("suspend", "suspended", {"P288:0009130", "P288:20073", "P287:0009130"}),
        ("delete", "deleted", {"P288:0009130", "P288:20073", "P287:0009130"}),
    ],
)
def test_what_becomes_of_a_parent_without_web_access(
    tmp_path: Path, ended: str, status: str | None, links: set[str]
) -> None:
    told, found = family(tmp_path / "raw", split(at(1), at(2), web_access=False), web_access_ended={"guardian": ended})
    assert [(one[0], one[3]) for one in told] == [("P287", status), ("P288", None)]
    assert found == links


@pytest.mark.parametrize(("ended", "links"), [("nothing", {"P288:20073", "P288:0009130"}), ("suspend", {"P288:20073"})])
def test_access_that_ended_in_one_of_two_families_ends_its_links(tmp_path: Path, ended: str, links: set[str]) -> None:
    parents = [
        {"9": household("9", ["0009130"], JUDY, web_access=False)},
        {"8": household("8", [20073], JUDY)},
    ]
    told, found = family(tmp_path / "raw", parents, web_access_ended={"guardian": ended})
    assert told == [("P288", "fam9", None, None)]
    assert found == links


@pytest.mark.parametrize(
    ("ended", "pupils", "staff"),
    [
        ({}, None, None),
        ({"student": "suspend", "staff": "delete"}, "suspended", "deleted"),
        ({"student": "delete", "staff": "suspend"}, "deleted", "suspended"),
    ],
)
def test_what_becomes_of_a_pupil_and_an_employee_without_web_access(
    tmp_path: Path, ended: dict[str, str], pupils: str | None, staff: str | None
) -> None:
    changed = {"idm_getEmployees": [{"user_code": 1000016, "web_access": False}, {"user_code": 1000017}]}
    found = roster(tmp_path / "raw", changed, web_access_ended=ended)
    assert users(found, "student", "sourced_id", "status") == [
        ("0009130", None),
        ("0009131", None),
        ("20073", pupils),
    ]
    assert users(found, "staff", "sourced_id", "status") == [("1000016", staff), ("1000017", None)]


def test_parents_by_position_where_they_have_no_number(tmp_path: Path) -> None:
    parents = [*split(at(1), at(2)), {"9": household("9", [20073], person(0, 2, "Ann", "Bell") | {"person_num": ""})}]
    told, links = family(tmp_path / "position", parents, guardian_key="position")
    assert [one[0] for one in told] == ["P000007-1-1", "P000007-2-2", "P9-2"]
    assert "P9-2:20073" in links
    numbered, _ = family(tmp_path / "number", parents)
    assert [one[0] for one in numbered] == ["P287", "P288", None]


def test_campuses_that_are_named_twice_multiply_nobody(tmp_path: Path) -> None:
    found = roster(tmp_path / "raw", {"lms_getCampuses": [*CAMPUSES, {"code": "S2", "desc": "Senior School"}]})
    assert len(users(found, "student", "sourced_id")) == 3
