"""Dates as SIS files write them and as the API answers them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_TIME = r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})-(\d{{1,2}})-(\d{{1,2}}){_TIME}", re.IGNORECASE)
_DAY_FIRST = re.compile(rf"(\d{{1,2}})/(\d{{1,2}})/(\d{{4}}){_TIME}", re.IGNORECASE)


class BadDate(ValueError):
    """Not a date that Canvas understands."""


def now() -> str:
    """The present second in UTC, as the API writes it."""
    return written(datetime.now(UTC))


def written(moment: datetime) -> str:
    """A moment as the API writes it: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parsed(text: str | None) -> str | None:
    """A date of a SIS file in the API's form; UTC without an offset.

    Lenient as Canvas is: months and days need no leading zero, and 1/5/2026 is the first of May, without a word.
    """
    if text is None:
        return None
    if match := _YEAR_FIRST.fullmatch(text):
        year, month, day, *rest = match.groups()
    elif match := _DAY_FIRST.fullmatch(text):
        day, month, year, *rest = match.groups()
    else:
        raise BadDate(text)
    hour, minute, second, offset = rest
    try:
        moment = datetime(
            *(int(part or 0) for part in (year, month, day, hour, minute, second)),  # type: ignore[arg-type, misc]
            tzinfo=_zone(offset),
        )
        return written(moment)
    except (ValueError, OverflowError) as error:
        raise BadDate(text) from error


def _zone(offset: str | None) -> timezone:
    if not offset or offset.upper() in {"Z", "UTC"}:
        return UTC
    digits = offset[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-size if offset[0] == "-" else size)
