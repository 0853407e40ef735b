"""What of Clever's objects is kept, and the raw tables that they become.

A field that is not named here is never decoded: birth dates, race, lunch status, special needs, addresses, phones.
Every field but the ids may be missing or null, whatever the specification says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import msgspec
import polars as pl
import pyarrow as pa

API = "/v3.1"
Kept = TypeVar("Kept")
Columns = dict[str, list[Any]]


class _Part(msgspec.Struct, gc=False):  # never part of a cycle, so that a page costs the garbage collector nothing
    """A part of an answer."""


class Link(_Part):
    """A link of a page."""

    rel: str = ""
    uri: str = ""


class Item(_Part, Generic[Kept]):
    """An object of a list in its wrapper; so is an object that is asked for alone."""

    data: Kept


class Page(_Part, Generic[Kept]):
    """A page of a list."""

    data: list[Item[Kept]]
    links: list[Link] | None = None


class District(_Part):
    """A district, as far as it says whether what is absent is gone. Instants as they are written."""

    id: str
    state: str | None = None
    last_sync: str | None = None
    pause_start: str | None = None
    pause_end: str | None = None


class School(_Part):
    """A school."""

    id: str
    sis_id: str | None = None
    name: str | None = None


class Term(_Part):
    """A term; dates as they are written."""

    id: str
    name: str | None = None
    start_date: str | None = None
    end_date: str | None = None


class Course(_Part):
    """A course."""

    id: str
    name: str | None = None
    number: str | None = None


class Name(_Part):
    """A person's name."""

    first: str | None = None
    middle: str | None = None
    last: str | None = None


class Credentials(_Part):
    """What a person logs in with in the district; never a password."""

    district_username: str | None = None


class Student(_Part):
    """A user's role of student."""

    sis_id: str | None = None
    student_number: str | None = None
    school: str | None = None
    schools: list[str] | None = None
    grade: str | None = None
    preferred_name: Name | None = None
    credentials: Credentials | None = None


class Teacher(_Part):
    """A user's role of teacher."""

    sis_id: str | None = None
    teacher_number: str | None = None
    school: str | None = None
    schools: list[str] | None = None
    credentials: Credentials | None = None


class Staff(_Part):
    """A user's role of staff."""

    staff_id: str | None = None
    schools: list[str] | None = None
    credentials: Credentials | None = None


class Admin(_Part):
    """A user's role of district administrator, who is of no school."""


class Relationship(_Part):
    """Whom a contact belongs to, and what they are to them."""

    student: str
    relationship: str | None = None
    type: str | None = None


class Contact(_Part):
    """A user's role of contact."""

    sis_id: str | None = None
    student_relationships: list[Relationship] | None = None


class Roles(_Part):
    """The roles of a user; staff, teacher and district administrator may be one user's, the others never."""

    student: Student | None = None
    teacher: Teacher | None = None
    staff: Staff | None = None
    district_admin: Admin | None = None
    contact: Contact | None = None


class User(_Part):
    """A person."""

    id: str
    roles: Roles
    email: str | None = None
    name: Name | None = None


class Section(_Part):
    """A section with everybody in it. teacher: the primary one, who is among the teachers."""

    id: str
    sis_id: str | None = None
    school: str | None = None
    course: str | None = None
    term_id: str | None = None
    name: str | None = None
    section_number: str | None = None
    period: str | None = None
    students: list[str] | None = None
    teacher: str | None = None
    teachers: list[str] | None = None


@dataclass(frozen=True)
class Table:
    """A raw table: the list it is read from, the object of that list, and how objects become columns."""

    name: str
    path: str
    kept: type[Any]
    columns: Callable[[Sequence[Any]], Columns]
    role: str | None = None

    def belongs(self, one: Any) -> bool:
        """Whether an object of the list is of this table: a server may not heed the role that was asked for."""
        return self.role is None or getattr(one.roles, self.role) is not None

    def frame(self, objects: Sequence[Any], first_row: int) -> pl.DataFrame:
        """The objects as rows, numbered from first_row; texts trimmed and in NFC, a blank is null."""
        columns = self.columns(objects)
        # By way of Arrow, which takes a list of texts ten times as fast as Polars does.
        types = [pa.list_(pa.large_string()) if name in _LISTS else pa.large_string() for name in columns]
        arrays = [pa.array(values, kind) for values, kind in zip(columns.values(), types, strict=True)]
        frame = cast("pl.DataFrame", pl.from_arrow(pa.table(arrays, names=list(columns))))
        text = frame.select(pl.col(pl.String).str.strip_chars())
        text = text.with_columns(pl.col(_beyond_ascii(text)).str.normalize("NFC")).select(pl.all().replace("", None))
        return frame.with_columns(
            *text.get_columns(), row=pl.int_range(first_row, first_row + len(objects), dtype=pl.Int64)
        )


def _beyond_ascii(text: pl.DataFrame) -> list[str]:
    """The columns that hold more than ASCII: only those can be in another form than NFC."""
    plain = text.select((pl.all().str.len_bytes().sum() == pl.all().str.len_chars().sum()).fill_null(value=True))
    return [name for name, is_plain in plain.row(0, named=True).items() if not is_plain]


_LISTS = ("schools", "students", "teachers", "relationships")
"""Columns of several texts each; all others are one."""


def _plain(*names: str) -> Callable[[Sequence[Any]], Columns]:
    return lambda objects: {name: [getattr(one, name) for one in objects] for name in names}


def _people(users: Sequence[User]) -> Columns:
    """What every user has. A log-in of any role is the user's, so that all roles of one person say the same."""
    nobody = Name()
    names = [user.name or nobody for user in users]
    return {
        "id": [user.id for user in users],
        "first_name": [name.first for name in names],
        "middle_name": [name.middle for name in names],
        "last_name": [name.last for name in names],
        "email": [user.email for user in users],
    }


def _username(user: User) -> str | None:
    for role in (user.roles.student, user.roles.teacher, user.roles.staff):
        if role is not None and role.credentials is not None and role.credentials.district_username:
            return role.credentials.district_username
    return None


def _students(users: Sequence[User]) -> Columns:
    roles: list[Any] = [user.roles.student for user in users]
    nobody = Name()
    preferred = [role.preferred_name or nobody for role in roles]
    return _people(users) | {
        "preferred_first_name": [name.first for name in preferred],
        "preferred_last_name": [name.last for name in preferred],
        "username": [role.credentials.district_username if role.credentials else None for role in roles],
        "sis_id": [role.sis_id for role in roles],
        "number": [role.student_number for role in roles],
        "grade": [role.grade for role in roles],
        "school_id": [role.school for role in roles],
        "schools": [role.schools for role in roles],
    }


def _teachers(users: Sequence[User]) -> Columns:
    roles: list[Any] = [user.roles.teacher for user in users]
    return _people(users) | {
        "username": [_username(user) for user in users],
        "sis_id": [role.sis_id for role in roles],
        "number": [role.teacher_number for role in roles],
        "school_id": [role.school for role in roles],
        "schools": [role.schools for role in roles],
    }


def _staff(users: Sequence[User]) -> Columns:
    roles: list[Any] = [user.roles.staff for user in users]
    return _people(users) | {
        "username": [_username(user) for user in users],
        "sis_id": [role.staff_id for role in roles],
        "schools": [role.schools for role in roles],
    }


def _admins(users: Sequence[User]) -> Columns:
    return _people(users) | {"username": [_username(user) for user in users]}


def _contacts(users: Sequence[User]) -> Columns:
    roles: list[Any] = [user.roles.contact for user in users]
    related = [role.student_relationships or [] for role in roles]
    return _people(users) | {
        "sis_id": [role.sis_id for role in roles],
        "students": [[one.student for one in several] for several in related],
        "relationships": [[one.relationship or one.type for one in several] for several in related],
    }


def _users(name: str, role: str, columns: Callable[[Sequence[User]], Columns]) -> Table:
    return Table(name, f"{API}/users?role={role}", User, columns, role)


# Sections last: whoever they name has had time to turn up among the users.
TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table("schools", f"{API}/schools", School, _plain("id", "sis_id", "name")),
        Table("terms", f"{API}/terms", Term, _plain("id", "name", "start_date", "end_date")),
        Table("courses", f"{API}/courses", Course, _plain("id", "name", "number")),
        _users("students", "student", _students),
        _users("teachers", "teacher", _teachers),
        _users("staff", "staff", _staff),
        _users("district_admins", "district_admin", _admins),
        _users("contacts", "contact", _contacts),
        Table(
            "sections",
            f"{API}/sections",
            Section,
            _plain(
                *("id", "sis_id", "school", "course", "term_id", "name", "section_number", "period"),
                *("students", "teacher", "teachers"),
            ),
        ),
    )
}
USERS = tuple(table.name for table in TABLES.values() if table.role)
