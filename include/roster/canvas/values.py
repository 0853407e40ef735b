"""Texts as Canvas keeps them, so that what the ledger remembers is what Canvas has."""

from __future__ import annotations

import polars as pl

# Canvas's text columns hold 255 characters. It makes "first last" and "last, first" of a person's two names.
TEXT_LIMIT = 255
NAME_LIMIT = 126

# All but tab, line feed and carriage return: Canvas refuses rows with some of them and shows none of them.
_CONTROLS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"


def clean(text: pl.Expr) -> pl.Expr:
    """The text in NFC, without control characters and blanks at its ends; null if nothing is left."""
    kept = text.str.normalize("NFC").str.replace_all(_CONTROLS, "").str.strip_chars()
    return pl.when(kept != "").then(kept)


def label(text: pl.Expr, limit: int = TEXT_LIMIT) -> pl.Expr:
    """A name for people to read: clean, on one line, with single blanks, cut at limit; null if nothing is left."""
    return clean(clean(text).str.replace_all(r"\s+", " ").str.slice(0, limit))
