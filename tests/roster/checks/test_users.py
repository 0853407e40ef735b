"""Rules about people."""

from __future__ import annotations

import pytest

from roster.checks.users import (
    user_email_refused,
    user_email_shared,
    user_id_across_kinds,
    user_id_template_blank,
    user_id_template_collides,
    user_name_missing,
    user_placeholder,
    user_rows_disagree,
    user_school_missing,
    user_unknown_school,
    user_without_role,
    without_refused_emails,
)
from tests.roster.builders import a_link, a_night, a_roster, a_tenant, a_user, an_org, found


def test_a_person_without_any_name_is_found_and_one_name_is_enough() -> None:
    nameless = a_user("bob", given_name=None, family_name=None)
    users = [a_user("ada"), nameless, a_user("cy", given_name=None), a_user("di", family_name=None)]
    assert found(user_name_missing(a_night(a_roster(users=users)))) == ["bob"]


def test_a_guardian_whom_nobody_listed_is_not_judged() -> None:
    guardian = a_user("bea", "guardian", given_name=None, family_name=None)
    roster = a_roster(users=[a_user("ada"), guardian], guardians=[a_link("bea", "ada", " mother")])
    assert found(user_name_missing(a_night(roster))) == []
    assert found(user_name_missing(a_night(roster, a_tenant(["Mother"])))) == ["bea"]


def test_an_excluded_person_is_not_judged() -> None:
    roster = a_roster(users=[a_user("test-1", given_name=None, family_name=None)])
    assert found(user_name_missing(a_night(roster, a_tenant(exclude={"users": ["test-*"]})))) == []


def test_rows_of_one_id_that_disagree_are_found() -> None:
    users = [a_user("ada"), a_user("ada", family_name="Other"), a_user("bob"), a_user(None), a_user(None)]
    assert found(user_rows_disagree(a_night(a_roster(users=users)))) == ["ada"]


def test_one_id_for_a_pupil_and_a_teacher_is_found_unless_the_template_tells_them_apart() -> None:
    roster = a_roster(users=[a_user("7"), a_user("7", "staff"), a_user("8"), a_user("9", "staff")])
    night = a_night(roster)
    assert found(user_id_across_kinds(night)) == ["7"]
    assert "{kind}" in user_id_across_kinds(night).collect()["detail"][0]
    assert found(user_rows_disagree(night)) == []
    assert found(user_id_across_kinds(a_night(roster, a_tenant(ids={"user": "{kind}-{sourced_id}"})))) == []


def test_people_whom_a_template_makes_one_are_found() -> None:
    same = [a_user("ada", identifier="1"), a_user("bob", identifier="1"), a_user("cy", identifier="2")]
    roster = a_roster(users=same)
    assert found(user_id_template_collides(a_night(roster))) == []
    assert found(user_id_template_collides(a_night(roster, a_tenant(ids={"user": "{identifier}"})))) == ["ada", "bob"]


def test_a_person_whose_id_the_template_cannot_make_is_found() -> None:
    roster = a_roster(users=[a_user("ada", identifier=None), a_user("bob", identifier="7"), a_user(None)])
    assert found(user_id_template_blank(a_night(roster))) == []
    assert found(user_id_template_blank(a_night(roster, a_tenant(ids={"user": "{identifier}"})))) == ["ada"]


@pytest.mark.parametrize(
    ("given", "family"), [("TBA", "Staff"), (None, "Vacant 3"), ("A", "placeholder"), ("To Be", "Announced")]
)
def test_a_placeholder_for_a_teacher_is_found(given: str | None, family: str) -> None:
    users = [a_user("t1", "staff", given_name=given, family_name=family), a_user("t2", "staff")]
    assert found(user_placeholder(a_night(a_roster(users=users)))) == ["t1"]


def test_a_pupil_is_no_placeholder_whatever_the_name() -> None:
    assert found(user_placeholder(a_night(a_roster(users=[a_user("ada", family_name="Vacant")])))) == []


@pytest.mark.parametrize(
    "email",
    ["ada", "ada@", "@mail.example", "ada@host", "ada lee@mail.example", "a@b.example,c@d.example", "ada@mail..example",
     "ada@mail.example.", "<ada@mail.example>", "ädä@mail.example", "ada@mail.example ", f"{'a' * 250}@mail.example"],
)  # fmt: skip
def test_an_email_that_canvas_refuses_is_found_and_blanked(email: str) -> None:
    night = a_night(a_roster(users=[a_user("ada", email=email), a_user("bob"), a_user("cy", email=None)]))
    assert found(user_email_refused(night)) == ["ada"]
    repaired = without_refused_emails(night).roster.users.collect()
    assert repaired["email"].to_list() == [None, "bob@mail.example", None]
    assert repaired["username"].to_list() == ["ada.user", "bob.user", "cy.user"]


@pytest.mark.parametrize("email", ["o'hara+x@mail.example", "a_b-c.d@sub.mail-1.example", "A..B@MAIL.EXAMPLE"])
def test_an_email_that_canvas_takes_is_kept(email: str) -> None:
    night = a_night(a_roster(users=[a_user("ada", email=email)]))
    assert found(user_email_refused(night)) == []
    assert without_refused_emails(night).roster.users.collect()["email"].to_list() == [email]


def test_an_email_of_several_pupils_is_found_in_any_case() -> None:
    shared = [a_user("ada", email="Lee@mail.example"), a_user("bob", email="lee@MAIL.example")]
    users = [*shared, a_user("cy"), a_user("di", email=None), a_user("ed", email=None)]
    assert found(user_email_shared(a_night(a_roster(users=users)))) == ["ada", "bob"]


def test_an_email_of_a_pupil_and_a_teacher_is_not_found_as_shared_by_pupils() -> None:
    users = [a_user("ada", email="lee@mail.example"), a_user("tom", "staff", email="lee@mail.example")]
    assert found(user_email_shared(a_night(a_roster(users=users)))) == []


def test_a_person_in_no_school_is_found_and_a_guardian_needs_none() -> None:
    homeless = a_user("ada", school_id=None, school_ids=[])
    listed = a_user("bob", school_id=None, school_ids=["north"])
    unsaid = a_user("cy", "staff", school_id=None, school_ids=None)
    guardians = [a_link("bea", "ada")]
    roster = a_roster(users=[homeless, listed, unsaid, a_user("bea", "guardian")], guardians=guardians)
    assert found(user_school_missing(a_night(roster, a_tenant(["mother"])))) == ["ada", "cy"]


def test_a_person_of_an_unknown_school_is_found_by_the_second_school_too() -> None:
    users = [
        a_user("ada"),
        a_user("bob", school_id="nowhere", school_ids=["nowhere"]),
        a_user("cy", school_ids=["north", "elsewhere"]),
        a_user("di", school_id=None, school_ids=None),
    ]
    roster = a_roster(orgs=[an_org("north")], users=users)
    assert found(user_unknown_school(a_night(roster))) == ["bob", "cy"]


def test_a_person_without_a_role_is_found() -> None:
    users = [a_user("ada"), a_user("bob", kind=None), a_user("cy", "staff")]
    assert found(user_without_role(a_night(a_roster(users=users)))) == ["bob"]
