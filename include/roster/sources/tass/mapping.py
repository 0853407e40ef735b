"""Raw tables → the roster, with its lineage: `file` is the raw table, `row` the record's number in it."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from roster.model import Roster
from roster.settings import Tass
from roster.sources import persons
from roster.sources.tass import lessons, people


def to_roster(raw: Path, settings: Tass) -> Roster:
    """The roster in the folder of raw tables.

    Nothing is judged here: what refers to nothing still refers to it, by TASS's code.
    """
    tables = {file.stem: pl.scan_parquet(file) for file in raw.glob("*.parquet")}
    attending, teaching = lessons.attending(tables, settings), lessons.teaching(tables, settings)
    places = pl.concat([attending, teaching], how="diagonal")
    pupils = people.pupils(tables, settings)
    at_school = pupils.select("school_id", "company", "year_group", user_id="sourced_id")
    campuses = lessons.campuses_of(attending, places, at_school).collect().lazy()
    pupils = pupils.drop("company", "year_group")
    staff = people.employees(tables, settings, _workplaces(teaching, campuses, tables, settings))
    orgs = tables["campuses"].with_columns(sourced_id=lessons.key(settings, "code"))
    everyone, links, lineage = pl.concat([pupils, staff]), None, []
    if "idm_parents" in tables:
        observing = people.observing(tables, settings)
        everyone = pl.concat(
            [everyone, people.guardians(observing, settings).select(everyone.collect_schema().names())]
        )
        links = persons.linked(people.related(observing, settings))
        lineage.append(_lineage("guardians", "sourced_id", links, "idm_parents"))
    lineage += [
        _lineage("orgs", "sourced_id", orgs, "campuses"),
        *(_first("academic_sessions", "session_id", places), _first("courses", "course_id", places)),
        _first("classes", "class_id", places),
        _lineage("users", "sourced_id", everyone),
        _lineage("enrollments", "sourced_id", places.with_columns(sourced_id=lessons.enrolled())),
    ]
    return Roster.of(
        {
            "orgs": orgs.select("sourced_id", name="desc", type=pl.lit("school"), sis_id="code"),
            "academic_sessions": lessons.sessions(places, settings),
            "courses": lessons.courses(places, campuses),
            "classes": lessons.classes(places, campuses),
            "users": persons.merged(everyone),
            "enrollments": lessons.enrollments(places),
            **({"guardians": persons.links(links)} if links is not None else {}),
            "lineage": pl.concat(lineage).with_columns(source=pl.lit(settings.name)),
        }
    )


def _workplaces(teaching: pl.LazyFrame, campuses: pl.LazyFrame, tables: people.Tables, settings: Tass) -> pl.LazyFrame:
    """(sourced_id, school_id): the campuses where a teacher has classes, where most are first."""
    taught = teaching.join(campuses, on="class_id").filter(pl.col("school_id").is_not_null())
    counted = taught.group_by("user_id", "school_id").len()
    ordered = counted.sort("user_id", "len", "school_id", descending=[False, True, False])
    return ordered.select("school_id", sourced_id="user_id")


def _first(table: str, key: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    """One line for each record: a class is in a row for each of its pupils."""
    known = rows.filter(pl.col(key).is_not_null())
    return _lineage(table, key, known.unique(key, keep="first", maintain_order=True))


def _lineage(table: str, key: str, rows: pl.LazyFrame, file: str | None = None) -> pl.LazyFrame:
    """file: where all rows are of one table; else the rows have a column `file`."""
    named = rows.select(
        table=pl.lit(table), record=pl.col(key), file=pl.lit(file) if file else pl.col("file"), row=pl.col("row")
    )
    return named.unique(maintain_order=True)
