"""Log-ins that pass from one to another: who goes first, who is parked, what waits with what is held."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roster.ledger_rows import decoded
from roster.log_ins import in_between
from roster.plan import Plan, Wish
from tests.roster.canvas_rows import Row, a_ledger, a_night, a_tenant, a_user, after


def people(**log_ins: str) -> list[Row]:
    return [a_user(person, login_id=log_in) for person, log_in in log_ins.items()]


def moves(made: Plan) -> list[tuple[int, str, str, str]]:
    """stage, person, action, log-in of what is sent, in order."""
    rows = made.changes.sort("stage", "key").select("stage", "key", "action", "new").rows()
    return [(stage, key, action, decoded(new)["login_id"]) for stage, key, action, new in rows]


REST = {"cyd": "three", "dot": "four", "eve": "five"}
BEFORE = people(ada="one", bea="two", **REST)


def test_without_a_log_in_that_passes_on_everything_goes_in_one_import() -> None:
    made = a_night(people(ada="new", bea="two", **{**REST, "cyd": "THREE"}, fay="six"), a_ledger(BEFORE), sequence=2)
    assert moves(made) == [(3, "ada", "update", "new"), (3, "cyd", "update", "THREE"), (3, "fay", "create", "six")]


def test_two_who_swap_are_parked_whatever_the_case() -> None:
    made = a_night(people(ada="TWO", bea="one", **REST), a_ledger(BEFORE), sequence=2)
    assert moves(made) == [
        (2, "ada", "park", in_between("ada")),
        (2, "bea", "park", in_between("bea")),
        (3, "ada", "update", "TWO"),
        (3, "bea", "update", "one"),
    ]
    parks = made.changes.filter(pl.col("action") == "park")
    assert set(parks.select("why", "limited").rows()) == {("log-in-swap", False)}


def test_who_gives_a_log_in_up_goes_before_who_takes_it() -> None:
    made = a_night(people(ada="new", bea="two", **REST, fay="one"), a_ledger(BEFORE), sequence=2)
    assert moves(made) == [(2, "ada", "update", "new"), (3, "fay", "create", "one")]


def test_the_middle_of_a_chain_is_parked() -> None:
    made = a_night(people(ada="two", bea="three", **{**REST, "cyd": "new"}), a_ledger(BEFORE), sequence=2)
    assert moves(made) == [
        (2, "bea", "park", in_between("bea")),
        (2, "cyd", "update", "new"),
        (3, "ada", "update", "two"),
        (3, "bea", "update", "three"),
    ]


def test_who_keeps_a_log_in_gives_none_up() -> None:
    rows = people(ada="one", bea="one", **REST)  # the checks leave no such thing; Canvas refuses it
    rows[0]["first_name"] = "Changed"
    made = a_night(rows, a_ledger(BEFORE), sequence=2)
    assert [stage for stage, *_ in moves(made)] == [3, 3]


def test_a_swap_waits_whole_with_one_of_the_two_that_is_held_and_is_released_whole() -> None:
    """bea at a school where a limit trips: ada, who takes her log-in, waits with her."""
    before = [*people(ada="one"), a_user("bea", "south", login_id="two"), a_user("fay", "west")]
    now = [*people(ada="two"), a_user("bea", "south", login_id="one"), a_user("fay", "west")]
    calm = [a_user(f"p{number}") for number in range(20)]
    made = a_night([*now, *calm], a_ledger([*before, *calm]), a_tenant(), sequence=2)
    assert made.free.is_empty()
    holds = {
        key: set(holds) for key, holds in made.held.filter(pl.col("action") == "update").select("key", "holds").rows()
    }
    assert "waits for a log-in of someone who is held" in holds["ada"]
    assert made.held.filter(pl.col("action") == "park").height == 2
    let_go = a_night(
        [*now, *calm], a_ledger([*before, *calm]), a_tenant(), sequence=3, wish=Wish(release=made.held_hash)
    )
    assert let_go.released
    assert let_go.free.height == 4


@given(st.permutations(range(5)))
def test_any_exchange_is_one_that_canvas_can_take_row_by_row_in_any_order(order: list[int]) -> None:
    before = people(**{f"p{number}": f"log-in {number}" for number in range(5)})
    now = people(**{f"p{number}": f"log-in {new}" for number, new in enumerate(order)})
    made = a_night(now, a_ledger(before), sequence=2)
    held = {f"p{number}": f"log-in {number}" for number in range(5)}
    for stage in (2, 3):
        rows = [move for move in moves(made) if move[0] == stage]
        others = dict(held)
        for _, person, _, log_in in rows:  # nobody gets what somebody has before this import
            assert log_in not in {value for key, value in others.items() if key != person}
        held |= {person: log_in for _, person, _, log_in in rows}
    assert held == {f"p{number}": f"log-in {new}" for number, new in enumerate(order)}


@pytest.mark.parametrize("ended", ["sent", "refused", "doubt"])
def test_whatever_becomes_of_the_parking_the_next_night_goes_on_from_there(ended: str) -> None:
    now = people(ada="two", bea="one", **REST)
    made = a_night(now, a_ledger(BEFORE), sequence=2)
    ledger = after(a_ledger(BEFORE), made.free.filter(pl.col("stage") == 2), ended, sequence=2)
    again = a_night(now, ledger, sequence=3)
    updates = [(key, log_in) for _, key, action, log_in in moves(again) if action == "update"]
    assert updates == [("ada", "two"), ("bea", "one")]
    assert [key for _, key, action, _ in moves(again) if action == "park"] == (
        [] if ended == "sent" else ["ada", "bea"]
    )
