"""TASS without a socket: replies in memory, written as TASS writes them, and a small school in two campuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from roster.settings import Tass

Reply = dict[str, Any]


@dataclass
class Replies:
    """A `Gateway`. asked: (company, product, method, parameters) of every request; spoil: what it answers instead."""

    replies: Mapping[tuple[str, str], Reply]
    spoil: Callable[[str, Reply], Reply | bytes] = lambda _method, reply: reply
    asked: list[tuple[str, str, str, dict[str, str]]] = field(default_factory=list)

    def ask(self, company: str, product: str, method: str, parameters: Mapping[str, str]) -> bytes:
        self.asked.append((company, product, method, dict(parameters)))
        spoiled = self.spoil(method, dict(self.replies[product, method]))
        return spoiled if isinstance(spoiled, bytes) else json.dumps(spoiled, ensure_ascii=False).encode()


def settings(**more: Any) -> Tass:
    """Of the small school."""
    given: dict[str, Any] = {
        "name": "tass",
        "system": "tass",
        "connection": "tass",
        "companies": ("10",),
        "products": ("idm",),
        "terms": (
            {"year": 2026, "semester": 1, "name": "Autumn", "start": date(2026, 1, 27), "end": date(2026, 6, 19)},
            {"year": 2026, "semester": 2, "start": date(2026, 7, 14), "end": date(2026, 12, 11)},
        ),
    }
    return Tass.model_validate(given | more)


def pupil(code: str | int, first: str, last: str, campus: str, **more: Any) -> Reply:
    general = {
        "student_code": code,
        "surname": last,
        "first_name": first,
        "date_of_birth": "02/05/2010",
        "religion": "x",
    }
    school = {"campus": campus, "email_address": more.pop("email", ""), "year_group": more.pop("year", 10)}
    return {
        "general_details": general | more,
        "school_details": school,
        "other_school_details": {"campus": "Argyle St"},
    }


def lesson(code: str | int, group: int, letter: str, **more: Any) -> Reply:
    own = {
        "year_num": 2026,
        "semester": 1,
        "sub_code": code,
        "year_grp": group,
        "class": letter,
        "year_grp_desc": group,
    }
    return (
        own | {"sub_short": "sh", "sub_long": "Art & Design", "sub_type": "COR", "from_date": "", "to_date": ""} | more
    )


def household(code: str, students: list[Any], *persons: Reply, **more: Any) -> Reply:
    named = {f"person{place}": person for place, person in enumerate(persons, start=1)}
    own = {"user_code": code, "sfa_num": "", "username": f"fam{code}", "web_access": True, "address": {}}
    return own | {"students": students} | named | more


def person(number: int, place: int, first: str, last: str, **more: Any) -> Reply:
    own = {"person_num": number, "person_posn": place, "first_name": first, "surname": last, "preferred_name": ""}
    return own | {"other_name": "", "e_mail": "", "deceased_flg": "N", "description": f"Parent {place} of TASS"} | more


BESIDE = {"__tassversion": "01.060.2.100", "token": {"timestamp": "{ts '2026-03-02 07:00:00'}"}}
CAMPUSES = [{"code": "JU", "desc": "Junior School"}, {"code": 7, "desc": "Senior School "}]
ZOE = pupil(
    "0009130", "Zoe\u0308", " Nu\u00f1ez ", "Senior School",
    preferred_name="Zo", preferred_surname="Nu", other_name="Q", email="zoe@s.example.org",
)  # fmt: skip
BO = pupil(20073, "Bo", "Bell", "Junior School")
CY = pupil("0009131", "Cy", "Cole", "Nowhere")
ADA = {
    "teacher_code": "AJ", "employee_code": 1000016, "surname": "Okafor", "first_name": "Ada", "other_name": "B",
    "preferred_name": "Addie", "email_address": "ada@home.example.org", "school_email_address": "ada@example.org",
}  # fmt: skip
TESS = {
    "teacher_code": "BBE",
    "employee_code": 1000017,
    "surname": "",
    "employee_surname": "Vaux",
    "first_name": "Tess",
}
IDM_STUDENTS = [
    {"user_code": "0009130", "username": "znunez", "e_mail": "other@example.org", "campus_code": 7, "web_access": True},
    {"user_code": 20073, "username": "bbell", "e_mail": "bo@example.org", "campus_code": "JU", "web_access": False},
    {"user_code": "0009131", "username": "", "e_mail": "", "campus_code": "", "web_access": True, "dol": ""},
]
IDM_EMPLOYEES = [
    {"user_code": 1000016, "tch_code": "AJ", "username": "aokafor", "surname": "x", "web_access": True, "end_date": ""},
    {"user_code": 1000017, "tch_code": "BBE", "username": "tvaux", "school_email": "tess@example.org", "end_date": ""},
    {
        "user_code": 1000018, "tch_code": "", "username": "rreed", "surname": "Reed", "first_name": "Rae",
        "other_name": "M", "preferred_name": "R", "e_mail": "rae@home.example.org", "school_email": "rae@example.org",
        "end_date": "2026-03-02 00:00:00.0", "web_access": True,
    },
    {"user_code": 1000019, "surname": "Gone", "first_name": "Gus", "end_date": "2026-03-01 00:00:00.0"},
]  # fmt: skip
PARENTS = [
    {
        "000055": household(
            "000055", ["0009130", 20073], person(299, 1, "Mary", "Nu\u00f1ez", e_mail="mary@example.net")
        )
    },
]


def a_school(**changed: Any) -> Replies:
    """changed: lists by `product_method`; subjects as what stands beside the version."""
    lists: dict[tuple[str, str], tuple[str, Any]] = {
        ("lms", "getCampuses"): ("campuses", CAMPUSES),
        ("lms", "getStudents"): ("students", [ZOE, BO, CY]),
        ("lms", "getTeachers"): ("teachers", [ADA, TESS]),
        ("lms", "getTimetables"): ("timetables", []),
        ("idm", "getStudents"): ("students", IDM_STUDENTS),
        ("idm", "getEmployees"): ("employees", IDM_EMPLOYEES),
        ("idm", "getParents"): ("parents", PARENTS),
        ("student_details", "getStudentsDetails"): ("students", [ZOE, BO, CY]),
        ("employee_hr", "getEmployeesDetails"): ("employees", []),
    }
    keyed: dict[tuple[str, str], Reply] = {
        ("lms", "getStudentSubjects"): {
            "0009130": [lesson("0080", 10, "A") | {"student_code": "0009130"}],
            "20073": [
                lesson("0080", 10, "A", to_date="09/03/2026") | {"student_code": 20073},
                lesson(2204, -1, "B", sub_long="", from_date="2026-02-03 00:00:00.0") | {"student_code": 20073},
            ],
        },
        ("lms", "getTeacherSubjects"): {
            "AJ": [lesson("0080", 10, "A") | {"teacher_code": "AJ", "employee_code": 1000016}],
            "BBE": [lesson(2204, -1, "B") | {"teacher_code": "BBE", "employee_code": ""}],
        },
    }
    replies = {key: {name: changed.get("_".join(key), value)} | BESIDE for key, (name, value) in lists.items()}
    return Replies(replies | {key: changed.get("_".join(key), value) | BESIDE for key, value in keyed.items()})
