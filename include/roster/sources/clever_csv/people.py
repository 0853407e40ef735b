"""Users and guardians out of students.csv, teachers.csv and staff.csv."""

from __future__ import annotations

import hashlib
import unicodedata

import polars as pl

from roster.sources.persons import linked, split


def persons(students: pl.LazyFrame, teachers: pl.LazyFrame, staff: pl.LazyFrame) -> pl.LazyFrame:
    """A row per row of the three files: columns of users (school_ids apart), `file`, `row`. Teachers are staff."""
    return pl.concat(
        [
            _person(students, "student", "students.csv", "student_id", "student_email", pl.col("student_number")),
            _person(teachers, "staff", "teachers.csv", "teacher_id", "teacher_email", pl.col("teacher_number")),
            _person(staff, "staff", "staff.csv", "staff_id", "staff_email", pl.lit(None, dtype=pl.String)),
        ]
    )


def _person(rows: pl.LazyFrame, kind: str, file: str, key: str, email: str, identifier: pl.Expr) -> pl.LazyFrame:
    return rows.select(
        sourced_id=pl.col(key),
        kind=pl.lit(kind),
        given_name=pl.col("first_name"),
        middle_name=pl.col("middle_name"),
        family_name=pl.col("last_name"),
        preferred_given_name=pl.col("preferred_first_name"),
        preferred_family_name=pl.col("preferred_last_name"),
        username=pl.col("username"),
        email=pl.col(email),
        identifier=identifier,
        school_id=pl.col("school_id"),
        sis_id=pl.col(key),
        file=pl.lit(file),
        row=pl.col("row"),
    )


def contacts(students: pl.LazyFrame) -> pl.LazyFrame:
    """A row per row of students.csv with a contact who has a name, an e-mail or an id.

    Columns of guardians, `name`, `email`, `sis_id`, `school_id`, `row`. guardian_id is Contact_sis_id, else made of
    e-mail and name; null where the contact has neither id nor e-mail. sourced_id: guardian:student, for a second
    relationship of the two guardian:student:relationship.
    """
    said = students.filter(pl.any_horizontal(pl.col("contact_name", "contact_email", "contact_sis_id").is_not_null()))
    rows = said.select(
        guardian_id=pl.coalesce(
            "contact_sis_id",
            pl.struct(email="contact_email", name="contact_name").map_batches(_hashed, return_dtype=pl.String),
        ),
        student_id=pl.col("student_id"),
        relationship=pl.coalesce("contact_relationship", "contact_type"),
        name=pl.col("contact_name"),
        email=pl.col("contact_email"),
        sis_id=pl.col("contact_sis_id"),
        school_id=pl.col("school_id"),
        row=pl.col("row"),
    )
    return linked(rows)


def _hashed(contact: pl.Series) -> pl.Series:
    """The guardian id of contacts without one of their own; case and Unicode form of e-mail and name do not matter."""
    known: dict[tuple[str, str], str] = {}
    found: list[str | None] = []
    for email, name in zip(contact.struct.field("email"), contact.struct.field("name"), strict=True):
        if email is None:
            found.append(None)
            continue
        key = (email, name or "")
        if key not in known:
            folded = "\x1f".join(_composed(_composed(part).casefold()) for part in key)
            known[key] = "g-" + hashlib.sha256(folded.encode()).hexdigest()[:20]
        found.append(known[key])
    return pl.Series(contact.name, found, dtype=pl.String)


def _composed(text: str) -> str:
    """Before folding, because some marks fold otherwise alone; and after, because folding takes letters apart."""
    return unicodedata.normalize("NFC", text)


def guardian_rows(contacts: pl.LazyFrame) -> pl.LazyFrame:
    """The contacts who have an id, as rows of `persons`."""
    given, family = split(pl.col("name"))
    return contacts.filter(pl.col("guardian_id").is_not_null()).select(
        sourced_id=pl.col("guardian_id"),
        kind=pl.lit("guardian"),
        given_name=given,
        middle_name=pl.lit(None, dtype=pl.String),
        family_name=family,
        preferred_given_name=pl.lit(None, dtype=pl.String),
        preferred_family_name=pl.lit(None, dtype=pl.String),
        username=pl.lit(None, dtype=pl.String),
        email=pl.col("email"),
        identifier=pl.col("sis_id"),
        school_id=pl.col("school_id"),
        sis_id=pl.col("sis_id"),
        file=pl.lit("students.csv"),
        row=pl.col("row"),
    )
