"""Canvas compared with its ledger: what differs, and what report, adopt and repair make of it."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roster.canvas.wanted import SEPARATOR
from roster.errors import (
    CanvasNotEmpty,
    CanvasRefused,
    CanvasStuck,
    CanvasUnreachable,
    ImportOpen,
    LedgerBehind,
    LedgerMoved,
)
from roster.import_options import NONE
from roster.ledger import Ledger
from roster.ledger_backup import backup, restore
from roster.ledger_rows import decoded
from roster.reconciling.outcome import Then
from roster.safety import OPEN
from roster.steps import Done
from roster.steps.plan import Asked, make_plan
from roster.steps.promote import by_decision
from roster_airflow.reconciling import begin, finish, wait_for
from tests.nights.disturbed import Nights
from tests.nights.small import SECTIONS, School, school, write_artefact


def reconciled(nights: Nights, then: Then = "report") -> Done:
    loading, night = nights.loading, nights.night()
    begin(loading, night, "test", then)
    return wait_for(lambda: finish(loading, night, "test", then), lambda: None)


def differences(nights: Nights, done: Done) -> dict[tuple[str, str], tuple[str, str]]:
    """file, key → kind, columns."""
    rows = nights.table(done, "differences.parquet")
    return {(row["file"], row["key"]): (row["kind"], row["columns"]) for row in rows.to_dicts()}


def changes(nights: Nights, source: School) -> dict[tuple[str, str], str]:
    """file, key → why of what the next night plans."""
    _, plan = nights.plan(source)
    rows = nights.table(plan, "changes.parquet")
    return {(row["file"], row["key"]): row["why"] for row in rows.to_dicts()}


def user(nights: Nights, key: str) -> dict[str, Any]:
    return next(one for one in nights.canvas.state()["users"] if one["user_id"] == key)


@pytest.fixture
def loaded(nights: Nights) -> Nights:
    nights.play(school())
    return nights


def by_hand(nights: Nights) -> None:
    """Somebody renames a pupil and a section, and removes another pupil's log-in."""
    nights.canvas.edit("user", "p01", name="First-p01 Renamed", sortable_name="Renamed, First-p01")
    nights.canvas.edit("section", "algebra", name="Algebra by hand")
    nights.canvas.edit("login", "p02", state="suspended")


FOUND = {
    ("users.csv", "p01"): ("different", "last_name"),
    ("users.csv", "p02"): ("state", "status"),
    ("sections.csv", "algebra"): ("different", "name"),
}


def test_a_canvas_that_took_a_night_does_not_differ_from_its_ledger(loaded: Nights) -> None:
    before = loaded.loading.ledger.versions()
    done = reconciled(loaded)
    assert differences(loaded, done) == {}
    assert loaded.content(done, "reconcile.json")["compared"]["enrollments.csv"] == 28
    assert loaded.loading.ledger.versions() == before


def test_what_people_changed_is_reported_and_nothing_is_done_about_it(loaded: Nights) -> None:
    by_hand(loaded)
    before = loaded.loading.ledger.versions()
    done = reconciled(loaded)
    assert differences(loaded, done) == FOUND
    assert done["counts"]["by_hand"] == 3
    assert loaded.loading.ledger.versions() == before
    assert changes(loaded, school()) == {}
    page = (Path(loaded.loading.ledger.store.root) / done["path"] / "report.html").read_text(encoding="utf-8")
    assert "Algebra by hand" not in page
    assert "algebra" in page


def test_what_is_adopted_stays_until_the_source_says_something_else(loaded: Nights) -> None:
    by_hand(loaded)
    reconciled(loaded, "adopt")
    assert differences(loaded, reconciled(loaded)) == {}
    assert changes(loaded, school()) == {}
    loaded.play(school().retitled("biology", "Biology 2"))
    assert user(loaded, "p01")["name"] == "First-p01 Renamed"
    source = school().retitled("biology", "Biology 2").renamed("p01", "Married")
    assert changes(loaded, source) == {("users.csv", "p01"): "update"}


def test_an_accepted_value_goes_along_where_another_column_changes(loaded: Nights) -> None:
    by_hand(loaded)
    reconciled(loaded, "adopt")
    moved = school()
    night, plan = loaded.plan(moved.retitled("algebra", "Algebra 9"))
    (change,) = loaded.table(plan, "changes.parquet").to_dicts()
    assert json.loads(change["new"])["name"] == "Algebra 9"
    assert json.loads(change["old"])["name"] == "Algebra by hand"
    loaded.load(night, plan)


def test_what_is_repaired_comes_back_in_an_import_that_writes_over_what_people_changed(loaded: Nights) -> None:
    by_hand(loaded)
    reconciled(loaded, "repair")
    night, plan = loaded.plan(school())
    rows = loaded.table(plan, "changes.parquet")
    assert dict(rows.select("key", "why").iter_rows()) == {"p01": "update", "p02": "back", "algebra": "update"}
    (stage,) = loaded.content(plan, "plan.json")["stages"]
    assert stage["options"] == {"override_sis_stickiness": True, "clear_sis_stickiness": True}
    loaded.load(night, plan)
    assert user(loaded, "p01")["name"] == "First-p01 Family-p01"
    assert user(loaded, "p02")["state"] == "active"
    assert changes(loaded, school()) == {}
    assert differences(loaded, reconciled(loaded)) == {}


def test_a_repair_undoes_an_adoption(loaded: Nights) -> None:
    by_hand(loaded)
    reconciled(loaded, "adopt")
    reconciled(loaded, "repair")
    assert set(changes(loaded, school())) == set(FOUND)


def test_what_is_gone_is_missing_and_comes_back_or_stays_gone(loaded: Nights) -> None:
    key = SEPARATOR.join(("algebra", "p01", "student"))
    loaded.loading.ledger.reconcile(
        loaded.loading.ledger.current()[2].with_columns(
            key=pl.col("key").str.replace("p01\x1fstudent", "p99\x1fstudent"),
            row=pl.when(pl.col("file") == "enrollments.csv")
            .then(pl.col("row").str.replace('"p01"', '"p99"', literal=True))
            .otherwise("row"),
        ),
        {},
        version=1,
        run="",
        now=loaded.clock(),
    )
    found = differences(loaded, reconciled(loaded))
    gone = SEPARATOR.join(("algebra", "p99", "student"))
    assert (found["enrollments.csv", key][0], found["enrollments.csv", gone][0]) == ("extra", "missing")
    reconciled(loaded, "adopt")
    assert differences(loaded, reconciled(loaded)) == {}
    assert ("enrollments.csv", key) not in changes(loaded, school())


def test_rows_in_doubt_are_settled_by_what_canvas_has(loaded: Nights) -> None:
    loaded.canvas.fault("fail_halfway", share=0.5, times=1)
    renamed = school().renamed("p03", "Doubtful").renamed("p04", "Uncertain")
    loaded.play(renamed)
    _, _, rows = loaded.loading.ledger.current()
    assert rows["doubt"].null_count() == rows.height - 2
    done = reconciled(loaded)
    assert {kind for kind, _ in differences(loaded, done).values()} == {"settled"}
    _, _, rows = loaded.loading.ledger.current()
    assert rows["doubt"].null_count() == rows.height
    last = loaded.loading.ledger.settled(loaded.loading.ledger.versions()[0])
    assert last.outcome == "reconciled"
    loaded.play(renamed)
    assert differences(loaded, reconciled(loaded)) == {}


def test_a_canvas_that_has_data_gets_its_first_ledger_and_then_plans_what_differs(loaded: Nights) -> None:
    fresh = without_ledger(loaded)
    with pytest.raises(CanvasNotEmpty, match="then = adopt"):
        fresh.play(school())
    reconciled(fresh, "adopt")
    assert changes(fresh, school()) == {}
    _, _, rows = fresh.loading.ledger.current()
    assert set(rows.filter(pl.col("file") == "sections.csv")["school"]) == {"north", "south"}
    differing = school().renamed("p05", "Wed").joining("drawing", "p01").with_pupil("p77", "algebra")
    assert changes(fresh, differing) == {
        ("users.csv", "p05"): "update",
        ("users.csv", "p77"): "create",
        ("enrollments.csv", SEPARATOR.join(("drawing", "p01", "student"))): "create",
        ("enrollments.csv", SEPARATOR.join(("algebra", "p77", "student"))): "create",
    }


def without_ledger(nights: Nights) -> Nights:
    """The same Canvas, of which nobody knows what it was given."""
    ledger = Ledger(nights.loading.ledger.store, "lost.example", "1")
    loading = dataclasses.replace(nights.loading, ledger=ledger)
    return Nights(nights.home, nights.tenant, nights.canvas, loading, nights.clock)


def test_of_fourteen_thousand_enrolments_exactly_the_one_percent_that_differ_are_planned(nights: Nights) -> None:
    people = {f"p{number:04}": f"Family-{number}" for number in range(3500)}
    places = {(section, one, "student") for section in SECTIONS for one in people}
    differing = sorted(places)[::100]
    joining, leaving = set(differing[::2]), set(differing[1::2])
    nights.play(School(people, frozenset(places - joining), frozenset()))
    fresh = without_ledger(nights)
    reconciled(fresh, "adopt")
    planned = changes(fresh, School(people, frozenset(places - leaving), frozenset()))
    assert len(places) == 14_000
    assert planned == {
        ("enrollments.csv", SEPARATOR.join(place)): "create" if place in joining else "drop" for place in differing
    }


def test_nothing_is_reconciled_over_an_import(loaded: Nights) -> None:
    weekly = loaded.night()
    begin(loaded.loading, weekly, "test", "report")
    loaded.play(school().renamed("p01", "Meanwhile"))
    with pytest.raises(LedgerMoved):
        finish(loaded.loading, weekly, "test", "repair")
    loaded.canvas.fault("stuck", state="importing", times=1)
    night, plan = loaded.plan(school())
    loaded.loading.load(night, plan["path"])
    with pytest.raises(ImportOpen):
        begin(loaded.loading, weekly, "test", "report")


@pytest.mark.parametrize(
    ("fault", "options", "error"),
    [
        ("report_ends", {"state": "error"}, CanvasRefused),
        ("report_file", {"what": "expired"}, CanvasRefused),
        ("report_file", {"what": "broken"}, CanvasRefused),
        ("report_file", {"what": "cut"}, CanvasUnreachable),
    ],
)
def test_a_report_that_fails_changes_nothing_and_says_so(
    loaded: Nights, fault: str, options: dict[str, str], error: type[Exception]
) -> None:
    by_hand(loaded)
    before = loaded.loading.ledger.versions()
    loaded.canvas.fault(fault, times=1, **options)
    with pytest.raises(error, match="again"):
        reconciled(loaded, "adopt")
    assert loaded.loading.ledger.versions() == before


def test_a_report_is_waited_for(loaded: Nights) -> None:
    loaded.canvas.fault("slow_report", seconds=0.05, times=1)
    weekly = loaded.night()
    begin(loaded.loading, weekly, "test", "report")
    assert finish(loaded.loading, weekly, "test", "report") is None
    assert wait_for(lambda: finish(loaded.loading, weekly, "test", "report"), lambda: None)


def test_a_report_that_never_ends_has_a_deadline(loaded: Nights) -> None:
    loaded.canvas.fault("slow_report", seconds=None)
    weekly = loaded.night()
    begin(loaded.loading, weekly, "test", "report")
    loaded.clock.forward(hours=5)
    with pytest.raises(CanvasStuck, match="still running"):
        finish(loaded.loading, weekly, "test", "report")


def test_two_people_who_were_merged_are_named_and_nothing_else_of_them_differs(loaded: Nights) -> None:
    loaded.canvas.by_hand("merge", user="p01", into="p02")
    done = reconciled(loaded)
    found = loaded.table(done, "differences.parquet")
    assert found.select("kind", "key", "other").rows() == [("merged", "p01", "p02")]
    reconciled(loaded, "repair")
    assert changes(loaded, school()) == {}


def test_a_section_that_is_taught_in_another_course_is_at_home_where_it_was(loaded: Nights) -> None:
    loaded.canvas.by_hand("cross_list", section="algebra", course="biology")
    done = reconciled(loaded)
    assert differences(loaded, done) == {}
    assert loaded.content(done, "reconcile.json")["left_out"]["sections that are taught in another course"] == 1


def test_somebody_who_was_refused_and_is_there_by_now_is_in_the_ledger_once(loaded: Nights) -> None:
    source = school().with_pupil("p13", "algebra")
    loaded.canvas.fault("refuse_rows", file="users.csv", pattern="p13", times=1)
    loaded.play(source)
    loaded.canvas.by_hand("make", kind="user", name="By Hand", sis_id="p13", login_id="p13@small.test")
    reconciled(loaded, "adopt")
    _, _, rows = loaded.loading.ledger.current()
    (row,) = rows.filter(pl.col("key") == "p13").to_dicts()
    assert (decoded(row["row"])["first_name"], row["refused"]) == ("By Hand", None)


def test_what_people_make_and_remove_by_hand(loaded: Nights) -> None:
    """Of what is made by hand only what has a SIS id of its own is ours to know."""
    loaded.canvas.by_hand("enrol", section="drawing", user="p01", role="ta")
    loaded.canvas.by_hand("make", kind="user", name="By Hand", sis_id="h1", login_id="h1@x.org")
    loaded.canvas.by_hand("enrol", section="algebra", user="p01", state="deleted")
    loaded.canvas.by_hand("remove", kind="section", which="chemistry")
    found = differences(loaded, reconciled(loaded))
    lost = {("enrollments.csv", key): ("state", "status") for key in _of_section("chemistry")}
    assert found == lost | {
        ("users.csv", "h1"): ("extra", "user_id,login_id,first_name,last_name,email,status"),
        ("enrollments.csv", SEPARATOR.join(("algebra", "p01", "student"))): ("state", "status"),
        ("sections.csv", "chemistry"): ("state", "status"),
    }
    reconciled(loaded, "adopt")
    assert changes(loaded, school()) == {("users.csv", "h1"): "drop"}  # the source governs what was taken in
    assert differences(loaded, reconciled(loaded)) == {}


def _of_section(section: str) -> set[str]:
    return {SEPARATOR.join(place) for place in school().places if place[0] == section}


def test_what_was_removed_by_hand_is_brought_back_by_a_repair(loaded: Nights) -> None:
    loaded.canvas.by_hand("enrol", section="algebra", user="p01", state="deleted")
    loaded.canvas.by_hand("remove", kind="section", which="chemistry")
    reconciled(loaded, "repair")
    loaded.play(school())
    loaded.play(school())
    assert differences(loaded, reconciled(loaded)) == {}
    assert changes(loaded, school()) == {}


def parts(nights: Nights, source: School) -> dict[tuple[str, str], tuple[str, str]]:
    """file, key → why, part of what the next night plans."""
    _, plan = nights.plan(source)
    rows = nights.table(plan, "changes.parquet")
    return {(row["file"], row["key"]): (row["why"], row["part"]) for row in rows.to_dicts()}


def test_what_was_taken_in_and_no_source_ever_had_is_not_dropped_without_a_release(loaded: Nights) -> None:
    loaded.canvas.by_hand("make", kind="user", name="Other School", sis_id="h1", login_id="h1@x.org")
    fresh = without_ledger(loaded)
    reconciled(fresh, "adopt")
    fresh.tenant = fresh.tenant.model_copy(
        update={"safety": fresh.tenant.safety.model_copy(update={"per_school": False})}
    )
    found = parts(fresh, school().leaving("algebra", "p01"))
    assert found == {
        ("users.csv", "h1"): ("drop", "held"),
        ("enrollments.csv", SEPARATOR.join(("algebra", "p01", "student"))): ("drop", "free"),
    }


def test_who_was_let_in_again_by_hand_stays_where_that_is_adopted(loaded: Nights) -> None:
    left = school().leaving("algebra", "p01")
    loaded.play(left)
    loaded.canvas.by_hand("enrol", section="algebra", user="p01", state="active")
    place = ("enrollments.csv", SEPARATOR.join(("algebra", "p01", "student")))
    assert differences(loaded, reconciled(loaded, "adopt")) == {place: ("state", "status")}
    assert changes(loaded, left) == {}
    loaded.play(school())
    assert changes(loaded, left) == {place: "drop"}


def test_who_was_suspended_by_hand_and_adopted_is_left_alone_when_the_source_renames_them(loaded: Nights) -> None:
    loaded.canvas.edit("login", "p02", state="suspended")
    reconciled(loaded, "adopt")
    assert changes(loaded, school().renamed("p02", "Wed")) == {}


def test_a_ledger_that_is_older_than_canvas_is_made_what_canvas_has(loaded: Nights) -> None:
    """As the message of LedgerBehind says."""
    store, ledger = loaded.loading.ledger.store, loaded.loading.ledger
    kept = backup(ledger, loaded.clock())
    time.sleep(1.1)  # Canvas tells the second only
    loaded.play(school().renamed("p03", "Later"))
    restore(Ledger(store, ledger.host, ledger.account), kept, loaded.clock(), instead=True)
    with pytest.raises(LedgerBehind):
        loaded.plan(school())
    reconciled(loaded, "adopt")
    assert changes(loaded, school().renamed("p03", "Later")) == {}


def test_rows_that_were_adopted_lie_in_the_store_once(loaded: Nights) -> None:
    ledger = loaded.loading.ledger
    by_hand(loaded)
    before = len(ledger.store.names(f"{ledger.path}/rows"))
    reconciled(loaded, "adopt")
    assert len(ledger.store.names(f"{ledger.path}/rows")) == before + 1


def test_who_is_killed_while_writing_the_ledger_is_followed_by_the_next_who_settles(
    loaded: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand(loaded)
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "settle_reconciled", _killed)
        with pytest.raises(KeyboardInterrupt):
            reconciled(loaded, "adopt")
    assert loaded.loading.ledger.open_intent() is not None
    assert changes(loaded, school()) == {}
    assert loaded.loading.ledger.open_intent() is None
    assert loaded.loading.ledger.settled(2).facts["then"] == "adopt"


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_in_production_what_writes_over_a_persons_change_is_held_and_nothing_else(loaded: Nights) -> None:
    by_hand(loaded)
    loaded.canvas.by_hand("enrol", section="drawing", user="p03", state="deleted")
    reconciled(loaded, "repair")
    night = loaded.night()
    gate = by_decision(OPEN, NONE)
    source = write_artefact(night, school().renamed("p09", "Wed"))
    plan = make_plan(night, source["path"], loaded.loading.ledger, Asked(), gate)
    rows = loaded.table(plan, "changes.parquet")
    held = rows.filter(pl.col("part") == "held")
    assert set(held.select("file", "key").iter_rows()) == set(FOUND)
    assert {why.partition(":")[0] for whys in held["holds"] for why in whys} == {"by-hand"}
    back = SEPARATOR.join(("drawing", "p03", "student"))  # no import leaves that alone
    assert rows.filter(pl.col("part") == "free")["key"].to_list() == ["p09", back]


def test_a_ledger_that_is_behind_canvas_is_mended_by_adopting(loaded: Nights) -> None:
    behind, night = without_ledger(loaded), loaded.night()
    loaded.clock.forward(minutes=-1)  # Canvas tells whole seconds
    begin(behind.loading, night, "test", "adopt")
    finish(behind.loading, night, "test", "adopt")
    loaded.play(school().renamed("p01", "Since"))
    with pytest.raises(LedgerBehind):
        behind.loading.settle_open()
    for then in ("report", "repair"):  # a later entry would make what it lacks look known
        with pytest.raises(LedgerBehind):
            reconciled(behind, then)
    reconciled(behind, "adopt")
    assert behind.loading.settle_open() is None
    assert changes(behind, school().renamed("p01", "Since")) == {}


def test_who_was_found_shut_out_and_is_on_the_roster_is_let_in_again_over_what_a_person_did(loaded: Nights) -> None:
    loaded.canvas.edit("login", "p03", state="suspended")
    loaded.loading.ledger.store.remove("ledgers")
    reconciled(loaded, "adopt")
    loaded.play(school())
    assert differences(loaded, reconciled(loaded)) == {}
    assert user(loaded, "p03")["state"] == "active"


def test_a_display_name_that_was_adopted_is_no_difference_and_a_repair_brings_back_the_sources(loaded: Nights) -> None:
    loaded.canvas.edit("user", "p01", name="Al")
    assert differences(loaded, reconciled(loaded, "adopt")) == {
        ("users.csv", "p01"): ("different", "first_name,last_name")
    }
    assert differences(loaded, reconciled(loaded)) == {}
    loaded.play(school())
    assert user(loaded, "p01")["name"] == "Al"
    reconciled(loaded, "repair")
    loaded.play(school())
    assert user(loaded, "p01")["name"] == "First-p01 Family-p01"
    assert differences(loaded, reconciled(loaded)) == {}


@pytest.mark.parametrize("night_between", [False, True])
def test_what_people_changed_before_the_first_ledger_is_brought_back_by_a_repair(
    loaded: Nights, night_between: bool
) -> None:
    """Nobody can tell then that they did: Canvas leaves an import's word alone, and says nothing."""
    loaded.canvas.edit("section", "algebra", name="Y")
    loaded.canvas.edit("user", "p01", name="Al")
    loaded.loading.ledger.store.remove("ledgers")
    reconciled(loaded, "adopt")
    if night_between:
        loaded.play(school())
        assert differences(loaded, reconciled(loaded)) == {
            ("sections.csv", "algebra"): ("different", "name"),
            ("users.csv", "p01"): ("different", "first_name,last_name"),
        }
    reconciled(loaded, "repair")
    marked = loaded.loading.ledger.current()[2].filter("by_hand")
    assert set(marked.select("file", "key").iter_rows()) == {("sections.csv", "algebra"), ("users.csv", "p01")}
    loaded.play(school())
    assert differences(loaded, reconciled(loaded)) == {}
    loaded.assert_right(school())


def test_what_was_repaired_is_the_sources_from_then_on(loaded: Nights) -> None:
    loaded.canvas.edit("section", "algebra", name="Y")
    loaded.canvas.edit("user", "p01", name="Al")
    reconciled(loaded, "repair")
    loaded.play(school())
    after = school().renamed("p01", "Married").retitled("algebra", "Algebra II")
    loaded.play(after)
    assert differences(loaded, reconciled(loaded)) == {}
    loaded.assert_right(after)
