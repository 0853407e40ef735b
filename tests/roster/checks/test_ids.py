"""Rules about ids of every table."""

from __future__ import annotations

import pytest

from roster.checks.ids import OWN, id_like_float, id_lost_zeros, id_missing, id_repeated
from roster.model import Roster
from tests.roster.builders import (
    Record,
    a_class,
    a_course,
    a_link,
    a_night,
    a_roster,
    a_session,
    a_tenant,
    a_user,
    an_enrollment,
    an_org,
    found,
)

BUILDERS = {"orgs": an_org, "academic_sessions": a_session, "courses": a_course, "classes": a_class, "users": a_user}


def _roster(table: str, records: list[Record]) -> Roster:
    return a_roster(**{table: records})


@pytest.mark.parametrize("table", OWN)
def test_a_record_without_an_id_is_found(table: str) -> None:
    build = BUILDERS[table]
    night = a_night(_roster(table, [build("x"), build(None), build(None)]))
    assert id_missing(night, table).collect()["sourced_id"].to_list() == [None, None]


def test_a_guardian_without_an_id_is_left_to_the_rule_about_contacts() -> None:
    roster = a_roster(users=[a_user("ada"), a_user(None, "guardian")], guardians=[a_link(None)])
    assert id_missing(a_night(roster, a_tenant(["Mother"])), "users").collect().height == 0


@pytest.mark.parametrize("table", ["orgs", "academic_sessions", "courses", "classes"])
def test_records_of_one_id_are_found(table: str) -> None:
    build = BUILDERS[table]
    night = a_night(_roster(table, [build("x"), build("y"), build("x"), build(None), build(None)]))
    assert found(id_repeated(night, table)) == ["x"]


def test_enrollments_of_one_id_are_found() -> None:
    rows = [an_enrollment("ada", sourced_id="7"), an_enrollment("bob", sourced_id="7"), an_enrollment("cy")]
    assert found(id_repeated(a_night(a_roster(enrollments=rows)), "enrollments")) == ["7"]


@pytest.mark.parametrize("id_", ["123.0", "100245.00", "1.2E+05", "1e+5"])
def test_an_id_that_a_spreadsheet_made_is_found(id_: str) -> None:
    users = [a_user(id_), a_user("12E3"), a_user("1.2"), a_user("123"), a_user("v1.0")]
    assert found(id_like_float(a_night(a_roster(users=users)), "users")) == [id_]


def test_an_id_that_lost_its_zeros_is_found_among_padded_ones() -> None:
    padded = [f"{number:07d}" for number in range(9120, 9130)]
    night = a_night(a_roster(users=[a_user(id_) for id_ in [*padded, "9130", "x12"]]))
    assert found(id_lost_zeros(night, "users")) == ["9130"]
    assert id_lost_zeros(night, "users").collect()["detail"].to_list() == ["4 digits instead of 7"]


@pytest.mark.parametrize(
    "ids",
    [
        [str(number) for number in range(95, 115)],
        [str(number) for number in range(1000, 1010)] + ["9"],
        [f"{number:07d}" for number in range(5)] + ["9"],
        [f"{number:07d}" for number in range(12)] + [str(number) for number in range(100, 108)],
    ],
    ids=["counted up", "no zeros lead", "too few", "two lengths"],
)
def test_ids_of_several_lengths_are_no_fault_by_themselves(ids: list[str]) -> None:
    assert found(id_lost_zeros(a_night(a_roster(users=[a_user(id_) for id_ in ids])), "users")) == []


def test_ids_are_compared_within_a_kind_of_people_only() -> None:
    pupils = [a_user(f"{number:07d}") for number in range(12)]
    staff = [a_user(str(number), "staff") for number in range(20, 24)]
    assert found(id_lost_zeros(a_night(a_roster(users=[*pupils, *staff])), "users")) == []
    classes = [a_class(f"{number:05d}") for number in range(12)] + [a_class("77")]
    assert found(id_lost_zeros(a_night(a_roster(classes=classes)), "classes")) == ["77"]
