"""The way of one POST to Canvas: cut off, unanswered, late. Canvas never takes two imports with one identifier."""

from __future__ import annotations

import dataclasses
import json
import time
from datetime import timedelta

import pytest

from roster.errors import CanvasStuck, CanvasTokenDead, CanvasUnreachable
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.loading import Wait
from tests.nights.disturbed import Nights
from tests.nights.small import school
from tests.nights.test_faults import BEFORE, THEN, TONIGHT, put_right


def arrived(nights: Nights, number: int) -> None:
    """Wait until Canvas has taken that many imports and ended them."""
    until = time.monotonic() + 10
    while sum(one["ended_at"] is not None for one in nights.canvas.imports()) < number:
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("size", [1, 600])
def test_an_upload_that_is_cut_off_is_given_up_after_five_minutes_and_posted_anew(nights: Nights, size: int) -> None:
    nights.play(BEFORE)
    nights.canvas.fault("cut_upload", bytes=size, times=1)
    began = nights.clock()
    nights.play(TONIGHT)
    assert nights.clock() - began > timedelta(minutes=5)
    assert [nights.loading.ledger.settled(version).outcome for version in (2, 3)] == ["abandoned", "taken"]
    assert len(nights.canvas.imports()) == 2
    nights.assert_right(TONIGHT)
    put_right(nights, THEN)


def test_an_upload_that_is_cut_off_every_time_leaves_nothing_claimed(nights: Nights) -> None:
    nights.play(BEFORE)
    nights.canvas.fault("cut_upload")
    with pytest.raises(CanvasUnreachable):
        nights.play(TONIGHT)
    assert len(nights.canvas.imports()) == 1
    nights.assert_honest()
    put_right(nights, THEN)


@pytest.mark.parametrize("lists", ["at-once", "not-at-first", "not-that-night"])
def test_an_import_whose_answer_was_lost_is_found(nights: Nights, lists: str) -> None:
    nights.play(BEFORE)
    nights.canvas.fault("answer_lost", times=1)
    if lists != "at-once":
        times = 3 if lists == "not-at-first" else None
        # three times it is asked before the POST: whether Canvas was refreshed, went on without us, was refreshed
        nights.canvas.fault("bad_gateway", method="GET", path="/sis_imports$", times=times, after=3)
    if lists == "not-that-night":
        with pytest.raises(Exception, match="503"):
            nights.play(TONIGHT)
        nights.assert_honest()
    else:
        nights.play(TONIGHT)
        nights.assert_right(TONIGHT)
    assert len(nights.canvas.imports()) == 2
    assert nights.loading.ledger.versions()[1] == 2
    put_right(nights, THEN)


def test_an_answer_that_comes_too_late_for_us_is_looked_for(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    nights.play(BEFORE)
    canvas = nights.canvas
    connection = {"conn_type": "canvas", "host": canvas.url, "password": canvas.token, "extra": {"timeout": 0.2}}
    monkeypatch.setenv("AIRFLOW_CONN_IMPATIENT", json.dumps(connection))
    hook = CanvasHook("impatient", "test", ("127.0.0.1",))
    patient, nights.loading = nights.loading, dataclasses.replace(nights.loading, hook=hook)
    canvas.fault("slow_answer", seconds=0.6, method="POST", times=1)
    night, plan = nights.plan(TONIGHT)
    with pytest.raises(CanvasUnreachable):
        nights.loading.load(night, plan["path"])
    waits = nights.loading.load(night, plan["path"])
    assert isinstance(waits, Wait)
    assert waits.import_id is None
    arrived(nights, 2)
    nights.load(night, plan)
    assert len(canvas.imports()) == 2
    nights.assert_right(TONIGHT)
    nights.loading = patient
    put_right(nights, THEN)


def test_a_post_that_arrives_while_it_is_looked_for_is_taken_for_what_it_is(nights: Nights) -> None:
    nights.play(BEFORE)
    nights.canvas.fault("late_post", seconds=0.2, times=1)
    night, plan = nights.plan(TONIGHT)
    with pytest.raises(CanvasUnreachable):
        nights.loading.load(night, plan["path"])
    arrived(nights, 2)
    nights.load(night, plan)
    assert [nights.loading.ledger.settled(version).outcome for version in (1, 2)] == ["taken", "taken"]
    nights.assert_right(TONIGHT)
    put_right(nights, THEN)


def test_what_a_post_overwrites_that_arrives_after_it_was_given_up_is_sent_again(nights: Nights) -> None:
    nights.play(BEFORE)
    nights.canvas.fault("late_post", seconds=1.2, times=1)
    nights.retries = 0
    with pytest.raises(CanvasUnreachable):
        nights.play(TONIGHT)
    nights.retries = 3
    # The next night has other words for what the late one carries, and is there first.
    later = (
        TONIGHT.renamed("p01", "Newest").retitled("drawing", "Drawing again").joining("biology", "p02").without("p13")
    )
    nights.play(later)
    assert len(nights.canvas.imports()) == 2
    nights.assert_right(later)
    arrived(nights, 3)
    assert all(times == 1 for times in nights.canvas.posts_by_identifier().values())

    done = nights.play(later)

    assert done["counts"]["sent"] > 0
    nights.assert_right(later)
    outcomes = [nights.loading.ledger.settled(version).outcome for version in range(1, 6)]
    assert outcomes == ["taken", "abandoned", "taken", "surfaced", "taken"]
    assert nights.loading.ledger.watched(nights.clock()) == []
    put_right(nights, THEN.without("p13"))


def test_a_first_post_that_arrives_after_it_was_given_up_is_no_foreign_canvas(nights: Nights) -> None:
    nights.canvas.fault("late_post", seconds=0.3, times=1)
    nights.retries = 0
    with pytest.raises(CanvasUnreachable):
        nights.play(BEFORE)
    nights.clock.forward(minutes=6)
    assert nights.carry_through(nights.loading.settle_open) is None
    arrived(nights, 1)
    put_right(nights, TONIGHT)


def test_a_late_post_that_still_runs_is_waited_for(nights: Nights) -> None:
    nights.play(BEFORE)
    nights.canvas.fault("late_post", seconds=0.1, times=1)
    nights.canvas.fault("slow_import", seconds=0.6, times=1)
    nights.retries = 0
    with pytest.raises(CanvasUnreachable):
        nights.play(TONIGHT)
    nights.clock.forward(minutes=6)
    nights.loading.settle_open()  # gives it up, unless it was quick
    until = time.monotonic() + 10
    while len(nights.canvas.imports()) < 2:
        assert time.monotonic() < until
        time.sleep(0.01)
    waits = nights.loading.settle_open()
    assert isinstance(waits, Wait)
    assert waits.import_id == str(nights.canvas.imports()[-1]["id"])
    nights.play(TONIGHT)
    nights.assert_right(TONIGHT)
    assert len(nights.canvas.imports()) == 3
    put_right(nights, THEN)


def test_throttled_once_the_same_plan_goes_under_the_next_identifier(nights: Nights) -> None:
    nights.canvas.fault("throttle", method="POST", times=1)
    began = nights.clock()
    nights.play(BEFORE)
    assert nights.clock() - began < timedelta(minutes=5)  # nothing was taken, so there is nothing to look for
    first, second = (nights.loading.ledger.settled(version) for version in (1, 2))
    assert (first.outcome, second.outcome) == ("abandoned", "taken")
    assert first.plan_hash == second.plan_hash
    assert first.identifier != second.identifier
    assert list(nights.canvas.posts_by_identifier()) == [second.identifier]
    nights.assert_right(BEFORE)


def test_a_clock_that_runs_ahead_or_behind_posts_nothing_twice(nights: Nights) -> None:
    for number, hours in enumerate((20, -20), start=1):
        night, plan = nights.plan(BEFORE if number == 1 else TONIGHT)
        nights.clock.forward(hours=hours)
        nights.load(night, plan)
        assert len(nights.canvas.imports()) == number
    nights.assert_right(TONIGHT)


def test_a_clock_that_is_days_ahead_does_not_post_for_ever(nights: Nights) -> None:
    nights.play(BEFORE)
    night, plan = nights.plan(TONIGHT)
    nights.clock.forward(days=2)
    with pytest.raises(CanvasStuck):
        nights.load(night, plan)
    assert len(nights.canvas.imports()) == 1 + 6
    nights.assert_honest()
    put_right(nights, THEN)  # with its clock set right


def test_a_run_that_is_cleared_is_run_again_without_a_second_import(nights: Nights) -> None:
    night, plan = nights.plan(BEFORE)
    first = nights.load(night, plan)
    again = nights.load(night, plan)  # load, cleared
    assert again["path"] != first["path"]
    assert again["counts"] == first["counts"]
    assert nights.content(again, "load.json") == nights.content(first, "load.json")
    assert len(nights.canvas.imports()) == 1
    nights.day -= 1
    whole = nights.play(BEFORE)  # the whole run, cleared
    assert whole["counts"]["rows"] == 0
    assert len(nights.canvas.imports()) == 1
    nights.assert_right(BEFORE)


def test_a_run_that_is_cleared_while_its_import_runs_finds_it(nights: Nights) -> None:
    nights.canvas.fault("slow_import", seconds=0.3)
    night, plan = nights.plan(BEFORE)
    assert isinstance(nights.loading.load(night, plan["path"]), Wait)
    nights.day -= 1
    done = nights.play(BEFORE)
    assert done["counts"]["rows"] == 0
    assert len(nights.canvas.imports()) == 1
    nights.assert_right(BEFORE)


def test_a_token_renewed_while_an_import_runs_settles_it(nights: Nights) -> None:
    nights.play(BEFORE)
    night, plan = nights.plan(TONIGHT)
    assert isinstance(nights.loading.load(night, plan["path"]), Wait)
    nights.canvas.fault("token_dead")
    with pytest.raises(CanvasTokenDead):
        nights.load(night, plan)
    nights.canvas.clear_faults()
    nights.load(night, plan)
    assert len(nights.canvas.imports()) == 2
    nights.assert_right(TONIGHT)


def test_an_import_that_a_person_aborts_before_it_starts(nights: Nights) -> None:
    import requests

    nights.play(BEFORE)
    nights.canvas.fault("stuck", state="created", times=1)
    night, plan = nights.plan(TONIGHT)
    waits = nights.loading.load(night, plan["path"])
    assert isinstance(waits, Wait)
    url = f"{nights.canvas.url}/api/v1/accounts/self/sis_imports/{waits.import_id}/abort"
    requests.put(url, headers={"Authorization": f"Bearer {nights.canvas.token}"}, timeout=10).raise_for_status()
    done = nights.load(night, plan)
    assert done["counts"]["doubt"] == done["counts"]["rows"] == 10
    nights.assert_honest()
    put_right(nights, school())
