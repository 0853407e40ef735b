"""Roles in accounts that the tenant lists, night for night: given, taken, refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest

from roster.canvas.wanted import SEPARATOR
from roster.errors import CanvasNotEmpty
from roster.import_options import NONE
from roster.reconciling.outcome import Then
from roster.safety import OPEN
from roster.steps.plan import Asked, make_plan
from roster.steps.promote import by_decision
from roster.tenants import Tenant
from roster_airflow.reconciling import matter_of
from tests.nights.disturbed import Nights
from tests.nights.small import School, school, write_artefact
from tests.nights.test_reconcile import differences, reconciled, without_ledger


@dataclass(frozen=True)
class Office(School):
    """admins: user, account, role."""

    admins: frozenset[tuple[str, str, str]] = frozenset()

    def rows(self) -> Iterator[tuple[str, str | None, dict[str, str]]]:
        yield from super().rows()
        for user, account, role in self.admins:
            yield "admins.csv", account, {"user_id": user, "account_id": account, "role": role, "status": "active"}


def office(*admins: tuple[str, str, str]) -> Office:
    plain = school()
    return Office(plain.people, plain.places, plain.links, plain.sections, frozenset(admins))


T1, T2, G1 = (("t1", "north", "AccountAdmin"), ("t2", "south", "AccountAdmin"), ("g1", "north", "AccountAdmin"))


def there(nights: Nights) -> set[tuple[str, str, str]]:
    found = nights.canvas.state()["admins"]
    return {(one["user_id"], one["account_id"], one["role"]) for one in found if one["state"] == "active"}


def planned(nights: Nights, small: School, **asked: Any) -> list[tuple[str, str, str]]:
    _, plan = nights.plan(small, **asked)
    return [*nights.table(plan, "changes.parquet").select("file", "key", "why").iter_rows()]


def test_a_role_is_given_once_and_taken_when_it_is_off_the_list(nights: Nights) -> None:
    nights.play(office(T1, T2, G1))
    assert there(nights) == {T1, T2, G1}
    assert planned(nights, office(T1, T2, G1)) == []
    nights.play(office(T1, T2))
    assert there(nights) == {T1, T2}
    assert planned(nights, office(T1, T2)) == []


def test_who_leaves_loses_the_role_with_the_account(nights: Nights) -> None:
    nights.play(office(T1, T2, G1))
    gone = office(T1, T2).without("g1")
    nights.play(gone)
    assert there(nights) == {T1, T2}
    (state,) = [one["state"] for one in nights.canvas.state()["users"] if one["user_id"] == "g1"]
    assert state == "suspended"


def test_a_list_that_shrinks_too_much_waits_for_a_person(nights: Nights) -> None:
    nights.play(office(T1, T2))
    nights.play(office())
    assert there(nights) == {T1, T2}
    assert {file for file, _ in nights.held()} == {"admins.csv"}


def test_a_role_that_canvas_does_not_have_is_refused_and_read(nights: Nights) -> None:
    done = nights.play(office(T1, ("t2", "south", "Office")))
    assert there(nights) == {T1}
    problems = nights.table(done, "problems.parquet").select("file", "outcome", "rule")
    assert [*problems.iter_rows()] == [("admins.csv", "refused", "canvas-admin-role")]
    again = planned(nights, office(T1, ("t2", "south", "Office")))
    assert [why for *_, why in again] == ["create"]


@pytest.fixture
def staffed(nights: Nights, tenant: Callable[..., Tenant]) -> Nights:
    nights.tenant = tenant(admins={})
    nights.play(office(T1, T2, G1))
    return nights


def line(right: tuple[str, str, str]) -> tuple[str, str]:
    return "admins.csv", SEPARATOR.join(right)


def held_in_production(nights: Nights, small: School) -> list[tuple[str, str, list[str]]]:
    """Key, why and holds of the rights that production would hold in phase live."""
    night = nights.night()
    source = write_artefact(night, small)
    plan = make_plan(night, source["path"], nights.loading.ledger, Asked(), by_decision(OPEN, NONE))
    held = nights.table(plan, "changes.parquet").filter(file="admins.csv", part="held")
    return [
        (row["key"], row["why"], [why.partition(":")[0] for why in row["holds"]])
        for row in held.select("key", "why", "holds").to_dicts()
    ]


def test_rights_that_canvas_took_do_not_differ_from_the_ledger(staffed: Nights) -> None:
    done = reconciled(staffed)
    assert differences(staffed, done) == {}
    assert staffed.content(done, "reconcile.json")["compared"]["admins.csv"] == 3


def test_a_right_that_somebody_took_away_is_told_adopted_or_given_again(staffed: Nights) -> None:
    staffed.canvas.by_hand("right", user="t1", account="north", state="deleted")
    assert differences(staffed, reconciled(staffed)) == {line(T1): ("state", "status")}
    assert planned(staffed, office(T1, T2, G1)) == []

    reconciled(staffed, "adopt")
    assert differences(staffed, reconciled(staffed)) == {}
    assert planned(staffed, office(T1, T2, G1)) == []

    reconciled(staffed, "repair")
    assert held_in_production(staffed, office(T1, T2, G1)) == [(line(T1)[1], "back", ["by-hand"])]
    staffed.play(office(T1, T2, G1))
    assert there(staffed) == {T1, T2, G1}
    assert differences(staffed, reconciled(staffed)) == {}
    assert planned(staffed, office(T1, T2, G1)) == []


def test_a_right_that_canvas_has_nothing_of_is_missing_and_given_again_by_a_release(staffed: Nights) -> None:
    ledger = staffed.loading.ledger
    version, _, rows = ledger.current()
    never = ("t2", "north", "AccountAdmin")
    more = rows.filter(pl.col("key") == line(T2)[1]).with_columns(
        key=pl.lit(line(never)[1]), row=pl.col("row").str.replace("south", "north", literal=True)
    )
    ledger.reconcile(pl.concat([rows, more]).sort("file", "key"), {}, version=version, run="", now=staffed.clock())
    assert differences(staffed, reconciled(staffed)) == {line(never): ("missing", "")}
    reconciled(staffed, "repair")
    assert held_in_production(staffed, office(T1, T2, G1, never)) == [(line(never)[1], "back", ["by-hand"])]
    staffed.play(office(T1, T2, G1, never))
    assert there(staffed) == {T1, T2, G1, never}


def test_a_right_that_somebody_gave_back_is_kept_or_taken_by_a_release(staffed: Nights) -> None:
    staffed.play(office(T1, T2))
    staffed.canvas.by_hand("right", user="g1", account="north")
    assert differences(staffed, reconciled(staffed)) == {line(G1): ("state", "status")}
    reconciled(staffed, "adopt")
    assert planned(staffed, office(T1, T2)) == []
    reconciled(staffed, "repair")
    assert held_in_production(staffed, office(T1, T2)) == [(line(G1)[1], "drop", ["by-hand"])]
    staffed.play(office(T1, T2))
    assert there(staffed) == {T1, T2}


@pytest.mark.parametrize("then", ["adopt", "repair"])
def test_a_right_that_somebody_gave_is_told_and_stays_whatever_is_decided(staffed: Nights, then: Then) -> None:
    staffed.canvas.by_hand("right", user="p05", account="south")
    staffed.canvas.by_hand("right", user="t1", account=1)
    done = reconciled(staffed)
    by_hand = ("p05", "south", "AccountAdmin")
    assert differences(staffed, done) == {line(by_hand): ("theirs", "user_id,account_id,role,status")}
    assert staffed.content(done, "reconcile.json")["left_out"]["rights in accounts without a SIS id"] == 1
    assert not matter_of(done, "test", "report").stands
    reconciled(staffed, then)
    assert planned(staffed, office(T1, T2, G1)) == []
    assert by_hand in there(staffed)


def test_a_first_ledger_has_the_rights_that_imports_gave(staffed: Nights) -> None:
    staffed.canvas.by_hand("right", user="p05", account="south")
    fresh = without_ledger(staffed)
    with pytest.raises(CanvasNotEmpty):
        fresh.play(office(T1, T2))
    reconciled(fresh, "adopt")
    assert planned(fresh, office(T1, T2, G1)) == []
    _, plan = fresh.plan(office(T1, T2))
    (drop,) = fresh.table(plan, "changes.parquet").to_dicts()
    assert ((drop["file"], drop["key"]), drop["why"], drop["part"]) == (line(G1), "drop", "held")
    assert any(why.startswith("adopted:") for why in drop["holds"])


def test_rights_in_doubt_are_settled_by_what_canvas_has(staffed: Nights) -> None:
    more = (("t1", "south", "AccountAdmin"), ("t2", "north", "AccountAdmin"))
    staffed.canvas.fault("fail_halfway", share=0.5, times=1)
    staffed.play(office(T1, T2, G1, *more))
    found = differences(staffed, reconciled(staffed))
    assert {key: kind for key, (kind, _) in found.items()} == {line(right): "settled" for right in more}
    staffed.play(office(T1, T2, G1, *more))
    assert there(staffed) == {T1, T2, G1, *more}
    assert differences(staffed, reconciled(staffed)) == {}


def test_the_rights_of_merged_people_are_neither_missing_nor_extra(staffed: Nights) -> None:
    staffed.canvas.by_hand("merge", user="t1", into="t2")
    found = staffed.table(reconciled(staffed), "differences.parquet")
    assert found.select("kind", "key", "other").rows() == [("merged", "t1", "t2")]
