"""What of OneRoster's objects is kept, and the rows of raw tables that they become.

A field that is not named here is never decoded: passwords, phones, other ids, grades, metadata. Only sourcedId must be
there. What 1.1 left to taste is taken as it comes: a reference with or without its href or as the bare id, one where
there may be several, a flag as a word or a number, an id as a number.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from roster.errors import SourceUnreadable

Row = dict[str, Any]
Text = str | int | None
Flag = bool | str | int | None


class _Part(msgspec.Struct, gc=False, rename="camel"):  # never part of a cycle: a page costs the collector nothing
    """A part of an answer."""


class Reference(_Part):
    """A reference to another object."""

    sourced_id: Text = None


One = Reference | str | int | None
Several = list[Reference | str | int | None] | Reference | str | int | None


class _Object(_Part):
    """What every object has."""

    sourced_id: str | int
    status: Text = None


class Org(_Object):
    """A school, or what stands above or in it."""

    name: Text = None
    type: Text = None
    identifier: Text = None
    parent: One = None


class AcademicSession(_Object):
    """A term, or what it is a part of; dates as they are written."""

    title: Text = None
    type: Text = None
    start_date: Text = None
    end_date: Text = None
    parent: One = None


class Course(_Object):
    """A course."""

    title: Text = None
    course_code: Text = None
    org: One = None


class Class(_Object):
    """A class, which is a section in Canvas."""

    title: Text = None
    class_code: Text = None
    class_type: Text = None
    course: One = None
    school: One = None
    terms: Several = None
    periods: Several = None


class Role(_Part):
    """A role of a user, in 1.2."""

    role_type: Text = None
    role: Text = None
    org: One = None


class User(_Object):
    """A person: `role` and `orgs` in 1.1, `roles` and the preferred names in 1.2."""

    enabled_user: Flag = None
    role: Text = None
    orgs: Several = None
    roles: list[Role] | Role | None = None
    primary_org: One = None
    username: Text = None
    given_name: Text = None
    middle_name: Text = None
    family_name: Text = None
    preferred_first_name: Text = None
    preferred_last_name: Text = None
    identifier: Text = None
    email: Text = None
    agents: Several = None


class Enrollment(_Object):
    """A person's place in a class."""

    user: One = None
    class_: One = msgspec.field(name="class", default=None)
    school: One = None
    role: Text = None
    primary: Flag = None
    begin_date: Text = None
    end_date: Text = None


def text(value: Text) -> str | None:
    """The text trimmed and in NFC; a blank is None."""
    return unicodedata.normalize("NFC", str(value).strip()) or None if value is not None else None


def flag(value: Flag) -> bool | None:
    """`"true"`, `1` and true are true; a blank, and a word that means neither, is None."""
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).strip().lower())


def key(one: One) -> str | None:
    """The id that a reference names."""
    return text(one.sourced_id if isinstance(one, Reference) else one)


def keys(several: Several) -> list[str]:
    """The ids that references name, each once."""
    listed = several if isinstance(several, list) else [several]
    return [found for found in dict.fromkeys(key(one) for one in listed) if found]


def _plain(**columns: str) -> Callable[[Any], Row]:
    return lambda one: {column: text(getattr(one, field)) for column, field in columns.items()}


_CLASS = _plain(title="title", class_code="class_code", class_type="class_type")
_USER = _plain(
    role="role",
    username="username",
    given_name="given_name",
    middle_name="middle_name",
    family_name="family_name",
    preferred_given_name="preferred_first_name",
    preferred_family_name="preferred_last_name",
    identifier="identifier",
    email="email",
)
_ENROLLMENT = _plain(role="role", begin_date="begin_date", end_date="end_date")


def _class(one: Class) -> Row:
    return _CLASS(one) | {
        "course_id": key(one.course),
        "school_id": key(one.school),
        "term_ids": keys(one.terms),
        "periods": keys(one.periods),
    }


def _user(one: User) -> Row:
    return _USER(one) | {
        "enabled": flag(one.enabled_user),
        "org_ids": keys(one.orgs) if one.orgs is not None else None,
        "primary_org_id": key(one.primary_org),
        "agent_ids": keys(one.agents),
    }


def _enrollment(one: Enrollment) -> Row:
    return _ENROLLMENT(one) | {
        "class_id": key(one.class_),
        "school_id": key(one.school),
        "user_id": key(one.user),
        "primary": flag(one.primary),
    }


def roles(user: User) -> Iterator[Row]:
    """A user's rows of the table `roles`."""
    listed = user.roles if isinstance(user.roles, list) else [user.roles] if user.roles else []
    for role in listed:
        of = {"user_id": text(user.sourced_id), "status": text(user.status), "org_id": key(role.org)}
        yield of | {"role_type": text(role.role_type), "role": text(role.role)}


@dataclass(frozen=True)
class Listing:
    """A list of the service: its name, the raw table it belongs to, and how an object becomes a row.

    envelopes: names that the list may have in an answer, the specification's first.
    """

    name: str
    table: str
    kept: type[Any]
    columns: Callable[[Any], Row]
    envelopes: tuple[str, ...]

    def row(self, one: Any) -> Row:
        """The object's row, without its place."""
        return {"sourced_id": text(one.sourced_id), "status": text(one.status), **self.columns(one)}

    def decode(self, body: bytes, what: str) -> list[Any]:
        """The objects of a page. Raises SourceUnreadable, which says where it is wrong and repeats nothing of it."""
        try:
            answer = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
            found = next((answer[name] for name in self.envelopes if name in answer), None)
            if found is not None:
                return msgspec.json.decode(found, type=list[self.kept])  # type: ignore[name-defined]
            message = f"{what} has no list {self.envelopes[0]}: it is no answer of this list, or of no OneRoster"
        except msgspec.ValidationError as fault:
            message = f"{what} is not as OneRoster describes it: {fault}"
        except (msgspec.DecodeError, UnicodeDecodeError):
            message = f"{what} ({len(body):,} bytes) is no whole JSON: it was cut, or something else answered"
        raise SourceUnreadable(message)


def _listings() -> Iterator[Listing]:
    org = _plain(name="name", type="type", identifier="identifier")
    session = _plain(title="title", type="type", start_date="start_date", end_date="end_date")
    course = _plain(title="title", course_code="course_code")
    yield Listing("orgs", "orgs", Org, lambda one: org(one) | {"parent_id": key(one.parent)}, ("orgs",))
    yield Listing(
        "academicSessions",
        "academic_sessions",
        AcademicSession,
        lambda one: session(one) | {"parent_id": key(one.parent)},
        ("academicSessions",),
    )
    yield Listing("courses", "courses", Course, lambda one: course(one) | {"org_id": key(one.org)}, ("courses",))
    yield Listing("classes", "classes", Class, _class, ("classes",))
    yield Listing("users", "users", User, _user, ("users",))
    for name in ("students", "teachers"):
        yield Listing(name, "users", User, _user, ("users", name))
    yield Listing("enrollments", "enrollments", Enrollment, _enrollment, ("enrollments",))


# Enrolments last: whoever they name has had time to turn up among the users.
LISTINGS: Mapping[str, Listing] = {listing.name: listing for listing in _listings()}
