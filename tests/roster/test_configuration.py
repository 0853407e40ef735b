"""The set-up's hash."""

from __future__ import annotations

from typing import Any

import pytest

from roster.configuration import configuration_hash, setup_decisions
from roster.settings.sync import SyncSettings
from roster.tenants import Tenant

SOURCE = {"name": "clever", "system": "clever_csv", "connection": "clever_banksia"}
WHOLE: dict[str, Any] = {
    "id": "banksia",
    "name": "Banksia Schools",
    "timezone": "Australia/Brisbane",
    "sources": [SOURCE],
    "canvas": {"test": {"connection": "canvas_banksia_test"}},
}


def hashed(**changed: Any) -> str:
    return configuration_hash(Tenant.model_validate({**WHOLE, **changed}))


@pytest.mark.parametrize(
    "changed",
    [
        {"sources": [{**SOURCE, "connection": "another"}]},
        {"sources": [{**SOURCE, "shrink": "3%"}]},
        {"sources": [SOURCE, {**SOURCE, "name": "second"}]},
        {"canvas": {**WHOLE["canvas"], "account": "Banksia"}},
        {"sync": {"login_id": "username"}},
        {"sync": {"courses": {"per": "school_term_course"}}},
        {"sync": {"on_drop": {"users": "deleted"}}},
    ],
)
def test_what_decides_on_rows_changes_the_hash(changed: dict[str, Any]) -> None:
    assert hashed(**changed) != hashed()


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "Banksia Group"},
        {"schedule": "0 3 * * *"},
        {"safety": {"deleted": "20%"}},
        {"retention": "60 days"},
        {"deadline": "2 hours"},
        {"canvas": {"test": {"connection": "another"}, "deadline": "1 hour"}},
        {"sync": {"login_id": "email"}},
    ],
)
def test_all_else_and_a_default_that_is_spelled_out_leave_it(changed: dict[str, Any]) -> None:
    assert hashed(**changed) == hashed()


def test_the_hash_is_kept_with_decisions_so_it_stays_the_same_from_release_to_release() -> None:
    assert hashed() == "bb2503b1869dc823a39a4f4b19026c60a54ccde60244597c26b4a7a1a1abedb9"


def answers(**changed: Any) -> dict[str, str]:
    return {key: answer for _, answer, key in setup_decisions(Tenant.model_validate({**WHOLE, **changed}))}


def test_the_decisions_of_a_tenant_that_says_nothing() -> None:
    assert answers() == {
        "sources": "clever (clever_csv)",
        "canvas.account": "the root account",
        "sync.people": "yes",
        "sync.course_memberships": "yes",
        "sync.orgs": "all",
        "sync.exclude": "nothing",
        "sync.login_id": "{email}",
        "sync.authentication_provider": "none: an import takes away what Canvas has",
        "sync.names": "the preferred one",
        "sync.courses.per": "one for each section",
        "sync.courses.short_name": "{class}",
        "sync.courses.long_name": "{class}",
        "sync.section_name": "{class}",
        "sync.courses.create": "no, a teacher publishes it",
        "sync.ids.user": "{sourced_id}",
        "sync.ids.section": "{class_id}",
        "sync.ids.course": "{class_id}",
        "sync.ids.account, sync.ids.term": "{org_id}, {session_id}",
        "sync.roles": "student → student, teacher → teacher, aide → ta",
        "sync.observers.relationships": "none",
        "sync.observers.staff": "a user of their own",
        "sync.logins": "none",
        "sync.cross_list": "whichever Canvas has: none is listed or taken back",
        "sync.admins": "whoever has them in Canvas: none is given or taken",
        "sync.term_opens": "14 days before it starts",
        "sync.on_drop.users": "suspended",
        "sync.on_drop.enrollments": "inactive",
        "sync.on_drop.sections": "it stays",
        "sync.on_drop.courses": "it stays",
    }


def test_the_decisions_of_one_that_says_more() -> None:
    sync = {
        "people": False,
        "orgs": {"include": ["S*"], "exclude": ["Demo"]},
        "exclude": {"classes": ["*ASSEMBLY*"], "users": ["4711", "4712"]},
        "login_id": {"student": "username", "staff": "email"},
        "authentication_provider": {"student": "google"},
        "courses": {"per": "school_term_course", "create": "published"},
        "roles": {"aide": "teacher", "coach": "ta"},
        "observers": {"relationships": ["Mother"], "staff": "same_email"},
        "on_drop": {"sections": "deleted"},
    }
    said = answers(sync=sync, canvas={**WHOLE["canvas"], "account": "Banksia"})
    assert {key: said[key] for key in said if said[key] != answers()[key]} == {
        "canvas.account": "Banksia",
        "sync.people": "no",
        "sync.orgs": "S*, but for Demo",
        "sync.exclude": "classes *ASSEMBLY*, people by 2 patterns",
        "sync.login_id": "student: {username}, staff: {email}",
        "sync.authentication_provider": "student: google",
        "sync.courses.per": "one for each school, term and course of the source",
        "sync.courses.short_name": "{course_code}",
        "sync.courses.long_name": "{course}",
        "sync.courses.create": "yes",
        "sync.ids.course": "{school_id}-{session_id}-{course_id}",
        "sync.roles": "student → student, teacher → teacher, aide → teacher, coach → ta",
        "sync.observers.relationships": "Mother",
        "sync.observers.staff": "is that staff member",
        "sync.on_drop.sections": "deleted",
    }


def test_every_setting_that_decides_is_asked_about() -> None:
    """A key that a release brings has its question."""
    asked = " ".join(answers())
    left_out = {"placeholders", "ids"}  # a list of names that are none; asked about one by one
    for name in set(SyncSettings.model_fields) - left_out:
        assert f"sync.{name}" in asked


def test_further_log_ins_are_shown() -> None:
    google = {"suffix": "-g", "login_id": {"staff": "email"}, "authentication_provider": "google"}
    shown = answers(sync={"logins": [google, {"suffix": "-u", "login_id": "username"}]})
    assert shown["sync.logins"] == "staff: {email} as google, {username} as Canvas"


def test_cross_lists_and_rights_are_shown_without_people() -> None:
    sync = {"cross_list": {"c9": ["s1", "s2"]}, "admins": {"Librarian": ["u-secret", "u2"]}}
    shown = answers(sync=sync)
    assert shown["sync.cross_list"] == "s1, s2 in c9"
    assert shown["sync.admins"] == "Librarian: 2 people"
