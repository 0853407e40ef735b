"""Which drops a night has earned, and what stays in Canvas although it is not wanted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roster.absence import Proof
from roster.canvas.wanted import ENDED
from roster.evidence import Standing
from roster.plan import KEYS, Wanted, plan
from tests.roster.canvas_rows import (
    NIGHT,
    NO_LIMITS,
    Row,
    a_course,
    a_ledger,
    a_link,
    a_listing,
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
    key,
    lines,
)

DISTRICT = [a_term(), *a_school("north", pupils=4, sections=2), a_user("bea"), a_link("bea", "north-p1")]
LEDGER = a_ledger(DISTRICT)
OF_P1 = [("enrollments", "north-s1\x1fnorth-p1\x1fstudent"), ("enrollments", "north-s2\x1fnorth-p1\x1fstudent")]


def without(rows: list[Row], *ids: str) -> list[Row]:
    """The rows that name none of these ids."""
    return [row for row in rows if not set(ids) & {value for value in row.values() if value}]


def dropped(rows: list[Row] | Wanted, ledger: pl.DataFrame = LEDGER, **given: object) -> list[tuple[str, str]]:
    made = a_night(rows, ledger, **given)  # type: ignore[arg-type]
    return [(file, name) for file, name, action in lines(made.changes) if action == "drop"]


def reasons(rows: list[Row] | Wanted, ledger: pl.DataFrame = LEDGER, **given: object) -> set[tuple[str, str]]:
    made = a_night(rows, ledger, **given)  # type: ignore[arg-type]
    return {(file.removesuffix(".csv"), reason) for file, reason in made.left.select("file", "reason").iter_rows()}


def test_on_a_night_that_proves_absence_a_person_goes_with_enrolments_and_links() -> None:
    gone = without(DISTRICT, "north-p1")
    assert dropped(gone) == [("users", "north-p1"), *OF_P1, ("user_observers", "bea\x1fnorth-p1")]


def test_without_proof_nothing_is_dropped_and_everything_else_goes_on() -> None:
    gone = [*without(DISTRICT, "north-p1"), a_user("new")]
    gone = [
        row | {"last_name": "married"} if row.get("user_id") == "north-p2" and "login_id" in row else row
        for row in gone
    ]
    made = a_night(gone, LEDGER, proven=False)
    assert lines(made.changes) == [("users", "new", "create"), ("users", "north-p2", "update")]
    assert set(made.left["reason"]) == {"not-proven"}
    assert made.left.height == 4


def test_a_key_that_an_earlier_artefact_still_had_is_not_dropped() -> None:
    gone = without(DISTRICT, "north-p1", "north-p2")
    first = a_wanted(without(DISTRICT, "north-p1")).keys()
    both = dropped(gone, proven=False, present_before=first)
    assert {name for file, name in both if file == "users"} == {"north-p1"}
    assert dropped(gone, proven=False, present_before=pl.DataFrame(schema=KEYS)) == dropped(gone)
    twice = pl.concat([first, first])
    assert dropped(gone, proven=False, present_before=twice) == both


def test_a_record_that_was_in_quarantine_the_night_before_was_not_absent() -> None:
    first = a_wanted(without(DISTRICT, "north-p1"), frozen=[("users.csv", "north-p1")])
    gone = without(DISTRICT, "north-p1")
    assert ("users", "north-p1") not in dropped(gone, proven=False, present_before=first.keys())


def test_what_the_source_says_has_ended_is_dropped_as_it_says_without_other_proof_within_the_limits() -> None:
    wanted = a_wanted([row for row in DISTRICT if row.get("user_id") != "north-p1" or "role" in row])
    said = pl.DataFrame([("users.csv", "north-p1", "suspended")], schema=ENDED, orient="row")
    tenant = a_tenant(on_drop={"users": "deleted"}, **NO_LIMITS)
    [change] = a_night(replace(wanted, ended=said), LEDGER, tenant, proven=False).changes.to_dicts()
    assert (change["action"], json.loads(change["new"])["status"]) == ("drop", "suspended")
    strict = a_tenant(deleted="0%", updated="100%", per_school=False, at_least=0)
    held = a_night(replace(wanted, ended=said), LEDGER, strict, proven=False)
    assert (held.free.height, held.held.height) == (0, 1)


def test_a_file_proves_its_own_drops_and_no_others() -> None:
    made = plan(
        a_wanted(without(DISTRICT, "north-p1")),
        LEDGER,
        a_tenant(**NO_LIMITS),
        run_date=NIGHT,
        sequence=1,
        proof=Proof(frozenset({"enrollments.csv"})),
    )
    assert {file for file, *_ in lines(made.changes)} == {"enrollments"}
    assert set(made.left["file"]) == {"users.csv", "user_observers.csv"}


@pytest.mark.parametrize(
    ("file", "policy", "word"),
    [
        ("users", {}, "suspended"),
        ("users", {"users": "deleted"}, "deleted"),
        ("enrollments", {}, "inactive"),
        ("enrollments", {"enrollments": "completed"}, "completed"),
        ("enrollments", {"enrollments": "deleted"}, "deleted"),
        ("user_observers", {}, "deleted"),
    ],
)
def test_a_drop_is_the_row_that_canvas_has_with_the_status_of_the_policy(
    file: str, policy: dict[str, str], word: str
) -> None:
    made = a_night(without(DISTRICT, "north-p1"), LEDGER, a_tenant(on_drop=policy, **NO_LIMITS))
    drops = made.changes.filter(pl.col("file") == f"{file}.csv").to_dicts()
    assert drops
    for drop in drops:
        old, new = json.loads(drop["old"]), json.loads(drop["new"])
        assert new == old | {"status": word}
        assert drop["columns"].split(",") == list(new)
        assert drop["limited"]


def test_a_drop_does_not_reset_a_provider_that_its_row_was_never_sent_with() -> None:
    tenant = a_tenant(**NO_LIMITS)
    saml = tenant.model_copy(update={"sync": tenant.sync.model_copy(update={"authentication_provider": "saml"})})
    made = a_night(without(DISTRICT, "north-p1"), LEDGER, saml)
    (drop,) = made.changes.filter((pl.col("file") == "users.csv") & (pl.col("action") == "drop")).to_dicts()
    assert "authentication_provider_id" not in json.loads(drop["old"])
    assert json.loads(drop["new"])["authentication_provider_id"] == "saml"


def test_sections_and_courses_stay_unless_the_tenant_says_so_and_accounts_and_terms_always_do() -> None:
    rows = [
        *DISTRICT,
        an_account("south"),
        a_course("c", "south", "spring"),
        a_section("s", "c", "south"),
        a_term("spring"),
    ]
    ledger = a_ledger(rows)
    assert dropped(DISTRICT, ledger) == []
    assert reasons(DISTRICT, ledger) == {(file, "kept") for file in ("accounts", "terms", "courses", "sections")}
    tenant = a_tenant(on_drop={"sections": "deleted", "courses": "completed"}, **NO_LIMITS)
    assert dropped(DISTRICT, ledger, tenant=tenant) == [("courses", "c"), ("sections", "s")]
    assert reasons(DISTRICT, ledger, tenant=tenant) == {("accounts", "kept"), ("terms", "kept")}


def test_a_section_that_is_gone_stays_and_its_enrolments_go() -> None:
    assert dropped(without(DISTRICT, "north-s2")) == [
        ("enrollments", f"north-s2\x1fnorth-p{number}\x1fstudent") for number in range(1, 5)
    ]


def test_what_is_in_quarantine_is_neither_updated_nor_dropped() -> None:
    frozen = [("users.csv", "north-p1")]
    rest = [row for row in DISTRICT if key(row) != "north-p1"]
    made = a_night(a_wanted(rest, frozen), LEDGER)
    assert made.changes.is_empty()
    assert made.left.rows() == [("users.csv", "north-p1", "quarantine", "north")]


@pytest.mark.parametrize(
    ("frozen", "lost", "still_dropped"),
    [
        (("users.csv", "north-p1"), "north-p1", set()),
        (("sections.csv", "north-s1"), "north-s1", set()),
        (("courses.csv", "north-c"), "north-c", set()),
        (("accounts.csv", "north"), "north", {"users", "user_observers"}),
        (("terms.csv", "autumn"), "autumn", set()),
    ],
)
def test_quarantine_freezes_down_the_references(frozen: tuple[str, str], lost: str, still_dropped: set[str]) -> None:
    """All that hangs on the record vanishes with it from what is wanted, and yet stays in Canvas."""
    gone = without(DISTRICT, lost)
    names = {key(row) for row in DISTRICT} - {key(row) for row in gone}
    below = {"north-c", "north-s1", "north-s2"} if lost in ("autumn", "north-c") else set()
    rest = without(gone, *below)
    assert names
    assert {file for file, _ in dropped(a_wanted(rest, [frozen]))} == still_dropped


def test_an_enrolment_in_quarantine_stays_though_its_person_goes() -> None:
    gone = without(DISTRICT, "north-p1")
    frozen = [("enrollments.csv", f"north-s{number}\x1fnorth-p1\x1fstudent") for number in (1, 2)]
    assert dropped(a_wanted(gone, frozen)) == [("users", "north-p1"), ("user_observers", "bea\x1fnorth-p1")]


@pytest.mark.parametrize(
    ("end", "stays"), [("2026-03-01T13:59:59Z", True), ("2026-06-26T13:59:59Z", False), (None, False)]
)
def test_a_term_that_has_ended_and_vanishes_leaves_all_that_is_in_it(end: str | None, stays: bool) -> None:
    old = [a_term("old", end), a_course("c", term="old"), a_section("s", "c"), an_enrolment("north-p1", "s")]
    ledger = a_ledger([*DISTRICT, *old])
    tenant = a_tenant(on_drop={"sections": "deleted", "courses": "deleted"}, **NO_LIMITS)
    gone = dropped(DISTRICT, ledger, tenant=tenant)
    everything = [("courses", "c"), ("sections", "s"), ("enrollments", "s\x1fnorth-p1\x1fstudent")]
    assert gone == ([] if stays else everything)


def test_a_person_who_goes_after_the_term_ended_keeps_its_enrolments() -> None:
    old = [
        a_term("old", "2026-03-01T13:59:59Z"),
        a_course("c", term="old"),
        a_section("s", "c"),
        an_enrolment("bea", "s"),
    ]
    ledger = a_ledger([*DISTRICT, *old])
    rows = [row for row in DISTRICT if "bea" not in row.values()]
    assert dropped(rows, ledger) == [("users", "bea"), ("user_observers", "bea\x1fnorth-p1")]


def test_what_is_in_doubt_and_wanted_no_longer_is_dropped_when_earned() -> None:
    doubtful = after(LEDGER, a_night([*DISTRICT, a_user("maybe")], LEDGER).free, "doubt")
    assert dropped(DISTRICT, doubtful, proven=False) == []
    (drop,) = a_night(DISTRICT, doubtful).changes.to_dicts()
    assert (drop["key"], drop["action"], drop["old"]) == ("maybe", "drop", None)
    assert json.loads(drop["new"])["status"] == "suspended"
    assert dropped(DISTRICT, after(doubtful, a_night(DISTRICT, doubtful).changes)) == []


def test_what_was_refused_and_wanted_no_longer_is_not_dropped() -> None:
    refused = after(LEDGER, a_night([*DISTRICT, a_user("never")], LEDGER).free, "refused")
    assert a_night(DISTRICT, refused).changes.is_empty()


@pytest.mark.parametrize("outcome", ["refused", "doubt"])
def test_a_drop_that_was_refused_or_is_in_doubt_comes_again(outcome: str) -> None:
    gone = without(DISTRICT, "north-p1")
    ledger = after(LEDGER, a_night(gone, LEDGER).changes, outcome)
    assert dropped(gone, ledger) == dropped(gone)
    assert dropped(gone, after(ledger, a_night(gone, ledger).changes)) == []


CARRYING = {"users": "deleted", "sections": "deleted", "courses": "deleted"}


def test_a_section_is_not_deleted_while_something_in_it_stays() -> None:
    gone = without(DISTRICT, "north-s2")
    frozen = [("enrollments.csv", "north-s2\x1fnorth-p1\x1fstudent")]
    tenant = a_tenant(on_drop=CARRYING, **NO_LIMITS)
    assert ("sections", "north-s2") in dropped(gone, tenant=tenant)
    assert ("sections", "north-s2") not in dropped(a_wanted(gone, frozen), tenant=tenant)
    assert ("sections", "in-use") in reasons(a_wanted(gone, frozen), tenant=tenant)


def test_a_course_is_not_deleted_while_a_section_moves_out_of_it() -> None:
    moved_out = [
        row | {"course_id": "other"} if row["file"] == "sections.csv" else row for row in without(DISTRICT, "c")
    ]
    moved_out = [row for row in moved_out if key(row) != "north-c"] + [a_course("other")]
    tenant = a_tenant(on_drop=CARRYING, **NO_LIMITS)
    assert ("courses", "north-c") not in dropped(moved_out, tenant=tenant)
    ledger = after(LEDGER, a_night(moved_out, LEDGER, tenant).changes)
    assert dropped(moved_out, ledger, tenant=tenant) == [("courses", "north-c")]


def test_a_user_is_not_deleted_while_an_enrolment_of_theirs_is_frozen() -> None:
    gone = without(DISTRICT, "north-p1")
    frozen = [("enrollments.csv", "north-s1\x1fnorth-p1\x1fstudent")]
    tenant = a_tenant(on_drop=CARRYING, **NO_LIMITS)
    assert ("users", "north-p1") not in dropped(a_wanted(gone, frozen), tenant=tenant)
    assert ("users", "north-p1") in dropped(gone, tenant=tenant)


def test_a_course_goes_with_the_sections_that_policy_only_keeps() -> None:
    tenant = a_tenant(on_drop={"courses": "deleted"}, **NO_LIMITS)
    gone = without(DISTRICT, "north-c", "north-s1", "north-s2")
    assert ("courses", "north-c") in dropped(gone, tenant=tenant)


nights = st.lists(
    st.tuples(
        st.sets(st.sampled_from(["north-p1", "north-p2", "north-p3"])),  # absent
        st.integers(1, 30),  # hours after the night before
        st.integers(0, 3),  # delivery
        st.booleans(),  # complete
    ),
    min_size=1,
    max_size=5,
)


@given(nights)
@settings(max_examples=30)
def test_nothing_is_dropped_that_was_not_absent_for_two_full_nights(
    delivered: list[tuple[set[str], int, int, bool]],
) -> None:
    """The rule as a person would check it, over any run of nights that each prove nothing by themselves."""
    instants: list[datetime] = []
    artefacts: list[tuple[Standing, Wanted, set[str]]] = []
    for absent, hours, delivery, complete in delivered:
        when = (instants[-1] if instants else NIGHT) + timedelta(hours=hours)
        instants.append(when)
        standing = Standing(run_date=when, deliveries={"clever": f"d{delivery}"}, complete=complete, proven=False)
        artefacts.append((standing, a_wanted(without(DISTRICT, *absent)), absent))
    tonight, wanted, absent = artefacts[-1]
    earlier = artefacts[:-1][::-1]
    confirming = next((n for n, (standing, _, _) in enumerate(earlier) if standing.confirms(tonight)), None)
    seen = None if confirming is None else pl.concat([w.keys() for _, w, _ in earlier[: confirming + 1]])
    users = {name for file, name in dropped(wanted, proven=False, present_before=seen) if file == "users"}
    expected = set()
    for pupil in absent:
        run = 0
        for _, _, missing in earlier:
            if pupil not in missing:
                break
            run += 1
        two = any(
            standing.complete
            and tonight.complete
            and tonight.run_date - standing.run_date >= timedelta(hours=12)
            and standing.deliveries != tonight.deliveries
            for standing, _, _ in earlier[:run]
        )
        if two:
            expected.add(pupil)
    assert users == expected


@given(st.sets(st.sampled_from([(row["file"], key(row)) for row in DISTRICT])), st.booleans())
@settings(max_examples=30)
def test_what_is_frozen_never_changes_and_nothing_unproven_is_dropped(
    frozen: set[tuple[str, str]], proven: bool
) -> None:
    rows = [
        row | ({"name": "renamed"} if "name" in row else {})
        for row in DISTRICT
        if (row["file"], key(row)) not in frozen
    ]
    made = a_night(a_wanted(rows, sorted(frozen)), LEDGER, proven=proven)  # type: ignore[type-var]
    assert not {(file, name) for file, name in made.changes.select("file", "key").iter_rows()} & frozen
    assert proven or "drop" not in set(made.changes["action"])


def test_a_course_stays_while_sections_of_others_are_taught_in_it() -> None:
    rows = [*DISTRICT, a_course("arts"), a_listing("north-s1", "arts")]
    tenant, ledger = a_tenant(on_drop=CARRYING, **NO_LIMITS), a_ledger(rows)
    no_course = without(rows, "arts")
    empty = a_wanted(no_course)
    tonight = replace(empty, rows={**empty.rows, "xlists.csv": a_wanted(rows).rows["xlists.csv"].clear()})
    assert dropped(tonight, ledger, tenant=tenant) == [("xlists", "north-s1")]
    assert ("courses", "in-use") in reasons(tonight, ledger, tenant=tenant)
    later = after(ledger, a_night(tonight, ledger, tenant=tenant).changes)
    assert dropped(tonight, later, tenant=tenant) == [("courses", "arts")]


def test_a_listing_of_a_section_that_is_frozen_stays_and_so_does_its_course() -> None:
    rows = [*DISTRICT, a_course("arts"), a_listing("north-s1", "arts")]
    tenant = a_tenant(on_drop=CARRYING, **NO_LIMITS)
    wanted = a_wanted(without(rows, "arts", "north-s1"), [("sections.csv", "north-s1")])
    tonight = replace(wanted, rows={**wanted.rows, "xlists.csv": a_wanted(rows).rows["xlists.csv"].clear()})
    assert ("courses", "arts") not in dropped(tonight, a_ledger(rows), tenant=tenant)
    assert ("xlists", "refers-to-frozen") in reasons(tonight, a_ledger(rows), tenant=tenant)


def test_a_file_that_is_not_synced_drops_nothing() -> None:
    rows = [*DISTRICT, a_course("arts"), a_listing("north-s1", "arts")]
    wanted = a_wanted(without(rows, "north-s1"))
    off = replace(wanted, rows={file: frame for file, frame in wanted.rows.items() if file != "xlists.csv"})
    assert "xlists" not in {file for file, _ in dropped(off, a_ledger(rows), tenant=a_tenant(**NO_LIMITS))}
    assert "xlists" not in {file for file, _ in reasons(off, a_ledger(rows), tenant=a_tenant(**NO_LIMITS))}
