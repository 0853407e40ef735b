"""Days of the tenant's calendar as instants for Canvas: UTC, ISO 8601 with Z."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import polars as pl

_LAST_SECOND = time(23, 59, 59, fold=1)


def start_of_day(day: date, zone: ZoneInfo) -> str | None:
    """The first instant of the day.

    Where clocks skip midnight that is the hour they skip to; where they pass it twice, the first time. None for a day
    so near the calendar's end that UTC has no such date.
    """
    return _instant(datetime.combine(day, time.min, zone))


def end_of_day(day: date, zone: ZoneInfo) -> str | None:
    """The last second of the day; where clocks pass it twice, the second time. None as for `start_of_day`."""
    return _instant(datetime.combine(day, _LAST_SECOND, zone))


def each_day(days: pl.Expr, to_instant: Callable[[date, ZoneInfo], str | None], zone: ZoneInfo) -> pl.Expr:
    """A column of days as a column of instants.

    In Python, because Polars has no answer to a midnight that is skipped; a tenant has few terms.
    """

    def instants(column: pl.Series) -> pl.Series:
        return pl.Series(
            column.name, [None if day is None else to_instant(day, zone) for day in column], dtype=pl.String
        )

    return days.map_batches(instants, return_dtype=pl.String)


def _instant(local: datetime) -> str | None:
    try:
        return f"{local.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}".zfill(20)
    except OverflowError:
        return None
