"""What one reading proves. TASS counts nothing, so it is references, shrinkage, and one API against the other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from roster.evidence import Evidence
from roster.settings import Tass
from roster.sources.tass.dates import day

NEEDED = ("campuses", "students", "teachers", "student_subjects", "teacher_subjects")
"""Tables that are empty in no company; with IdM its pupils, employees and parents too."""
BY_CODE = ("company", "code")


def prove(
    folder: Path, settings: Tass, counts: Mapping[str, int], last_good: Evidence | None, now: datetime
) -> Evidence:
    """The evidence of the raw tables in folder. counts: records by `table/company`.

    Whole: no table of any company is empty that must not be. Proven: whole, hardly shrunken, every reference closed,
    and the APIs agree in who is at the school.
    """
    tables = {file.stem: pl.scan_parquet(file) for file in folder.glob("*.parquet")}
    rows = dict(counts)
    broken = list(_holes(rows, last_good))
    doubts = [*_shrinkage(rows, settings, last_good), *_open_references(tables), *_disagreement(tables, now.date())]
    return Evidence(
        source=settings.name,
        system=settings.system,
        delivery=hashlib.sha256(now.isoformat().encode()).hexdigest(),
        delivered=now,
        rows=rows,
        complete=not broken,
        proven=not broken and not doubts,
        reasons=tuple(f"{settings.name}: {reason}" for reason in (*broken, *doubts)),
    )


def _holes(rows: Mapping[str, int], last_good: Evidence | None) -> Iterator[str]:
    before = last_good.rows if last_good else {}
    for name, count in rows.items():
        table, _, company = name.partition("/")
        had = before.get(name)
        if not count and (had or table in NEEDED or table.startswith("idm_")):
            yield f"{table} of company {company} is empty" + (f", the last good night had {had:,}" if had else "")


def _shrinkage(rows: Mapping[str, int], settings: Tass, last_good: Evidence | None) -> Iterator[str]:
    for name, before in (last_good.rows if last_good else {}).items():
        lost = before - rows.get(name, 0)
        if lost > settings.shrink * before:
            table, _, company = name.partition("/")
            yield (
                f"{table} of company {company} has {lost:,} of {before:,} less than the last good night "
                f"({lost / before:.1%}; {settings.shrink:.0%} is allowed)"
            )


def _open_references(tables: Mapping[str, pl.LazyFrame]) -> Iterator[str]:
    references = (
        ("student_subjects", "student_code", "a pupil", "students", "student_code"),
        ("teacher_subjects", "teacher_code", "a teacher", "teachers", "teacher_code"),
        ("students", "campus", "a campus", "campuses", "desc"),
        ("idm_students", "campus_code", "a campus", "campuses", "code"),
    )
    for table, column, what, target, key in references:
        if table in tables and (count := _missing(tables[table], column, tables[target], key)):
            yield f"{count:,} records of {table} name {what} that is not in {target}"


def _disagreement(tables: Mapping[str, pl.LazyFrame], today: date) -> Iterator[str]:
    """Whom one API has at the school tonight and the other has not.

    today: in UTC, which in the tenant's zone may be the day after already; who comes or goes on either is in doubt.
    """
    pupils = tables["students"].select("company", code="student_code")
    if "student_details" in tables:
        details = tables["student_details"].select("company", code="student_code")
        yield from _apart("students", pupils, "student_details", details, details)
    if "idm_students" in tables:
        tomorrow, joined, left = today + timedelta(days=1), day("doe"), day("dol")
        surely = (joined.is_null() | (joined <= today)) & (left.is_null() | (left > today))
        maybe = (joined.is_null() | (joined <= tomorrow)) & (left.is_null() | (left >= today))
        known = [tables["idm_students"].filter(one).select("company", code="user_code") for one in (surely, maybe)]
        yield from _apart("students", pupils, "those of idm_students at the school", *known)
        if count := _missing(tables["teachers"], "employee_code", tables["idm_employees"], "user_code"):
            yield f"{count:,} records of teachers are not in idm_employees"


def _apart(name: str, ours: pl.LazyFrame, other: str, surely: pl.LazyFrame, maybe: pl.LazyFrame) -> Iterator[str]:
    """(company, code) that only one of two has. surely, maybe: what must be in ours, and what may be."""
    if count := _missing(ours, "code", maybe, "code"):
        yield f"{count:,} records of {name} are not in {other}"
    if count := _missing(surely, "code", ours, "code"):
        yield f"{count:,} records of {other} are not in {name}"


def _missing(rows: pl.LazyFrame, column: str, target: pl.LazyFrame, key: str) -> int:
    """How many values of the column are no key of the target, in their company."""
    named = rows.select("company", code=column).drop_nulls().unique()
    known = target.select("company", code=key)
    return int(named.join(known, on=BY_CODE, how="anti").select(pl.len()).collect().item())
