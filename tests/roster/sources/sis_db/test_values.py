"""Text, days and flags out of whatever drivers answer."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from roster.settings.sis_db import Word
from roster.sources.sis_db.values import Refused, column

DAY = date(2026, 2, 3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0041", "0041"),
        ("41   ", "41"),
        ("  ", None),
        ("", None),
        (None, None),
        ("e\u0301", "\u00e9"),
        (41, "41"),
        (41.0, "41"),
        (Decimal("41"), "41"),
        (Decimal("41.00"), "41"),
        (Decimal("1E+3"), "1000"),
        (-1, "-1"),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    ],
)
def test_texts(value: Any, text: str | None) -> None:
    assert column([value, "other"], "text").to_list() == [text, "other"]
    assert column([value], "text").to_list() == [text]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (41.5, "not whole"),
        (Decimal("41.5"), "not whole"),
        (float(2**53), "not whole"),
        (float("nan"), "not whole"),
        (Decimal("NaN"), "not whole"),
        (Decimal("Infinity"), "not whole"),
        (True, "of type bool"),
        (b"secret", "of type bytes"),
        (DAY, "of type date"),
        (["secret"], "of type list"),
    ],
)
def test_what_is_no_text(value: Any, why: str) -> None:
    with pytest.raises(Refused, match=why) as fault:
        column(["a", None, value], "text")
    assert fault.value.place == 2
    assert "secret" not in str(fault.value)
    assert "41" not in str(fault.value)


@pytest.mark.parametrize(
    "value",
    [DAY, datetime(2026, 2, 3, 23, 59), "2026-02-03", " 2026-02-03 ", "2026-02-03 00:00:00", "2026-02-03T00:00:00.000"],  # noqa: DTZ001
)
def test_days(value: Any) -> None:
    assert column([value, DAY, None], "date").to_list() == [DAY, DAY, None]


def test_a_blank_day_is_none() -> None:
    assert column(["", " ", None], "date").to_list() == [None, None, None]


@pytest.mark.parametrize(
    "value",
    ["03/02/2026", "3 Feb 2026", "2026-02-30", 20260203, time(1), datetime(2026, 2, 3, tzinfo=UTC), "2026-02-03+01"],
)
def test_what_is_no_day(value: Any) -> None:
    with pytest.raises(Refused, match="day") as fault:
        column([value], "date")
    assert "03" not in str(fault.value)


@pytest.mark.parametrize("value", [True, 1, "Y", "y", "Yes", "T", "true", "1", " Y ", Decimal(1)])
def test_yes(value: Any) -> None:
    assert column([value, False], "flag").to_list() == [True, False]


@pytest.mark.parametrize("value", [False, 0, "N", "no", "F", "FALSE", "0", Decimal(0)])
def test_no(value: Any) -> None:
    assert column([True, value, None, ""], "flag").to_list() == [True, False, None, None]


@pytest.mark.parametrize("value", ["X", 2, -1, 1.5, DAY, b"Y"])
def test_what_is_neither(value: Any) -> None:
    with pytest.raises(Refused, match="neither yes nor no"):
        column([value], "flag")


def test_kinds() -> None:
    assert column(["student", "STAFF ", "Guardian", None], "kind").to_list() == ["student", "staff", "guardian", None]
    with pytest.raises(Refused, match="none of student, staff, guardian") as fault:
        column(["student", "Ann Ode"], "kind")
    assert fault.value.place == 1


@pytest.mark.parametrize("word", ["text", "kind", "date", "flag"])
def test_no_values_at_all(word: Word) -> None:
    assert column([], word).to_list() == []
    assert column([None], word).to_list() == [None]
