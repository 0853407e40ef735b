"""What was held is asked for, answered, planned again, and goes only as it was shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from roster.decisions import decisions, open_request
from roster.safety import plan_hash
from roster.steps.release import ask, ask_afresh, held_keys, plan_again, plan_rehearsal, request_of, resent
from tests.nights.both import FIRST, Form, Promoted, Rollout, on_paper
from tests.nights.small import PUPILS, School, school


@pytest.fixture
def rollout(tmp_path: Path) -> Rollout:
    """A live tenant whose first load was released."""
    rollout = on_paper(tmp_path)
    rollout.rehearse(school())
    rollout.promote()
    assert rollout.approve().decision.outcome == "loaded"
    rollout.go("live")
    return rollout


def emptied(*people: str) -> School:
    """Without the pupils of the south, which trips its limits, and without these."""
    small = school()
    for person in (*PUPILS[6:], *people):
        small = small.without(person)
    return small


def held(rollout: Rollout, small: School | None = None) -> tuple[Promoted, Form]:
    """A night that holds something, and the form that shows it."""
    rollout.rehearse(small or emptied())
    run, form = rollout.promote(), rollout.ask()
    assert form is not None
    return run, form


def waits(rollout: Rollout) -> Any:
    found = open_request(rollout.production.loading.ledger.store, "sample")
    return found[0] if found else None


def test_the_form_shows_the_request_and_how_long_it_waits(rollout: Rollout) -> None:
    run, form = held(rollout)
    assert run.request is not None
    request, text = request_of(*form)
    assert request == run.request
    assert text.splitlines()[-1] == f"Hash of what is shown: `{request.held_hash}`"
    assert form[1]["counts"] == {
        "held_hash": request.held_hash,
        "rows": len(run.keys("held")),
        "whole": False,
        "until": rollout.tenant.answer_until(form[0].run_date).isoformat(),
    }


def test_what_was_shown_is_what_is_sent_in_test_first(rollout: Rollout) -> None:
    run, form = held(rollout)
    released = rollout.answer(form, rollout.reply(form))
    assert (released.decision.answer, released.decision.outcome, released.asked_afresh) == ("approved", "loaded", False)
    assert (released.decision.by, released.decision.answered_hash) == ("registrar", form[1]["counts"]["held_hash"])
    *_, (path, sent) = rollout.posted()
    assert path == form[0].run.path
    assert plan_hash(sent) == form[1]["counts"]["held_hash"]
    assert set(sent.select("file", "key").iter_rows()) == run.keys("held")
    tested = rollout.test.loading.ledger
    assert set(tested.sent(tested.settled(tested.versions()[0])).select("file", "key").iter_rows()) == run.keys("held")
    assert released.decision.import_id == "2"
    assert waits(rollout) is None
    rollout.rehearse(emptied())
    assert rollout.promote().keys("held") == set()


def test_test_gets_what_it_does_not_have_yet(rollout: Rollout) -> None:
    run, form = held(rollout)
    request, _ = request_of(*form)
    ledger = rollout.test.loading.ledger
    plan = plan_rehearsal(form[0], request, ledger)
    assert plan["counts"]["free"] == len(run.keys("held"))
    done = rollout.test.carry_through(lambda: rollout.test.loading.load(form[0], plan["path"], "test.load"))
    assert done["counts"]["sent"] == len(run.keys("held"))
    again = plan_rehearsal(form[0], request, ledger)
    assert (again["counts"]["free"], again["counts"]["held"]) == (0, 0)
    assert rollout.answer(form, rollout.reply(form)).decision.outcome == "loaded"


@pytest.mark.parametrize(
    ("reply", "answer", "afresh"),
    [
        (None, "cleared", True),
        ({"by": None}, "unanswered", False),
        ({"by": None, "option": "Approve"}, "unanswered", False),
        ({"by": "stranger"}, "foreign", True),
        ({"option": "Reject"}, "rejected", False),
        ({"option": "Reject", "hash": None}, "rejected", False),
        ({"hash": "0" * 64}, "outdated", True),
        ({"hash": None}, "outdated", True),
    ],
)
def test_no_other_answer_lets_anything_go(
    rollout: Rollout, reply: dict[str, Any] | None, answer: str, afresh: bool
) -> None:
    run, form = held(rollout)
    before = rollout.count()
    released = rollout.answer(form, None if reply is None else replace(rollout.reply(form), **reply))
    assert (released.decision.answer, released.asked_afresh) == (answer, afresh)
    assert (rollout.count(), waits(rollout)) == (before, run.request)
    (kept, *_) = decisions(rollout.production.loading.ledger.store, "sample")
    assert (kept.answer, kept.outcome, kept.request) == (answer, None, run.request)
    assert (rollout.ask() is not None) is afresh
    assert rollout.ask(by_hand=True) is not None


def test_an_approver_who_is_one_no_longer_is_a_stranger(rollout: Rollout) -> None:
    _, form = held(rollout)
    reply = rollout.reply(form)
    rollout.set(rollout={"phase": "live", "approvers": ["principal"]})
    assert rollout.answer(form, reply).decision.answer == "foreign"
    assert rollout.answer(form, replace(reply, by="principal")).decision.outcome == "loaded"


def test_a_form_of_the_night_before_is_outdated_where_something_else_is_held(rollout: Rollout) -> None:
    _, form = held(rollout)
    newer, _ = held(rollout, emptied("t2"))
    released = rollout.answer(form, rollout.reply(form))
    assert (released.decision.answer, released.asked_afresh) == ("outdated", True)
    assert waits(rollout) == newer.request
    assert rollout.approve().decision.outcome == "loaded"


def test_a_form_of_the_night_before_counts_where_the_same_is_held(rollout: Rollout) -> None:
    _, form = held(rollout)
    newer, _ = held(rollout, emptied().renamed("p01", "Ash"))
    released = rollout.answer(form, rollout.reply(form))
    assert (released.decision.outcome, released.asked_afresh) == ("loaded", False)
    assert newer.request is not None
    assert waits(rollout) is None  # the newer request asked for the same
    assert rollout.ask() is None
    assert rollout.ask(by_hand=True) is None


def test_a_form_that_nothing_waits_for_any_more_is_outdated(rollout: Rollout) -> None:
    _, form = held(rollout)
    rollout.rehearse(school())
    rollout.promote()
    released = rollout.answer(form, rollout.reply(form))
    assert (released.decision.answer, released.decision.outcome) == ("outdated", None)
    assert rollout.ask() is None


def test_a_configuration_that_changed_since_is_not_approved_and_waits_for_the_next_night(rollout: Rollout) -> None:
    _, form = held(rollout)
    before = rollout.count()
    rollout.set(sync={"names": "legal"})
    assert rollout.answer(form, rollout.reply(form)).decision.answer == "outdated"
    assert (rollout.count(), rollout.ask(), rollout.ask(by_hand=True)) == (before, None, None)
    run, form = held(rollout)
    assert run.request is not None
    assert run.request.whole
    assert rollout.answer(form, rollout.reply(form)).decision.outcome == "loaded"


def test_rows_that_moved_on_between_answer_and_plan_are_not_sent(rollout: Rollout) -> None:
    """A run by hand has loaded some of what was shown: the rest is asked for afresh."""
    _, form = held(rollout)
    request, _ = request_of(*form)
    other = rollout.night("another release")
    ledger = rollout.production.loading.ledger
    part = held_keys(form[0], request).filter(file="enrollments.csv").head(2)
    loaded = _let_go(rollout, other, request, part)
    assert loaded == 2
    before = rollout.count()
    released = rollout.answer(form, rollout.reply(form))
    assert (released.decision.answer, released.decision.outcome) == ("approved", "outdated")
    assert released.asked_afresh
    assert (rollout.count(), ledger.open_intent()) == (before, None)
    fresh = waits(rollout)
    assert (fresh.rows, fresh.since) == (request.rows - 2, request.since)
    assert fresh.name == form[0].run.name
    assert rollout.approve().decision.outcome == "loaded"


def _let_go(rollout: Rollout, night: Any, request: Any, keys: Any) -> int:
    """Load these rows into production, whatever anybody was shown."""
    from roster.runs import read_step
    from roster.steps.plan import Asked, make_plan
    from roster.steps.promote import as_made

    artefact = read_step(night.store, request.artefact, "artefact.json")
    ledger = rollout.production.loading.ledger
    plan = make_plan(as_made(night, artefact), request.artefact, ledger, Asked(released=keys))
    done = rollout.production.carry_through(lambda: rollout.production.loading.load(night, plan["path"]))
    return int(done["counts"]["sent"])


def test_what_test_refuses_over_budget_is_not_promoted(rollout: Rollout) -> None:
    rollout.set(safety={"refused": "1%", "at_least": 0})
    hook: Any = rollout.test.loading.hook
    _, form = held(rollout)
    hook.refuses["users.csv", "p12"] = "Something broke with this user"
    before = rollout.count()
    released = rollout.answer(form, rollout.reply(form))
    assert (released.decision.outcome, rollout.count()) == ("not loaded", before)
    assert str(released.fault) == "not promoted"
    assert waits(rollout) == request_of(*form)[0]
    hook.refuses.clear()
    again = rollout.ask()  # what was approved and not loaded is asked again
    assert again is not None
    assert rollout.answer(again, rollout.reply(again)).decision.outcome == "loaded"


def test_a_release_that_came_too_late_for_its_window_is_asked_again(rollout: Rollout) -> None:
    _, form = held(rollout)
    inside = FIRST + timedelta(hours=9)
    rollout.production.loading = replace(rollout.production.loading, now=lambda: inside)  # type: ignore[misc]
    rollout.set(load_window={"not_between": ["07:00", "17:00"]})
    before = rollout.count()
    released = rollout.answer(form, rollout.reply(form))
    assert (released.decision.outcome, released.asked_afresh, rollout.count()) == ("not loaded", False, before)
    assert waits(rollout) == request_of(*form)[0]
    rollout.set(load_window=None)
    assert rollout.approve().decision.outcome == "loaded"


def test_what_canvas_refused_of_a_release_is_held_and_asked_again(rollout: Rollout) -> None:
    _, form = held(rollout)
    hook: Any = rollout.production.loading.hook
    hook.refuses["users.csv", "p12"] = "Something broke with this user"
    released = rollout.answer(form, rollout.reply(form))
    assert released.decision.outcome == "loaded"
    hook.refuses.clear()
    rollout.rehearse(emptied())
    run = rollout.promote()
    assert run.keys("held") == {("users.csv", "p12")}
    assert run.wakes
    assert rollout.approve().decision.outcome == "loaded"


def test_a_release_plans_by_the_settings_that_the_artefact_was_made_under(rollout: Rollout) -> None:
    run, form = held(rollout)
    request, _ = request_of(*form)
    assert not resent(form[0], request)
    assert set(held_keys(form[0], request).iter_rows()) == run.keys("held")
    changed = replace(form[0], tenant=rollout.tenant.model_copy(update={"sync": _deleting(rollout)}))
    plan = plan_again(changed, request, rollout.production.loading.ledger)
    assert plan["counts"]["released"]


def _deleting(rollout: Rollout) -> Any:
    drops = rollout.tenant.sync.on_drop.model_copy(update={"users": "deleted"})
    return rollout.tenant.sync.model_copy(update={"on_drop": drops})


def test_nothing_is_asked_for_nobody(rollout: Rollout) -> None:
    night = rollout.night("release")
    assert ask(night, night.run_date, by_hand=True) is None
    run, form = held(rollout)
    rollout.rehearse(school())
    rollout.promote()
    request, _ = request_of(*form)
    assert ask_afresh(form[0], request, plan=run.steps["plan"], load=run.steps["load"], now=night.run_date) is None


def test_a_release_leaves_what_a_newer_night_asks_for(rollout: Rollout) -> None:
    """It was approved for what it showed; the night after has asked for something else meanwhile."""
    _, form = held(rollout)
    request, _ = request_of(*form)
    released = rollout.answer(form, rollout.reply(form))
    rollout.go("review")
    newer, _ = held(rollout, emptied("t2"))
    plan, load = released.steps["production.plan"], released.steps["production.load"]
    assert ask_afresh(form[0], request, plan=plan, load=load, now=form[0].run_date) is None
    assert waits(rollout) == newer.request
