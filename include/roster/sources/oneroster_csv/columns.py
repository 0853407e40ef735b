"""The files of a OneRoster set that are read, and of each the columns.

A column that is not named here is never decoded: passwords above all (users.csv has one, and so has userProfiles.csv,
which is not opened), phones, grades, pronouns and whatever extensions a vendor adds. The gradebook's files, resources
and demographics are not opened either. Names as OneRoster writes them; files may write them in any case and order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MANIFEST = "manifest"


@dataclass(frozen=True)
class SetFile:
    """One file. columns: OneRoster's name → the field of the raw table. required: must be in the header, beside
    sourcedId. lists, flags: fields that are lists, or true and false. old: names that 1.0 had instead. about: what
    a source with this file says something about. address: a column of e-mails after which rows may have blank fields
    too many, as some exports write them.
    """

    table: str
    columns: Mapping[str, str]
    required: tuple[str, ...]
    about: tuple[str, ...]
    lists: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    old: Mapping[str, str] | None = None
    versions: tuple[str, ...] = ("1.1", "1.2")
    address: str | None = None


_EVERY = {"sourcedId": "sourced_id", "status": "status", "dateLastModified": "date_last_modified"}
_PEOPLE = ("students", "staff", "guardians")

FILES: Mapping[str, SetFile] = {
    "orgs": SetFile(
        table="orgs",
        columns={"name": "name", "type": "type", "identifier": "identifier", "parentSourcedId": "parent_id"},
        required=("name", "type"),
        about=("orgs",),
    ),
    "academicSessions": SetFile(
        table="academic_sessions",
        columns={
            "title": "title",
            "type": "type",
            "startDate": "start_date",
            "endDate": "end_date",
            "parentSourcedId": "parent_id",
        },
        required=("title", "startDate", "endDate"),
        about=("academic_sessions",),
    ),
    "courses": SetFile(
        table="courses",
        columns={"title": "title", "courseCode": "course_code", "orgSourcedId": "org_id"},
        required=("title",),
        about=("courses",),
        old={"schoolYearId": "schoolYearSourcedId"},
    ),
    "classes": SetFile(
        table="classes",
        columns={
            "title": "title",
            "classCode": "class_code",
            "classType": "class_type",
            "courseSourcedId": "course_id",
            "schoolSourcedId": "school_id",
            "termSourcedIds": "term_ids",
            "periods": "periods",
        },
        required=("title", "courseSourcedId", "schoolSourcedId", "termSourcedIds"),
        about=("classes",),
        lists=("term_ids", "periods"),
        old={"termSourcedId": "termSourcedIds"},
    ),
    "users": SetFile(
        table="users",
        columns={
            "enabledUser": "enabled",
            "role": "role",
            "orgSourcedIds": "org_ids",
            "primaryOrgSourcedId": "primary_org_id",
            "username": "username",
            "givenName": "given_name",
            "middleName": "middle_name",
            "familyName": "family_name",
            "preferredGivenName": "preferred_given_name",
            "preferredFamilyName": "preferred_family_name",
            "identifier": "identifier",
            "email": "email",
            "agentSourcedIds": "agent_ids",
        },
        required=("givenName", "familyName"),
        about=_PEOPLE,
        lists=("org_ids", "agent_ids"),
        flags=("enabled",),
        old={"userId": "userIds", "agents": "agentSourcedIds"},
        address="email",
    ),
    "roles": SetFile(
        table="roles",
        columns={
            "userSourcedId": "user_id",
            "roleType": "role_type",
            "role": "role",
            "orgSourcedId": "org_id",
        },
        required=("userSourcedId", "role", "orgSourcedId"),
        about=_PEOPLE,
        versions=("1.2",),
    ),
    "enrollments": SetFile(
        table="enrollments",
        columns={
            "classSourcedId": "class_id",
            "schoolSourcedId": "school_id",
            "userSourcedId": "user_id",
            "role": "role",
            "primary": "primary",
            "beginDate": "begin_date",
            "endDate": "end_date",
        },
        required=("classSourcedId", "userSourcedId", "role"),
        about=("enrollments",),
        flags=("primary",),
    ),
}
_ROLES = ("role", "orgSourcedIds")
"""Columns of users.csv in 1.1, where they are required. In 1.2 roles.csv says what they said."""
MARKS = ("status", "datelastmodified")
"""Required where a file is a delta."""


def files(version: str) -> dict[str, SetFile]:
    """Those of a version, by name without .csv."""
    return {stem: file for stem, file in FILES.items() if version in file.versions}


def wanted(stem: str, version: str) -> dict[str, str]:
    """Column in lower case → field, of all columns of the file that are read."""
    left_out = _ROLES if (stem, version) == ("users", "1.2") else ()
    columns = _EVERY | dict(FILES[stem].columns)
    return {name.lower(): field for name, field in columns.items() if name not in left_out}


def required(stem: str, version: str, mode: str) -> list[str]:
    """Columns in lower case that the header of the file must have."""
    roles = _ROLES if (stem, version) == ("users", "1.1") else ()
    named = [name.lower() for name in ("sourcedId", *FILES[stem].required, *roles)]
    return [*named, *MARKS] if mode == "delta" else named
