"""The raw tables of OneRoster, the same from CSV files and from an API, of version 1.1 and 1.2.

Fields have OneRoster's own names in snake_case, and those that are not named here are never read: passwords above all,
demographics, phones, grades. Ids and dates are text as they came, blank is null, a list holds no blank.
`row` is the number of the record in `file`: of a CSV file with its header as row 1, of an API in the walk of that list.
A file that was laid under a delta is named by the day it was delivered (2026-02-03/users.csv).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from roster.model import DataType

GONE = ("tobedeleted", "inactive")
"""Words of `status` that mean: this record is no more. 1.1 had `inactive` in drafts."""

_TEXTS = pl.List(pl.String)
_OBJECT: Mapping[str, DataType] = {"sourced_id": pl.String, "status": pl.String}
_PLACE: Mapping[str, DataType] = {"file": pl.String, "row": pl.Int64}


def _schema(fields: Mapping[str, DataType]) -> pl.Schema:
    return pl.Schema({**_OBJECT, **fields, **_PLACE})


SCHEMAS: Mapping[str, pl.Schema] = {
    # type: school, district, local, state, national, department.
    "orgs": _schema({"name": pl.String, "type": pl.String, "identifier": pl.String, "parent_id": pl.String}),
    # type: term, semester, gradingPeriod, schoolYear.
    "academic_sessions": _schema(
        {
            "title": pl.String,
            "type": pl.String,
            "start_date": pl.String,
            "end_date": pl.String,
            "parent_id": pl.String,
        }
    ),
    "courses": _schema({"title": pl.String, "course_code": pl.String, "org_id": pl.String}),
    # class_type: homeroom or scheduled.
    "classes": _schema(
        {
            "title": pl.String,
            "class_code": pl.String,
            "class_type": pl.String,
            "course_id": pl.String,
            "school_id": pl.String,
            "term_ids": _TEXTS,
            "periods": _TEXTS,
        }
    ),
    # role, org_ids: of 1.1, null in 1.2. preferred_…, primary_org_id: of 1.2. enabled: null where it is not said.
    "users": _schema(
        {
            "enabled": pl.Boolean,
            "role": pl.String,
            "org_ids": _TEXTS,
            "primary_org_id": pl.String,
            "username": pl.String,
            "given_name": pl.String,
            "middle_name": pl.String,
            "family_name": pl.String,
            "preferred_given_name": pl.String,
            "preferred_family_name": pl.String,
            "identifier": pl.String,
            "email": pl.String,
            "agent_ids": _TEXTS,
        }
    ),
    # Of 1.2, a row per user, role and org; empty in 1.1. An API's have no sourced_id. role_type: primary or secondary.
    "roles": _schema({"user_id": pl.String, "role_type": pl.String, "role": pl.String, "org_id": pl.String}),
    "enrollments": _schema(
        {
            "class_id": pl.String,
            "school_id": pl.String,
            "user_id": pl.String,
            "role": pl.String,
            "primary": pl.Boolean,
            "begin_date": pl.String,
            "end_date": pl.String,
        }
    ),
}
TABLES = tuple(SCHEMAS)


def frame(name: str, rows: Iterable[Mapping[str, object]]) -> pl.DataFrame:
    """The raw table of these rows; a field that a row does not have is null."""
    return pl.DataFrame(list(rows), schema=SCHEMAS[name], orient="row")


def live(raw: Path, name: str) -> pl.LazyFrame:
    """The records of a raw table in the folder that are there and not marked as gone; none where it was not written."""
    file = raw / f"{name}.parquet"
    if not file.exists():
        return pl.LazyFrame(schema=SCHEMAS[name])
    return pl.scan_parquet(file).filter(~gone())


def gone() -> pl.Expr:
    """True for a record that the source says is no more."""
    return pl.col("status").str.to_lowercase().is_in(GONE).fill_null(value=False)
