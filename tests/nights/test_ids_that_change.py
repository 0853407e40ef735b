"""Nights on which people get other ids or pass their log-ins on, against a Canvas that keeps Canvas's rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from roster.canvas.wanted import SEPARATOR
from roster.ledger import decoded
from roster_sandbox.canvas import Canvas
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
    print(plan["counts"]["holds"])
    assert [line["why"] for line in plan["counts"]["holds"]] == [
        "limit-updated: 1000 of 1200 users in all, allowed 75%",
        "limit-updated: 997 of 1194 users at north, allowed 75%",
    ] or plan["counts"]["holds"]

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
