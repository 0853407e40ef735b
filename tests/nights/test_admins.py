"""Roles in accounts that the tenant lists, night for night: given, taken, refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.nights.disturbed import Nights
from tests.nights.small import School, school


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
