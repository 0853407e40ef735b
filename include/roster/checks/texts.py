"""Rules about text that Canvas shows, the same for every table that has some."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from roster.checks.rule import Night, rule_of

# What of each table is shown in Canvas or becomes part of it. Log-ins and e-mails have their own rules.
SHOWN: Mapping[str, tuple[str, ...]] = {
    "orgs": ("sourced_id", "name"),
    "academic_sessions": ("sourced_id", "title"),
    "courses": ("sourced_id", "title", "code"),
    "classes": ("sourced_id", "title", "code", "period"),
    "users": ("sourced_id", "given_name", "family_name"),
}
LONGEST = 255  # characters
# UTF-8 that was read as Windows-1252 and written again: "é" becomes "Ã©", "’" becomes "â€™".
_CONTINUED = bytes(range(0x80, 0xC0)).decode("cp1252", errors="ignore")
_MOJIBAKE = f"[ÃÂ][\u0080-\u009f{_CONTINUED}]|â€"


@rule_of("text-control-character", "quarantine", tuple(SHOWN))
def text_control_character(night: Night, table: str) -> pl.LazyFrame:
    """A name or an id holds a control character: NUL, a line break, a tab, a bell.

    Why it matters: it shifts or breaks rows of the import file, and can't be seen on any screen.
    What to do: retype the field in the source system; most often it was pasted there.
    Source: Canvas SIS import format: CSV, one record per row.
    """
    return _with(night, table, lambda column: column.str.contains(r"\p{Cc}"))


@rule_of("text-replacement-character", "quarantine", tuple(SHOWN))
def text_replacement_character(night: Night, table: str) -> pl.LazyFrame:
    """A name or an id holds U+FFFD, the sign for a letter that could not be read.

    Why it matters: the letter is lost for good, and everyone sees a black diamond in the name.
    What to do: retype the name in the source system; state the file's real `encoding` in the tenant file.
    Source: The Unicode Standard, chapter 23: U+FFFD REPLACEMENT CHARACTER.
    """
    return _with(night, table, lambda column: column.str.contains("\ufffd", literal=True))


@rule_of("text-too-long", "quarantine", tuple(SHOWN))
def text_too_long(night: Night, table: str) -> pl.LazyFrame:
    """A name or an id is longer than 255 characters.

    Why it matters: Canvas refuses the row.
    What to do: shorten it in the source system; look whether a comment went into the wrong field.
    Source: Canvas: text columns hold at most 255 characters.
    """
    return _with(night, table, lambda column: column.str.len_chars() > LONGEST)


@rule_of("text-mojibake", "warn", tuple(SHOWN))
def text_mojibake(night: Night, table: str) -> pl.LazyFrame:
    """A name looks as if it had been read in the wrong encoding: "AndrÃ©a" for "Andréa".

    Why it matters: everyone sees it, and the right name comes as a change later.
    What to do: state the file's real `encoding` in the tenant file; if only some names are so, retype them.
    Source: practice; UTF-8 taken for Windows-1252.
    """
    return _with(night, table, lambda column: column.str.contains(_MOJIBAKE))


def _with(night: Night, table: str, fault: Callable[[pl.Expr], pl.Expr]) -> pl.LazyFrame:
    """The table's records that have the fault in a column Canvas shows; detail names the columns."""
    columns = SHOWN[table]
    if table == "users" and night.tenant.sync.names == "preferred":
        columns = (*columns, "preferred_given_name", "preferred_family_name")
    wrong = [pl.when(fault(pl.col(name))).then(pl.lit(name)) for name in columns]
    named = night.of(table).with_columns(detail=pl.concat_str(wrong, separator=", ", ignore_nulls=True))
    return named.filter(pl.col("detail") != "")
