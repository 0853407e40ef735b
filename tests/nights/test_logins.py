"""Further log-ins, night for night: they come once, change, end with the person, and are never taken for a person."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roster.canvas.logins import is_one
from roster.explain import explain, newest_run
from roster.ledger_rows import live
from roster.tenants import Tenant
from tests.five_pupils import changed, tables
from tests.nights.disturbed import Nights
from tests.nights.logins import GOOGLE, doubled
from tests.nights.small import School, school
from tests.nights.test_reconcile import differences, reconciled
from tests.nights.test_undo import undo
from tests.paper import START, Paper


@pytest.fixture
def nights(nights: Nights, tenant: Callable[..., Tenant]) -> Nights:
    return replace(nights, tenant=tenant(logins=[GOOGLE]))


def log_ins(nights: Nights, person: str) -> dict[str, tuple[str, str]]:
    """SIS id → log-in and state, of all that one person in Canvas has."""
    users = nights.canvas.state()["users"]
    (number,) = {one["id"] for one in users if one["user_id"] == person}
    return {one["user_id"]: (one["login_id"], one["state"]) for one in users if one["id"] == number}


def planned(nights: Nights, small: School, **asked: Any) -> list[tuple[str, str]]:
    _, plan = nights.plan(small, **asked)
    return [*nights.table(plan, "changes.parquet").select("key", "why").iter_rows()]


def test_a_log_in_comes_with_its_person_and_is_not_sent_again(nights: Nights) -> None:
    nights.play(doubled("p01", "t1"))
    nights.assert_right(doubled("p01", "t1"))
    assert log_ins(nights, "p01") == {
        "p01": ("p01@small.test", "active"),
        "p01-google": ("p01@google.test", "active"),
    }
    assert planned(nights, doubled("p01", "t1")) == []


def test_one_for_somebody_whom_canvas_has_long_had(nights: Nights) -> None:
    nights.play(school())
    done = nights.play(doubled("p01"))
    assert done["counts"]["sent"] == 1
    assert log_ins(nights, "p01")["p01-google"] == ("p01@google.test", "active")
    nights.assert_right(doubled("p01"))


def test_a_resync_sends_them_as_users_and_nothing_is_refused(nights: Nights) -> None:
    nights.play(doubled("p01", "t1"))
    done = nights.play(doubled("p01", "t1"), resync=True)
    assert (done["counts"]["refused"], done["counts"]["doubt"]) == (0, 0)
    assert done["counts"]["sent"] > 2
    nights.assert_right(doubled("p01", "t1"))


def test_one_that_changes_is_changed_where_it_is(nights: Nights) -> None:
    nights.play(doubled("p01"))
    other = replace(doubled(), logins=(("p01", "ada@google.test"),))
    nights.play(other)
    assert log_ins(nights, "p01")["p01-google"] == ("ada@google.test", "active")
    nights.assert_right(other)


def test_who_leaves_can_use_none_of_them_and_who_returns_can(nights: Nights) -> None:
    both = doubled("p01", "t1")
    nights.play(both)
    nights.play(both.without("p01"))
    assert {state for _, state in log_ins(nights, "p01").values()} == {"suspended"}
    nights.assert_right(both.without("p01"))
    nights.play(both)
    assert {state for _, state in log_ins(nights, "p01").values()} == {"active"}
    nights.assert_right(both)


def test_one_that_is_off_the_list_ends_and_the_person_stays(nights: Nights) -> None:
    nights.play(doubled("p01", "t1"))
    nights.play(doubled("t1"))
    assert log_ins(nights, "p01") == {
        "p01": ("p01@small.test", "active"),
        "p01-google": ("p01@google.test", "suspended"),
    }
    nights.assert_right(doubled("t1"))
    nights.play(school())
    assert log_ins(nights, "t1")["t1-google"] == ("t1@google.test", "suspended")
    nights.assert_right(school())


def test_it_waits_for_a_person_who_is_kept_back(nights: Nights) -> None:
    quarantined = frozenset({("users.csv", "p01")})
    night, plan = nights.plan(doubled("p01"), quarantined=quarantined)
    waiting = nights.table(plan, "waiting.parquet").select("file", "key")
    assert ("users.csv", "p01-google") in set(waiting.iter_rows())
    nights.load(night, plan)
    nights.play(doubled("p01"))
    nights.assert_right(doubled("p01"))


def test_a_log_in_that_somebody_has_is_refused_and_read(nights: Nights) -> None:
    nights.play(doubled("p02"))
    taken = replace(doubled("p02"), logins=(("p01", "P02@google.test"), ("p02", "p02@google.test")))
    done = nights.play(taken)
    problems = nights.table(done, "problems.parquet").select("file", "key", "outcome", "rule", "again")
    assert [*problems.iter_rows()] == [("logins.csv", "p01-google", "refused", "canvas-login-exists", False)]
    assert set(log_ins(nights, "p01")) == {"p01"}
    done = nights.play(taken)
    assert nights.table(done, "problems.parquet")["again"].to_list() == [True]


@pytest.mark.parametrize("share", [0, 1])
def test_in_doubt_it_is_asked_again_and_that_it_is_there_is_what_was_wanted(nights: Nights, share: float) -> None:
    nights.play(school())
    nights.canvas.fault("fail_halfway", share=share, times=1)
    doubtful = nights.play(doubled("p01"))
    assert doubtful["counts"]["doubt"] == 1
    nights.play(doubled("p01"))
    nights.assert_right(doubled("p01"))


@pytest.mark.parametrize("share", [0, 1])
def test_in_doubt_it_is_asked_again_as_it_was_although_it_is_another_by_now(nights: Nights, share: float) -> None:
    nights.play(school())
    nights.canvas.fault("fail_halfway", share=share, times=1)
    nights.play(doubled("p01"))
    other = replace(doubled(), logins=(("p01", "ada@google.test"),))
    nights.play(other)
    nights.assert_honest()
    nights.play(other)
    nights.assert_right(other)


def test_one_that_was_refused_has_not_come_by_an_import_that_failed(nights: Nights) -> None:
    taken = replace(doubled("p02"), logins=(("p01", "p02@google.test"), ("p02", "p02@google.test")))
    nights.play(doubled("p02"))
    nights.play(taken)
    nights.canvas.fault("fail_halfway", share=0, times=1)
    nights.play(taken)
    nights.play(taken)
    nights.assert_honest()
    nights.play(doubled("p01", "p02"))
    nights.assert_right(doubled("p01", "p02"))


def test_one_in_doubt_keeps_nobody_from_being_deleted(nights: Nights, tenant: Callable[..., Tenant]) -> None:
    nights.tenant = tenant(logins=[GOOGLE], on_drop={"users": "deleted"})
    nights.play(school())
    nights.canvas.fault("fail_halfway", share=0, times=1)
    nights.play(doubled("p01"))
    nights.play(doubled("p01").without("p01"))
    assert {state for _, state in log_ins(nights, "p01").values()} == {"deleted"}


@pytest.mark.parametrize("share", [0, 1])
def test_one_that_may_never_have_come_is_not_made_a_person_of(nights: Nights, share: float) -> None:
    nights.play(doubled("t1"))
    nights.canvas.fault("fail_halfway", share=share, times=1)
    nights.play(doubled("t1", "p01"))
    people = {one["id"] for one in nights.canvas.state()["users"]}
    _, plan = nights.plan(doubled("t1"))
    assert plan["counts"]["free"] == 0
    left = nights.table(plan, "left.parquet").select("file", "key", "reason")
    assert [*left.iter_rows()] == [("users.csv", "p01-google", "in-doubt")]
    nights.play(doubled("t1"))
    assert {one["id"] for one in nights.canvas.state()["users"]} == people


def test_with_the_persons_id_changes_that_of_the_log_in(nights: Nights) -> None:
    nights.play(doubled("p01", "t1"))
    nights.id_changes = [("user", "p01", "q01")]
    source = replace(doubled("p01", "t1"), ids=(("p01", "q01"), ("p01-google", "q01-google")))
    nights.play(source)
    assert log_ins(nights, "q01") == {
        "q01": ("p01@small.test", "active"),
        "q01-google": ("p01@google.test", "active"),
    }
    nights.assert_right(source)
    assert planned(nights, source) == []


def test_where_only_its_change_of_id_is_refused_it_is_asked_for_again(nights: Nights) -> None:
    nights.play(doubled("p01"))
    nights.id_changes = [("user", "p01", "q01")]
    source = replace(doubled("p01"), ids=(("p01", "q01"), ("p01-google", "q01-google")))
    nights.canvas.fault("refuse_rows", file="change_sis_id.csv", pattern="p01-google", times=1)
    nights.play(source)
    assert set(log_ins(nights, "q01")) == {"q01", "p01-google"}
    nights.play(source)
    nights.assert_right(source)


def test_another_suffix_is_a_change_of_ids(nights: Nights) -> None:
    nights.play(doubled("p01"))
    nights.id_changes = [("user", "p01-google", "p01-mail-google")]
    source = replace(doubled("p01"), ids=(("p01-google", "p01-mail-google"),))
    nights.play(source)
    assert log_ins(nights, "p01")["p01-mail-google"] == ("p01@google.test", "active")
    nights.assert_right(source)


def test_an_undo_takes_back_one_that_came(nights: Nights) -> None:
    nights.play(school())
    done = nights.play(doubled("p01"))
    undo(nights, done["counts"]["import_id"])
    assert log_ins(nights, "p01")["p01-google"] == ("p01@google.test", "suspended")
    nights.assert_honest()


def test_it_waits_for_the_person_whose_name_it_carries(nights: Nights) -> None:
    renamed = doubled("p01").renamed("p01", "Married")
    nights.play(doubled("p01"))
    undo(nights, nights.play(renamed)["counts"]["import_id"])
    other = replace(renamed, logins=(("p01", "ada@google.test"),))
    nights.play(other)
    assert nights.held() == {("users.csv", "p01"), ("users.csv", "p01-google")}
    nights.assert_honest()


def test_canvas_compared_shows_no_merged_people_and_no_difference(nights: Nights) -> None:
    nights.play(doubled("p01", "t1"))
    done = reconciled(nights)
    assert differences(nights, done) == {}


def test_of_merged_people_the_further_log_ins_show_no_difference(nights: Nights) -> None:
    nights.play(doubled("p01", "p02"))
    nights.canvas.by_hand("merge", user="p02", into="p01")
    assert differences(nights, reconciled(nights, "repair")) == {("users.csv", "p01"): ("merged", None)}
    assert planned(nights, doubled("p01", "p02")) == []


def test_a_ledger_made_of_what_canvas_has_knows_them(nights: Nights) -> None:
    source = doubled("p01", "t1")
    nights.play(doubled("p01", "p02", "t1").without("p03"))
    nights.play(doubled("p01", "t1"))
    shutil.rmtree(nights.home / "ledgers")
    reconciled(nights, "adopt")
    assert planned(nights, source) == []
    nights.play(source.without("p01"))
    assert {state for _, state in log_ins(nights, "p01").values()} == {"suspended"}
    nights.assert_right(source.without("p01"))


def test_one_that_was_taken_in_ends_with_the_provider_of_its_setting(
    nights: Nights, tenant: Callable[..., Tenant]
) -> None:
    nights.tenant = tenant(logins=[GOOGLE], authentication_provider="saml")
    same = replace(doubled(), logins=(("p01", "p01@small.test"),), provider="saml")
    nights.play(same)
    shutil.rmtree(nights.home / "ledgers")
    reconciled(nights, "adopt")
    nights.play(same.without("p01"))
    assert {state for _, state in log_ins(nights, "p01").values()} == {"suspended"}


def test_a_doubt_is_settled_by_comparing(nights: Nights) -> None:
    nights.play(doubled("t1"))
    nights.canvas.fault("fail_halfway", share=0, times=1)
    nights.play(doubled("t1", "p01"))
    reconciled(nights)
    assert nights.plan(doubled("t1"))[1]["counts"]["left"] == 0
    assert planned(nights, doubled("t1", "p01")) == [("p01-google", "create")]


def test_one_that_somebody_removed_by_hand_is_brought_back_by_a_repair(nights: Nights) -> None:
    nights.play(doubled("p01", "t1"))
    nights.canvas.edit("login", "p01-google", state="suspended")
    done = reconciled(nights, "repair")
    assert differences(nights, done) == {("users.csv", "p01-google"): ("state", "status")}
    nights.play(doubled("p01", "t1"))
    nights.assert_right(doubled("p01", "t1"))


def test_why_one_was_refused_is_explained(nights: Nights) -> None:
    nights.play(doubled("p02"))
    taken = replace(doubled("p02"), logins=(("p01", "p02@google.test"), ("p02", "p02@google.test")))
    nights.play(taken)
    run = newest_run(nights.loading.ledger.store, nights.tenant.id, nights.loading.ledger)
    found = explain(run, nights.loading.ledger, "user", "p01-google")
    assert [(one["outcome"], one["rule"]) for one in found.messages] == [("refused", "canvas-login-exists")]


@pytest.mark.usefixtures("rules_only")
def test_one_that_another_person_would_have_too_is_given_to_nobody_and_stays_whose_it_is(tmp_path: Path) -> None:
    sync = {"login_id": "sourced_id", "logins": [GOOGLE], "observers": {"relationships": []}}
    paper, export = Paper(tmp_path, sync=sync), tables(START.date())
    alone = changed(export, "students.csv", "p2", "Student_email", "")
    paper.play(alone)
    held = {"p1-google", "p3-google", "p4-google", "p5-google", "t1-google", "t2-google"}
    assert further(paper) == held
    both = changed(export, "students.csv", "p2", "Student_email", "AOIFE@five.example")
    played = paper.play(both)
    findings = played.table("check", "findings.parquet").filter(pl.col("rule") == "further-login-shared")
    assert findings.select("record", "detail").rows() == [
        ("p1", "-google: 2 people on one log-in"),
        ("p2", "-google: 2 people on one log-in"),
    ]
    assert (played.table("plan", "changes.parquet")["key"].to_list(), further(paper)) == (["p2"], held)  # the address
    assert played.reasons == []
    paper.play(export)
    assert further(paper) == {*held, "p2-google"}


def further(paper: Paper) -> set[str]:
    rows = live(paper.ledger.current()[2])
    return set(rows.filter(is_one("row"))["key"])
