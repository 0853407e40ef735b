"""Rules about terms."""

from __future__ import annotations

from datetime import date, timedelta

from roster.checks.academic_sessions import (
    session_dates_missing,
    session_dates_reversed,
    session_repeated,
    session_title_missing,
    session_too_long,
    session_unknown_school,
)
from tests.roster.builders import a_night, a_roster, a_session, found

START = date(2026, 1, 26)


def test_a_term_without_a_name_is_found() -> None:
    sessions = [a_session("s1"), a_session("s2", title=None)]
    assert found(session_title_missing(a_night(a_roster(academic_sessions=sessions)))) == ["s2"]


def test_a_term_without_its_first_or_last_day_is_found() -> None:
    sessions = [a_session("s1"), a_session("s2", start_date=None), a_session("s3", end_date=None)]
    assert found(session_dates_missing(a_night(a_roster(academic_sessions=sessions)))) == ["s2", "s3"]


def test_a_term_that_ends_before_it_begins_is_found_and_one_of_a_single_day_is_not() -> None:
    sessions = [
        a_session("s1", start_date=START, end_date=START),
        a_session("s2", start_date=START, end_date=START - timedelta(days=1)),
        a_session("s3", end_date=None),
    ]
    assert found(session_dates_reversed(a_night(a_roster(academic_sessions=sessions)))) == ["s2"]


def test_a_term_of_more_than_400_days_is_found() -> None:
    sessions = [
        a_session("s1", start_date=START, end_date=START + timedelta(days=400)),
        a_session("s2", start_date=START, end_date=START + timedelta(days=401)),
    ]
    assert found(session_too_long(a_night(a_roster(academic_sessions=sessions)))) == ["s2"]


def test_a_term_of_an_unknown_school_is_found_and_one_of_the_whole_tenant_is_not() -> None:
    sessions = [a_session("s1"), a_session("s2", school_id="north"), a_session("s3", school_id="nowhere")]
    assert found(session_unknown_school(a_night(a_roster(academic_sessions=sessions)))) == ["s3"]


def test_terms_of_one_name_and_the_same_days_are_found() -> None:
    alike = {"title": "Year", "start_date": START, "end_date": START + timedelta(days=300)}
    sessions = [
        a_session("s1", **alike),
        a_session("s2", **alike),
        a_session("s3", **alike | {"title": "Half"}),
        a_session("s4", **alike | {"end_date": START + timedelta(days=301)}),
        a_session("s5", **alike | {"start_date": None}),
        a_session("s6", **alike | {"start_date": None}),
    ]
    assert found(session_repeated(a_night(a_roster(academic_sessions=sessions)))) == ["s1", "s2"]
