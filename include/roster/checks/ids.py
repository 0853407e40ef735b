"""Rules about ids, the same for every table that brings its own."""

from __future__ import annotations

import polars as pl

from roster.checks.rule import Night, rule_of

OWN = ("orgs", "academic_sessions", "courses", "classes", "users")
NUMBERED = ("orgs", "classes", "users")  # ids of these come out of spreadsheets as numbers
_FLOAT = r"^\d+\.0+$|^\d+(\.\d+)?[eE]\+\d+$"
_ENOUGH = 10  # ids before their widths say anything
_MOST = 0.8  # share of ids that must have one width


@rule_of("id-missing", "quarantine", OWN)
def id_missing(night: Night, table: str) -> pl.LazyFrame:
    """A record has no id.

    Why it matters: nothing can refer to it, and Canvas refuses a row without its id.
    What to do: find the row in the file by its number and give the record its id in the source system.
    Source: OneRoster 1.1: sourcedId is required; Canvas SIS import format: so is every *_id.
    """
    unkeyed = night.of(table).filter(pl.col("sourced_id").is_null())
    # A guardian without a key is a matter of the contact, and has its own rule.
    return unkeyed.filter(pl.col("kind").ne_missing("guardian")) if table == "users" else unkeyed


@rule_of("id-repeated", "quarantine", ("orgs", "academic_sessions", "courses", "classes", "enrollments"))
def id_repeated(night: Night, table: str) -> pl.LazyFrame:
    """Two records of one table have the same id.

    Why it matters: in Canvas they would be one, with the last row's name and place.
    What to do: give each its own id in the source system, or have the export leave one out.
    Source: OneRoster 1.1: sourcedId is unique.
    """
    rows = pl.len().over("sourced_id")
    return (
        night.of(table)
        .filter(pl.col("sourced_id").is_not_null() & (rows > 1))
        .with_columns(detail=pl.format("{} records on one id", rows))
    )


@rule_of("id-like-float", "quarantine", NUMBERED)
def id_like_float(night: Night, table: str) -> pl.LazyFrame:
    """An id looks like a number that a spreadsheet made of it: 123.0 or 1.2E+05.

    Why it matters: it is not the id that Canvas knows, so the person or class would be made a second time.
    What to do: export the column as text, without opening the file in a spreadsheet.
    Source: practice; spreadsheets and untyped databases.
    """
    return night.of(table).filter(pl.col("sourced_id").str.contains(_FLOAT))


@rule_of("id-lost-zeros", "quarantine", NUMBERED)
def id_lost_zeros(night: Night, table: str) -> pl.LazyFrame:
    """An id is shorter than the others, which have one length and leading zeros: 9130 among 0009131, 0009132.

    Why it matters: it is not the id that Canvas knows, so the person or class would be made a second time.
    What to do: export the column as text. If short ids are right here, set this rule to `note` in the tenant file.
    Source: practice; vendors that send one id as text and another as a number.
    """
    among = ["kind"] if table == "users" else [pl.lit(0)]
    digits = (
        night.of(table).filter(pl.col("sourced_id").str.contains(r"^\d+$")).unique("sourced_id", maintain_order=True)
    )
    width = pl.col("sourced_id").str.len_chars()
    usual = width.mode().max().over(among)
    compared = digits.with_columns(width=width, usual=usual).with_columns(
        padded=(pl.col("sourced_id").str.starts_with("0") & (pl.col("width") == pl.col("usual"))).any().over(among),
        share=(pl.col("width") == pl.col("usual")).mean().over(among),
        ids=pl.len().over(among),
    )
    lost = (
        (pl.col("width") < pl.col("usual")) & pl.col("padded") & (pl.col("share") >= _MOST) & (pl.col("ids") >= _ENOUGH)
    )
    return compared.filter(lost).with_columns(detail=pl.format("{} digits instead of {}", "width", "usual"))
