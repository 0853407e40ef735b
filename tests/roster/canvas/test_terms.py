from __future__ import annotations

from datetime import date

import pytest

from roster.canvas.terms import COLUMNS
from tests.roster.canvas.rosters import a_tenant, changed, column, only, rows_of, school_year


def test_a_term_runs_from_its_first_instant_to_its_last_second_in_the_tenant_s_zone() -> None:
    rows = rows_of("terms.csv", school_year(), a_tenant())

    assert only(COLUMNS, rows["spring"]) == {
        "term_id": "spring",
        "name": "Spring",
        "status": "active",
        "start_date": "2016-02-15T05:00:00Z",
        "end_date": "2016-07-01T03:59:59Z",
    }
    assert only(("record", "school", "scope"), rows["spring"]) == {"record": "spring", "school": None, "scope": None}


@pytest.mark.parametrize(
    ("as_of", "current"),
    [
        (date(2016, 1, 31), "fall"),
        (date(2016, 2, 1), "spring"),
        (date(2016, 6, 30), "spring summer"),
        (date(2016, 9, 1), ""),
    ],
)
def test_terms_are_current_from_fourteen_days_before_they_start_to_their_end_day(as_of: date, current: str) -> None:
    rows = rows_of("terms.csv", school_year(), a_tenant(), as_of)

    assert [term for term, scope in column(rows, "scope").items() if scope is None] == current.split()
    assert {scope for scope in column(rows, "scope").values() if scope} <= {"term"}


def test_the_tenant_sets_how_early_a_term_opens() -> None:
    rows = rows_of("terms.csv", school_year(), a_tenant(term_opens=13))

    assert rows["spring"]["scope"] == "term"


def test_a_term_without_dates_is_current_and_has_none() -> None:
    rows = rows_of(
        "terms.csv", changed(school_year(), "academic_sessions", "fall", start_date=None, end_date=None), a_tenant()
    )

    assert only(("start_date", "end_date", "scope"), rows["fall"]) == {
        "start_date": None,
        "end_date": None,
        "scope": None,
    }


def test_a_term_of_a_school_that_is_filtered_out_is_left() -> None:
    records = changed(school_year(), "academic_sessions", "spring", school_id="s")

    assert rows_of("terms.csv", records, a_tenant(orgs={"include": ["n"]}))["spring"]["scope"] == "school"


def test_a_term_without_a_title_is_called_by_its_id() -> None:
    rows = rows_of("terms.csv", changed(school_year(), "academic_sessions", "spring", title=None), a_tenant())

    assert rows["spring"]["name"] == "spring"
