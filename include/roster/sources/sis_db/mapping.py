"""Raw tables → the roster, with its lineage: `file` is the raw table, `row` the number of the row in its answer."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from roster.model import Roster
from roster.settings import SisDb
from roster.settings.sis_db import TABLES, Table
from roster.sources import lessons, persons
from roster.sources.sis_db.values import TYPES


def to_roster(raw: Path, settings: SisDb) -> Roster:
    """The roster in the folder of raw tables; a table that the source does not provide is empty.

    Nothing is judged here: rows without an id keep none, and what refers to nothing still refers to it.
    """
    tables = {table: _raw(raw, table) for table in TABLES}
    orgs = tables["orgs"].with_columns(type=pl.col("type").fill_null("school"), sis_id="sourced_id")
    people = _people(tables["users"])
    places = _places(tables["enrollments"])
    contacts = persons.linked(tables["guardians"])
    keyed = {**tables, "users": people, "enrollments": places, "guardians": contacts}
    lineage = [
        rows.select(table=pl.lit(table), record="sourced_id", file=pl.lit(table), row="row")
        for table, rows in keyed.items()
    ]
    return Roster.of(
        {
            "orgs": _once(orgs),
            "academic_sessions": _once(tables["academic_sessions"]),
            "courses": _once(tables["courses"]),
            "classes": _once(tables["classes"].with_columns(sis_id="sourced_id")),
            "users": persons.merged(people),
            "enrollments": places.drop("row"),
            "guardians": persons.links(contacts),
            "lineage": pl.concat(lineage).with_columns(source=pl.lit(settings.name)),
        }
    )


def _raw(raw: Path, table: Table) -> pl.LazyFrame:
    """The raw table with every column that it may have; null where the query answered without."""
    types = {name: TYPES[column.word] for name, column in TABLES[table].items()}
    file = raw / f"{table}.parquet"
    if not file.exists():
        return pl.LazyFrame(schema=types | {"row": pl.Int64})
    frame = pl.scan_parquet(file)
    present = frame.collect_schema()
    return frame.with_columns(pl.lit(None, dtype=types[name]).alias(name) for name in types if name not in present)


def _once(rows: pl.LazyFrame) -> pl.LazyFrame:
    return lessons.once(rows.drop("row"), "sourced_id")


def _people(users: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of users, the primary school's first: a person may have one for each school."""
    first = users.sort(~pl.col("is_primary").fill_null(value=False), maintain_order=True)
    return first.with_columns(sis_id="sourced_id")


def _places(enrollments: pl.LazyFrame) -> pl.LazyFrame:
    """Enrolments; one without an id of its own has one made of class, user, role and the day it begins."""
    key = pl.concat_str("class_id", "user_id", "role", separator=":")
    begun = pl.when(pl.col("begin_date").is_not_null()).then(":" + pl.col("begin_date").cast(pl.String))
    return enrollments.select(
        "class_id",
        "user_id",
        "role",
        "begin_date",
        "end_date",
        "row",
        sourced_id=pl.coalesce("sourced_id", key + begun, key),
        primary="is_primary",
    )
