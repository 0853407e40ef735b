"""Raw tables → the roster: joins what `people` and `classes` make, with the lineage of it all."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from roster.model import Roster
from roster.settings import CleverCsv
from roster.sources import lessons, persons
from roster.sources.clever_csv import classes, people
from roster.sources.clever_csv.columns import FILES


def to_roster(raw: Path, settings: CleverCsv) -> Roster:
    """The roster in the folder of raw tables.

    Nothing is judged here: rows without an id keep none, rows of one id that do not agree stay side by side, and what
    refers to nothing still refers to it.
    """
    schools, students, teachers, sections, enrollments, staff = (raw_table(raw, stem) for stem in FILES)
    rows = people.persons(students, teachers, staff)
    contacts = people.contacts(students)
    taught = lessons.lessons(sections.with_columns(sis_id="section_id"))
    teaching = classes.teaching(sections)
    attending = classes.attending(enrollments)
    lineage = [
        _lineage("orgs", "school_id", schools, "schools.csv"),
        _lineage("academic_sessions", "session_id", taught, "sections.csv"),
        _lineage("courses", "course_id", taught, "sections.csv"),
        _lineage("classes", "section_id", taught, "sections.csv"),
        _lineage("users", "sourced_id", rows),
        _lineage("users", "sourced_id", people.guardian_rows(contacts)),
        _lineage("enrollments", "sourced_id", attending, "enrollments.csv"),
        _lineage("enrollments", "sourced_id", teaching, "sections.csv"),
        _lineage("guardians", "sourced_id", contacts, "students.csv"),
    ]
    return Roster.of(
        {
            "orgs": classes.orgs(schools),
            "academic_sessions": lessons.sessions(taught),
            "courses": lessons.courses(taught),
            "classes": lessons.classes(taught),
            "users": pl.concat([persons.merged(rows), persons.merged(people.guardian_rows(contacts))]),
            "enrollments": pl.concat([lessons.enrollments(attending), lessons.enrollments(teaching)]),
            "guardians": persons.links(contacts),
            "lineage": pl.concat(lineage).with_columns(source=pl.lit(settings.name)),
        }
    )


def raw_table(raw: Path, stem: str) -> pl.LazyFrame:
    """The raw table with every column that is ever read of its file; null where the file has none."""
    wanted = FILES[stem].wanted
    file = raw / f"{stem}.parquet"
    if not file.exists():
        return pl.LazyFrame(schema=dict.fromkeys(wanted, pl.String) | {"row": pl.Int64})
    frame = pl.scan_parquet(file)
    present = frame.collect_schema()
    return frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in wanted if name not in present)


def _lineage(table: str, key: str, rows: pl.LazyFrame, file: str | None = None) -> pl.LazyFrame:
    """file: where all rows are of one file; else the rows have a column `file`."""
    return rows.select(
        table=pl.lit(table),
        record=pl.col(key),
        file=pl.lit(file) if file else pl.col("file"),
        row=pl.col("row"),
    )
