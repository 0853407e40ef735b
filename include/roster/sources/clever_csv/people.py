"""Users and guardians out of students.csv, teachers.csv and staff.csv."""

from __future__ import annotations

import hashlib
import unicodedata

import polars as pl

from roster.model import SCHEMAS

_NAMES = ("given_name", "middle_name", "family_name", "preferred_given_name", "preferred_family_name")
_AGREE = (*_NAMES, "username", "email")
"""What rows of one id must agree in, but for case, to be one person; a blank agrees with anything."""


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
    pair = pl.concat_str("guardian_id", "student_id", separator=":")
    word = pl.col("relationship").fill_null("").str.to_lowercase()
    same_as_first = word == word.first().over("guardian_id", "student_id", order_by="row")
    return rows.with_columns(
        sourced_id=pl.when(same_as_first).then(pair).otherwise(pl.concat_str(pair, word, separator=":"))
    )


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
    """The contacts who have an id, as rows of `persons`.

    A name is one field in the export: "Family, Given" is taken as it says, else the last word is the family name.
    """
    name = pl.col("name")
    turned = name.str.extract_groups(r"^([^,]+?)\s*,\s*([^,]+)$")
    plain = name.str.extract_groups(r"(?s)^(?:(.*\S)\s+)?(\S+)$")
    comma = turned.struct.field("1").is_not_null()
    return contacts.filter(pl.col("guardian_id").is_not_null()).select(
        sourced_id=pl.col("guardian_id"),
        kind=pl.lit("guardian"),
        given_name=pl.when(comma).then(turned.struct.field("2")).otherwise(plain.struct.field("1")),
        middle_name=pl.lit(None, dtype=pl.String),
        family_name=pl.when(comma).then(turned.struct.field("1")).otherwise(plain.struct.field("2")),
        preferred_given_name=pl.lit(None, dtype=pl.String),
        preferred_family_name=pl.lit(None, dtype=pl.String),
        username=pl.lit(None, dtype=pl.String),
        email=pl.col("email"),
        identifier=pl.col("sis_id"),
        school_id=pl.col("school_id"),
        file=pl.lit("students.csv"),
        row=pl.col("row"),
    )


def merged(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Users: rows of one kind and id that agree are one, in the first row's spelling and with the first row's school.

    Rows that do not agree stay users of their own with the same sourced_id; so does every row without an id.
    """
    person = ["kind", "sourced_id"]
    alone = pl.col("sourced_id").is_null() | (pl.len().over(person) == 1)
    marked = rows.with_columns(alone=alone)
    schools = (
        pl.when(pl.col("school_id").is_null())
        .then(pl.lit([], dtype=pl.List(pl.String)))
        .otherwise(pl.concat_list("school_id"))
    )
    ones = marked.filter("alone").with_columns(school_ids=schools)
    several = marked.filter(~pl.col("alone")).with_columns(
        pl.col(column).fill_null(pl.col(column).drop_nulls().first().over(person)) for column in _AGREE
    )
    spelling = [pl.col(column).str.to_lowercase().alias(f"{column}_folded") for column in _AGREE]
    together = several.group_by([*person, *spelling], maintain_order=True).agg(
        pl.col(*_AGREE).first(),
        pl.col("identifier", "school_id").drop_nulls().first(),
        school_ids=pl.col("school_id").drop_nulls().unique(maintain_order=True),
    )
    columns = SCHEMAS["users"].names()
    return pl.concat([ones.select(columns), together.select(columns)])


def links(contacts: pl.LazyFrame) -> pl.LazyFrame:
    """Guardians: a contact's rows that say the same are one link; those without an id stay each."""
    known = contacts.filter(pl.col("sourced_id").is_not_null())
    return pl.concat(
        [
            known.unique("sourced_id", keep="first", maintain_order=True),
            contacts.filter(pl.col("sourced_id").is_null()),
        ]
    ).select("sourced_id", "guardian_id", "student_id", "relationship")
