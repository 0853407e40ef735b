"""Rules about tables and files as a whole."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from roster.checks.rule import Night, Rule
from roster.checks.tables import no_current_term, source_row_unreadable, table_empty, table_shrunken
from tests.roster.builders import TODAY, a_night, a_roster, a_session, a_tenant, a_user

HUNDRED = [a_user(f"u{number}") for number in range(98)]


def _tables(rule: Rule, night: Night) -> list[str]:
    return rule(night).collect()["table"].to_list()


def test_a_table_is_empty_only_if_it_was_not_before() -> None:
    roster = a_roster(users=[])
    assert _tables(table_empty, a_night(roster)) == []
    assert _tables(table_empty, a_night(roster, last_good_rows={"users": 0})) == []
    assert _tables(table_empty, a_night(roster, last_good_rows={"users": 3, "orgs": 1})) == ["users"]
    assert _tables(table_shrunken, a_night(roster, last_good_rows={"users": 3})) == []


@pytest.mark.parametrize(("before", "found"), [(98, []), (100, []), (101, ["users"]), (90, [])])
def test_a_table_is_shrunken_above_the_sources_share(before: int, found: list[str]) -> None:
    night = a_night(a_roster(users=HUNDRED), last_good_rows={"users": before})
    assert _tables(table_shrunken, night) == found


def test_a_first_night_has_nothing_to_compare_with() -> None:
    assert _tables(table_shrunken, a_night(a_roster(users=HUNDRED))) == []


@pytest.mark.parametrize(
    ("ends", "found"),
    [
        ([date(2026, 3, 1)], ["academic_sessions"]),
        ([TODAY], []),
        ([date(2026, 3, 1), date(2026, 9, 1)], []),
        ([date(2026, 3, 1), None], []),
        ([], []),
    ],
)
def test_a_night_without_a_term_that_runs_or_comes_is_found(ends: list[date | None], found: list[str]) -> None:
    sessions = [a_session(f"s{number}", end_date=end) for number, end in enumerate(ends)]
    assert _tables(no_current_term, a_night(a_roster(academic_sessions=sessions))) == found


def test_terms_do_not_matter_where_no_classes_are_synced() -> None:
    roster = a_roster(academic_sessions=[a_session(end_date=date(2025, 6, 1))])
    assert _tables(no_current_term, a_night(roster, a_tenant(course_memberships=False))) == []


def test_a_row_that_could_not_be_read_is_found_with_its_place(tmp_path: Path) -> None:
    unreadable = pl.DataFrame({"file": ["students.csv"], "row": [17], "reason": ["30 cells under 28 headers"]})
    unreadable.write_parquet(tmp_path / "unreadable.parquet")
    night = a_night(a_roster(), raw={"clever": tmp_path, "parents": tmp_path / "none"})
    assert source_row_unreadable(night).collect().rows(named=True) == [
        {
            "table": None,
            "source": "clever",
            "file": "students.csv",
            "row": 17,
            "detail": "30 cells under 28 headers",
        }
    ]
    assert source_row_unreadable(a_night(a_roster())).collect().height == 0
