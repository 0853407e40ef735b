"""Nights on which people get other ids or pass their log-ins on, against a Canvas that keeps Canvas's rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest

from roster.canvas.wanted import SEPARATOR
from roster.errors import LedgerMoved
from roster.ledger_rows import decoded
from roster_sandbox.canvas import Canvas
from tests.nights import finish
from tests.nights.disturbed import Nights
from tests.nights.moved import address, moved
from tests.nights.small import School, school


def canvas_ids(canvas: Canvas) -> dict[str, Any]:
    """Canvas's own ids of people, by SIS id: who keeps theirs is still the same person."""
    return {user["user_id"]: user["id"] for user in canvas.state()["users"] if user["user_id"]}


def live_keys(nights: Nights) -> set[str]:
    _, _, rows = nights.loading.ledger.current()
    return set(rows.filter(pl.col("row").is_not_null())["key"])


def mapping(ids: Mapping[str, str]) -> list[tuple[str, str, str]]:
    return [("user", old, new) for old, new in ids.items()]


def a_town(people: int) -> School:
    """A school of that many pupils, in one or two classes each."""
    pupils = {f"p{number:04}": f"Family-{number}" for number in range(people)}
    places = {("algebra", pupil, "student") for pupil in pupils}
    places |= {("drawing", pupil, "student") for pupil in list(pupils)[::3]}
    return School(
        pupils, frozenset(places), frozenset((pupil, f"p{n + 500:04}") for n, pupil in enumerate(pupils) if n < 40)
    )


def test_a_thousand_new_ids_are_released_rewrite_the_ledger_and_leave_nothing_to_plan(
    nights: Nights, canvas: Canvas
) -> None:
    town = a_town(1200)
    nights.play(town)
    before = canvas_ids(canvas)
    ids = {f"p{number:04}": f"n{number:04}" for number in range(1000)}
    nights.id_changes = mapping(ids)

    held = nights.play(moved(town, ids))
    assert held["counts"]["rows"] == 0
    plan = nights.content(nights.planned[-1], "plan.json")
    assert plan["counts"]["totals"]["held"] == 1000
    assert sorted(line["why"] for line in plan["counts"]["holds"]) == [
        "limit-updated: 1000 of 1200 users at north, allowed 75%",
        "limit-updated: 1000 of 1200 users in all, allowed 75%",
    ]

    nights.play(moved(town, ids), release=plan["held_hash"])
    nights.assert_right(moved(town, ids))
    after = canvas_ids(canvas)
    assert {ids.get(old, old): own for old, own in before.items()} == after
    assert not {key for key in live_keys(nights) for part in key.split(SEPARATOR) if part in ids}

    posts = len(canvas.imports())
    nothing = nights.play(moved(town, ids))
    assert (nothing["counts"]["rows"], len(canvas.imports())) == (0, posts)
    assert nights.content(nights.planned[-1], "plan.json")["counts"]["totals"] == {
        **dict.fromkeys(("free", "held", "waiting", "left", "frozen", "limits"), 0)
    }


def test_two_who_swap_log_ins_go_in_two_imports(nights: Nights, canvas: Canvas) -> None:
    nights.play(school())
    before = canvas_ids(canvas)
    swapped = moved(school(), p01=address("p02"), p02=address("P01"))
    done = nights.play(swapped)
    assert (done["counts"]["refused"], done["counts"]["rows"]) == (0, 4)
    assert len(canvas.imports()) == 3
    nights.assert_right(swapped)
    assert canvas_ids(canvas) == before
    parked = nights.table(nights.planned[-1], "sent.parquet").filter(pl.col("action") == "park")
    log_ins = {decoded(row)["login_id"] for row in parked["new"]}
    assert len(log_ins) == 2
    assert all("p0" not in log_in for log_in in log_ins)
    assert nights.play(swapped)["counts"]["rows"] == 0


def test_a_log_in_that_a_new_pupil_takes_over_is_given_up_before(nights: Nights, canvas: Canvas) -> None:
    nights.play(school())
    source = moved(school().with_pupil("p13", "algebra"), p01="else@small.test", p13=address("p01"))
    done = nights.play(source)
    assert (done["counts"]["refused"], len(canvas.imports())) == (0, 3)
    nights.assert_right(source)


def test_ids_and_log_ins_that_change_in_one_night_go_in_three_imports(nights: Nights, canvas: Canvas) -> None:
    nights.play(school())
    ids = {"p01": "n01", "p02": "n02"}
    nights.id_changes = mapping(ids)
    source = moved(school().leaving("algebra", "p01"), ids, p01=address("p02"), p02=address("p01"))
    done = nights.play(source)
    load = nights.content(done, "load.json")
    assert [one["import_id"] for one in load["imports"]] == ["2", "3", "4"]
    assert (load["import_id"], load["version"], load["counts"]["rows"]) == ("4", 4, 2 + 2 + 2 + 1)
    store = nights.loading.ledger.store
    assert [store.read(f"{done['path']}/import-{number}.zip") for number in (1, 2, 3)] == [
        canvas.upload(number) for number in (2, 3, 4)
    ]
    nights.assert_right(source)


def test_what_needs_an_id_that_canvas_refuses_is_kept_back_and_comes_the_next_night(
    nights: Nights, canvas: Canvas
) -> None:
    nights.play(school())
    before = canvas_ids(canvas)
    nights.id_changes = mapping({"p01": "n01"})
    source = moved(school().renamed("p01", "Other").renamed("p02", "Else"), {"p01": "n01"})
    canvas.fault("refuse_rows", file="change_sis_id", message="A new_id, 'x', referenced an existing user")
    done = nights.play(source)
    assert (done["counts"]["refused"], done["counts"]["kept_back"], done["counts"]["sent"]) == (1, 1, 1)
    problems = nights.table(done, "problems.parquet")
    assert problems["rule"].to_list() == ["canvas-id-change-taken"]
    nights.assert_honest()
    assert canvas_ids(canvas) == before
    canvas.clear_faults()
    again = nights.play(source)
    assert (again["counts"]["sent"], again["counts"]["kept_back"]) == (2, 0)
    nights.assert_right(source)


@pytest.mark.parametrize("share", [0, 1])
def test_a_change_that_may_have_happened_is_asked_again_and_told_by_the_answer(
    nights: Nights, canvas: Canvas, share: int
) -> None:
    nights.play(school())
    nights.id_changes = mapping({"p01": "n01"})
    source = moved(school().renamed("p01", "Other"), {"p01": "n01"})
    canvas.fault("fail_halfway", share=share)
    done = nights.play(source)
    assert (done["counts"]["doubt"], done["counts"]["kept_back"]) == (1, 1)
    nights.assert_honest()
    canvas.clear_faults()
    again = nights.play(source)
    assert again["counts"]["refused"] == 0
    rules = nights.table(again, "problems.parquet").select("rule", "outcome").rows()
    assert rules == ([("canvas-id-change-unknown", "applied")] if share else [])
    nights.assert_right(source)
    posts = len(canvas.imports())
    nights.play(source)
    assert len(canvas.imports()) == posts


def test_an_id_that_was_changed_by_hand_is_refused_and_told(nights: Nights, canvas: Canvas) -> None:
    nights.play(school())
    nights.id_changes = mapping({"p01": "n01", "p02": "n02"})
    source = moved(school(), {"p01": "n01", "p02": "n02"})
    canvas.fault(
        "refuse_rows",
        file="change_sis_id",
        pattern="p01",
        message="An old_id, 'p01', referenced a non-existent user and was not changed",
    )
    done = nights.play(source)
    assert (done["counts"]["sent"], done["counts"]["refused"]) == (1, 1)
    again = nights.play(source)
    assert (again["counts"]["refused"], again["counts"]["newly_refused"]) == (1, 0)


@pytest.mark.parametrize("stops_at", [1, 2, 3])
def test_a_load_that_is_killed_between_its_imports_goes_on_from_the_journal(
    nights: Nights, canvas: Canvas, stops_at: int
) -> None:
    """Each call of load posts one import at most and is all that a killed task leaves; the next one goes on."""
    nights.play(school())
    ids = {"p01": "n01"}
    nights.id_changes = mapping(ids)
    source = moved(school(), ids, p02=address("p03"), p03=address("p02"))
    night, plan = nights.plan(source)
    for _ in range(stops_at):
        wait = nights.loading.load(night, plan["path"])
        assert not isinstance(wait, dict)
        nights.wait(wait)
    done = finish(lambda: nights.loading.load(night, plan["path"]), nights.loading)
    assert len(canvas.imports()) == 4
    assert done["counts"]["rows"] == 1 + 2 + 2
    again = finish(lambda: nights.loading.load(night, plan["path"]), nights.loading)
    assert again["counts"] == done["counts"]
    assert len(canvas.imports()) == 4
    nights.assert_right(source)


def test_a_plan_whose_ledger_moved_between_its_imports_ends_there(nights: Nights, canvas: Canvas) -> None:
    nights.play(school())
    source = moved(school(), p02=address("p03"), p03=address("p02"))
    night, plan = nights.plan(source)
    wait = nights.loading.load(night, plan["path"])
    assert not isinstance(wait, dict)
    nights.wait(wait)
    nights.play(source)  # another run settles and ends what is left
    nights.assert_right(source)
    posts = len(canvas.imports())
    with pytest.raises(LedgerMoved):
        nights.loading.load(night, plan["path"])
    assert len(canvas.imports()) == posts
