"""Raw tables → the roster, with its lineage: `file` is the raw table, `row` the record's number in the walk."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from roster.model import Roster
from roster.settings import Clever
from roster.sources import lessons, persons
from roster.sources.clever.objects import TABLES


def to_roster(raw: Path, settings: Clever) -> Roster:
    """The roster in the folder of raw tables.

    Nothing is judged here: what refers to nothing still refers to it, by Clever's id.
    """
    tables = {name: pl.scan_parquet(raw / f"{name}.parquet") for name in TABLES}
    people = pl.concat(
        [
            _persons(tables["students"], "student", "students"),
            *(_persons(tables[name], "staff", name) for name in ("teachers", "staff", "district_admins")),
        ]
    )
    contacts = _contacts(tables["contacts"])
    guardians = _guardians(tables["contacts"])
    taught = _lessons(tables["sections"], tables["courses"], tables["terms"])
    places = pl.concat([_attending(tables["sections"]), _teaching(tables["sections"])])
    lineage = [
        _lineage("orgs", "id", tables["schools"], "schools"),
        _lineage("academic_sessions", "session_id", taught, "sections"),
        _lineage("courses", "course_id", taught, "sections"),
        _lineage("classes", "section_id", taught, "sections"),
        _lineage("users", "sourced_id", people),
        _lineage("users", "sourced_id", guardians),
        _lineage("enrollments", "sourced_id", places, "sections"),
        _lineage("guardians", "sourced_id", contacts, "contacts"),
    ]
    return Roster.of(
        {
            "orgs": tables["schools"].select(sourced_id="id", name="name", type=pl.lit("school"), sis_id="sis_id"),
            "academic_sessions": lessons.sessions(taught.filter("term_known")),
            "courses": lessons.courses(taught.filter("course_known")),
            "classes": lessons.classes(taught),
            "users": pl.concat([persons.merged(people), persons.merged(guardians)]),
            "enrollments": lessons.enrollments(places),
            "guardians": persons.links(contacts),
            "lineage": pl.concat(lineage).with_columns(source=pl.lit(settings.name)),
        }
    )


def _persons(rows: pl.LazyFrame, kind: str, file: str) -> pl.LazyFrame:
    """A row for each school of each user, the primary one first; one without a school for who has none."""
    present = rows.collect_schema()
    nothing = pl.lit(None, dtype=pl.String)
    columns = {
        "sourced_id": "id",
        "given_name": "first_name",
        "middle_name": "middle_name",
        "family_name": "last_name",
        "preferred_given_name": "preferred_first_name",
        "preferred_family_name": "preferred_last_name",
        "username": "username",
        "email": "email",
        "identifier": "number",
        "school_id": "school_id",
        "sis_id": "sis_id",
    }
    named = {ours: pl.col(theirs) if theirs in present else nothing for ours, theirs in columns.items()}
    schools = pl.col("schools").fill_null([]) if "schools" in present else pl.lit([], dtype=pl.List(pl.String))
    own = pl.concat_list(named["school_id"], schools).list.drop_nulls().list.unique(maintain_order=True)
    return rows.select(**named | {"school_id": own}, kind=pl.lit(kind), file=pl.lit(file), row=pl.col("row")).explode(
        "school_id", empty_as_null=True, keep_nulls=True
    )


def _guardians(contacts: pl.LazyFrame) -> pl.LazyFrame:
    """Contacts as rows of `_persons`. Where all of a name is in the last name, it is taken apart as an export's is."""
    given, family = persons.split(pl.col("last_name"))
    whole = pl.col("first_name").is_null()
    named = contacts.with_columns(
        first_name=pl.when(whole).then(given).otherwise("first_name"),
        last_name=pl.when(whole).then(family).otherwise("last_name"),
        number="sis_id",
    )
    return _persons(named, "guardian", "contacts")


def _contacts(contacts: pl.LazyFrame) -> pl.LazyFrame:
    """A row for each pupil of each contact, as rows of guardians with `row`."""
    related = contacts.select("row", guardian_id="id", student_id="students", relationship="relationships")
    return persons.linked(
        related.explode("student_id", "relationship", empty_as_null=False, keep_nulls=False).with_columns(
            relationship=pl.col("relationship").str.strip_chars().replace("", None)
        )
    )


def _lessons(sections: pl.LazyFrame, courses: pl.LazyFrame, terms: pl.LazyFrame) -> pl.LazyFrame:
    """The sections as `lessons` takes them, and with its keys; an unknown course or term keeps Clever's id."""
    of_course = courses.select(course="id", course_name="name", course_number="number", course_known=pl.lit(value=True))
    of_term = terms.select(
        term_id="id", term_name="name", term_start="start_date", term_end="end_date", term_known=pl.lit(value=True)
    )
    joined = (
        sections.join(of_course, on="course", how="left", maintain_order="left")
        .join(of_term, on="term_id", how="left", maintain_order="left")
        .rename({"id": "section_id", "school": "school_id"})
    )
    unknown_course, unknown_term = pl.col("course_known").is_null(), pl.col("term_known").is_null()
    return lessons.lessons(joined).with_columns(
        course_id=pl.when(unknown_course).then("course").otherwise("course_id"),
        session_id=pl.when(unknown_term).then("term_id").otherwise("session_id"),
    )


def _attending(sections: pl.LazyFrame) -> pl.LazyFrame:
    pupils = sections.select("row", class_id="id", user_id=pl.col("students").list.unique(maintain_order=True))
    rows = pupils.explode("user_id", empty_as_null=False, keep_nulls=False)
    return lessons.enrolled(rows.with_columns(primary=pl.lit(None, dtype=pl.Boolean)), "student")


def _teaching(sections: pl.LazyFrame) -> pl.LazyFrame:
    team = pl.concat_list("teacher", pl.col("teachers").fill_null([])).list.drop_nulls()
    teachers = sections.select("row", "teacher", class_id="id", user_id=team.list.unique(maintain_order=True))
    rows = teachers.explode("user_id", empty_as_null=False, keep_nulls=False)
    return lessons.enrolled(
        rows.with_columns(primary=pl.col("user_id").eq_missing(pl.col("teacher"))).drop("teacher"), "teacher"
    )


def _lineage(table: str, key: str, rows: pl.LazyFrame, file: str | None = None) -> pl.LazyFrame:
    """file: where all rows are of one table; else the rows have a column `file`."""
    named = rows.select(
        table=pl.lit(table), record=pl.col(key), file=pl.lit(file) if file else pl.col("file"), row=pl.col("row")
    )
    return named.unique(maintain_order=True)
