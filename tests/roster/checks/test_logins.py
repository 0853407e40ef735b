"""Rules about log-ins."""

from __future__ import annotations

from typing import Any

import pytest

from roster.checks.logins import (
    further_login_shared,
    guardian_login_shared,
    user_login_missing,
    user_login_refused,
    user_login_shared,
)
from tests.roster.builders import a_link, a_night, a_roster, a_tenant, a_user, found

SHARED = "lee@mail.example"


def test_a_person_without_log_in_is_found_by_the_tenants_template() -> None:
    users = [a_user("ada", email=None), a_user("bob", username=None), a_user("cy", username=" ")]
    assert found(user_login_missing(a_night(a_roster(users=users)))) == ["ada"]
    assert found(user_login_missing(a_night(a_roster(users=users), a_tenant(login_id="username")))) == ["bob", "cy"]


def test_a_kind_without_a_template_has_no_log_in() -> None:
    roster = a_roster(users=[a_user("ada"), a_user("tom", "staff")])
    assert found(user_login_missing(a_night(roster, a_tenant(login_id={"student": "email"})))) == ["tom"]


def test_a_guardians_log_in_is_the_email_whatever_pupils_have() -> None:
    users = [a_user("ada"), a_user("bea", "guardian", username=None), a_user("cleo", "guardian", email=None)]
    roster = a_roster(users=users, guardians=[a_link("bea"), a_link("cleo")])
    assert found(user_login_missing(a_night(roster, a_tenant(["Mother"], login_id="username")))) == ["cleo"]


@pytest.mark.parametrize("login", ["a" * 101, "ada\x00lee", "ada\nlee", " ada", "ada\u200blee", "ada\ufffd"])
def test_a_log_in_that_canvas_refuses_is_found(login: str) -> None:
    roster = a_roster(users=[a_user("ada", username=login), a_user("bob", username="a" * 100)])
    assert found(user_login_refused(a_night(roster, a_tenant(login_id="username")))) == ["ada"]


def test_a_log_in_with_letters_of_any_script_is_taken() -> None:
    roster = a_roster(users=[a_user("ada", username="Łucja Ñuñez"), a_user("bob", username="李雷")])
    assert found(user_login_refused(a_night(roster, a_tenant(login_id="username")))) == []


def test_pupils_of_two_schools_who_share_a_log_in_in_any_case_are_both_found() -> None:
    users = [
        a_user("ada", username="Lee"),
        a_user("bob", username="lEE", school_id="south", school_ids=["south"]),
        a_user("cy", username="leé"),
        a_user("di", username="lee\u0301"),
        a_user("ed"),
    ]
    night = a_night(a_roster(users=users), a_tenant(login_id="username"))
    assert found(user_login_shared(night)) == ["ada", "bob", "cy", "di"]


def test_one_person_in_two_rows_shares_a_log_in_with_nobody() -> None:
    rows = [a_user("ada"), a_user("ada", family_name="Other")]
    assert found(user_login_shared(a_night(a_roster(users=rows)))) == []


def test_people_without_log_in_share_none() -> None:
    assert (
        found(user_login_shared(a_night(a_roster(users=[a_user("ada", email=None), a_user("bob", email=None)])))) == []
    )


def test_staff_keep_a_log_in_before_pupils_and_pupils_before_guardians() -> None:
    staff, pupil, guardian = (a_user(f"{kind}-1", kind, email=SHARED) for kind in ("staff", "student", "guardian"))
    links = [a_link("guardian-1", "student-1")]
    tenant = a_tenant(["Mother"])
    all_three = a_night(a_roster(users=[guardian, pupil, staff], guardians=links), tenant)
    assert found(user_login_shared(all_three)) == ["guardian-1", "student-1"]
    two = a_night(a_roster(users=[guardian, pupil], guardians=links), tenant)
    assert found(user_login_shared(two)) == ["guardian-1"]
    assert found(guardian_login_shared(two)) == []


def test_of_two_staff_and_a_pupil_on_one_log_in_nobody_keeps_it() -> None:
    users = [a_user("t1", "staff", email=SHARED), a_user("t2", "staff", email=SHARED), a_user("ada", email=SHARED)]
    assert found(user_login_shared(a_night(a_roster(users=users)))) == ["ada", "t1", "t2"]


def test_two_guardians_on_one_address_are_found_once_and_by_their_own_rule() -> None:
    users = [a_user("ada"), a_user("bea", "guardian", email=SHARED), a_user("cleo", "guardian", email=SHARED.upper())]
    roster = a_roster(users=users, guardians=[a_link("bea"), a_link("cleo")])
    night = a_night(roster, a_tenant(["Mother"]))
    assert found(guardian_login_shared(night)) == ["bea", "cleo"]
    assert found(user_login_shared(night)) == []
    apart = a_tenant(["Mother"], login_id={"student": "email", "staff": "email", "guardian": "{sourced_id}"})
    assert found(guardian_login_shared(a_night(roster, apart))) == []


def test_a_guardian_without_a_listed_link_takes_nobodys_log_in() -> None:
    users = [a_user("ada"), a_user("bea", "guardian", email=SHARED), a_user("cleo", "guardian", email=SHARED)]
    roster = a_roster(users=users, guardians=[a_link("bea"), a_link("cleo", relationship="Aunt")])
    assert found(guardian_login_shared(a_night(roster, a_tenant(["Mother"])))) == []


def test_a_guardian_who_becomes_links_of_a_staff_user_needs_no_log_in_of_their_own() -> None:
    users = [a_user("ada"), a_user("tom", "staff", email=SHARED), a_user("bea", "guardian", email=SHARED.upper())]
    roster = a_roster(users=users, guardians=[a_link("bea")])
    observers = {"relationships": ["Mother"], "staff": "same_email"}
    assert found(user_login_shared(a_night(roster, a_tenant(observers=observers)))) == []
    assert found(user_login_shared(a_night(roster, a_tenant(["Mother"])))) == ["bea"]


GOOGLE = {"suffix": "-google", "login_id": "email", "authentication_provider": "google"}
TWO = [a_user("ada", email=SHARED), a_user("bob", email=SHARED.upper()), a_user("cy")]


def sharing(users: list[dict[str, Any]], *logins: dict[str, Any], **sync: Any) -> list[str]:
    tenant = a_tenant(**{"login_id": "username", "logins": list(logins or (GOOGLE,)), **sync})
    return found(further_login_shared(a_night(a_roster(users=users), tenant)))


def test_a_further_log_in_of_two_people_is_found_in_any_case() -> None:
    assert sharing(TWO) == ["ada", "bob"]
    assert sharing(TWO, login_id="sourced_id", logins=[]) == []


def test_one_that_is_somebody_elses_own_log_in_is_found_at_whose_further_one_it_is() -> None:
    users = [a_user("ada", email="bob.u"), a_user("bob", username="Bob.U")]
    assert sharing(users) == ["ada"]
    assert sharing(users, authentication_provider="google") == ["ada"]
    assert sharing(users, authentication_provider="saml") == []


def test_ones_own_log_in_and_two_of_one_person_are_shared_with_nobody() -> None:
    again = GOOGLE | {"suffix": "-again"}
    assert sharing([a_user("ada", username=SHARED, email=SHARED)], GOOGLE, again) == []


def test_who_is_over_holds_no_log_in() -> None:
    assert sharing([TWO[0], TWO[1] | {"status": "deleted"}]) == []
    assert sharing([TWO[0], TWO[1] | {"email": None}]) == []
