"""Which ids are changed, what waits with a change that is held, and what is left of a mapping."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl
import pytest

from roster.canvas import ID_CHANGES, change_sis_id
from roster.canvas.wanted import SEPARATOR
from roster.id_changes import without_failed
from roster.ledger_rows import decoded
from roster.plan import KEYS, Plan, Wanted, Wish
from roster.steps.plan import numbered
from tests.roster.canvas_rows import (
    EMPTY,
    Row,
    a_course,
    a_ledger,
    a_link,
    a_night,
    a_school,
    a_section,
    a_tenant,
    a_term,
    a_user,
    a_wanted,
    after,
    an_account,
    an_enrolment,
    lines,
)

# So that one of them is no more than half.
OTHERS = [a_term("spring"), *a_school("south", pupils=4)]
PLACES = [a_term(), an_account(), a_course(), a_section(), *OTHERS]
BEFORE = [*PLACES, a_user("ada"), a_user("bea"), an_enrolment("ada"), an_enrolment("bea"), a_link("bea", "ada")]
RENAME = ("change_sis_id", f"user{SEPARATOR}ada", "rename")


def a_mapping(*ids: tuple[str, str, str]) -> pl.DataFrame:
    schema = dict.fromkeys(("type", "old_id", "new_id"), pl.String)
    return change_sis_id.rows(pl.DataFrame(ids, schema=schema, orient="row"))


def wanted(
    rows: Iterable[Row], *ids: tuple[str, str, str], frozen: Sequence[tuple[str, str]] = (), **off: Any
) -> Wanted:
    return dataclasses.replace(a_wanted(rows, frozen, **off), id_changes=a_mapping(*ids))


def with_ids(rows: Iterable[Row], **ids: str) -> list[Row]:
    """The rows with other ids in whatever column holds one; log-ins, names and addresses stay."""
    held = ("user_id", "observer_id", "student_id", "section_id", "course_id", "term_id", "account_id")
    changed = []
    for row in rows:
        new = {name: ids.get(str(value), value) if name in held else value for name, value in row.items()}
        changed.append({**new, "school": ids.get(str(row["school"]), row["school"])})
    return changed


def reasons(made: Plan) -> list[tuple[str, str]]:
    return made.left.filter(pl.col("file") == ID_CHANGES).select("key", "reason").rows()


NOW = with_ids(BEFORE, ada="new-ada")
ADA = ("user", "ada", "new-ada")


def test_a_line_is_planned_before_all_else_and_is_the_whole_difference() -> None:
    made = a_night(wanted(NOW, ADA), a_ledger(BEFORE), sequence=2)
    assert lines(made.free) == [RENAME]
    (change,) = made.free.to_dicts()
    assert decoded(change["new"]) == {"old_id": "ada", "new_id": "new-ada", "type": "user"}
    assert (change["old"], change["why"], change["school"], change["limited"]) == (None, "rename", "north", True)
    assert made.left.is_empty()


def test_what_else_changed_is_planned_under_the_new_id_in_an_import_after() -> None:
    rows = [
        row | {"last_name": "Lovelace"} if row.get("user_id") == "new-ada" and "email" in row else row for row in NOW
    ]
    made = a_night(wanted(rows, ADA), a_ledger(BEFORE), sequence=2)
    assert lines(made.free) == [RENAME, ("users", "new-ada", "update")]
    assert made.free["stage"].to_list() == [1, 3]
    assert decoded(made.free["old"][1])["user_id"] == "new-ada"


def test_a_change_that_was_taken_rewrites_keys_and_references_and_plans_nothing_more() -> None:
    made = a_night(wanted(NOW, ADA), a_ledger(BEFORE), sequence=2)
    ledger = after(a_ledger(BEFORE), made.free, sequence=2)
    assert ledger.drop("sequence").equals(a_ledger(NOW).drop("sequence"))
    again = a_night(wanted(NOW, ADA), ledger, sequence=3)
    assert (again.changes.height, again.left.height) == (0, 0)


def test_every_type_is_changed_with_all_that_refers_to_it() -> None:
    types = {"north": "account", "autumn": "term", "maths": "course", "maths-1": "section", "ada": "user"}
    ids = {old: f"new {old}" for old in types}
    mapping = [(kind, old, ids[old]) for old, kind in types.items()]
    now = with_ids(BEFORE, **ids)
    made = a_night(wanted(now, *mapping), a_ledger(BEFORE), sequence=2)
    assert made.free["action"].to_list() == ["rename"] * 5
    ledger = after(a_ledger(BEFORE), made.free, sequence=2)
    assert ledger.drop("sequence").equals(a_ledger(now).drop("sequence"))


@pytest.mark.parametrize(
    ("before", "now", "reason"),
    [
        ([*PLACES], with_ids([*PLACES, a_user("ada")], ada="new-ada"), "unknown-id"),
        (BEFORE, BEFORE, "old-id-in-use"),
        ([*BEFORE, a_user("new-ada", login_id="x")], [*NOW], "new-id-taken"),
    ],
    ids=["neither", "old one still there", "both in Canvas"],
)
def test_a_line_that_can_not_be_carried_out_is_counted(before: list[Row], now: list[Row], reason: str) -> None:
    made = a_night(wanted(now, ADA), a_ledger(before), sequence=2)
    assert reasons(made) == [(RENAME[1], reason)]
    assert "rename" not in made.changes["action"].to_list()


def test_the_mapping_goes_for_files_that_are_switched_off_as_well() -> None:
    """Their rows are left in Canvas, and enrolments name them."""
    off = ("users.csv", "user_observers.csv")
    rows = [row for row in NOW if row["file"] not in off]
    made = a_night(wanted(rows, ADA, off=off), a_ledger(BEFORE), sequence=2)
    assert lines(made.changes) == [RENAME]


def test_a_row_of_a_newer_artefact_keeps_its_id_and_nobody_is_made_by_the_new_one() -> None:
    made = a_night(wanted(NOW, ADA), a_ledger(BEFORE, sequence=5), sequence=4)
    assert reasons(made) == [(RENAME[1], "newer")]
    assert made.changes.filter(pl.col("action") == "rename").is_empty()
    assert made.free.is_empty()
    assert ("users", "new-ada", "create") in lines(made.held)


def test_a_new_id_is_given_to_a_record_in_quarantine_that_is_left_as_it_is() -> None:
    rows = [row for row in NOW if "new-ada" not in row.values()]
    made = a_night(wanted(rows, ADA, frozen=[("users.csv", "new-ada")]), a_ledger(BEFORE), sequence=2)
    assert lines(made.changes) == [RENAME]


def test_an_old_id_that_is_quarantined_tonight_is_still_used() -> None:
    made = a_night(
        wanted([row for row in BEFORE if "ada" not in row.values()], ADA, frozen=[("users.csv", "ada")]),
        a_ledger(BEFORE),
        sequence=2,
    )
    assert reasons(made) == [(RENAME[1], "old-id-in-use")]


def test_two_for_one_that_are_both_in_the_roster_wait_for_a_person() -> None:
    changed = [
        row | {"first_name": "Changed"} if row.get("login_id") in ("ada.login", "bea.login") else row for row in BEFORE
    ]
    made = a_night(wanted([*changed, a_user("new-ada", login_id="x")], ADA), a_ledger(BEFORE), sequence=2)
    assert lines(made.held, "key") == [("ada",), ("new-ada",)]
    assert lines(made.free, "key") == [("bea",)]
    assert made.held["holds"][0].to_list() == ["id-change: the mapping takes two for one that are both there"]


def test_the_old_of_two_that_are_both_in_canvas_is_not_dropped_unasked() -> None:
    made = a_night(wanted(NOW, ADA), a_ledger([*BEFORE, a_user("new-ada", login_id="x")]), sequence=2)
    held = made.held.filter(pl.col("file") == "users.csv")
    assert lines(held) == [("users", "ada", "drop")]
    assert set(made.held["action"]) == {"drop"}
    assert made.held.height == 3  # with enrolment and link


def test_an_old_id_that_was_given_anew_long_after_is_left_in_peace() -> None:
    both = [*NOW, a_user("ada", login_id="another.ada")]
    made = a_night(wanted(both, ADA), a_ledger(both), sequence=2)
    assert (made.changes.height, made.left.height) == (0, 0)


def test_someone_who_was_dropped_comes_back_under_the_new_id() -> None:
    before = [*PLACES, a_user("ada"), an_enrolment("ada")]
    gone = after(a_ledger(before), a_night(PLACES, a_ledger(before)).free)
    made = a_night(wanted(with_ids(before, ada="new-ada"), ADA), gone, sequence=2)
    users = made.free.filter(pl.col("file").is_in(["users.csv", ID_CHANGES]))
    assert users.select("key", "action", "why").rows() == [
        (RENAME[1], "rename", "rename"),
        ("new-ada", "create", "back"),
    ]


def test_a_key_that_canvas_refused_under_the_new_id_gives_way() -> None:
    early = a_night(NOW, a_ledger(BEFORE), sequence=2).free.filter(pl.col("action") == "create")
    ledger = after(a_ledger(BEFORE), early, "refused", sequence=2)
    made = a_night(wanted(NOW, ADA), ledger, sequence=3)
    assert lines(made.free) == [RENAME]
    settled = after(ledger, made.free, sequence=3)
    assert settled["key"].to_list() == a_ledger(NOW)["key"].to_list()
    assert settled["refused"].null_count() == settled.height


# Limits and holds


def test_new_ids_count_as_updates_of_what_gets_them_once() -> None:
    before = [a_term(), *a_school("north", pupils=50)]
    ids = {f"north-p{number}": f"n{number}" for number in range(1, 41)}
    now = [row | {"first_name": "Other"} if row["file"] == "users.csv" else row for row in with_ids(before, **ids)]
    made = a_night(
        wanted(now, *(("user", old, new) for old, new in ids.items())),
        a_ledger(before),
        a_tenant(updated="80%"),
        sequence=2,
    )
    assert made.limits.filter(pl.col("file") == ID_CHANGES).is_empty()
    assert made.limits.filter("tripped").select("kind", "file", "school", "changed", "base").rows() == [
        ("updated", "users.csv", "north", 50, 50),
        ("updated", "users.csv", None, 50, 50),
    ]
    assert made.free.is_empty()
    assert made.held.height == 40 + 50


def test_what_needs_an_id_waits_with_it_and_nothing_of_the_old_one_is_dropped() -> None:
    before = [*PLACES, a_section("maths-2"), *(a_user(f"p{n}") for n in range(4)), an_enrolment("p0")]
    now = [*with_ids(before, p0="n0", p1="n1", p2="n2"), an_enrolment("n0", "maths-2"), an_enrolment("p3", "maths-2")]
    mapping = [("user", f"p{n}", f"n{n}") for n in range(3)]
    made = a_night(wanted(now, *mapping), a_ledger(before), a_tenant(), sequence=2)
    assert set(made.held["action"]) == {"rename", "create"}
    assert lines(made.free) == [("enrollments", f"maths-2{SEPARATOR}p3{SEPARATOR}student", "create")]
    waits = made.held.filter(pl.col("action") == "create")
    assert lines(waits, "key", "holds") == [
        (f"maths-2{SEPARATOR}n0{SEPARATOR}student", ["waits for a change of ids that is held"])
    ]
    let_go = a_night(wanted(now, *mapping), a_ledger(before), a_tenant(), sequence=3, wish=Wish(release=made.held_hash))
    assert let_go.released
    assert let_go.free.height == 5


def test_a_plan_for_one_takes_the_id_along_that_the_row_needs() -> None:
    rows = [*NOW, a_section("maths-2"), an_enrolment("new-ada", "maths-2")]
    key = f"maths-2{SEPARATOR}new-ada{SEPARATOR}student"
    wish = Wish(only_keys=frozenset({("enrollments.csv", key)}))
    mapping = [ADA, ("user", "bea", "new-bea")]
    made = a_night(wanted(with_ids(rows, bea="new-bea"), *mapping), a_ledger(BEFORE), sequence=2, wish=wish)
    assert lines(made.free) == [RENAME, ("sections", "maths-2", "create"), ("enrollments", key, "create")]


def test_earlier_artefacts_are_compared_by_the_ids_of_today() -> None:
    """Someone with a new id who is absent for the first time was there the night before, by the old id."""
    earlier = a_wanted(BEFORE).keys().select(*KEYS)
    without = [row for row in NOW if "new-ada" not in row.values()]
    renamed = after(a_ledger(BEFORE), a_night(wanted(NOW, ADA), a_ledger(BEFORE)).free)
    made = a_night(wanted(without, ADA), renamed, proven=False, present_before=earlier, sequence=2)
    assert made.changes.is_empty()
    assert set(made.left["reason"]) == {"not-proven"}


def test_who_got_an_old_id_anew_was_there_before_as_well() -> None:
    both = [*NOW, a_user("ada", login_id="another.ada")]
    earlier = a_wanted(both).keys().select(*KEYS)
    made = a_night(wanted(NOW, ADA), a_ledger(both), proven=False, present_before=earlier, sequence=2)
    assert made.changes.is_empty()
    assert ("users.csv", "ada", "not-proven") in made.left.select("file", "key", "reason").rows()


# What Canvas answers


def test_a_refused_change_leaves_the_ledger_by_the_old_id() -> None:
    made = a_night(wanted(NOW, ADA), a_ledger(BEFORE), sequence=2)
    ledger = after(a_ledger(BEFORE), made.free, "refused", sequence=2)
    kept = ledger.filter(pl.col("file") != ID_CHANGES)
    assert kept.equals(a_ledger(BEFORE))
    (told,) = ledger.filter(pl.col("file") == ID_CHANGES).to_dicts()
    assert (told["row"], told["doubt"], told["refused"]) == (None, None, made.free["new"][0])
    again = a_night(wanted(NOW, ADA), ledger, sequence=3)
    assert again.free.equals(made.free)


def test_a_doubtful_change_leaves_both_ids_in_doubt_and_is_asked_again_whatever_the_mapping_says() -> None:
    made = a_night(wanted(NOW, ADA), a_ledger(BEFORE), sequence=2)
    ledger = after(a_ledger(BEFORE), made.free, "doubt", sequence=2)
    doubtful = ledger.filter(pl.col("doubt").is_not_null() & (pl.col("file") != ID_CHANGES))
    role = f"{SEPARATOR}student"
    assert doubtful.select("file", "key").rows() == [
        ("enrollments.csv", f"maths-1{SEPARATOR}ada{role}"),
        ("enrollments.csv", f"maths-1{SEPARATOR}new-ada{role}"),
        ("user_observers.csv", f"bea{SEPARATOR}ada"),
        ("user_observers.csv", f"bea{SEPARATOR}new-ada"),
        ("users.csv", "ada"),
        ("users.csv", "new-ada"),
    ]
    assert [decoded(text)["user_id"] for text in doubtful.filter(pl.col("file") == "users.csv")["doubt"]] == [
        "ada",
        "new-ada",
    ]
    again = a_night(NOW, ledger, sequence=3)
    (change,) = again.free.filter(pl.col("action") == "rename").to_dicts()
    assert (change["why"], change["old"], change["new"]) == ("in-doubt", made.free["new"][0], made.free["new"][0])
    assert "drop" not in again.changes["action"].to_list()
    settled = after(ledger, again.free.filter(pl.col("stage") == 1), sequence=3)
    assert settled["key"].to_list() == a_ledger(NOW)["key"].to_list()
    rest = after(settled, again.free.filter(pl.col("stage") == 3), sequence=3)
    assert a_night(wanted(NOW, ADA), rest, sequence=4).changes.is_empty()


def test_a_doubtful_course_leaves_its_sections_in_doubt_of_their_course_alone() -> None:
    mapping = ("course", "maths", "new-maths")
    made = a_night(wanted(with_ids(BEFORE, maths="new-maths"), mapping), a_ledger(BEFORE), sequence=2)
    ledger = after(a_ledger(BEFORE), made.free, "doubt", sequence=2)
    (section,) = ledger.filter(pl.col("key") == "maths-1").to_dicts()
    assert (decoded(section["row"])["course_id"], decoded(section["doubt"])["course_id"]) == ("maths", "new-maths")


def test_what_needs_an_id_that_canvas_did_not_give_is_not_sent_nor_what_it_makes() -> None:
    now = [
        *with_ids(BEFORE, maths="new-maths"),
        a_section("maths-2", "new-maths"),
        an_enrolment("bea", "maths-2"),
        a_user("eve"),
    ]
    made = a_night(wanted(now, ("course", "maths", "new-maths")), a_ledger(BEFORE), sequence=2)
    sent = numbered(made.free)
    first, rest = sent.filter(pl.col("stage") == 1), sent.filter(pl.col("stage") == 3)
    assert rest.height == 3
    taken = after(a_ledger(BEFORE), made.free.filter(pl.col("stage") == 1), sequence=2)
    assert without_failed(rest, first, taken).equals(rest)
    refused = after(a_ledger(BEFORE), made.free.filter(pl.col("stage") == 1), "refused", sequence=2)
    assert without_failed(rest, first, refused)["key"].to_list() == ["eve"]
    assert without_failed(rest, first.clear(), EMPTY).equals(rest)
