"""Rules about guardians and their links."""

from __future__ import annotations

from roster.checks.guardians import (
    guardian_crowd,
    guardian_relationship_unlisted,
    guardian_repeated,
    guardian_unknown_guardian,
    guardian_unknown_student,
    guardian_without_key,
    one_link_each,
)
from tests.roster.builders import a_link, a_night, a_roster, a_tenant, a_user, found

FAMILY = [a_user("ada"), a_user("bea", "guardian"), a_user("tom", "staff")]
MOTHERS = a_tenant(["Mother"])


def test_a_relationship_that_is_not_listed_is_found_in_any_case() -> None:
    links = [
        a_link("bea", relationship="MOTHER "),
        a_link("cleo", relationship="Aunt"),
        a_link("di", relationship=None),
    ]
    roster = a_roster(users=FAMILY, guardians=links)
    assert found(guardian_relationship_unlisted(a_night(roster, MOTHERS))) == ["cleo:ada", "di:ada"]


def test_nothing_is_noted_where_the_tenant_wants_no_observers() -> None:
    assert found(guardian_relationship_unlisted(a_night(a_roster(guardians=[a_link()])))) == []


def test_a_listed_contact_without_a_key_is_found() -> None:
    keyless = a_link("x") | {"guardian_id": None, "sourced_id": None}
    links = [a_link("bea"), keyless, keyless | {"relationship": "Aunt"}]
    night = a_night(a_roster(users=FAMILY, guardians=links), MOTHERS)
    assert guardian_without_key(night).collect().height == 1
    assert found(guardian_unknown_guardian(night)) == []


def test_a_link_to_nobody_is_found_at_either_end() -> None:
    links = [a_link("bea", "ada"), a_link("ghost", "ada"), a_link("bea", "gone"), a_link("bea", "tom")]
    night = a_night(a_roster(users=FAMILY, guardians=links), MOTHERS)
    assert found(guardian_unknown_guardian(night)) == ["ghost:ada"]
    assert found(guardian_unknown_student(night)) == ["bea:gone", "bea:tom"]


def test_a_link_that_is_not_listed_is_judged_no_further() -> None:
    night = a_night(a_roster(users=FAMILY, guardians=[a_link("ghost", "gone", "Aunt")]), MOTHERS)
    assert found(guardian_unknown_guardian(night)) == []
    assert found(guardian_unknown_student(night)) == []


def test_of_several_listed_rows_of_two_people_the_first_goes_on() -> None:
    links = [
        a_link(relationship="Aunt") | {"sourced_id": "unlisted"},
        a_link(relationship="Mother") | {"sourced_id": "first"},
        a_link(relationship="Guardian") | {"sourced_id": "second"},
        a_link("cleo") | {"sourced_id": "other"},
    ]
    night = a_night(a_roster(users=FAMILY, guardians=links), a_tenant(["Mother", "Guardian"]))
    assert found(guardian_repeated(night)) == ["second"]
    kept = one_link_each(night).roster.guardians.collect()["sourced_id"].to_list()
    assert kept == ["unlisted", "first", "other"]


def test_more_than_six_guardians_of_a_pupil_are_found() -> None:
    six = [a_link(f"g{number}", "ada") for number in range(6)]
    seven = [a_link(f"h{number}", "bob") for number in range(7)]
    night = a_night(a_roster(guardians=[*six, *seven, a_link("aunt", "ada", "Aunt")]), MOTHERS)
    assert found(guardian_crowd(night)) == [f"h{number}:bob" for number in range(7)]
