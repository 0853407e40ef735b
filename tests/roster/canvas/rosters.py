"""A small roster with a different value in every field, and tenants to read it with."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from datetime import date
from typing import Any

import polars as pl

from roster import canvas
from roster.model import SCHEMAS, Roster
from roster.tenants import Tenant

AS_OF = date(2016, 2, 1)
Records = dict[str, list[dict[str, Any]]]


def a_tenant(**sync: Any) -> Tenant:
    """A tenant in New York with these sync settings; `account` names the account above the schools."""
    return Tenant.model_validate(
        {
            "id": "banksia",
            "name": "Banksia",
            "timezone": "America/New_York",
            "sources": [{"name": "clever", "system": "clever_csv", "connection": "clever"}],
            "canvas": {"test": {"connection": "canvas_test"}, "account": sync.pop("account", None)},
            "sync": sync,
        }
    )


def school_year() -> Records:
    """Two schools and a district, three terms (over, running, far), two courses of three classes, six people."""
    return {
        "orgs": [
            {"sourced_id": "d", "name": "District", "type": "district"},
            {"sourced_id": "n", "name": "North High", "type": "school", "parent_id": "d"},
            {"sourced_id": "s", "name": "South High", "type": "school", "parent_id": "d"},
        ],
        "academic_sessions": [
            {"sourced_id": "fall", "title": "Fall", "start_date": date(2015, 9, 1), "end_date": date(2016, 1, 31)},
            {"sourced_id": "spring", "title": "Spring", "start_date": date(2016, 2, 15), "end_date": date(2016, 6, 30)},
            {"sourced_id": "summer", "title": "Summer", "start_date": date(2016, 7, 1), "end_date": date(2016, 8, 31)},
        ],
        "courses": [
            {"sourced_id": "alg", "title": "Algebra", "code": "MA1", "school_id": "n"},
            {"sourced_id": "bio", "title": "Biology", "code": "SC2", "school_id": "s"},
        ],
        "classes": [
            _a_class("alg1", "Algebra One", "A-1", "P1", "alg", "n"),
            _a_class("alg2", "Algebra Two", "A-2", "P2", "alg", "n"),
            _a_class("bio1", "Biology One", "B-1", "P3", "bio", "s"),
        ],
        "users": [
            _a_person("ada", "student", "Ada", "Lovelace", "n"),
            _a_person("ben", "student", "Ben", "Okri", "s"),
            _a_person("tess", "staff", "Tess", "Teacher", "n"),
            _a_person("stan", "staff", "Stan", "Staff", "s"),
            _a_person("mum", "guardian", "Mary", "Lovelace", None),
            _a_person("gran", "guardian", "Grace", "Okri", None),
        ],
        "enrollments": [
            _an_enrollment("alg1", "ada", "student"),
            _an_enrollment("bio1", "ben", "student"),
            _an_enrollment("alg1", "tess", "teacher", primary=True),
            _an_enrollment("bio1", "stan", "teacher", primary=True),
        ],
        "guardians": [
            {"sourced_id": "mum:ada", "guardian_id": "mum", "student_id": "ada", "relationship": "Mother"},
            {"sourced_id": "gran:ben", "guardian_id": "gran", "student_id": "ben", "relationship": "Grandmother"},
        ],
    }


def _a_class(sourced_id: str, title: str, code: str, period: str, course: str, school: str) -> dict[str, Any]:
    return {
        "sourced_id": sourced_id,
        "title": title,
        "code": code,
        "period": period,
        "course_id": course,
        "school_id": school,
        "session_id": "spring",
    }


def _a_person(sourced_id: str, kind: str, given: str, family: str, school: str | None) -> dict[str, Any]:
    return {
        "sourced_id": sourced_id,
        "kind": kind,
        "given_name": given,
        "middle_name": f"{given}-middle",
        "family_name": family,
        "username": f"{sourced_id}.u",
        "email": f"{sourced_id}@example.org",
        "identifier": f"00{sourced_id}",
        "school_id": school,
        "school_ids": [school] if school else None,
    }


def _an_enrollment(class_id: str, user_id: str, role: str, primary: bool | None = None) -> dict[str, Any]:
    return {
        "sourced_id": f"{class_id}:{user_id}:{role}",
        "class_id": class_id,
        "user_id": user_id,
        "role": role,
        "primary": primary,
    }


def changed(records: Records, table: str, sourced_id: str, **fields: Any) -> Records:
    """The records with those fields of one of them set."""
    copy = deepcopy(records)
    [record] = [record for record in copy[table] if record["sourced_id"] == sourced_id]
    record.update(fields)
    return copy


def added(records: Records, table: str, *new: dict[str, Any]) -> Records:
    """The records with some more."""
    return {**deepcopy(records), table: [*records[table], *new]}


def a_roster(records: Records) -> Roster:
    return Roster.of({table: pl.DataFrame(rows, schema=SCHEMAS[table]) for table, rows in records.items()})


def rows_of(file: str, records: Records, tenant: Tenant, as_of: date = AS_OF) -> dict[str, dict[str, Any]]:
    """The rows of a file by key (its parts joined with a colon); fails where two rows share one."""
    module = canvas.module(file)
    found = module.rows(a_roster(records), tenant, as_of).collect().to_dicts()
    by_key = {":".join(row[part] for part in module.KEY): row for row in found}
    assert len(by_key) == len(found)
    return by_key


def column(rows: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    return {key: row[name] for key, row in rows.items()}


def only(columns: Iterable[str], row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in columns}
