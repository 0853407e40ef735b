"""What production takes, and what of it waits for a release."""

from __future__ import annotations

from pathlib import Path

import pytest

from roster.errors import ArtefactOutdated, NotRehearsed, RequestUnknown, RunFolderBroken
from roster.runs import point, pointed
from roster.steps.plan import Asked
from roster.steps.promote import plan_production, take, within
from tests.nights.both import Rollout, on_paper
from tests.nights.small import PUPILS, School, school

NONE = {"test": "none", "production": {"connection": "canvas_production"}}
FEWER = school().without("p12")


@pytest.fixture
def rollout(tmp_path: Path) -> Rollout:
    return on_paper(tmp_path)


def live_since(rollout: Rollout, small: School) -> Rollout:
    """A tenant whose first load was released, and which is live from then on."""
    rollout.rehearse(small)
    rollout.promote()
    assert rollout.approve().decision.outcome == "loaded"
    rollout.go("live")
    return rollout


def test_without_a_rehearsal_there_is_nothing_to_take(rollout: Rollout) -> None:
    run = rollout.promote()
    assert isinstance(run.fault, NotRehearsed)
    assert str(run.fault) == "no night was handed on yet: run sample_canvas_test first"
    assert run.report["failed"] == [f"step take failed: {run.fault}"]


def test_what_is_taken_is_what_the_pointer_names(rollout: Rollout) -> None:
    for name in ("Ash", "Birch"):
        rollout.rehearse(school().renamed("p01", name))
    pointer = pointed(rollout.production.loading.ledger.store, "sample", "tested")
    assert pointer is not None
    taken = take(rollout.night("production"))
    assert taken["path"] == pointer["artefact"]
    assert taken["counts"] == {"number": 2, "rehearsed": True, "scope": None, "unrehearsed": 0}
    rollout.production.loading.ledger.store.remove(pointer["artefact"])
    with pytest.raises(RunFolderBroken):
        take(rollout.night("production"))


def test_in_review_everything_waits(rollout: Rollout) -> None:
    rollout.rehearse(school())
    first = rollout.promote()
    assert first.why() == {"first-load", "review"}
    rollout.approve()
    rollout.rehearse(FEWER.renamed("p01", "Ash"))
    second = rollout.promote()
    assert second.why() == {"review"}
    assert second.keys("free") == set()
    assert ("users.csv", "p12") in second.keys("held")
    assert rollout.count() == 1


def test_the_first_load_waits_whatever_the_phase(rollout: Rollout) -> None:
    rollout.go("live")
    rollout.rehearse(school())
    run = rollout.promote()
    assert run.why() == {"first-load", "not-approved"}
    assert (rollout.count(), run.request is not None and run.request.whole) == (0, True)


def test_going_live_without_a_stored_approval_acts_as_review_and_says_so(rollout: Rollout) -> None:
    live_since(rollout, school())
    rollout.production.loading.ledger.store.remove("decisions/sample")
    rollout.rehearse(school().renamed("p01", "Ash"))
    run = rollout.promote()
    assert run.keys("free") == set()
    said = "held: 1 rows, not-approved: no whole load was released under the present configuration"
    assert said in run.report["notices"]
    assert rollout.approve().decision.outcome == "loaded"
    rollout.rehearse(school().renamed("p01", "Birch"))
    assert rollout.promote().keys("free") == {("users.csv", "p01")}


def test_a_changed_configuration_asks_again_and_one_that_is_not_of_it_does_not(rollout: Rollout) -> None:
    live_since(rollout, school())
    rollout.set(safety={"deleted": "20%"}, name="Other", retention="3 days")
    rollout.rehearse(school().renamed("p01", "Ash"))
    assert rollout.promote().keys("held") == set()

    rollout.set(sync={"names": "legal"})
    rollout.rehearse(school().renamed("p01", "Birch"))
    run = rollout.promote()
    assert run.why() == {"not-approved"}
    assert run.request is not None
    assert run.request.whole
    assert rollout.approve().decision.outcome == "loaded"
    rollout.rehearse(school().renamed("p01", "Cedar"))
    assert rollout.promote().keys("free") == {("users.csv", "p01")}

    rollout.set(sync={"names": "preferred"})  # was approved once, but not last
    rollout.rehearse(school().renamed("p01", "Dogwood"))
    assert rollout.promote().why() == {"not-approved"}


def test_what_was_rehearsed_under_the_old_configuration_goes_under_the_old_one(rollout: Rollout) -> None:
    live_since(rollout, school())
    rollout.rehearse(school().without("p12"))
    rollout.set(sync={"on_drop": {"users": "deleted"}})
    run = rollout.promote()
    assert ("users.csv", "p12") in run.keys("free")
    (dropped,) = run.table("plan", "changes.parquet").filter(key="p12", file="users.csv")["new"]
    assert '"status":"suspended"' in dropped


def test_live_what_is_within_limits_goes_and_the_rest_waits(rollout: Rollout) -> None:
    live_since(rollout, school())
    small = school().renamed("p01", "Ash")
    for person in PUPILS[6:]:
        small = small.without(person)
    rollout.rehearse(small)
    run = rollout.promote()
    assert run.keys("free") == {("users.csv", "p01")}
    assert {("users.csv", person) for person in PUPILS[6:]} <= run.keys("held")
    assert run.request is not None
    assert not run.request.whole


def test_an_artefact_that_is_older_than_the_ledgers_is_refused(rollout: Rollout) -> None:
    live_since(rollout, school())
    store = rollout.production.loading.ledger.store
    older = pointed(store, "sample", "tested")
    assert older is not None
    rollout.rehearse(school().renamed("p01", "Ash"))
    rollout.promote()
    point(store, "sample", "tested", older)
    run = rollout.promote()
    assert isinstance(run.fault, ArtefactOutdated)
    assert "artefact 1 is older than artefact 2, which production has had" in str(run.fault)
    assert run.report["failed"] == [f"step plan failed: {run.fault}"]
    assert rollout.count() == 2


def test_test_away_warns_a_live_tenant_and_its_drops_wait(rollout: Rollout) -> None:
    live_since(rollout, school())
    rollout.rehearse(FEWER.renamed("p01", "Ash"), away=True)
    run = rollout.promote()
    assert run.fault is None
    assert run.keys("free") == {("users.csv", "p01")}
    assert "unrehearsed" in run.why()
    assert ("users.csv", "p12") in run.keys("held")
    assert run.report["failed"] == []


def test_test_away_stops_a_tenant_in_review(rollout: Rollout) -> None:
    live_since(rollout, school())
    rollout.go("review")
    rollout.rehearse(FEWER, away=True)
    run = rollout.promote()
    assert isinstance(run.fault, NotRehearsed)
    assert "in review nothing goes to production unrehearsed" in str(run.fault)
    assert (run.request, rollout.ask()) == (None, None)


def test_test_away_stops_a_tenant_that_calls_itself_live_and_was_never_released(rollout: Rollout) -> None:
    rollout.go("live")
    rollout.rehearse(school(), away=True)
    run = rollout.promote()
    assert isinstance(run.fault, NotRehearsed)
    assert (run.request, rollout.ask()) == (None, None)
    rollout.rehearse(school())
    assert rollout.promote().fault is None


def test_test_away_for_three_nights_stops_production_until_it_answers(rollout: Rollout) -> None:
    live_since(rollout, school())
    faults = []
    for name in ("Ash", "Birch", "Cedar", "Dogwood"):
        rollout.rehearse(school().renamed("p01", name), away=True)
        faults.append(rollout.promote().fault)
    assert faults[:2] == [None, None]
    assert str(faults[2]) == "the test environment has not answered for 3 nights: production stops until it does"
    assert str(faults[3]).startswith("the test environment has not answered for 4 nights")
    rollout.rehearse(school().renamed("p01", "Elm"))
    assert rollout.promote().keys("free") == {("users.csv", "p01")}
    rollout.rehearse(school(), away=True)
    assert rollout.promote().fault is None  # counted from one again


def test_a_tenant_without_a_test_environment(tmp_path: Path) -> None:
    """Unrehearsed: creates and updates go, drops wait for a release that needs no test."""
    rollout = live_since(on_paper(tmp_path, canvas=NONE), school())
    for _ in range(4):
        rollout.rehearse(FEWER.renamed("p01", "Ash"))
    run = rollout.promote()
    assert run.fault is None
    assert run.plan()["gate"]["drops"] == ["unrehearsed: this artefact was not loaded into a test environment"]
    assert run.keys("free") == {("users.csv", "p01")}
    assert ("users.csv", "p12") in run.keys("held")
    released = rollout.approve()
    assert (released.decision.outcome, "test.load" in released.steps) == ("loaded", False)
    assert rollout.test.loading.ledger.versions() == (0, 0)
    rollout.rehearse(FEWER.renamed("p01", "Ash"))
    assert rollout.promote().keys("held") == set()


def test_only_is_planned_and_asked_for_alone(rollout: Rollout) -> None:
    live_since(rollout, school())
    both = school().renamed("p01", "Ash").renamed("p12", "Birch").without("p07")
    rollout.rehearse(both)
    run = rollout.promote(only="south")
    assert run.keys("free") == {("users.csv", "p12")}  # and no drop
    assert run.request is None


def test_what_only_narrowed_in_test_is_all_that_production_plans(rollout: Rollout) -> None:
    live_since(rollout, school())
    rollout.rehearse(school().renamed("p01", "Ash").renamed("p12", "Birch"), only="south")
    run = rollout.promote()
    assert run.keys("free") == {("users.csv", "p12")}
    other = rollout.promote(only="north")
    assert isinstance(other.fault, RequestUnknown)
    assert str(other.fault).startswith("the last rehearsal was narrowed to south: ")
    assert [within(None, None), within(None, "a"), within("a", None), within("a", "a")] == [None, "a", "a", "a"]


def test_one_school_that_was_released_is_no_approval_of_the_whole(rollout: Rollout) -> None:
    rollout.rehearse(school())
    run = rollout.promote(only="south")
    assert run.request is not None
    assert not run.request.whole
    assert rollout.approve().decision.outcome == "loaded"
    rollout.go("live")
    rollout.rehearse(school())
    assert rollout.promote().why() == {"not-approved"}


def test_a_resync_goes_through_limits(rollout: Rollout) -> None:
    live_since(rollout, school())
    small = school().renamed("p01", "Ash")
    for person in PUPILS[6:]:
        small = small.without(person)
    rollout.rehearse(small)
    run = rollout.promote(resync=True)
    changes = run.table("plan", "changes.parquet")
    assert changes.filter(action="resend").height > 0
    assert set(changes.filter(action="resend")["part"]) == {"free"}
    assert {("users.csv", person) for person in PUPILS[6:]} <= run.keys("held")


def test_a_resync_in_review_goes_through_the_release(rollout: Rollout) -> None:
    rollout.rehearse(school())
    rollout.promote()
    rollout.approve()
    rollout.rehearse(school())
    assert rollout.promote().request is None
    run = rollout.promote(resync=True)
    assert run.keys("free") == set()
    shown = run.keys("held")
    assert {file for file, _ in shown} == {"users.csv", "sections.csv", "enrollments.csv", "user_observers.csv"}
    released = rollout.approve()
    assert released.decision.outcome == "loaded"
    *_, (_, sent) = rollout.posted()
    assert set(sent.select("file", "key").iter_rows()) == shown
    assert rollout.promote().request is None


def test_nothing_is_planned_twice_for_production(rollout: Rollout) -> None:
    live_since(rollout, school())
    rollout.rehearse(FEWER)
    rollout.promote()
    again = rollout.promote()
    assert (again.keys("free"), again.keys("held"), rollout.count()) == (set(), set(), 2)


def test_a_plan_for_the_command_line_moves_nothing(rollout: Rollout) -> None:
    rollout.rehearse(school())
    night = rollout.night("cli")
    made = plan_production(night, take(night), rollout.production.loading.ledger, Asked())
    assert made["counts"]["held"] == len(school().known())
    assert rollout.production.loading.ledger.versions() == (0, 0)
