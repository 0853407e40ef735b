from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roster.canvas.dates import each_day, end_of_day, start_of_day

NEW_YORK = ZoneInfo("America/New_York")
ZONES = (
    *("America/New_York", "America/Sao_Paulo", "America/Havana", "America/Santiago", "Africa/Cairo", "Asia/Beirut"),
    *("Asia/Kathmandu", "Australia/Brisbane", "Australia/Lord_Howe", "Europe/Berlin", "Pacific/Auckland"),
)


def test_a_day_in_winter_and_one_in_summer_have_different_offsets() -> None:
    assert start_of_day(date(2016, 2, 1), NEW_YORK) == "2016-02-01T05:00:00Z"
    assert end_of_day(date(2016, 6, 30), NEW_YORK) == "2016-07-01T03:59:59Z"


def test_the_day_on_which_the_clocks_change_starts_and_ends_right() -> None:
    assert start_of_day(date(2016, 3, 13), NEW_YORK) == "2016-03-13T05:00:00Z"
    assert end_of_day(date(2016, 3, 13), NEW_YORK) == "2016-03-14T03:59:59Z"


def test_where_clocks_skip_midnight_the_day_starts_at_the_hour_they_skip_to() -> None:
    # Cairo, 2023-04-28: after 23:59:59 of the 27th clocks showed 01:00.
    assert start_of_day(date(2023, 4, 28), ZoneInfo("Africa/Cairo")) == "2023-04-27T22:00:00Z"


def test_where_clocks_pass_midnight_twice_the_first_starts_the_day_and_the_last_ends_the_one_before() -> None:
    # Havana, 2016-11-06: at 01:00 clocks went back to 00:00. São Paulo, 2018-02-18: at 00:00 back to 23:00 of the 17th.
    assert start_of_day(date(2016, 11, 6), ZoneInfo("America/Havana")) == "2016-11-06T04:00:00Z"
    assert end_of_day(date(2018, 2, 17), ZoneInfo("America/Sao_Paulo")) == "2018-02-18T02:59:59Z"


@given(
    day=st.dates(date(1990, 1, 1), date(2050, 12, 31)),
    zone=st.sampled_from(ZONES),
)
def test_a_day_ends_a_second_before_the_next_one_starts(day: date, zone: str) -> None:
    end, start = end_of_day(day, ZoneInfo(zone)), start_of_day(day + timedelta(days=1), ZoneInfo(zone))

    assert end is not None
    assert start is not None
    assert _read(end) + timedelta(seconds=1) == _read(start)
    assert _read(start).astimezone(ZoneInfo(zone)).date() == day + timedelta(days=1)


def _read(instant: str) -> datetime:
    return datetime.strptime(instant, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


@pytest.mark.parametrize(("day", "zone"), [(date.max, "America/New_York"), (date.min, "Australia/Brisbane")])
def test_a_day_that_utc_does_not_have_is_no_date(day: date, zone: str) -> None:
    assert (end_of_day(day, ZoneInfo(zone)) if day == date.max else start_of_day(day, ZoneInfo(zone))) is None


def test_years_have_four_digits() -> None:
    assert start_of_day(date(16, 2, 1), ZoneInfo("UTC")) == "0016-02-01T00:00:00Z"


def test_a_column_keeps_its_nulls() -> None:
    days = pl.DataFrame({"day": [date(2016, 2, 1), None]}).select(each_day(pl.col("day"), start_of_day, NEW_YORK))

    assert days["day"].to_list() == ["2016-02-01T05:00:00Z", None]
