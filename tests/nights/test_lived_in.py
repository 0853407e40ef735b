"""A Canvas that people live in: edits by hand, merges, refused rows, reconciling, undoing, releases, lost ledgers.

However they follow on each other, one repair and the nights after it make Canvas what the source is, but for what the
last report names and what is held. `ROSTER_LIVED_IN=n` draws n such lives at random instead of the few fixed ones.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from roster.canvas.wanted import SEPARATOR
from roster.errors import RosterError
from roster.ledger import Ledger
from roster.reconciling.outcome import Then
from roster.steps.undo import imports, remember, show, show_again
from roster.store import Store
from roster.tenants import Tenant
from roster.undo import Later
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.loading import Loading
from roster_airflow.reconciling import begin, finish, wait_for
from roster_sandbox.canvas import running_canvas
from tests.nights.disturbed import Clock, Nights
from tests.nights.logins import GOOGLE, doubled
from tests.nights.small import School, live
from tests.nights.test_random_faults import PUPIL, SECTION, Change, days_changes

DOUBLED = ("p03", "p04", "t1", "g1")
RANDOM = int(os.environ.get("ROSTER_LIVED_IN", "0"))


@dataclass
class Life:
    """A Canvas, its nights, and what of it is nobody's to put right."""

    nights: Nights
    source: School = field(default_factory=lambda: doubled(*DOUBLED))
    merged: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)
    """Sections that were cross-listed by hand: they stay where they were put."""

    def named(self) -> set[tuple[str, str]]:
        """File and key of what merging and cross-listing touched."""
        given = self.nights.loading.ledger.current()[2].select("file", "key").iter_rows()
        keys = {*self.source.known(), *given, *live(self.nights.canvas.state())}
        touched = {(file, key) for file, key in keys if not self.merged.isdisjoint(key.split(SEPARATOR))}
        return touched | {("sections.csv", section) for section in self.elsewhere}


Event = Callable[[Life], None]


def edited(kind: str, key: str, file: str, **fields: str) -> Event:
    def act(life: Life) -> None:
        if any(row.get(f"{kind}_id") == key for row in life.nights.canvas.state()[f"{kind}s"]):
            life.nights.canvas.edit(kind, key, **fields)
            life.nights.edited.add((file, key))

    return act


def taken_out(section: str, pupil: str) -> Event:
    def act(life: Life) -> None:
        there = {(row["section_id"], row["user_id"], row["type"]) for row in life.nights.canvas.state()["enrollments"]}
        if (section, pupil, "StudentEnrollment") in there:
            life.nights.canvas.by_hand("enrol", section=section, user=pupil, state="deleted")
            life.nights.edited.add(("enrollments.csv", SEPARATOR.join((section, pupil, "student"))))

    return act


def shut_out(pupil: str) -> Event:
    def act(life: Life) -> None:
        if any(row["user_id"] == pupil and row["state"] == "active" for row in life.nights.canvas.state()["users"]):
            life.nights.canvas.edit("login", pupil, state="suspended")
            life.nights.edited.add(("users.csv", pupil))

    return act


def merged(one: str, into: str) -> Event:
    def act(life: Life) -> None:
        there = {row["user_id"] for row in life.nights.canvas.state()["users"] if row["state"] == "active"}
        if {one, into} <= there and life.merged.isdisjoint({one, into}):
            life.nights.canvas.by_hand("merge", user=one, into=into)
            life.merged |= {one, into}
            life.nights.edited |= life.named()

    return act


def cross_listed(section: str, course: str) -> Event:
    def act(life: Life) -> None:
        there = {row["section_id"] for row in life.nights.canvas.state()["sections"]}
        if {section, course} <= there and section != course:
            life.nights.canvas.by_hand("cross_list", section=section, course=course)
            life.elsewhere.add(section)
            life.nights.edited.add(("sections.csv", section))

    return act


def refused(file: str, every: int) -> Event:
    return lambda life: life.nights.canvas.fault("refuse_rows", file=file, every=every, times=1)


def reconciled(then: Then) -> Event:
    def act(life: Life) -> None:
        differences(life, then)

    return act


def differences(life: Life, then: Then) -> list[dict[str, Any]]:
    nights = life.nights
    night = nights.night()
    begin(nights.loading, night, "test", then)
    done = wait_for(lambda: finish(nights.loading, night, "test", then), lambda: None)
    return nights.table(done, "differences.parquet").to_dicts()


def undone(later: Later) -> Event:
    def act(life: Life) -> None:
        nights, ledger = life.nights, life.nights.loading.ledger
        last = next((one for one in imports(ledger) if one["outcome"] == "taken"), None)
        if last is None:
            return
        night = nights.night()
        shown = show(night, ledger, last["import"], later)
        again = show_again(night, ledger, shown, "again")
        remember(night, ledger, again)
        nights.load(night, again)

    return act


def released(life: Life) -> None:
    """What a night holds is let go, with what it would write over."""
    nights = life.nights
    nights.play(life.source)
    if held := nights.content(nights.planned[-1], "plan.json")["held_hash"]:
        nights.play(life.source, release=held)


def lost(life: Life) -> None:
    """ROSTER_HOME is gone; what Canvas has is taken for the first ledger."""
    life.nights.loading.ledger.store.remove("ledgers")
    differences(life, "adopt")


HAND: st.SearchStrategy[Event] = st.one_of(
    st.builds(lambda who, word: edited("user", who, "users.csv", name=f"{word} {who}"), PUPIL, st.sampled_from("AB")),
    st.builds(lambda one, word: edited("section", one, "sections.csv", name=word), SECTION, st.sampled_from("XY")),
    st.builds(taken_out, SECTION, PUPIL),
    st.builds(shut_out, PUPIL),
    st.builds(lambda pair: merged(*pair), st.sampled_from([("p01", "p02"), ("p11", "p12"), ("g3", "g4")])),
    st.builds(cross_listed, SECTION, SECTION),
)
BETWEEN: st.SearchStrategy[Event] = st.one_of(
    st.sampled_from(["report", "adopt", "repair"]).map(reconciled),
    st.sampled_from(["leave", "undo"]).map(undone),
    st.sampled_from([released, lost]),
)
REFUSED = st.builds(refused, st.sampled_from(["users", "enrollments", "sections"]), st.integers(1, 3))
DAY = st.tuples(
    st.lists(days_changes(), max_size=2),
    st.lists(HAND, max_size=2),
    st.lists(REFUSED, max_size=1),
    st.lists(BETWEEN, max_size=2),
)


@pytest.mark.timeout(60 + 10 * (RANDOM or 8))
@given(days=st.lists(DAY, min_size=1, max_size=4))
@settings(
    max_examples=RANDOM or 8,
    derandomize=not RANDOM,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_however_people_live_in_it_a_repair_makes_canvas_what_the_source_is(
    days: list[tuple[list[Change], list[Event], list[Event], list[Event]]],
    tenant: Callable[..., Tenant],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with tempfile.TemporaryDirectory() as folder, running_canvas(Path(folder) / "canvas") as canvas:
        connection = {"conn_type": "canvas", "host": canvas.url, "password": canvas.token}
        monkeypatch.setenv("AIRFLOW_CONN_CANVAS_TEST", json.dumps(connection))
        hook, home, clock = CanvasHook("canvas_test", "test", ("127.0.0.1",)), Path(folder) / "home", Clock()
        hook.retry_delays = (0.0,)
        ledger = Ledger(Store(str(home)), hook.address.netloc, hook.root_account().id)
        life = Life(Nights(home, tenant(logins=[GOOGLE]), canvas, Loading(hook, ledger, now=clock), clock))
        life.nights.play(life.source)
        for changes, by_hand, faults, between in days:
            for change in changes:
                life.source = change(life.source)
            for event in (*by_hand, *faults):
                event(life)
            with contextlib.suppress(RosterError):
                life.nights.play(life.source)
            canvas.clear_faults()
            for event in between:
                event(life)
        put_right(life)


def put_right(life: Life) -> None:
    """A repair and two nights; then what differs is only what nobody can put right, and the report says so."""
    nights = life.nights
    differences(life, "repair")
    nights.play(life.source)
    nights.play(life.source)
    told = differences(life, "report")
    left = {(one["file"], one["key"]) for one in told if one["kind"] != "merged"}
    assert left <= life.named(), told
    assert {one["key"] for one in told if one["kind"] == "merged"} <= life.merged
    merged_now = {one["key"] for one in told if one["kind"] == "merged"} | {one["other"] for one in told}
    assert life.merged <= merged_now
    nights.edited = life.named()
    nights.assert_right(life.source, but=frozenset(life.named()))
