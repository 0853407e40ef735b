"""Rules about enrolments, and which of several rows goes on."""

from __future__ import annotations

from datetime import date

import pytest

from roster.checks.enrollments import (
    enrollment_dates_reversed,
    enrollment_incomplete,
    enrollment_repeated,
    enrollment_unknown_class,
    enrollment_unknown_user,
    enrollment_unmapped_role,
    one_enrollment_each,
)
from tests.roster.builders import TODAY, Record, a_class, a_night, a_roster, a_tenant, a_user, an_enrollment, found

PEOPLE = {"classes": [a_class("maths")], "users": [a_user("ada"), a_user("tom", "staff")]}


def _kept(*enrollments: Record, **settings: object) -> list[str]:
    night = a_night(a_roster(**PEOPLE, enrollments=enrollments), a_tenant(**settings))
    return one_enrollment_each(night).roster.enrollments.collect()["sourced_id"].to_list()


def _stay(id_: str, begin: date | None, end: date | None, **fields: object) -> Record:
    return an_enrollment(sourced_id=id_, begin_date=begin, end_date=end, **fields)


@pytest.mark.parametrize("column", ["class_id", "user_id", "role"])
def test_an_enrollment_that_lacks_something_is_found_with_what_it_lacks(column: str) -> None:
    night = a_night(a_roster(**PEOPLE, enrollments=[an_enrollment(), an_enrollment(sourced_id="e2", **{column: None})]))
    assert found(enrollment_incomplete(night)) == ["e2"]
    assert enrollment_incomplete(night).collect()["detail"].to_list() == [f"without {column}"]


def test_an_enrollment_of_an_unknown_user_is_found() -> None:
    roster = a_roster(**PEOPLE, enrollments=[an_enrollment("ada"), an_enrollment("ghost"), an_enrollment(None)])
    assert found(enrollment_unknown_user(a_night(roster))) == ["maths:ghost:student"]


def test_an_enrollment_in_an_unknown_class_is_found() -> None:
    roster = a_roster(
        **PEOPLE, enrollments=[an_enrollment(), an_enrollment("ada", "ghost"), an_enrollment("ada", None)]
    )
    assert found(enrollment_unknown_class(a_night(roster))) == ["ghost:ada:student"]


def test_an_enrollment_of_a_user_in_quarantine_is_not_found_by_the_rule_of_references() -> None:
    roster = a_roster(classes=[a_class()], users=[a_user("ada", email=None)], enrollments=[an_enrollment("ada")])
    assert found(enrollment_unknown_user(a_night(roster))) == []


def test_a_role_without_mapping_is_found_until_the_tenant_maps_it() -> None:
    roster = a_roster(
        **PEOPLE, enrollments=[an_enrollment(), an_enrollment("tom", role="aide"), an_enrollment("tom", role="proctor")]
    )
    assert found(enrollment_unmapped_role(a_night(roster))) == ["maths:tom:proctor"]
    assert found(enrollment_unmapped_role(a_night(roster, a_tenant(roles={"proctor": "ta"})))) == []


def test_an_enrollment_that_ends_before_it_begins_is_found() -> None:
    day = date(2026, 2, 3)
    stays = [_stay("one day", day, day), _stay("reversed", day, date(2026, 2, 2)), _stay("open", day, None)]
    assert found(enrollment_dates_reversed(a_night(a_roster(**PEOPLE, enrollments=stays)))) == ["reversed"]


@pytest.mark.parametrize(
    ("stays", "kept"),
    [
        ({"left": (date(2026, 1, 26), date(2026, 2, 6)), "back": (date(2026, 2, 20), None)}, "back"),
        ({"now": (date(2026, 2, 20), TODAY), "left": (date(2026, 1, 26), date(2026, 2, 6))}, "now"),
        ({"later": (date(2026, 5, 1), None), "next": (date(2026, 4, 1), date(2026, 4, 30))}, "next"),
        ({"left": (date(2026, 1, 26), date(2026, 2, 6)), "next": (date(2026, 4, 1), None)}, "next"),
        ({"first": (date(2026, 1, 1), date(2026, 1, 9)), "last": (date(2026, 1, 12), date(2026, 1, 30))}, "last"),
        ({"old": (date(2026, 1, 26), None), "new": (date(2026, 2, 20), None)}, "new"),
        ({"unsaid": (None, None), "new": (date(2026, 2, 20), None)}, "new"),
        ({"reversed": (TODAY, date(2026, 1, 1)), "left": (None, date(2026, 2, 6))}, "left"),
        ({"one": (None, None), "two": (None, None)}, "one"),
    ],
    ids=["came back", "current", "the sooner to come", "the next", "the last", "the newer", "dated", "sound", "alike"],
)
def test_of_several_rows_the_current_goes_on_else_the_next_else_the_last(
    stays: dict[str, tuple[date | None, date | None]], kept: str
) -> None:
    rows = [_stay(id_, *days) for id_, days in stays.items()]
    for order in (rows, rows[::-1]) if kept != "one" else (rows,):
        assert _kept(*order) == [kept]
        night = a_night(a_roster(**PEOPLE, enrollments=order))
        assert found(enrollment_repeated(night)) == sorted(set(stays) - {kept})


def test_rows_that_differ_in_role_are_both_kept_unless_canvas_has_one_word_for_them() -> None:
    roles = [
        an_enrollment("tom", role="teacher"),
        an_enrollment("tom", role="aide"),
        an_enrollment("tom", role="helper"),
    ]
    assert _kept(*roles) == ["maths:tom:teacher", "maths:tom:aide", "maths:tom:helper"]
    assert _kept(*roles, roles={"helper": "ta"}) == ["maths:tom:teacher", "maths:tom:aide"]


def test_the_primary_of_two_teacher_rows_goes_on() -> None:
    rows = [
        an_enrollment("tom", role="teacher", sourced_id="second", primary=False),
        an_enrollment("tom", role="teacher", sourced_id="first", primary=True),
    ]
    assert _kept(*rows) == ["first"]


def test_incomplete_rows_are_never_taken_for_each_other() -> None:
    rows = [an_enrollment(None, sourced_id="e1"), an_enrollment(None, sourced_id="e2"), an_enrollment(sourced_id="e3")]
    assert _kept(*rows) == ["e1", "e2", "e3"]
