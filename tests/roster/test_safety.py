"""Limits, holds, the re-key detector, the hash and what it releases."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roster.plan import CHANGES, Plan, Wish
from roster.safety import Gate, plan_hash
from tests.roster.canvas_rows import (
    EMPTY,
    NO_LIMITS,
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


def users(count: int, school: str | None = "north", start: int = 0, **columns: Any) -> list[Row]:
    prefix = school or "nowhere"
    return [a_user(f"{prefix}-{number:03d}", school, **columns) for number in range(start, start + count)]


def held(made: Plan) -> set[tuple[str, str]]:
    return {(file, name) for file, name, _ in lines(made.held)}


def why(made: Plan) -> set[str]:
    return {reason.partition(":")[0] for reason in made.held["holds"].explode(empty_as_null=True) if reason}


def tripped(made: Plan) -> list[tuple[Any, ...]]:
    return made.limits.filter("tripped").select("kind", "file", "school", "changed", "base").rows()


@pytest.mark.parametrize(
    ("base", "gone", "trips"),
    [
        (200, 10, False),  # not above at_least
        (200, 20, False),  # above at_least, but 10 % is allowed
        (200, 21, True),
        (100, 10, False),
        (100, 11, True),
        (40, 10, False),
        (39, 10, False),  # a small school: at_least, and less than half
        (20, 10, False),  # half is allowed
        (19, 10, True),
        (3, 2, True),
        (2, 1, False),
        (1, 1, True),
    ],
)
def test_a_limit_trips_above_at_least_and_share_or_above_half_of_a_small_base(
    base: int, gone: int, trips: bool
) -> None:
    ledger = a_ledger(users(base))
    made = a_night(users(base - gone), ledger, a_tenant(deleted="10%", at_least=10))
    assert [line[2:] for line in tripped(made)] == ([("north", gone, base), (None, gone, base)] if trips else [])
    assert made.held.height == (gone if trips else 0)
    assert made.changes.height == gone


def test_a_share_is_compared_as_it_is_written() -> None:
    ledger = a_ledger(users(100))
    assert tripped(a_night(users(71), ledger, a_tenant(deleted="29%", at_least=0))) == []
    assert tripped(a_night(users(70), ledger, a_tenant(deleted="29%", at_least=0))) != []


def test_the_base_is_what_canvas_has_before_the_plan() -> None:
    """Neither rows that come tonight nor rows that were dropped, refused or never taken make it larger."""
    ledger = a_ledger(users(100))
    ledger = after(ledger, a_night(users(92), ledger).free)
    ledger = after(ledger, a_night(users(92) + users(30, start=200), ledger).free, "refused")
    made = a_night(users(80) + users(50, start=300), ledger, a_tenant(at_least=10))
    assert made.limits.filter(kind="deleted")["base"].to_list() == [92, 92]
    assert tripped(made) == [("deleted", "users.csv", "north", 12, 92), ("deleted", "users.csv", None, 12, 92)]


def test_a_school_over_its_limit_is_held_and_the_others_go() -> None:
    ledger = a_ledger(users(300, "north") + users(100, "south"))
    made = a_night(users(290, "north") + users(80, "south"), ledger, a_tenant())
    assert tripped(made) == [("deleted", "users.csv", "south", 20, 100)]
    assert set(made.held["school"]) == {"south"}
    assert set(made.free["school"]) == {"north"}
    (reason,) = set(made.held["holds"].explode(empty_as_null=True))
    assert reason == "limit-deleted: 20 of 100 users at south, allowed 10%"


def test_a_tripped_total_holds_the_type_everywhere_and_no_other_type() -> None:
    rows = [
        *users(300, "north"),
        *users(100, "south"),
        a_user("bea"),
        *(a_link("bea", f"north-{n:03d}") for n in range(300)),
    ]
    ledger = a_ledger(rows)
    left = [*users(270, "north"), *users(80, "south"), a_user("bea"), *rows[401:671]]
    made = a_night(left, ledger, a_tenant(deleted="10%"))
    assert ("deleted", "users.csv", None, 50, 401) in tripped(made)
    assert made.held.filter(file="users.csv").height == 50
    reasons = made.held.filter(file="users.csv", school="north")["holds"].explode(empty_as_null=True)
    assert set(reasons.str.extract(r"^limit-deleted.* (in all|at \w+),").drop_nulls()) == {"in all"}


def test_limits_per_school_can_be_off() -> None:
    ledger = a_ledger(users(300, "north") + users(100, "south"))
    made = a_night(users(300, "north") + users(80, "south"), ledger, a_tenant(per_school=False))
    assert made.limits["school"].to_list() == [None]
    assert made.held.is_empty()


def test_updates_have_a_limit_of_their_own() -> None:
    ledger = a_ledger(users(100))
    renamed = [*users(75, last_name="married"), *users(25, start=75)]
    assert a_night(renamed, ledger, a_tenant(updated="75%")).held.is_empty()
    made = a_night([*users(76, last_name="married"), *users(24, start=76)], ledger, a_tenant(updated="75%"))
    assert made.held.height == 76
    assert why(made) == {"limit-updated"}


def test_rows_without_a_school_are_judged_by_themselves_not_as_the_total() -> None:
    ledger = a_ledger(users(300, "north") + users(10, None))
    made = a_night(users(290, "north") + users(2, None), ledger, a_tenant())
    assert tripped(made) == [("deleted", "users.csv", "", 8, 10)]
    assert made.held["school"].to_list() == [None] * 8
    assert made.free.height == 10
    assert made.held["holds"].to_list()[0] == ["limit-deleted: 8 of 10 users without a school, allowed 50%"]


def test_who_moves_counts_at_the_school_that_the_ledger_knows() -> None:
    ledger = a_ledger(users(300, "north"))
    moved = [row | {"school": "new", "last_name": "x"} for row in users(60, "north")] + users(240, "north", 60)
    made = a_night(moved, ledger, a_tenant())
    assert made.limits.select("file", "school", "changed", "base").rows() == [
        ("users.csv", "north", 60, 300),
        ("users.csv", None, 60, 300),
    ]
    assert made.held.is_empty()
    assert set(made.free["school"]) == {"new"}


def test_creates_and_what_comes_back_have_no_limit() -> None:
    ledger = a_ledger(users(100))
    ledger = after(ledger, a_night(users(60), ledger).changes)
    made = a_night(users(300), ledger, a_tenant())
    assert made.free.height == 240
    assert made.limits.is_empty()


def test_without_a_ledger_everything_is_free() -> None:
    assert a_night(a_school(pupils=30), EMPTY, a_tenant(deleted="0%", updated="0%", at_least=0)).held.is_empty()


# Re-keyed schools


def rekeyed(count: int, fresh: int = 0, *, by: str = "login_id") -> list[Row]:
    """Pupils under new ids, that share log-in or e-mail with north-000 and on, in another case; and new ones."""
    same = [
        a_user(f"k{n:03d}", **{by: (f"NORTH-{n:03d}.login" if by == "login_id" else f"North-{n:03d}@Mail.Example")})
        for n in range(count)
    ]
    return same + [a_user(f"f{n:03d}") for n in range(fresh)]


@pytest.mark.parametrize("by", ["login_id", "email"])
@pytest.mark.parametrize(
    ("known", "fresh", "found"),
    [(9, 0, False), (10, 0, True), (10, 23, True), (10, 24, False), (30, 70, True), (30, 71, False)],
)
def test_a_school_is_rekeyed_from_ten_and_thirty_percent_on(by: str, known: int, fresh: int, found: bool) -> None:
    ledger = a_ledger(users(400))
    made = a_night([*rekeyed(known, fresh, by=by), *users(400 - known, start=known)], ledger, proven=False)
    assert made.held.height == (known + fresh if found else 0)
    assert why(made) == ({"re-keyed"} if found else set())


def test_the_old_accounts_of_a_rekeyed_school_wait_with_the_new_ones() -> None:
    ledger = a_ledger(users(400))
    made = a_night([*rekeyed(12, 3), *users(380, start=20)], ledger, a_tenant())
    assert held(made) == {
        *(("users", row["user_id"]) for row in rekeyed(12, 3)),
        *(("users", f"north-{n:03d}") for n in range(12)),
    }
    assert sorted(made.free["key"]) == [f"north-{n:03d}" for n in range(12, 20)]


def test_new_pupils_are_no_rekeyed_school_and_another_school_is_left_alone() -> None:
    ledger = a_ledger(users(400))
    elsewhere = users(40, "south")
    made = a_night([*rekeyed(12), *users(388, start=12), *elsewhere], ledger, proven=False)
    assert set(made.held["school"]) == {"north"}
    assert a_night([*users(400), *elsewhere], ledger).held.is_empty()


def test_what_is_frozen_makes_no_school_rekeyed() -> None:
    ledger = a_ledger(users(20))
    frozen = [("users.csv", str(row["user_id"])) for row in users(20)]
    assert a_night(a_wanted(rekeyed(20), frozen), ledger).held.is_empty()


@pytest.mark.parametrize("courses_too", [True, False])
def test_sections_are_recognised_by_name_course_and_term(courses_too: bool) -> None:
    def built(prefix: str, course: str, term: str | None = None, count: int = 12) -> list[Row]:
        sections = [a_section(f"{prefix}{n}", course, name=f"Period {n}") for n in range(count)]
        return [an_account(), a_course(course, term=term, long_name="Algebra"), *sections]

    ledger = a_ledger(built("old", "c1"))
    new = "c2" if courses_too else "c1"
    made = a_night(built("new", new), ledger, proven=False)
    assert {name for file, name in held(made) if file == "sections"} == {f"new{n}" for n in range(12)}
    other_name = [row | {"long_name": "Botany"} if row["file"] == "courses.csv" else row for row in built("new", "c3")]
    assert a_night(other_name, ledger, proven=False).held.is_empty()
    nine = a_night(built("new", new, count=9), ledger, proven=False)
    assert nine.held.is_empty()


def test_sections_of_one_name_in_different_courses_are_not_taken_for_each_other() -> None:
    """Courses stay, sections are new: the course of the old ones has to be looked up all the same."""
    courses = [
        an_account(),
        a_course("c1", term=None, long_name="Algebra"),
        a_course("c2", term=None, long_name="Botany"),
    ]
    ledger = a_ledger([*courses, *(a_section(f"old{n}", "c1", name=f"Period {n}") for n in range(12))])
    made = a_night(
        [*courses, *(a_section(f"new{n}", "c2", name=f"Period {n}") for n in range(12))], ledger, proven=False
    )
    assert made.held.is_empty()


# Holds are closed under references


def test_what_refers_to_a_held_create_waits_with_it() -> None:
    base = [an_account(), a_course(term=None), a_section(), *users(40)]
    ledger = a_ledger(base)
    new = [*rekeyed(12), a_user("bea", "south")]
    enrolments = [an_enrolment("k000"), an_enrolment("bea"), an_enrolment("north-030")]
    links = [a_link("bea", "k001"), a_link("k002", "bea"), a_link("bea", "north-030")]
    made = a_night([*base[:3], *users(28, start=12), *new, *enrolments, *links], ledger, proven=False)
    assert {name for file, name in held(made) if file != "users"} == {
        "maths-1\x1fk000\x1fstudent",
        "bea\x1fk001",
        "k002\x1fbea",
    }
    assert ("users", "bea") not in held(made)


def test_enrolments_of_held_sections_wait() -> None:
    old = [an_account(), a_course(term=None), *(a_section(f"o{n}", name=f"P{n}") for n in range(10)), *users(2)]
    new = [*old[:2], *(a_section(f"n{n}", name=f"P{n}") for n in range(10)), *users(2), an_enrolment("north-000", "n3")]
    made = a_night(new, a_ledger(old), proven=False)
    assert ("enrollments", "n3\x1fnorth-000\x1fstudent") in held(made)
    assert "waits for sections that are held" in why(made)


FAMILY = [
    *a_school("north", pupils=100),
    *a_school("south", pupils=300),
    a_user("bea"),
    a_link("bea", "north-p1"),
    *(a_link("bea", f"south-p{n}", "south") for n in range(1, 60)),
]


def without(rows: list[Row], names: set[str]) -> list[Row]:
    return [row for row in rows if not names & {value for value in row.values() if value}]


def test_a_held_persons_drops_wait_whole() -> None:
    """The users trip; their enrolments and links would not, and wait all the same."""
    rows = [an_account(), a_course(term=None), a_section(), *users(100), a_user("bea")]
    rows += [an_enrolment(f"north-{n:03d}") for n in range(5, 100)]
    rows += [a_link("bea", f"north-{n:03d}") for n in (0, *range(20, 100))]
    made = a_night(without(rows, {f"north-{n:03d}" for n in range(11)}), a_ledger(rows), a_tenant())
    assert {line[1] for line in tripped(made)} == {"users.csv"}
    assert made.free.is_empty()
    assert made.held.group_by("file").len().sort("file").rows() == [
        ("enrollments.csv", 6),
        ("user_observers.csv", 1),
        ("users.csv", 11),
    ]
    assert "waits for a person who is held" in why(made)


def test_a_person_waits_for_an_enrolment_or_link_that_is_held() -> None:
    rows = [an_account(), a_course(term=None), a_section(), *users(200), a_user("bea")]
    rows += [an_enrolment(f"north-{n:03d}") for n in range(60)] + [
        a_link("bea", "north-001"),
        a_link("bea", "north-150"),
    ]
    ledger = a_ledger(rows)
    made = a_night(without(rows, {"bea"}), ledger, a_tenant())
    assert held(made) == {
        ("users", "bea"),
        ("user_observers", "bea\x1fnorth-001"),
        ("user_observers", "bea\x1fnorth-150"),
    }
    gone = {f"north-{n:03d}" for n in range(12)}
    made = a_night(without(rows, gone), ledger, a_tenant())
    assert ("enrollments.csv", 12, 60) in made.limits.filter("tripped").select("file", "changed", "base").rows()
    assert {name for file, name in held(made) if file == "users"} == gone
    assert ("user_observers", "bea\x1fnorth-001") in held(made)


def test_a_section_waits_for_the_drops_that_it_would_take_along() -> None:
    rows = [an_account(), a_course(term=None), *users(60)]
    rows += [a_section(f"s{n}") for n in range(60)] + [an_enrolment(f"north-{n:03d}", "s0") for n in range(20)]
    ledger = a_ledger(rows)
    tenant = a_tenant(on_drop={"sections": "deleted"}, deleted="10%")
    made = a_night(without(rows, {"s0"}), ledger, tenant)
    assert ("enrollments.csv", 20, 20) in made.limits.filter("tripped").select("file", "changed", "base").rows()
    assert ("sections", "s0") in held(made)
    assert made.free.is_empty()


def test_enrolments_wait_for_a_section_whose_drop_is_held() -> None:
    rows = [an_account(), a_course(term=None), *users(100), *(a_section(f"s{n}") for n in range(60))]
    rows += [an_enrolment(f"north-{n:03d}", f"s{m}") for n in range(100) for m in (n % 60, 59)]
    ledger = a_ledger(rows)
    gone = {f"s{n}" for n in range(12)}
    made = a_night(without(rows, gone), ledger, a_tenant(on_drop={"sections": "deleted"}, deleted="15%"))
    assert {line[1] for line in tripped(made)} == {"sections.csv"}
    assert made.free.is_empty()
    assert "waits for sections that are held" in why(made)


def test_a_frozen_persons_other_drops_wait() -> None:
    rows = [
        an_account(),
        a_course(term=None),
        a_section(),
        *users(100),
        *(an_enrolment(f"north-{n:03d}") for n in range(50)),
    ]
    frozen = a_wanted(without(rows, {"north-001"}), [("users.csv", "north-001")])
    made = a_night(frozen, a_ledger(rows), a_tenant())
    assert made.changes.is_empty()


# The hash


def change(**columns: Any) -> dict[str, Any]:
    whole = {
        "file": "users.csv",
        "key": "k",
        "action": "update",
        "old": "{}",
        "new": '{"a":1}',
        "holds": [],
        "limited": True,
    }
    return whole | columns


def frame(*changes: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(changes), schema=CHANGES, orient="row")


any_text = st.text(st.sampled_from('ab"\\\x1d\x1e\x1f\n,'), max_size=3)
any_changes = st.lists(
    st.builds(change, key=any_text, old=st.none() | any_text, new=any_text, action=st.sampled_from(["update", "drop"])),
    max_size=4,
)


def shown(changes: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    rows = [tuple(row[name] for name in ("file", "key", "action", "old", "new")) for row in changes]
    return sorted(rows, key=repr)


@given(any_changes, any_changes, st.randoms())
def test_the_hash_is_the_same_for_the_same_rows_in_any_order_and_for_no_others(
    one: list[dict[str, Any]], other: list[dict[str, Any]], random: Any
) -> None:
    shuffled = list(one)
    random.shuffle(shuffled)
    assert plan_hash(frame(*one)) == plan_hash(frame(*shuffled))
    assert (plan_hash(frame(*one)) == plan_hash(frame(*other))) is (shown(one) == shown(other))


@pytest.mark.parametrize("column", ["file", "key", "action", "old", "new"])
def test_the_hash_depends_on_each_column_that_is_shown(column: str) -> None:
    assert plan_hash(frame(change())) != plan_hash(frame(change(**{column: "other"})))
    assert plan_hash(frame(change(old=None))) != plan_hash(frame(change(old="")))


@pytest.mark.parametrize("column", ["why", "school", "columns", "part"])
def test_the_hash_depends_on_nothing_else(column: str) -> None:
    assert plan_hash(frame(change())) == plan_hash(frame(change(**{column: "other"})))
    assert plan_hash(frame(change())) == plan_hash(frame(change(holds=["x"], limited=False)))


def test_a_release_lets_exactly_the_rows_go_that_were_held() -> None:
    ledger = a_ledger(users(100))
    tonight = [*users(80), a_user("new")]
    first = a_night(tonight, ledger, a_tenant())
    assert (first.held.height, first.free.height, first.released) == (20, 1, False)
    released = a_night(tonight, ledger, a_tenant(), wish=Wish(release=first.held_hash))
    assert released.released
    assert released.held_hash == first.held_hash
    assert set(released.free["key"]) == set(first.changes["key"])
    assert released.held.is_empty()


def test_another_hash_lets_nothing_go() -> None:
    ledger = a_ledger(users(100))
    first = a_night(users(80), ledger, a_tenant())
    for other in ("0" * 64, plan_hash(first.free), (first.held_hash or "")[:12]):
        again = a_night(users(80), ledger, a_tenant(), wish=Wish(release=other))
        assert (again.released, again.free.height) == (False, 0)
    more = a_night(users(79), ledger, a_tenant(), wish=Wish(release=first.held_hash))
    assert (more.released, more.free.height) == (False, 0)


def test_with_nothing_held_a_release_is_none() -> None:
    made = a_night(users(3), EMPTY, wish=Wish(release=plan_hash(frame())))
    assert (made.held_hash, made.released) == (None, False)


# Properties of limits and holds

school_sizes = st.tuples(st.integers(0, 60), st.integers(0, 60))


@given(school_sizes, school_sizes, st.integers(0, 100), st.integers(0, 15))
@settings(max_examples=30)
def test_never_more_goes_than_the_limits_allow(
    sizes: tuple[int, int], gone: tuple[int, int], percent: int, at_least: int
) -> None:
    names = ("north", "south")
    rows = [row for name, size in zip(names, sizes, strict=True) for row in users(size, name)]
    left = [
        row for name, size, less in zip(names, sizes, gone, strict=True) for row in users(max(size - less, 0), name)
    ]
    tenant = a_tenant(deleted=f"{percent}%", at_least=at_least)
    made = a_night(left, a_ledger(rows), tenant)
    bases = {None: sum(sizes), **dict(zip(names, sizes, strict=True))}
    for school, base in bases.items():
        went = made.free.filter(pl.lit(school is None) | pl.col("school").eq_missing(pl.lit(school))).height
        assert went <= max(at_least, base * percent / 100 + 1e-6)
        assert base >= 40 or went <= base / 2


@given(st.data())
@settings(max_examples=30)
def test_holds_are_closed(data: st.DataObject) -> None:
    """Of whatever is held: nothing free refers to a held create, and no person's drops are part free, part held."""
    rows = [
        row | {"term_id": None} if "term_id" in row else row for row in FAMILY[:40] + FAMILY[102:180] + FAMILY[-60:]
    ]
    ledger = after(EMPTY, a_night(rows).changes)
    people = [str(row["user_id"]) for row in rows if row["file"] == "users.csv"]
    gone = data.draw(st.sets(st.sampled_from(people), max_size=30))
    fresh = rekeyed(data.draw(st.integers(0, 15)))
    coming = [an_enrolment(str(row["user_id"]), "north-s1") for row in fresh]
    tenant = a_tenant(deleted=data.draw(st.sampled_from(["1%", "20%", "90%"])), at_least=data.draw(st.integers(0, 12)))
    made = a_night([*without(rows, gone), *fresh, *coming], ledger, tenant)
    names = pl.col("new").str.extract_all(r'"(?:user_id|observer_id|student_id)":"([^"]*)"')
    persons = made.changes.filter(pl.col("file") != "users.csv").with_columns(names=names)
    whole = made.changes.filter(file="users.csv").select("key", "action", "part")
    for _, row in enumerate(persons.iter_rows(named=True)):
        named = [name.split('"')[3] for name in row["names"]]
        for key, action, part in whole.iter_rows():
            if key not in named:
                continue
            if action == "create" and part == "held":
                assert row["part"] == "held"
            if action == "drop" and row["action"] == "drop":
                assert row["part"] == part


def test_no_limits_means_none() -> None:
    assert a_night(users(60), a_ledger(users(100)), a_tenant(**NO_LIMITS)).held.is_empty()


def test_a_gate_holds_everything_for_its_reasons() -> None:
    rows = [an_account(), a_user("ada"), a_user("bea")]
    ledger = a_ledger(rows)
    made = a_night(
        [an_account(), a_user("ada", last_name="other")], ledger, gate=Gate(everything=("first: a", "second: b"))
    )
    assert made.free.is_empty()
    assert lines(made.held) == [("users", "ada", "update"), ("users", "bea", "drop")]
    assert made.held["holds"].to_list() == [["first: a", "second: b"]] * 2
    assert made.held_hash == plan_hash(a_night([an_account(), a_user("ada", last_name="other")], ledger).changes)


def test_a_gate_adds_to_what_the_limits_hold() -> None:
    ledger = a_ledger(users(10))
    made = a_night(users(2), ledger, a_tenant(), gate=Gate(everything=("review: x",)))
    assert why(made) == {"limit-deleted", "review"}
    assert tripped(made) != []


def test_a_gate_for_drops_lets_the_rest_go_and_holds_what_belongs_to_a_drop() -> None:
    rows = [a_term(), *a_school("north"), a_user("bea"), a_link("bea", "north-p1")]
    ledger = a_ledger(rows)
    gone = [row for row in rows if "north-p3" not in row.values()]
    named = [row | {"last_name": "other"} if row.get("user_id") == "bea" else row for row in gone]
    made = a_night([*named, a_user("new")], ledger, gate=Gate(drops=("unrehearsed: y",)))
    assert lines(made.free) == [("users", "bea", "update"), ("users", "new", "create")]
    assert {(file, action) for file, _, action in lines(made.held)} == {("users", "drop"), ("enrollments", "drop")}
    assert all("unrehearsed: y" in reasons for reasons in made.held["holds"].to_list())


def test_an_open_gate_holds_nothing() -> None:
    made = a_night(users(3), gate=Gate())
    assert (made.held.height, made.held_hash) == (0, None)
