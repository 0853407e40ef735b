"""What one reading of the database proves: whether it is whole, and whether what is absent from it is gone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import polars as pl

from roster.evidence import Evidence
from roster.settings import SisDb
from roster.settings.grammar import PROVIDED
from roster.settings.sis_db import Table

_PEOPLE = ("students", "staff")
NEEDED: tuple[Table, ...] = ("orgs", "academic_sessions", "courses", "classes", "users", "enrollments")
"""Tables that are empty in no school, where the source has them."""

REFERENCES: tuple[tuple[Table, str, str, Table], ...] = (
    ("classes", "school_id", "a school", "orgs"),
    ("classes", "course_id", "a course", "courses"),
    ("classes", "session_id", "a session", "academic_sessions"),
    ("courses", "school_id", "a school", "orgs"),
    ("users", "school_id", "a school", "orgs"),
    ("enrollments", "class_id", "a class", "classes"),
    ("enrollments", "user_id", "a user", "users"),
    ("guardians", "guardian_id", "a user", "users"),
    ("guardians", "student_id", "a user", "users"),
)


class Counted(NamedTuple):
    """A table's rows: as the database counts them, and as they were read."""

    said: int
    read: int


def prove(
    folder: Path, settings: SisDb, counts: Mapping[Table, Counted], last_good: Evidence | None, now: datetime
) -> Evidence:
    """The evidence of the raw tables in folder, all of one moment.

    Whole: as many rows as the database counts, no table empty that must not be. Proven: whole, hardly shrunken, and
    every reference between its tables is closed, for a view that was cut leaves some of them open. Silent about what it
    is not asked for.
    """
    rows: dict[str, int] = {table: counted.read for table, counted in counts.items()}
    broken = [*_miscounts(counts), *_holes(rows, last_good)]
    doubts = [*_shrinkage(rows, settings, last_good), *_open_references(folder, rows)]
    return Evidence(
        source=settings.name,
        system=settings.system,
        # Each reading is of a moment of its own.
        delivery=hashlib.sha256(now.isoformat().encode()).hexdigest(),
        delivered=now,
        rows=rows,
        complete=not broken,
        proven=not broken and not doubts,
        reasons=tuple(f"{settings.name}: {reason}" for reason in (*broken, *doubts)),
        silent=tuple(thing for thing in PROVIDED if ("users" if thing in _PEOPLE else thing) not in counts),
    )


def _miscounts(counts: Mapping[Table, Counted]) -> Iterator[str]:
    for table, counted in counts.items():
        if counted.said != counted.read:
            yield f"{table} was read with {counted.read:,} rows, the database counts {counted.said:,}"


def _holes(rows: Mapping[str, int], last_good: Evidence | None) -> Iterator[str]:
    before = last_good.rows if last_good else {}
    for table in dict.fromkeys((*rows, *before)):
        if not rows.get(table) and ((table in NEEDED and table in rows) or before.get(table)):
            had = f", the last good night had {before[table]:,} rows" if before.get(table) else ""
            yield f"{table} is {'empty' if table in rows else 'no longer asked for'}{had}"


def _shrinkage(rows: Mapping[str, int], settings: SisDb, last_good: Evidence | None) -> Iterator[str]:
    for table, before in (last_good.rows if last_good else {}).items():
        lost = before - rows.get(table, 0)
        if lost > settings.shrink * before:
            yield (
                f"{table} has {lost:,} of {before:,} rows less than the last good night "
                f"({lost / before:.1%}; {settings.shrink:.0%} is allowed)"
            )


def _open_references(folder: Path, rows: Mapping[str, int]) -> Iterator[str]:
    for table, column, what, target in REFERENCES:
        if table not in rows or target not in rows:
            continue
        naming = pl.scan_parquet(folder / f"{table}.parquet")
        if column not in naming.collect_schema():
            continue
        known = pl.scan_parquet(folder / f"{target}.parquet").select(pl.col("sourced_id").alias(column)).drop_nulls()
        open_ones = naming.select(column).drop_nulls().join(known, on=column, how="anti")
        if count := open_ones.select(pl.len()).collect(engine="streaming").item():
            yield f"{count:,} rows of {table} name {what} in {column} that is not in {target}"
