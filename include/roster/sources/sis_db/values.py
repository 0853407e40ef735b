"""What drivers answer, as the roster has it: ids and texts as text, days as dates, flags as true or false.

Text is trimmed (CHAR columns are padded) and in Unicode's form NFC; blank is null. A number becomes text if it is
whole, whatever its type: 123, 123.0 and Decimal("123") are "123". What could be meant in two ways is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import polars as pl

from roster.model import DataType
from roster.settings.sis_db import Word
from roster.settings.sync import KINDS

TYPES: dict[Word, DataType] = {"text": pl.String, "kind": pl.String, "date": pl.Date, "flag": pl.Boolean}

_EXACT = 2**53
"""From here on a float no longer has every whole number."""
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ][\d:.]*)?")
_FLAGS = {
    **dict.fromkeys(("1", "y", "yes", "t", "true"), True),
    **dict.fromkeys(("0", "n", "no", "f", "false"), False),
}


class Refused(ValueError):
    """A value that can't be taken. place: which of them, from 0; the message says why, and never what it is."""

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(reason)
        self.place = place


def column(values: Sequence[Any], word: Word) -> pl.Series:
    """The values of one column, in their order. Raises Refused."""
    plain, act = _WAYS[word]
    found = values if set(map(type, values)) <= {plain, type(None)} else _each(values, act)
    series = pl.Series(found, dtype=TYPES[word])
    if word == "kind":
        return pl.Series(_each(series.str.to_lowercase().to_list(), _kind), dtype=pl.String)
    return series.str.strip_chars().str.normalize("NFC").replace("", None) if word == "text" else series


def _each(values: Sequence[Any], act: Callable[[Any], Any]) -> list[Any]:
    found = []
    for place, value in enumerate(values):
        try:
            found.append(None if value is None else act(value))
        except ValueError as fault:
            raise Refused(place, str(fault)) from None
    return found


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, UUID) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return str(int(value))
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    if isinstance(value, Decimal | float):
        message = "is a number that is not whole, and so no id: cast it to text in the query"
        raise ValueError(message)
    message = f"is of type {type(value).__name__}: cast it to text in the query"
    raise ValueError(message)


def _kind(value: str) -> str:
    if (kind := value.strip()) not in KINDS:
        message = f"is none of {', '.join(KINDS)}"
        raise ValueError(message)
    return kind


def _date(value: Any) -> date | None:
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            message = "is an instant with a time zone, and so no day: cast it to a date in the query"
            raise ValueError(message)
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str) and not value.strip():
        return None
    if isinstance(value, str) and (match := _DAY.fullmatch(value.strip())):
        return _day(match[1])
    message = "is no day: cast it to a date in the query, or write it YYYY-MM-DD"
    raise ValueError(message)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = "is a day that no calendar has"
        raise ValueError(message) from None


def _flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int | Decimal) else None
    if word == "":
        return None
    if word not in _FLAGS:
        message = "is neither yes nor no: answer with a boolean, 0 or 1, Y or N"
        raise ValueError(message)
    return _FLAGS[word]


_WAYS: dict[Word, tuple[type, Callable[[Any], Any]]] = {
    "text": (str, _text),
    "kind": (str, _text),
    "date": (date, _date),
    "flag": (bool, _flag),
}
"""The type that a driver answers a word with at its best, and what is done with any other."""
