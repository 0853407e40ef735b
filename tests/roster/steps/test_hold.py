"""The request for what production holds, and what approvers read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from roster.decisions import open_request
from roster.steps.hold import MOST_SCHOOLS, TEXT, hold, missed, school_names, shown
from roster.steps.release import request_of
from tests.nights.both import Promoted, Rollout, on_paper
from tests.nights.small import PUPILS, School, school

NOW = datetime(2016, 2, 9, 7, tzinfo=UTC)


@pytest.fixture
def rollout(tmp_path: Path) -> Rollout:
    return on_paper(tmp_path)


@pytest.fixture
def first(rollout: Rollout) -> Promoted:
    """The first night of a tenant in review."""
    rollout.rehearse(school())
    return rollout.promote()


@pytest.fixture
def loaded(rollout: Rollout, first: Promoted) -> Rollout:
    """A live tenant whose first load was released."""
    assert rollout.approve().decision.outcome == "loaded"
    rollout.go("live")
    return rollout


def emptied() -> School:
    """Without the pupils of the south, which trips its limits."""
    small = school()
    for person in PUPILS[6:]:
        small = small.without(person)
    return small


def text(rollout: Rollout) -> str:
    found = open_request(rollout.production.loading.ledger.store, "sample")
    assert found is not None
    return rollout.production.loading.ledger.store.read_whole(found[1], TEXT).decode()


def test_a_request_names_what_is_held_and_where_it_is_from(rollout: Rollout, first: Promoted) -> None:
    assert first.request is not None
    found = open_request(rollout.production.loading.ledger.store, "sample")
    assert found == (first.request, f"{first.night.run.path}/hold/attempt-1")
    plan, ledger = first.plan(), rollout.production.loading.ledger
    assert first.request.held_hash == plan["held_hash"]
    assert (first.request.host, first.request.account) == (ledger.host, ledger.account)
    assert (first.request.artefact, first.request.number) == (plan["artefact"], 1)
    assert first.request.plan == f"{first.night.run.path}/plan/attempt-1"
    assert (first.request.rows, first.request.name) == (len(school().known()), first.night.run.name)
    assert first.request.at == first.request.since == first.night.run_date


def test_approvers_read_totals_reasons_schools_and_the_hash(rollout: Rollout, first: Promoted) -> None:
    assert first.request is not None
    lines = text(rollout).splitlines()
    assert lines[0] == "**61 changes** for the production Canvas of Sample (canvas.example) wait."
    assert lines[1] == f"They come from artefact 1, run `{first.night.run.name}`."
    assert "Nothing goes without this release. It also approves the present set-up of the tenant." in lines
    assert "| users.csv | 18 |" in lines
    assert "- first-load: this Canvas has not been loaded yet (61 rows)" in lines
    assert "- review: the tenant is in phase review (61 rows)" in lines
    assert "| north | North | 35 |" in lines
    assert "| (none) |  | 1 |" in lines  # the term
    assert lines[-1] == f"Hash of what is shown: `{first.request.held_hash}`"
    assert not any(line.startswith("Limits") for line in lines)


def test_approvers_read_which_limits_were_reached_and_nobodys_name(loaded: Rollout) -> None:
    loaded.rehearse(emptied())
    run = loaded.promote()
    assert run.request is not None
    said = text(loaded)
    assert "Nothing goes without this release" not in said
    assert "Limits that were reached:" in said
    assert "| deleted | enrollments.csv | all | 12 | 28 | 10% |" in said
    assert "| deleted | users.csv | South | 6 | 6 | 50% |" in said
    assert "- limit-deleted: 6 of 6 users at South, allowed 50% (6 rows)" in said
    assert [word for word in (*PUPILS, "Family", "@small.test") if word in said] == []


def test_many_schools_are_told_in_the_report(first: Promoted) -> None:
    assert first.request is not None
    content = first.plan()
    line = {"file": "users.csv", "action": "create", "why": "create", "part": "held", "rows": 2}
    content["counts"]["changes"] = [{**line, "school": f"s{n:02}"} for n in range(MOST_SCHOOLS + 2)]
    limit = {"kind": "deleted", "file": "users.csv", "changed": 3, "base": 4, "share": 0.1}
    content["counts"]["limits"] = [{**limit, "school": school} for school in (None, "", "north")]
    lines = "\n".join(shown(first.night, first.request, content)).splitlines()
    assert len([line for line in lines if line.startswith("| s")]) == MOST_SCHOOLS + 1  # and the header
    assert "And 2 more schools: see the report." in lines
    assert [line.split(" | ")[2] for line in lines if line.startswith("| deleted")] == ["all", "(none)", "North"]


def test_an_artefact_without_schools_has_no_names(rollout: Rollout, first: Promoted) -> None:
    store, path = rollout.production.loading.ledger.store, first.plan()["artefact"]
    assert school_names(first.night, path) == {"north": "North", "south": "South"}
    with first.night.run.write("bare") as step:
        (step.folder / "artefact.json").write_text("{}", encoding="utf-8")
    assert school_names(first.night, step.path) == {}
    assert store.exists(step.path)


def test_a_night_that_holds_nothing_ends_the_waiting(loaded: Rollout) -> None:
    loaded.rehearse(emptied())
    assert loaded.promote().request is not None
    loaded.rehearse(school())
    assert loaded.promote().request is None
    assert open_request(loaded.production.loading.ledger.store, "sample") is None
    assert loaded.ask() is None


def test_the_request_shows_the_newest_held_part_and_since_when_it_waits(loaded: Rollout) -> None:
    """Three nights behind one unanswered request: each promotes its own free part."""
    since, hashes = None, set()
    for number, name in enumerate(("Ash", "Birch", "Cedar")):
        small = emptied().renamed("p01", name)
        for person in PUPILS[1 : 1 + number]:
            small = small.without(person)
        loaded.rehearse(small)
        run = loaded.promote()
        assert ("users.csv", "p01") in run.keys("free")
        assert run.request is not None
        since = since or run.request.at
        assert run.request.since == since
        hashes.add(run.request.held_hash)
        form = loaded.ask()
        assert form is not None
        assert request_of(*form)[0] == run.request
        answered = loaded.answer(form, replace(loaded.reply(form), by=None))
        assert answered.decision.answer == "unanswered"
    assert since is not None
    assert run.night.run_date - since > timedelta(days=1)
    assert loaded.count() == 4


def test_after_a_load_that_failed_what_waited_goes_on_waiting(rollout: Rollout, first: Promoted) -> None:
    waits = open_request(rollout.production.loading.ledger.store, "sample")
    plan, load = first.steps["plan"], first.steps["load"]
    assert plan is not None
    assert load is not None
    over = {**load, "counts": {**load["counts"], "over_budget": True}}
    late = {**load, "counts": {**load["counts"], "missed": True}}
    for some_plan, some_load in ((None, load), (plan, None), (plan, over), (plan, late)):
        assert hold(first.night, plan=some_plan, load=some_load, now=NOW) is None  # type: ignore[arg-type]
        assert open_request(rollout.production.loading.ledger.store, "sample") == waits
    assert [missed(None), missed(load), missed(late)] == [False, False, True]  # type: ignore[arg-type]


def test_a_practice_asks_nothing(rollout: Rollout, first: Promoted) -> None:
    night = replace(first.night, practice=True)
    assert hold(night, plan=first.steps["plan"], load=first.steps["load"], now=NOW) is None


def test_a_run_that_only_narrowed_neither_replaces_nor_ends_what_waits(rollout: Rollout, first: Promoted) -> None:
    store, waits = rollout.production.loading.ledger.store, first.request
    assert rollout.promote(only="south").request is None
    found = open_request(store, "sample")
    assert found is not None
    assert found[0] == waits
    rollout.approve()
    assert open_request(store, "sample") is None
    rollout.rehearse(school().renamed("p01", "Ash").renamed("p12", "Birch"))
    run = rollout.promote(only="south")
    assert run.request is not None
    assert (run.request.rows, run.keys("held")) == (1, {("users.csv", "p12")})
    nothing = rollout.promote(only="south")
    assert nothing.request is None  # something waits: it is that
    assert open_request(store, "sample") is not None


def test_a_narrowed_run_that_holds_nothing_leaves_what_waits(loaded: Rollout) -> None:
    loaded.rehearse(emptied())
    waits = loaded.promote().request
    run = loaded.promote(only="north")
    assert (run.keys("held"), run.request) == (set(), None)
    found = open_request(loaded.production.loading.ledger.store, "sample")
    assert found is not None
    assert found[0] == waits


def test_what_was_rejected_wakes_nobody_until_it_is_another_thing(loaded: Rollout) -> None:
    loaded.rehearse(emptied())
    run = loaded.promote()
    assert run.wakes
    form = loaded.ask()
    assert form is not None
    loaded.answer(form, replace(loaded.reply(form), option="Reject"))
    for _ in range(2):
        loaded.rehearse(emptied())
        run = loaded.promote()
        assert run.request is not None
        assert not run.wakes
        assert loaded.ask() is None
    assert loaded.ask(by_hand=True) is not None
    loaded.rehearse(emptied().without("g4"))
    run = loaded.promote()
    assert run.request is not None
    assert run.keys("free") >= {("users.csv", "g4")}
    assert not run.wakes  # what is held is still the same
    loaded.rehearse(emptied().without("t2"))
    assert loaded.promote().wakes


def test_a_waiting_request_is_renewed_by_the_next_night_and_wakes_again(loaded: Rollout) -> None:
    loaded.rehearse(emptied())
    before = loaded.promote()
    form = loaded.ask()
    assert form is not None
    assert before.request is not None
    loaded.answer(form, replace(loaded.reply(form), by=None))
    assert loaded.ask() is None  # not twice a night
    loaded.rehearse(emptied())
    renewed = loaded.promote()
    assert renewed.request is not None
    assert renewed.request.held_hash == before.request.held_hash
    assert (renewed.wakes, renewed.request.since) == (True, before.request.since)
    assert loaded.approve().decision.outcome == "loaded"
