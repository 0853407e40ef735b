"""The raw tables: the method each is read from, and which fields are kept.

A field that is not named here is never decoded: birth dates, gender, religion, addresses, phones, medical notes, next
of kin, photographs, and whatever a school has made up for itself under `other_school_details`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import polars as pl

from roster.sources.tass.replies import Record, is_object, kept, listed, lists, part, record, text

Row = dict[str, Any]
Rows = Callable[[Record, "Table", str], Iterator[Row]]


@dataclass(frozen=True)
class Table:
    """A raw table. parameters: what its method is always asked with. ours: whether an extract reads it by itself."""

    name: str
    product: str
    method: str
    columns: tuple[str, ...]
    rows: Rows
    parameters: Mapping[str, str] = field(default_factory=dict)
    key: str = ""

    @property
    def schema(self) -> pl.Schema:
        """The company and row (1-based number of the record among all of the table), then what is kept."""
        own = {name: pl.List(pl.String) if name in LISTS else pl.String for name in self.columns}
        return pl.Schema({"company": pl.String, "row": pl.Int64, **own})


LISTS = ("students", "address_positions")
"""Columns of several texts each; all others are one."""


def _flat(parts: Record, table: Table, what: str) -> Iterator[Row]:
    for raw in listed(part(parts, table.key, what), what):
        yield kept(record(raw, what), table.columns, what)


def _in_sections(*sections: str) -> Rows:
    """Records whose fields lie in these sections."""

    def rows(parts: Record, table: Table, what: str) -> Iterator[Row]:
        for raw in listed(part(parts, table.key, what), what):
            whole = record(raw, what)
            fields: dict[str, msgspec.Raw] = {}
            for name in sections:
                fields |= record(whole[name], what) if name in whole else {}
            yield kept(fields, table.columns, what)

    return rows


def _keyed(parts: Record, table: Table, what: str) -> Iterator[Row]:
    """Records in lists that are keyed by pupil or teacher, beside which other things stand."""
    for several in lists(parts):
        for raw in listed(several, what):
            yield kept(record(raw, what), table.columns, what)


def _numbered(parts: Record, table: Table, what: str) -> Iterator[Row]:
    """Records in an object, keyed "1", "2", …"""
    for raw in record(part(parts, table.key, what), what).values():
        yield kept(record(raw, what), table.columns, what)


def _persons(parts: Record, table: Table, what: str) -> Iterator[Row]:
    """A row for each person of each household. A family is an object of one key: a household, or a list of them."""
    for family in listed(part(parts, table.key, what), what):
        for raw in record(family, what).values():
            households = [raw] if is_object(raw) else listed(raw, what)
            for one in households:
                yield from _household(record(one, what), len(households) > 1, what)


def _household(fields: Record, is_split: bool, what: str) -> Iterator[Row]:
    household = kept(fields, ("user_code", "sfa_num", "username", "web_access"), what)
    pupils = listed(fields["students"], what) if "students" in fields else []
    shared = {
        **household,
        "split": "true" if is_split else "false",
        "students": [code for raw in pupils if (code := text(raw, what, "students"))],
    }
    addresses = _addresses(fields, what)
    for place in ("person1", "person2"):
        if place in fields and is_object(fields[place]):
            person = kept(record(fields[place], what), PERSON, what)
            own = [one["email1"] or one["email"] for one in addresses if one["person_posn"] == person["person_posn"]]
            yield {
                **shared,
                **person,
                "address_positions": [one["person_posn"] for one in addresses if one["person_posn"]],
                "address_email": next(filter(None, own), None) if person["person_posn"] else None,
            }


def _addresses(fields: Record, what: str) -> list[dict[str, str | None]]:
    if "address" not in fields or not is_object(fields["address"]):
        return []
    given = (record(raw, what) for raw in record(fields["address"], what).values())
    return [kept(one, ("person_posn", "email1", "email"), what) for one in given]


def _lesson_cells(parts: Record, table: Table, what: str) -> Iterator[Row]:
    """The subjects of a person's timetable: year and semester stand above its days, periods and subjects."""
    for raw in listed(part(parts, table.key, what), what):
        whole = record(raw, what)
        above = kept(whole, ("year_num", "semester"), what)
        for day in _values(whole, "days", what):
            for period in _values(record(day, what), "periods", what):
                for subject in listed(record(period, what)["subjects"], what):
                    yield kept(record(subject, what), table.columns, what) | above


def _values(fields: Record, name: str, what: str) -> Iterator[msgspec.Raw]:
    yield from record(fields[name], what).values() if name in fields else ()


_CLASS = ("year_num", "semester", "sub_code", "year_grp", "class")
_SUBJECT = (*_CLASS, "year_grp_desc", "sub_short", "sub_long", "sub_type")
_PUPIL = (
    *("student_code", "surname", "preferred_surname", "first_name", "other_name", "preferred_name"),
    *("campus", "email_address", "year_group"),
)
_NAMED = ("surname", "first_name", "other_name", "preferred_name")
PERSON = (*_NAMED, "person_num", "person_posn", "description", "e_mail", "deceased_flg")
_IN_BOTH = _in_sections("general_details", "school_details")
_NO_PHOTO = {"includephoto": "false", "thumbnail": "false"}

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table("campuses", "lms", "getCampuses", ("code", "desc"), _flat, {"codeonly": "false"}, "campuses"),
        Table(
            "students", "lms", "getStudents", _PUPIL, _IN_BOTH, {"currentstatus": "current", **_NO_PHOTO}, "students"
        ),
        Table(
            "teachers",
            "lms",
            "getTeachers",
            ("teacher_code", "employee_code", *_NAMED, "employee_surname", "email_address", "school_email_address"),
            _flat,
            {"currentstatus": "current", **_NO_PHOTO},
            "teachers",
        ),
        Table(
            "student_subjects",
            "lms",
            "getStudentSubjects",
            ("student_code", *_SUBJECT, "from_date", "to_date"),
            _keyed,
            {"code": "all"},
        ),
        Table(
            "teacher_subjects",
            "lms",
            "getTeacherSubjects",
            ("teacher_code", "employee_code", *_SUBJECT),
            _keyed,
            {"code": "all"},
        ),
        Table("timetables", "lms", "getTimetables", (*_CLASS, "tch_code"), _flat, key="timetables"),
        Table(
            "idm_students",
            "idm",
            "getStudents",
            ("user_code", "username", "e_mail", "campus_code", "web_access", "doe", "dol"),
            _flat,
            {"user_code": "ALL"},
            "students",
        ),
        Table(
            "idm_employees",
            "idm",
            "getEmployees",
            ("user_code", "tch_code", "username", *_NAMED, "e_mail", "school_email", "end_date", "web_access"),
            _flat,
            {"user_code": "ALL"},
            "employees",
        ),
        Table(
            "idm_parents",
            "idm",
            "getParents",
            (
                *("user_code", "sfa_num", "username", "web_access", "split", "students", "address_positions"),
                *("address_email", *PERSON),
            ),
            _persons,
            {"user_code": "ALL"},
            "parents",
        ),
        Table(
            "student_details",
            "student_details",
            "getStudentsDetails",
            _PUPIL,
            _IN_BOTH,
            {"currentstatus": "current", **_NO_PHOTO},
            "students",
        ),
        Table(
            "hr_employees",
            "employee_hr",
            "getEmployeesDetails",
            ("employee_code", "teacher_code", "surname", "given_names", "preferred_name", "school_email"),
            _in_sections("general"),
            key="employees",
        ),
    )
}

NEVER_ASKED: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table("admins", "idm", "getAdmins", ("user_code", "username", "e_mail", "name"), _numbered, key="admins"),
        Table(
            "student_timetable",
            "lms",
            "getStudentTimetable",
            (*_CLASS, "tch_code"),
            _lesson_cells,
            key="student_timetable",
        ),
        Table(
            "teacher_timetable",
            "lms",
            "getTeacherTimetable",
            (*_CLASS, "tch_code"),
            _lesson_cells,
            key="teacher_timetable",
        ),
        Table("calendar", "lms", "getTimetableCalendar", ("tt_id", "ttdate", "day_code"), _flat, key="tt_calendar"),
    )
}
"""Reading methods whose replies can be read as well, and which no night needs: one request for each person, or days."""
