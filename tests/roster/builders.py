"""Small rosters for tests: builders of one record each, with a value of its own in every field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import polars as pl

from roster.checks.rule import Night
from roster.model import LINEAGE, SCHEMAS, Roster
from roster.tenants import Tenant

Record = dict[str, Any]
TODAY = date(2026, 3, 2)


def an_org(id_: str | None = "north", **fields: Any) -> Record:
    return {"sourced_id": id_, "name": f"{id_} school", "type": "school", "parent_id": None} | fields


def a_session(id_: str | None = "s1", **fields: Any) -> Record:
    return {
        "sourced_id": id_,
        "title": f"term {id_}",
        "start_date": date(2026, 1, 26),
        "end_date": date(2026, 6, 26),
        "school_id": None,
    } | fields


def a_course(id_: str | None = "maths-7", **fields: Any) -> Record:
    return {"sourced_id": id_, "title": f"course {id_}", "code": f"code-{id_}", "school_id": "north"} | fields


def a_class(id_: str | None = "maths", **fields: Any) -> Record:
    return {
        "sourced_id": id_,
        "title": f"class {id_}",
        "code": f"number-{id_}",
        "period": f"period-{id_}",
        "course_id": "maths-7",
        "school_id": "north",
        "session_id": "s1",
    } | fields


def a_user(id_: str | None = "ada", kind: str = "student", **fields: Any) -> Record:
    school = None if kind == "guardian" else "north"
    return {
        "sourced_id": id_,
        "kind": kind,
        "given_name": f"{id_} given",
        "middle_name": f"{id_} middle",
        "family_name": f"{id_} family",
        "preferred_given_name": None,
        "preferred_family_name": None,
        "username": f"{id_}.user",
        "email": f"{id_}@mail.example",
        "identifier": f"n-{id_}",
        "school_id": school,
        "school_ids": [school] if school else [],
    } | fields


def an_enrollment(
    user: str | None = "ada", class_: str | None = "maths", role: str = "student", **fields: Any
) -> Record:
    return {
        "sourced_id": f"{class_}:{user}:{role}",
        "class_id": class_,
        "user_id": user,
        "role": role,
        "primary": None,
        "begin_date": None,
        "end_date": None,
    } | fields


def a_link(guardian: str | None = "bea", student: str | None = "ada", relationship: str | None = "Mother") -> Record:
    return {
        "sourced_id": f"{guardian}:{student}",
        "guardian_id": guardian,
        "student_id": student,
        "relationship": relationship,
    }


def a_line(table: str, record: str | None, row: int, file: str = "students.csv", source: str = "clever") -> Record:
    """A line of lineage."""
    return {"table": table, "record": record, "source": source, "file": file, "row": row}


def a_roster(
    *,
    orgs: Sequence[Record] = (an_org(),),
    academic_sessions: Sequence[Record] = (a_session(),),
    courses: Sequence[Record] = (a_course(),),
    classes: Sequence[Record] = (),
    users: Sequence[Record] = (),
    enrollments: Sequence[Record] = (),
    guardians: Sequence[Record] = (),
    lineage: Sequence[Record] = (),
) -> Roster:
    """A roster of these records: one school, term and course unless told otherwise, and nobody in it."""
    given = {
        "orgs": orgs,
        "academic_sessions": academic_sessions,
        "courses": courses,
        "classes": classes,
        "users": users,
        "enrollments": enrollments,
        "guardians": guardians,
    }
    tables = {name: pl.DataFrame(list(rows), schema=SCHEMAS[name], orient="row") for name, rows in given.items()}
    return Roster.of({**tables, "lineage": pl.DataFrame(list(lineage), schema=LINEAGE, orient="row")})


def a_tenant(relationships: Iterable[str] = (), rules: dict[str, str] | None = None, **sync: Any) -> Tenant:
    """A tenant of one Clever export. sync: keys of its `sync`; relationships: those that become observers."""
    return Tenant.model_validate(
        {
            "id": "banksia",
            "name": "Banksia Schools",
            "timezone": "Australia/Brisbane",
            "sources": [{"name": "clever", "system": "clever_csv", "connection": "clever_banksia"}],
            "canvas": {"test": {"connection": "canvas_banksia_test"}},
            "sync": {"observers": {"relationships": list(relationships)}, **sync},
            "rules": rules or {},
        }
    )


def a_night(roster: Roster, tenant: Tenant | None = None, **given: Any) -> Night:
    """A night of TODAY over the roster. given: as_of, raw, last_good_rows."""
    return Night(roster, tenant or a_tenant(), **{"as_of": TODAY, **given})


def found(frame: pl.LazyFrame) -> list[str | None]:
    """The records that a rule found, each once, in order."""
    ids: list[str | None] = frame.select("sourced_id").collect()["sourced_id"].unique().to_list()
    return sorted(ids, key=lambda one: one or "")
