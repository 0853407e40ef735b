"""People as Clever tells them: rows of one person in one, contacts whose name is one text, and who they belong to."""

from __future__ import annotations

import polars as pl

from roster.model import SCHEMAS

_NAMES = ("given_name", "middle_name", "family_name", "preferred_given_name", "preferred_family_name")
_AGREE = (*_NAMES, "username", "email")
"""What rows of one id must agree in, but for case, to be one person; a blank agrees with anything."""


def merged(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Users: rows of one kind and id that agree are one, in the first row's spelling and with the first row's school.

    Rows that do not agree stay users of their own with the same sourced_id; so does every row without an id.
    """
    person = ["kind", "sourced_id"]
    if "status" not in rows.collect_schema():
        rows = rows.with_columns(status=pl.lit(None, dtype=pl.String))
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
        pl.col("identifier", "school_id", "sis_id", "status").drop_nulls().first(),
        school_ids=pl.col("school_id").drop_nulls().unique(maintain_order=True),
    )
    columns = SCHEMAS["users"].names()
    return pl.concat([ones.select(columns), together.select(columns)])


def split(name: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Given and family name out of one text: "Family, Given" as it says, else the last word is the family name."""
    turned = name.str.extract_groups(r"^([^,]+?)\s*,\s*([^,]+)$")
    plain = name.str.extract_groups(r"(?s)^(?:(.*\S)\s+)?(\S+)$")
    comma = turned.struct.field("1").is_not_null()
    given = pl.when(comma).then(turned.struct.field("2")).otherwise(plain.struct.field("1"))
    return given, pl.when(comma).then(turned.struct.field("1")).otherwise(plain.struct.field("2"))


def linked(contacts: pl.LazyFrame) -> pl.LazyFrame:
    """The rows (guardian_id, student_id, relationship, row, …) with sourced_id: guardian:student, and for a second
    relationship of the two guardian:student:relationship.
    """
    pair = pl.concat_str("guardian_id", "student_id", separator=":")
    word = pl.col("relationship").fill_null("").str.to_lowercase()
    same_as_first = word == word.first().over("guardian_id", "student_id", order_by="row")
    return contacts.with_columns(
        sourced_id=pl.when(same_as_first).then(pair).otherwise(pl.concat_str(pair, word, separator=":"))
    )


def links(contacts: pl.LazyFrame) -> pl.LazyFrame:
    """Guardians: a contact's rows that say the same are one link; those without an id stay each."""
    known = contacts.filter(pl.col("sourced_id").is_not_null())
    return pl.concat(
        [
            known.unique("sourced_id", keep="first", maintain_order=True),
            contacts.filter(pl.col("sourced_id").is_null()),
        ]
    ).select("sourced_id", "guardian_id", "student_id", "relationship")
