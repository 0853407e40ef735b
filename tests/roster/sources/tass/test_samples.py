"""The vendor's own published replies: every kept field of each, as somebody read it there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from roster.errors import SourceUnreadable
from roster.sources.tass.replies import opened
from roster.sources.tass.tables import NEVER_ASKED, TABLES

EVERY = {**TABLES, **NEVER_ASKED}


@pytest.fixture(scope="module")
def tass(samples: Path) -> Path:
    folder = samples / "tass"
    if not folder.is_dir():
        pytest.skip(f"no TASS samples at {folder}")
    return folder


def read(tass: Path, table: str, reply: str) -> list[dict[str, Any]]:
    found = opened((tass / reply).read_bytes(), reply, {})
    return list(EVERY[table].rows(found, EVERY[table], reply))


def a_class(year: str, semester: str, code: str, group: str, letter: str = "A", **more: str | None) -> dict[str, Any]:
    return {"year_num": year, "semester": semester, "sub_code": code, "year_grp": group, "class": letter, **more}


def subject(short: str, long: str, kind: str, group: str) -> dict[str, str]:
    return {"sub_short": short, "sub_long": long, "sub_type": kind, "year_grp_desc": group}


NO_DATES = {"from_date": None, "to_date": None}
ASSEMBLY = ("ASSEMB", "School Assembly", "NON")
GOAT = ("Goat", "English", "VET")

KEPT: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "lms-integration__getCampuses__0.json": (
        "campuses",
        [
            {"code": "JU", "desc": "Junior School (Billabong Road)"},
            {"code": "SE", "desc": "Senior School (Curlew St)"},
        ],
    ),
    "lms-integration__getStudents__0.json": (
        "students",
        [
            {
                "student_code": "0009069",
                "surname": "Agnew",
                "preferred_surname": "Agnew",
                "first_name": "Edith Nell Blue Healer Bitzer",
                "other_name": "Edith Nell Other Bell Nell",
                "preferred_name": "Edie",
                "campus": "Senior School (Curlew St)",
                "email_address": "agnew2@alphabus.com.au",
                "year_group": "11",
            }
        ],
    ),
    "lms-integration__getTeachers__0.json": (
        "teachers",
        [
            {
                "teacher_code": "NA1",
                "employee_code": "1000066",
                "surname": "Allibone",
                "first_name": "Nikola",
                "other_name": "Craig",
                "preferred_name": "Niki",
                "employee_surname": "Allibone",
                "email_address": "tester@example.com",
                "school_email_address": "Nikola.Allibone@alphabus.com.aubnm",
            }
        ],
    ),
    "lms-integration__getStudentSubjects__0.json": (
        "student_subjects",
        [
            a_class("2020", "2", "0080", "10")
            | subject("Art", "Art AR Desc", "ELE", "10")
            | NO_DATES
            | {"student_code": "0009112"},
            a_class("2020", "2", "2204", "10")
            | subject("IDT", "Digital Technologies", "ELE", "10")
            | NO_DATES
            | {"student_code": "0009112"},
        ],
    ),
    "lms-integration__version2_getStudentSubjects__0.json": (
        "student_subjects",
        [
            a_class("2018", "1", code, group, letter) | named | NO_DATES | {"student_code": pupil}
            for code, group, letter, named, pupil in (
                ("ANCH20", "11", "A", subject("AnHist", "Ancient History", "COR", "11"), "0009080"),
                ("0080", "11", "C", subject("Art", "Art AR Desc", "ELE", "11"), "0009080"),
                ("ASSEMBLY", "11", "A", subject(*ASSEMBLY, "11"), "0009080"),
                ("ASSEMBLY", "6", "A", subject(*ASSEMBLY, "6"), "0009704"),
            )
        ],
    ),
    "lms-integration__getTeacherSubjects__0.json": (
        "teacher_subjects",
        [
            a_class("2020", "2", code, group) | named | {"teacher_code": "AJ", "employee_code": "1000016"}
            for code, group, named in (
                ("0060", "11", subject("Acct", "Accounting 1", "COR", "11")),
                ("ANCH20", "8", subject("AnHist", "Ancient History", "COR", "8")),
            )
        ],
    ),
    "lms-integration__version2_getTeacherSubjects__0.json": (
        "teacher_subjects",
        [
            a_class("2018", "1", "0001", group)
            | subject(*GOAT, group)
            | {"teacher_code": teacher, "employee_code": employee}
            for teacher, employee, group in (
                ("AC", "1000055", "11"),
                ("AJ", "1000043", "-1"),
                ("AJ", "1000043", "3"),
                ("AJ", "1000043", "11"),
            )
        ],
    ),
    "lms-integration__getTimetables__0.json": (
        "timetables",
        [
            a_class("2020", "1", "0001", "7", "S", tch_code="OB"),
            a_class("2020", "1", "0019", "11", "B", tch_code="AJ"),
        ],
    ),
    "lms-integration__getStudentTimetable__0.json": (
        "student_timetable",
        [
            a_class("2020", "2", "0001", "11", tch_code="AJ,BBE"),
            a_class("2020", "2", "0001", "11", tch_code="AJ"),
        ],
    ),
    "lms-integration__getTeacherTimetable__0.json": (
        "teacher_timetable",
        [a_class("2020", "2", "0001", "3", tch_code="AJ")],
    ),
    "lms-integration__getTimetableCalendar__0.json": (
        "calendar",
        [
            {"tt_id": "89", "ttdate": "2019-07-05 00:00:00.0", "day_code": "5"},
            {"tt_id": "89", "ttdate": "2019-07-07 00:00:00.0", "day_code": None},
        ],
    ),
    "IdM__GetStudents__0.json": (
        "idm_students",
        [
            {
                "user_code": "0009130",
                "username": "aclark",
                "e_mail": "andy.clark@tassweb.com.au",
                "campus_code": "SE",
                "web_access": "true",
                "doe": "2018-03-30 00:00:00.0",
                "dol": None,
            }
        ],
    ),
    "IdM__GetEmployees__0.json": (
        "idm_employees",
        [
            {
                "user_code": "1000002",
                "tch_code": "AJ",
                "username": "jdoe",
                "surname": "Baskins",
                "first_name": "Jean",
                "other_name": None,
                "preferred_name": "Jean",
                "e_mail": "jeandoe@alphabus.com.au",
                "school_email": "jeandoe@tassweb.com.au",
                "end_date": None,
                "web_access": "false",
            }
        ],
    ),
    "IdM__GetAdmins__0.json": (
        "admins",
        [{"user_code": "james", "username": None, "e_mail": "james@tassweb.com.au", "name": "System Administrator"}],
    ),
    "student-details__getStudentsDetails__0.json": (
        "student_details",
        [
            {
                "student_code": "0009130",
                "surname": "Clark",
                "preferred_surname": "Clark",
                "first_name": "Andréa",
                "other_name": "Joan",
                "preferred_name": "Andy",
                "campus": "Banana Cmpy 10 Campus",
                "email_address": "testing@tassweb.com.au",
                "year_group": "11",
            }
        ],
    ),
    **{
        f"employee-hr__{version}getEmployeesDetails__0.json": (
            "hr_employees",
            [
                {
                    "employee_code": "1000016",
                    "teacher_code": "AJ",
                    "surname": "Johnstone",
                    "given_names": "Alan Pierre",
                    "preferred_name": "Alan",
                    "school_email": "AJohnstone@tassweb.com.au",
                }
            ],
        )
        for version in ("", "V2_")
    },
}


@pytest.mark.parametrize("reply", KEPT)
def test_every_kept_field_of_a_published_reply(tass: Path, reply: str) -> None:
    table, expected = KEPT[reply]
    found = read(tass, table, reply)
    assert found == expected
    assert all(set(row) == set(EVERY[table].columns) for row in found)


def test_no_published_reply_is_left_out(tass: Path) -> None:
    assert len(KEPT) == 17
    assert {file.name for file in tass.glob("*__0.json")} == set(KEPT)


def test_the_reply_that_is_no_json_says_where(tass: Path) -> None:
    reply = "IdM__GetParents__0.broken.txt"
    with pytest.raises(SourceUnreadable) as raised:
        read(tass, "idm_parents", reply)
    assert str(raised.value).startswith(f"{reply}:130:8: no JSON any more: Expecting ',' delimiter")
    assert "Jackson" not in str(raised.value)


def test_the_broken_reply_once_its_comma_is_there(tass: Path) -> None:
    """Two households of one family, and a family of one household, with two persons each."""
    mended = (
        (tass / "IdM__GetParents__0.broken.txt").read_text(encoding="utf-8").replace('Jackson"\n', 'Jackson",\n', 1)
    )
    table = TABLES["idm_parents"]
    found = list(table.rows(opened(mended.encode(), "mended", {"user_code": "002126,000007"}), table, "mended"))
    told = [
        (
            row["user_code"],
            row["sfa_num"],
            row["split"],
            row["person_num"],
            row["person_posn"],
            row["address_positions"],
        )
        for row in found
    ]
    assert told == [
        ("000007", "1", "true", "288", "1", ["1"]),
        ("000007", "1", "true", "287", "2", ["1"]),
        ("000007", "2", "true", "288", "1", ["2"]),
        ("000007", "2", "true", "287", "2", ["2"]),
        ("002126", None, "false", "299", "1", []),
        ("002126", None, "false", "298", "2", []),
    ]
    assert found[2] == {
        "user_code": "000007",
        "sfa_num": "2",
        "username": "adfgaddg",
        "web_access": "true",
        "split": "true",
        "students": ["0009073", "0020595", "0009102", "0009226"],
        "surname": "Allen",
        "first_name": "Judy",
        "other_name": None,
        "preferred_name": "Judy",
        "person_num": "288",
        "person_posn": "1",
        "description": "Mother/Parent 1",
        "e_mail": None,
        "deceased_flg": "N",
        "address_positions": ["2"],
        "address_email": None,
    }


def test_the_published_parameters_are_what_the_nights_send(tass: Path) -> None:
    """But for whom is asked for: a sample asks for one person, a night for all."""
    published = {
        "students": "lms-integration__getStudents__5.json",
        "teachers": "lms-integration__getTeachers__5.json",
        "campuses": "lms-integration__getCampuses__3.json",
        "student_subjects": "lms-integration__getStudentSubjects__4.json",
        "idm_parents": "IdM__GetParents__2.json",
        "hr_employees": "employee-hr__getEmployeesDetails__4.json",
    }
    for table, file in published.items():
        names = set(json.loads((tass / file).read_bytes()))
        ours = {*TABLES[table].parameters, *({"lmsflag"} if table == "student_subjects" else ())}
        ours |= {"date"} if table == "hr_employees" else set()
        assert ours - {"includephoto", "thumbnail"} == names - {"includephoto", "thumbnail"} - ({"code"} & names - ours)
