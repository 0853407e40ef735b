"""What is planned: creates, updates, what comes again, what is asked for. Drops are in test_absence.py."""

from __future__ import annotations

import json
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roster.plan import CHANGES, KEYS, Wanted, Wish
from roster.safety import Gate, plan_hash
from tests.roster.canvas_rows import (
    EMPTY,
    NIGHT,
    NO_LIMITS,
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
    key,
    lines,
)

DISTRICT = [a_term(), *a_school("north"), *a_school("south"), a_user("bea", "north"), a_link("bea", "north-p1")]
FILES_IN_ORDER = [
    "accounts.csv",
    "terms.csv",
    "courses.csv",
    "sections.csv",
    "users.csv",
    "enrollments.csv",
    "user_observers.csv",
]


def test_a_first_night_creates_every_row_in_the_order_of_canvas() -> None:
    made = a_night(DISTRICT)
    assert sorted(made.changes["key"]) == sorted(key(row) for row in DISTRICT)
    assert made.changes["file"].unique(maintain_order=True).to_list() == FILES_IN_ORDER
    assert set(made.changes["action"]) == {"create"}
    assert made.changes["old"].null_count() == made.changes.height == made.free.height
    assert made.changes.schema == CHANGES
    assert (made.held_hash, made.waiting.height, made.left.height) == (None, 0, 0)


def test_unchanged_sources_plan_nothing() -> None:
    made = a_night(DISTRICT, a_ledger(DISTRICT), sequence=2)
    assert made.changes.is_empty()
    assert made.left.is_empty()
    assert made.limits.is_empty()
    assert made.changes.schema == CHANGES


def test_nothing_wanted_and_nothing_known_is_a_plan_of_nothing() -> None:
    made = a_night([])
    assert made.changes.is_empty()
    assert a_night(Wanted({}, pl.DataFrame(schema=a_wanted([]).frozen.schema))).changes.is_empty()


def test_a_changed_column_is_an_update_that_shows_old_and_new() -> None:
    ledger = a_ledger(DISTRICT)
    named = [
        row | {"last_name": "married"} if row.get("user_id") == "bea" and "login_id" in row else row for row in DISTRICT
    ]
    (change,) = a_night(named, ledger).changes.to_dicts()
    assert (change["file"], change["key"], change["action"], change["why"]) == ("users.csv", "bea", "update", "update")
    old, new = json.loads(change["old"]), json.loads(change["new"])
    assert (old["last_name"], new["last_name"]) == ("bea last", "married")
    assert {name for name in new if old[name] != new[name]} == {"last_name"}
    assert change["limited"]


def test_a_value_that_goes_blank_and_one_that_comes_are_updates() -> None:
    ledger = a_ledger([a_user("ada"), a_user("bea", email=None)])
    made = a_night([a_user("ada", email=None), a_user("bea")], ledger)
    assert lines(made.changes) == [("users", "ada", "update"), ("users", "bea", "update")]


def test_a_column_that_was_never_sent_is_no_difference() -> None:
    ledger = a_ledger([a_user("ada"), a_user("bea")])
    wider = [a_user("ada", authentication_provider_id="saml"), a_user("bea", authentication_provider_id="saml")]
    assert a_night(wider, ledger).changes.is_empty()


def test_a_column_that_was_never_sent_goes_out_with_what_is_different_and_with_a_resync() -> None:
    ledger = a_ledger([a_user("ada"), a_user("bea")])
    wider = [
        a_user("ada", authentication_provider_id="saml", email=None),
        a_user("bea", authentication_provider_id="saml"),
    ]
    (change,) = a_night(wider, ledger).changes.to_dicts()
    assert (change["key"], json.loads(change["new"])["authentication_provider_id"]) == ("ada", "saml")
    resent = a_night(wider, ledger, wish=Wish(resync=True))
    ledger = after(ledger, resent.free, sequence=2)
    other = [row | {"authentication_provider_id": "google"} for row in wider]
    assert lines(a_night(other, ledger, sequence=3).changes) == [("users", "ada", "update"), ("users", "bea", "update")]


def test_a_column_that_is_sent_no_longer_is_no_difference() -> None:
    ledger = a_ledger([a_user("ada", authentication_provider_id="saml")])
    assert a_night([a_user("ada")], ledger).changes.is_empty()


@pytest.mark.parametrize("outcome", ["refused", "doubt"])
def test_a_create_that_was_refused_or_is_in_doubt_comes_again(outcome: str) -> None:
    ledger = after(EMPTY, a_night([a_user("ada")]).free, outcome)
    (change,) = a_night([a_user("ada")], ledger, sequence=2).changes.to_dicts()
    assert (change["action"], change["old"], change["limited"]) == ("create", None, False)


def test_a_refused_update_comes_again_and_goes_when_the_source_goes_back() -> None:
    ledger = a_ledger([a_user("ada")])
    wrong = [a_user("ada", login_id="claimed")]
    ledger = after(ledger, a_night(wrong, ledger).free, "refused")
    (change,) = a_night(wrong, ledger).changes.to_dicts()
    assert (change["action"], json.loads(change["old"])["login_id"]) == ("update", "ada.login")
    assert a_night([a_user("ada")], ledger).changes.is_empty()


def test_a_row_in_doubt_comes_again_even_if_it_is_equal_and_does_not_count_for_limits() -> None:
    ledger = a_ledger([a_user("ada")])
    ledger = after(ledger, a_night([a_user("ada", email="new@mail.example")], ledger).changes, "doubt")
    (change,) = a_night([a_user("ada")], ledger).changes.to_dicts()
    assert (change["action"], change["why"], change["limited"]) == ("update", "in-doubt", False)
    settled = after(ledger, a_night([a_user("ada")], ledger).free)
    assert a_night([a_user("ada")], settled).changes.is_empty()


def test_who_was_dropped_comes_back() -> None:
    ledger = a_ledger([a_user("ada"), a_user("bea"), a_user("cai")])
    ledger = after(ledger, a_night([a_user("bea"), a_user("cai")], ledger).free)
    (change,) = a_night([a_user("ada"), a_user("bea"), a_user("cai")], ledger).changes.to_dicts()
    assert (change["key"], change["action"], change["why"], change["limited"]) == ("ada", "create", "back", False)
    assert (json.loads(change["old"])["status"], json.loads(change["new"])["status"]) == ("suspended", "active")


@pytest.mark.parametrize("file", ["users", "enrollments"])
def test_a_row_that_a_newer_artefact_wrote_is_left(file: str) -> None:
    rows = [an_account(), a_term(), a_course(), a_section(), a_user(), a_user("bea"), a_user("cai"), an_enrolment()]
    ledger = a_ledger(rows, sequence=7)
    mine = [row for row in rows if f"{file}.csv" != row["file"] or row.get("user_id") in ("bea", "cai")]
    older = a_night([*mine, a_user("dee")], ledger, sequence=6)
    assert [line for line in lines(older.changes) if line[1] == "dee"] == [("users", "dee", "create")]
    assert not older.changes.filter(pl.col("action") == "drop").height
    assert (f"{file}.csv", "newer") in set(older.left.select("file", "reason").rows())
    assert a_night(mine, ledger, sequence=7).changes["action"].to_list() == ["drop"]


def test_an_older_artefact_changes_nothing_that_a_newer_one_wrote() -> None:
    ledger = a_ledger([a_user("ada", email="newer@mail.example")], sequence=7)
    older = a_night([a_user("ada")], ledger, sequence=6)
    assert older.changes.is_empty()
    assert older.left.rows() == [("users.csv", "ada", "newer", "north")]


def test_a_resync_sends_people_sections_enrolments_and_links_again_and_counts_none_as_updated() -> None:
    ledger = a_ledger(DISTRICT)
    made = a_night(DISTRICT, ledger, wish=Wish(resync=True))
    assert set(made.changes["file"]) == {"users.csv", "sections.csv", "enrollments.csv", "user_observers.csv"}
    assert set(made.changes["action"]) == {"resend"}
    assert not made.changes["limited"].any()
    assert made.limits.is_empty()
    expected = [row for row in DISTRICT if row["file"] not in ("accounts.csv", "terms.csv", "courses.csv")]
    assert made.free.height == len(expected)


def test_a_resync_does_not_send_what_was_dropped_or_is_not_wanted() -> None:
    ledger = a_ledger(DISTRICT)
    gone = [row for row in DISTRICT if row.get("user_id") != "south-p1"]
    ledger = after(ledger, a_night(gone, ledger).free)
    made = a_night(gone, ledger, wish=Wish(resync=True))
    assert not made.changes["key"].str.contains("south-p1").any()


def test_a_row_waits_for_what_canvas_neither_has_nor_gets() -> None:
    rows = [an_account(), a_term(), a_course(), a_section(), a_section("lost", course="nowhere"), a_user()]
    enrolments = [an_enrolment(), an_enrolment(section="lost"), an_enrolment("nobody")]
    made = a_night([*rows, *enrolments, a_link("nobody", "ada"), a_link("ada", "nobody")])
    waiting = {(file.removesuffix(".csv"), name) for file, name in made.waiting.select("file", "key").iter_rows()}
    assert waiting == {
        ("sections", "lost"),
        ("enrollments", "lost\x1fada\x1fstudent"),
        ("enrollments", "maths-1\x1fnobody\x1fstudent"),
        ("user_observers", "nobody\x1fada"),
        ("user_observers", "ada\x1fnobody"),
    }
    assert not waiting & {
        (file.removesuffix(".csv"), name) for file, name in made.changes.select("file", "key").iter_rows()
    }
    assert ("enrollments", "maths-1\x1fada\x1fstudent", "create") in lines(made.changes)


def test_what_refers_to_a_quarantined_record_waits_unless_canvas_has_the_record() -> None:
    rows = [an_account(), a_term(), a_course(), a_section(), a_user("bea"), an_enrolment("ada"), an_enrolment("bea")]
    quarantined = a_wanted(rows, frozen=[("users.csv", "ada")])
    waits = a_night(quarantined)
    assert waits.waiting.rows() == [("enrollments.csv", "maths-1\x1fada\x1fstudent", "waits", "north")]
    had = a_ledger([a_user("ada")])
    goes = a_night(quarantined, had)
    assert goes.waiting.is_empty()
    assert ("enrollments", "maths-1\x1fada\x1fstudent", "create") in lines(goes.changes)
    doubtful = after(EMPTY, a_night([a_user("ada")]).free, "doubt")
    assert a_night(quarantined, doubtful).waiting.height == 1


def test_a_course_without_a_term_or_below_the_tenants_account_waits_for_nothing() -> None:
    made = a_night([an_account(), a_course(term=None)])
    assert made.waiting.is_empty()
    tenant = a_tenant().model_copy(update={"canvas": a_tenant().canvas.model_copy(update={"account": "top"})})
    made = a_night([a_course(account_id="top", term=None)], tenant=tenant)
    assert made.waiting.is_empty()
    assert a_night([a_course(account_id="top", term=None)]).waiting.height == 1


def test_with_people_off_no_user_is_planned_and_enrolments_are() -> None:
    off = ["users.csv", "user_observers.csv"]
    rows = [row for row in DISTRICT if row["file"] not in off]
    made = a_night(a_wanted(rows, off=off))
    assert set(made.changes["file"]) == {"accounts.csv", "terms.csv", "courses.csv", "sections.csv", "enrollments.csv"}
    assert made.waiting.is_empty()
    known = a_ledger(DISTRICT)
    assert a_night(a_wanted(rows, off=off), known).changes.is_empty()
    gone = [row for row in rows if row.get("user_id") != "north-p1"]
    assert lines(a_night(a_wanted(gone, off=off), known).changes) == [
        ("enrollments", "north-s1\x1fnorth-p1\x1fstudent", "drop")
    ]


def test_with_course_memberships_off_none_is_planned_or_dropped() -> None:
    off = ["courses.csv", "sections.csv", "enrollments.csv"]
    rows = [row for row in DISTRICT if row["file"] not in off]
    assert a_night(a_wanted(rows, off=off), a_ledger(DISTRICT)).changes.is_empty()


def test_only_a_school_plans_its_rows_and_the_creates_they_need_and_no_drops() -> None:
    gone = [row for row in DISTRICT if row.get("user_id") != "north-p2"]
    made = a_night(gone, wish=Wish(only_school="north"))
    schools = set(made.changes.filter(pl.col("file") != "terms.csv")["school"])
    assert schools == {"north"}
    assert ("terms", "autumn", "create") in lines(made.changes)
    assert a_night(gone, a_ledger(DISTRICT), wish=Wish(only_school="north")).changes.is_empty()


def test_only_keys_plans_them_and_the_creates_they_need() -> None:
    asked = frozenset({("users.csv", "south-p1"), ("enrollments.csv", "south-s1\x1fsouth-p1\x1fstudent")})
    made = a_night(DISTRICT, wish=Wish(only_keys=asked))
    assert {(file, name) for file, name, _ in lines(made.changes)} == {
        ("accounts", "south"),
        ("terms", "autumn"),
        ("courses", "south-c"),
        ("sections", "south-s1"),
        ("users", "south-p1"),
        ("enrollments", "south-s1\x1fsouth-p1\x1fstudent"),
    }
    assert a_night(DISTRICT, wish=Wish(only_keys=frozenset())).changes.is_empty()


def test_only_does_not_pull_in_updates_of_what_the_rows_refer_to() -> None:
    ledger = a_ledger([row for row in DISTRICT if row["file"] != "enrollments.csv"])
    renamed = [row | {"name": "renamed"} if row["file"] == "sections.csv" else row for row in DISTRICT]
    asked = frozenset({("enrollments.csv", "south-s1\x1fsouth-p1\x1fstudent")})
    made = a_night(renamed, ledger, wish=Wish(only_keys=asked))
    assert lines(made.changes) == [("enrollments", "south-s1\x1fsouth-p1\x1fstudent", "create")]


def test_a_resync_of_one_school_sends_no_other() -> None:
    made = a_night(DISTRICT, a_ledger(DISTRICT), wish=Wish(resync=True, only_school="south"))
    assert set(made.changes["school"]) == {"south"}
    assert set(made.changes["action"]) == {"resend"}


def test_what_waits_is_told_only_of_the_rows_that_were_asked_for() -> None:
    rows = [*DISTRICT, an_enrolment("nobody", "north-s1", "north"), an_enrolment("nobody", "south-s1", "south")]
    made = a_night(rows, wish=Wish(only_school="south"))
    assert made.waiting["school"].to_list() == ["south"]


texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"]) | st.sampled_from("\"\\'$.,{}[]:/\x1f\x1e\t\n\u2028 é0"),
    min_size=1,
)


@given(st.lists(st.tuples(texts, st.none() | texts, texts), min_size=1, max_size=4, unique_by=lambda row: row[0]))
@settings(max_examples=20)
def test_any_text_is_equal_to_itself_and_different_from_another(people: list[tuple[str, str | None, str]]) -> None:
    rows = [a_user(id_, email=email, last_name=name) for id_, email, name in people]
    ledger = a_ledger(rows)
    assert a_night(rows, ledger).changes.is_empty()
    # As a ledger that an older release wrote: the same values, other spelling of the JSON.
    respelt = [json.dumps(json.loads(text), indent=1, ensure_ascii=True, sort_keys=True) for text in ledger["row"]]
    assert a_night(rows, ledger.with_columns(row=pl.Series(respelt))).changes.is_empty()
    changed = [row | {"last_name": f"{row['last_name']}x"} for row in rows]
    assert set(a_night(changed, ledger).changes["key"]) == {id_ for id_, _, _ in people}


@given(texts, texts)
@settings(max_examples=25)
def test_references_hold_for_any_text(section: str, person: str) -> None:
    rows = [
        an_account(),
        a_course(term=None),
        a_section(section),
        a_user(person),
        an_enrolment(person, section),
    ]
    made = a_night(rows)
    assert made.waiting.is_empty()
    ledger = after(EMPTY, made.free)
    assert a_night(rows, ledger).changes.is_empty()
    without_section = a_night(rows[:2] + rows[3:], EMPTY)
    assert without_section.waiting["key"].to_list() == [key(rows[4])]
    kept = a_night(a_wanted(rows[:3], frozen=[("users.csv", person)]), ledger)
    assert kept.changes.is_empty()


@st.composite
def districts(draw: st.DrawFn) -> list[dict[str, str | None]]:
    """Some rows that refer to each other, not always to what is there."""
    pupils, sections = [f"p{n}" for n in range(5)], [f"s{n}" for n in range(3)]
    rows = [an_account("north"), an_account("south"), a_term(), a_course("c0", "north"), a_course("c1", "south")]
    rows = [row for row in rows if draw(st.integers(0, 9))]
    for section in sections:
        if draw(st.booleans()):
            rows.append(a_section(section, draw(st.sampled_from(["c0", "c1"])), name=draw(st.sampled_from(["a", "b"]))))
    for pupil in pupils:
        if draw(st.booleans()):
            email = draw(st.sampled_from([None, f"{pupil}@one.example", f"{pupil}@two.example"]))
            rows.append(a_user(pupil, draw(st.sampled_from(["north", "south"])), email=email))
    rows += [an_enrolment(p, s) for p in pupils for s in sections if draw(st.booleans())]
    rows += [a_link(p, q) for p, q in [("p0", "p1"), ("p2", "p3")] if draw(st.booleans())]
    return rows


@given(districts(), districts(), st.data())
@settings(max_examples=30)
def test_what_was_planned_and_taken_is_not_planned_again(
    before: list[dict[str, str | None]], tonight: list[dict[str, str | None]], data: st.DataObject
) -> None:
    ledger = after(EMPTY, a_night(before).free)
    frozen = data.draw(st.lists(st.sampled_from([("users.csv", "p0"), ("sections.csv", "s0")]), unique=True))
    wanted = a_wanted([row for row in tonight if (row["file"], key(row)) not in frozen], frozen=frozen)
    made = a_night(wanted, ledger, sequence=2)
    assert made.changes.select("file", "key").is_unique().all()
    held = set(made.held.select("file", "key").rows())
    done = after(ledger, made.free, sequence=2)
    again = a_night(wanted, done, sequence=3)
    # Nothing but what is held still, and drops that a hold has kept back for the sake of what is gone by now.
    assert set(again.changes.select("file", "key").rows()) <= held
    released = after(done, a_night(wanted, done, sequence=3).changes, sequence=3)
    assert a_night(wanted, released, sequence=4).changes.is_empty()


@given(districts(), districts(), st.sampled_from(["refused", "doubt"]))
@settings(max_examples=20)
def test_what_was_refused_or_is_in_doubt_is_planned_again_whole(
    before: list[dict[str, str | None]], tonight: list[dict[str, str | None]], outcome: str
) -> None:
    ledger = after(EMPTY, a_night(before).free)
    made = a_night(tonight, ledger, sequence=2)
    again = a_night(tonight, after(ledger, made.changes, outcome, sequence=2), sequence=3)
    pairs = ["file", "key", "new"]
    assert set(made.changes.select(pairs).rows()) == set(again.changes.select(pairs).rows())


@given(districts(), districts())
@settings(max_examples=20)
def test_nothing_goes_that_refers_to_what_canvas_does_not_have(
    before: list[dict[str, str | None]], tonight: list[dict[str, str | None]]
) -> None:
    ledger = after(EMPTY, a_night(before).free)
    free = a_night(tonight, ledger, run_date=NIGHT + timedelta(days=1)).free.filter(pl.col("action") != "drop")
    canvas = {(file, name) for file, name in ledger.filter(~pl.col("dropped")).select(*KEYS).iter_rows()}
    for file, name, new in free.select("file", "key", "new").iter_rows():
        row = json.loads(new)
        points = {
            "courses.csv": [("accounts.csv", "account_id"), ("terms.csv", "term_id")],
            "sections.csv": [("courses.csv", "course_id")],
            "enrollments.csv": [("sections.csv", "section_id"), ("users.csv", "user_id")],
            "user_observers.csv": [("users.csv", "observer_id"), ("users.csv", "student_id")],
        }
        assert all((target, row[column]) in canvas for target, column in points.get(file, ()))
        canvas.add((file, name))


def test_limits_are_none_where_the_tenant_asks_for_none() -> None:
    assert a_tenant(**NO_LIMITS).safety.deleted == 1


REVIEW = Gate(everything=("review: x",))
THREE = [a_user("ada", last_name="a"), a_user("bea", last_name="b"), a_user("cyd", last_name="c")]


def named(*keys: str) -> pl.DataFrame:
    """KEYS of these users."""
    return pl.DataFrame([("users.csv", key) for key in keys], schema=KEYS, orient="row")


def test_a_release_lets_just_its_rows_go_if_they_are_what_was_shown() -> None:
    ledger = a_ledger([a_user("ada"), a_user("bea"), a_user("cyd"), a_user("dot")])
    shown = a_night(THREE, ledger, gate=REVIEW).changes
    some = shown.filter(pl.col("key").is_in(["ada", "dot"]))
    wish = Wish(release=plan_hash(some), released=named("ada", "dot"))
    made = a_night(THREE, ledger, gate=REVIEW, wish=wish)
    assert lines(made.free) == [("users", "ada", "update"), ("users", "dot", "drop")]
    assert made.released
    assert lines(made.held) == [("users", "bea", "update"), ("users", "cyd", "update")]
    assert made.held_hash == plan_hash(made.held)
    assert not wish.narrowed


def test_a_release_of_what_has_changed_lets_nothing_go_and_shows_what_is_held_now() -> None:
    ledger = a_ledger([a_user("ada"), a_user("bea"), a_user("cyd")])
    shown = a_night(THREE, ledger, gate=REVIEW)
    moved_on = after(ledger, shown.changes.filter(key="ada"), sequence=2)
    wish = Wish(release=shown.held_hash, released=named("ada", "bea", "cyd"))
    made = a_night(THREE, moved_on, gate=REVIEW, wish=wish, sequence=3)
    assert (made.free.height, made.released) == (0, False)
    assert lines(made.held) == [("users", "bea", "update"), ("users", "cyd", "update")]
    assert made.held_hash not in (None, shown.held_hash)


def test_what_is_free_by_itself_does_not_go_with_a_release() -> None:
    """It goes with the night, not with what somebody was shown."""
    others = [a_user(f"other-{number}") for number in range(9)]
    ledger = a_ledger([a_user("ada"), a_user("bea"), a_user("cyd"), *others])
    made = a_night([*THREE, *others], ledger, wish=Wish(release=None, released=named("ada")))
    assert lines(made.free) == [("users", "ada", "update")]
    assert (made.held.height, made.held_hash, made.changes.height) == (0, None, 1)


def test_a_release_without_a_hash_takes_what_is_there_of_its_rows() -> None:
    ledger = a_ledger([a_user("ada"), a_user("bea", last_name="b"), a_user("cyd")])
    made = a_night(THREE, ledger, wish=Wish(released=named("ada", "bea", "nobody")), gate=REVIEW)
    assert lines(made.free) == [("users", "ada", "update")]
    assert lines(made.held) == [("users", "cyd", "update")]
    assert made.released


@pytest.mark.parametrize("release", [None, "0" * 64])
def test_a_release_of_rows_that_are_not_planned_any_more_lets_nothing_go(release: str | None) -> None:
    ledger = a_ledger(THREE)
    made = a_night(THREE, ledger, wish=Wish(release=release, released=named("ada")), gate=REVIEW)
    assert (made.changes.height, made.held_hash, made.released) == (0, None, False)


def test_a_release_by_hash_alone_lets_all_go() -> None:
    ledger = a_ledger([a_user("ada"), a_user("bea"), a_user("cyd")])
    shown = a_night(THREE, ledger, gate=REVIEW)
    made = a_night(THREE, ledger, gate=REVIEW, wish=Wish(release=shown.held_hash))
    assert (made.released, made.held.height, made.free.height) == (True, 0, 3)
    assert made.held_hash == shown.held_hash
