"""Sections that the tenant cross-lists, night for night: listed, left, taken back, refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import polars as pl
import pytest

from roster.errors import CanvasNotEmpty
from roster.evidence import Standing
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
from tests.roster_sandbox.canvas.conftest import Client


@dataclass(frozen=True)
class Listing(School):
    """lists: section → the course that it is listed in. homes: section → its course, where that is not its own."""

    lists: dict[str, str] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()

    def rows(self) -> Iterator[tuple[str, str | None, dict[str, str]]]:
        for file, account, row in super().rows():
            if row.get("section_id") in self.gone:
                continue
            yield (
                file,
                account,
                row | {"course_id": self.homes.get(row["section_id"], row["course_id"])}
                if (file == "sections.csv")
                else row,
            )
        for section, course in self.lists.items():
            yield "xlists.csv", "north", {"xlist_course_id": course, "section_id": section, "status": "active"}


def listing(**lists: str) -> Listing:
    plain = school()
    return Listing(plain.people, plain.places, plain.links, plain.sections, lists)


def where(nights: Nights, name: str) -> tuple[str, str | None]:
    """The course that the section is in, and its home course where that is another."""
    (found,) = [one for one in nights.canvas.state()["sections"] if one["section_id"] == name]
    return found["course_id"], found["home_course_id"]


def planned(nights: Nights, small: School, **asked: Any) -> list[tuple[str, str, str]]:
    _, plan = nights.plan(small, **asked)
    changes = nights.table(plan, "changes.parquet")
    return [*changes.select("file", "key", "why").iter_rows()]


def test_a_section_is_listed_stays_so_and_is_taken_back_when_it_is_off_the_list(nights: Nights) -> None:
    nights.play(listing(algebra="biology"))
    assert where(nights, "algebra") == ("biology", "algebra")
    assert planned(nights, listing(algebra="biology")) == []

    nights.play(listing(algebra="biology", biology="drawing", chemistry="drawing"))
    nights.play(listing(algebra="chemistry", biology="drawing", chemistry="drawing"))
    assert where(nights, "algebra") == ("chemistry", "algebra")
    nights.play(listing(algebra="chemistry", biology="drawing"))
    assert (where(nights, "chemistry"), where(nights, "biology")) == (("chemistry", None), ("drawing", "biology"))


def test_a_list_that_shrinks_too_much_waits_for_a_person(nights: Nights) -> None:
    nights.play(listing(algebra="biology"))
    nights.play(listing())
    assert where(nights, "algebra") == ("biology", "algebra")
    assert ("xlists.csv", "algebra") in nights.held()


def test_a_section_whose_home_course_changes_is_listed_again_at_once(nights: Nights) -> None:
    nights.play(listing(algebra="biology"))
    moved = replace(listing(algebra="biology"), homes={"algebra": "chemistry"})
    assert planned(nights, moved) == [("sections.csv", "algebra", "update"), ("xlists.csv", "algebra", "resend")]
    nights.play(moved)
    assert where(nights, "algebra") == ("biology", "chemistry")
    assert planned(nights, moved) == []


def test_a_section_that_is_gone_stays_where_it_is_listed(nights: Nights) -> None:
    nights.play(listing(algebra="biology"))
    _, plan = nights.plan(replace(listing(), gone=frozenset({"algebra"})))
    left = [*nights.table(plan, "left.parquet").filter(file="xlists.csv").select("key", "reason").iter_rows()]
    assert left == [("algebra", "kept")]
    assert "xlists.csv" not in set(nights.table(plan, "changes.parquet")["file"])


def test_what_is_not_proven_to_be_off_the_list_stays(nights: Nights) -> None:
    nights.play(listing(algebra="biology", chemistry="biology", drawing="biology"))
    unproven = listing(algebra="biology", chemistry="biology")
    standing = Standing(
        run_date=nights.night().run_date, deliveries={"clever": "later"}, complete=False, proven=False
    ).model_dump(mode="json")
    night = nights.night()
    plan = make_plan(night, write_artefact(night, unproven, standing=standing)["path"], nights.loading.ledger, Asked())
    left = [*nights.table(plan, "left.parquet").filter(file="xlists.csv").select("key", "reason").iter_rows()]
    assert left == [("drawing", "not-proven")]


def test_a_row_waits_for_its_course_and_what_canvas_refuses_is_read(nights: Nights) -> None:
    nights.play(listing())
    _, plan = nights.plan(listing(algebra="nobodys"))
    assert [*nights.table(plan, "waiting.parquet").select("file", "key").iter_rows()] == [("xlists.csv", "algebra")]

    with httpx.Client(
        base_url=nights.canvas.url, headers={"Authorization": f"Bearer {nights.canvas.token}"}, trust_env=False
    ) as http:
        Client(nights.canvas, http).load({"c.csv": "old_id,new_id,type\nalgebra,somebody-elses,section\n"})
    done = nights.play(listing(algebra="biology"))
    problems = nights.table(done, "problems.parquet").select("file", "key", "outcome", "rule")
    assert [*problems.iter_rows()] == [("xlists.csv", "algebra", "refused", "canvas-cross-list-unknown-section")]


BOTH = listing(algebra="biology", drawing="biology")


@pytest.fixture
def listed(nights: Nights, tenant: Callable[..., Tenant]) -> Nights:
    nights.tenant = tenant(cross_list={}, admins={})
    nights.play(BOTH)
    return nights


ALGEBRA = ("xlists.csv", "algebra")


def test_a_comparison_takes_a_listed_section_for_what_it_is(listed: Nights) -> None:
    done = reconciled(listed)
    assert differences(listed, done) == {}
    assert listed.content(done, "reconcile.json")["compared"]["xlists.csv"] == 2


@pytest.mark.parametrize(
    ("course", "kind", "columns"), [(None, "missing", ""), ("chemistry", "different", "xlist_course_id")]
)
def test_a_section_that_somebody_moved_is_told_adopted_or_brought_back(
    listed: Nights, course: str | None, kind: str, columns: str
) -> None:
    listed.canvas.by_hand("cross_list", section="algebra", course=course)
    moved = where(listed, "algebra")
    assert differences(listed, reconciled(listed)) == {ALGEBRA: (kind, columns)}
    assert planned(listed, BOTH) == []

    reconciled(listed, "adopt")
    assert differences(listed, reconciled(listed)) == {}
    retitled = {**school().sections, "chemistry": "Chemistry 2"}
    listed.play(replace(BOTH, sections=retitled))
    assert where(listed, "algebra") == moved
    off_the_list = planned(listed, replace(listing(drawing="biology"), sections=retitled))
    assert off_the_list == ([] if course is None else [(*ALGEBRA, "drop")])

    reconciled(listed, "repair")
    listed.play(BOTH)
    assert where(listed, "algebra") == ("biology", "algebra")
    assert differences(listed, reconciled(listed)) == {}
    assert planned(listed, BOTH) == []


@pytest.mark.parametrize("course", [None, "chemistry"])
def test_in_production_to_bring_a_section_back_waits_for_a_release(listed: Nights, course: str | None) -> None:
    listed.canvas.by_hand("cross_list", section="algebra", course=course)
    reconciled(listed, "repair")
    night = listed.night()
    source = write_artefact(night, BOTH)
    plan = make_plan(night, source["path"], listed.loading.ledger, Asked(), by_decision(OPEN, NONE))
    (change,) = listed.table(plan, "changes.parquet").filter(pl.col("file") == "xlists.csv").to_dicts()
    assert change["part"] == "held"
    assert any(why.startswith("by-hand:") for why in change["holds"])


@pytest.mark.parametrize("then", ["adopt", "repair"])
def test_a_section_that_somebody_listed_is_told_and_stays_whatever_is_decided(listed: Nights, then: Then) -> None:
    listed.canvas.by_hand("cross_list", section="chemistry", course="algebra")
    done = reconciled(listed)
    assert {key: kind for key, (kind, _) in differences(listed, done).items()} == {
        ("xlists.csv", "chemistry"): "theirs"
    }
    assert not matter_of(done, "test", "report").stands
    reconciled(listed, then)
    listed.play(replace(BOTH, sections={**school().sections, "chemistry": "Chemistry 2"}))
    assert where(listed, "chemistry") == ("algebra", "chemistry")
    assert "chemistry" not in set(listed.loading.ledger.current()[2].filter(file="xlists.csv")["key"])


def test_a_section_in_a_course_without_a_sis_id_counts_as_taught_at_home(listed: Nights) -> None:
    listed.canvas.by_hand(
        "cross_list", section="algebra", course=listed.canvas.by_hand("make", kind="course", name="X")
    )
    assert differences(listed, reconciled(listed)) == {ALGEBRA: ("missing", "")}


def test_a_listed_section_that_somebody_deleted_is_brought_back_as_it_was(listed: Nights) -> None:
    listed.canvas.by_hand("remove", kind="section", which="algebra")
    assert differences(listed, reconciled(listed))[ALGEBRA] == ("state", "status")
    reconciled(listed, "repair")
    listed.play(BOTH)
    listed.play(BOTH)
    assert where(listed, "algebra") == ("biology", "algebra")
    assert differences(listed, reconciled(listed)) == {}


def test_a_first_ledger_has_what_the_roster_lists_and_nothing_that_only_people_listed(listed: Nights) -> None:
    listed.canvas.by_hand("cross_list", section="chemistry", course="algebra")
    fresh = without_ledger(listed)
    with pytest.raises(CanvasNotEmpty):
        fresh.play(BOTH)
    reconciled(fresh, "adopt")
    assert planned(fresh, BOTH) == []
    assert planned(fresh, listing(drawing="biology")) == [(*ALGEBRA, "drop")]


def test_listings_in_doubt_are_settled_by_what_canvas_has(listed: Nights) -> None:
    more = listing(algebra="biology", drawing="biology", chemistry="algebra", biology="algebra")
    listed.canvas.fault("fail_halfway", share=0.5, times=1)
    listed.play(more)
    found = differences(listed, reconciled(listed))
    assert {key: kind for key, (kind, _) in found.items()} == {
        ("xlists.csv", "chemistry"): "settled",
        ("xlists.csv", "biology"): "settled",
    }
    listed.play(more)
    assert (where(listed, "chemistry"), where(listed, "biology")) == (("algebra", "chemistry"), ("algebra", "biology"))
    assert differences(listed, reconciled(listed)) == {}
