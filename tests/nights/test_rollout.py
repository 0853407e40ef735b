"""Many nights over both environments, with faults, answers and edits at random: production is what was rehearsed.

`ROSTER_ROLLOUTS` says how many roll-outs are played (8).
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, example, given, note, settings
from hypothesis import strategies as st

from roster.decisions import decisions
from roster.errors import CanvasRefreshed, RosterError
from roster.ledger import Ledger
from roster.safety import plan_hash
from roster.steps.release import Reply
from roster.store import Store
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.loading import Loading
from roster_sandbox.canvas import Canvas, running_canvas
from tests.nights.both import Form, Keys, Promoted, Released, Rollout, a_tenant
from tests.nights.disturbed import Clock, Nights
from tests.nights.small import PUPILS, SECTIONS, School, live, school
from tests.nights.test_random_faults import IMPORTS, REQUESTS, UPLOADS, Change, Fault, days_changes

ROLLOUTS = int(os.environ.get("ROSTER_ROLLOUTS", "8"))
LATE_POSTS = 0.35
"""Seconds after which a late import of the night before has come."""


@dataclass(frozen=True)
class Tonight:
    """One day as it is drawn. edit: what somebody changes in Canvas's pages. answer: what becomes of the request.
    refresh: before what Canvas writes production over test: the night or the answer.
    """

    changes: list[Change]
    test_faults: list[Fault]
    production_faults: list[Fault]
    standing: str
    quarantined: str | None
    away: bool
    phase: str
    legal_names: bool
    resync: bool
    edit: tuple[str, str] | None
    answer: str
    refresh: str | None

    @property
    def disturbed(self) -> bool:
        return bool(self.test_faults or self.production_faults or self.away)


def _left(now: School) -> School:
    """A lot leave the north, which trips its limits."""
    for person in (*PUPILS[:6], "g1", "g2", "g3"):
        now = now.without(person)
    return now


def _come_back(now: School) -> School:
    before = school()
    people, places, links = {**before.people, **now.people}, before.places | now.places, before.links | now.links
    return replace(now, people=people, places=places, links=links)


def _renamed(now: School) -> School:
    """Everybody has another name, which trips the limit of updates."""
    return replace(now, people={person: f"{name}-x" for person, name in now.people.items()})


CHANGES = st.one_of(days_changes(), days_changes(), st.sampled_from([_left, _come_back, _renamed]))
QUIET: st.SearchStrategy[list[Fault]] = st.just([])
FAULTS = st.one_of(QUIET, QUIET, st.lists(st.one_of(REQUESTS, UPLOADS, IMPORTS), min_size=1, max_size=2))
EDITS = st.one_of(
    st.none(),
    st.none(),
    st.tuples(st.just("user"), st.sampled_from(PUPILS)),
    st.tuples(st.just("section"), st.sampled_from(tuple(SECTIONS))),
)
ANSWERS = ["approve"] * 4 + ["reject", "nobody", "stranger", "cleared", "another hash", "late", "late"]


def rarely(value: Any, otherwise: Any, times: int = 6) -> st.SearchStrategy[Any]:
    return st.sampled_from([otherwise] * times + [value])


NIGHT = st.builds(
    Tonight,
    changes=st.lists(CHANGES, min_size=1, max_size=3),
    test_faults=FAULTS,
    production_faults=FAULTS,
    standing=st.sampled_from(["proven", "proven", "proven", "complete", "nothing"]),
    quarantined=st.one_of(st.none(), st.none(), st.sampled_from(PUPILS)),
    away=rarely(True, False, 5),
    phase=st.sampled_from(["review", "live", "live"]),
    legal_names=rarely(True, False),
    resync=rarely(True, False),
    edit=EDITS,
    answer=st.sampled_from(ANSWERS),
    refresh=st.sampled_from([None] * 6 + ["night", "answer"]),
)


@dataclass
class Play:
    """One roll-out: two Canvases, what is drawn for them, and what has been seen so far.

    runs: of production by folder: phase, configuration, whether the artefact was rehearsed, its number. artefacts: by
    number: run date, standing, keys that were there. refused: a pupil whom both Canvases refuse all along.
    """

    rollout: Rollout
    test: Nights
    production: Nights
    refused: str | None
    source: School = field(default_factory=school)
    runs: dict[str, tuple[str, str, bool, int]] = field(default_factory=dict)
    artefacts: dict[int, tuple[datetime, str, set[tuple[str, str]]]] = field(default_factory=dict)
    pending: Form | None = None
    may_be_late: bool = False
    refreshed: bool = False
    """Canvas has written over test, and test's ledger does not follow yet."""

    def night(self, tonight: Tonight) -> Promoted:
        """The rehearsal, production, and what becomes of the request."""
        self._begin(tonight)
        self._rehearse(tonight)
        run = self._promote(tonight)
        if self.pending is not None:
            form, self.pending = self.pending, None
            self.rollout.answer(form, self.rollout.reply(form))
            self.assert_rightly_posted()
        if run.wakes:
            self._answers(tonight, run)
        self._end(tonight)
        return run

    def _begin(self, tonight: Tonight) -> None:
        for change in tonight.changes:
            self.source = change(self.source)
        self.rollout.go(tonight.phase)
        self.rollout.set(sync={"names": "legal" if tonight.legal_names else "preferred"})
        if self.may_be_late:
            time.sleep(LATE_POSTS)
            self.may_be_late = False
        for side, faults in ((self.test, tonight.test_faults), (self.production, tonight.production_faults)):
            side.clock.ahead = timedelta()
            side.patience, side.retries = (1, 2) if tonight.disturbed else (20, 2)
            if not tonight.disturbed:
                side.canvas.clear_faults()
            if self.refused:
                side.canvas.fault("refuse_rows", file="users", pattern=f"^{self.refused},")
            for name, options in faults:
                side.canvas.fault(name, **options)
                self.may_be_late |= name == "late_post"
        if tonight.refresh == "night":
            self._refresh()

    def _refresh(self) -> None:
        self.test.canvas.refresh_from(self.production.canvas)
        self.test.edited |= self.production.edited
        self.refreshed = True

    def _assert_test_is_honest(self) -> None:
        if not self.refreshed:
            self.test.assert_honest()

    def _end(self, tonight: Tonight) -> None:
        for side in (self.test, self.production):
            if all(one["ended_at"] for one in side.canvas.imports()):
                side.canvas.clear_faults()
        if tonight.edit is not None:
            self._edit(*tonight.edit)

    def _edit(self, kind: str, id_: str) -> None:
        """Somebody changes a name in production's pages."""
        file = f"{kind}s.csv"
        if (file, id_) in live(self.production.canvas.state()):
            self.production.canvas.edit(kind, id_, name="By Hand")
            self.production.edited.add((file, id_))

    def _rehearse(self, tonight: Tonight) -> None:
        there = tonight.quarantined in self.source.people
        quarantined: Keys = frozenset({("users.csv", str(tonight.quarantined))} if there else ())
        fault = self._rehearse_once(tonight, quarantined)
        if isinstance(fault, CanvasRefreshed):  # nothing of production came along that would tell what test holds
            with contextlib.suppress(RosterError):
                self.test.loading.follow_refresh(confirmed=True)
            fault = self._rehearse_once(tonight, quarantined)
        assert tonight.disturbed or fault is None, repr(fault)
        self.refreshed &= fault is not None
        self._assert_test_is_honest()

    def _rehearse_once(self, tonight: Tonight, quarantined: Keys) -> RosterError | None:
        fault = self.rollout.rehearse(
            self.source, quarantined=quarantined, standing=tonight.standing, away=tonight.away
        )
        note(f"test {self.rollout.day}: {fault!r}")
        run_date = self.rollout.night("seen").run_date
        known = set(self.source.known()) | quarantined
        self.artefacts[max(self.rollout.made)] = (run_date, tonight.standing, known)
        return fault

    def _promote(self, tonight: Tonight) -> Promoted:
        run = self.rollout.promote(resync=tonight.resync)
        note(f"production {self.rollout.day}: {run.fault!r} {run.request and run.request.held_hash[:8]}")
        taken = run.steps.get("take")
        if taken is not None:
            counts = taken["counts"]
            made = self.rollout.production.loading.ledger.store.read_json(f"{taken['path']}/artefact.json")
            self.runs[run.night.run.path] = (
                run.night.tenant.rollout.phase,
                made["configuration"],
                counts["rehearsed"],
                counts["number"],
            )
        self.production.assert_honest()
        self.assert_rightly_posted()
        if not tonight.disturbed:
            self.assert_production_is_what_was_rehearsed(run)
        return run

    def _answers(self, tonight: Tonight, run: Promoted) -> None:
        form = self.rollout.ask()
        if form is None:
            return
        if tonight.answer == "late":
            self.pending = form
            return
        if tonight.refresh == "answer":
            self._refresh()
        released = self.rollout.answer(form, self._reply(tonight.answer, form))
        note(f"answer {self.rollout.day}: {released.decision.answer} {released.decision.outcome} {released.fault!r}")
        self.refreshed &= "test.load" not in released.steps
        self.production.assert_honest()
        self._assert_test_is_honest()
        self.assert_rightly_posted()
        if tonight.answer == "approve" and not (tonight.disturbed or isinstance(released.fault, CanvasRefreshed)):
            done = released.steps.get("production.load")
            assert done is not None, repr(released.fault)
            all_refused = done["counts"]["refused"] == done["counts"]["rows"]
            assert released.decision.outcome == ("not loaded" if all_refused else "loaded")
            self.assert_what_was_shown_is_there(run, released)

    def _reply(self, answer: str, form: Form) -> Reply | None:
        shown = self.rollout.reply(form)
        return {
            "approve": shown,
            "reject": replace(shown, option="Reject"),
            "nobody": Reply("Reject", shown.hash, None),
            "stranger": replace(shown, by="stranger"),
            "cleared": None,
            "another hash": replace(shown, hash="0" * 64),
        }[answer]

    def assert_production_is_what_was_rehearsed(self, run: Promoted) -> None:
        assert run.fault is None
        number, small, _ = self.rollout.handed()
        assert number == max(self.rollout.made)
        untouched = run.untouched()
        apart = set().union(*untouched.values()) | self.production.edited
        there = {key: value for key, value in live(self.production.canvas.state()).items() if key not in apart}
        assert there == {key: value for key, value in small.known().items() if key not in apart}
        assert self.production.loading.ledger.open_intent() is None
        self._assert_in_the_report(run, untouched)

    def _assert_in_the_report(self, run: Promoted, untouched: dict[str, set[tuple[str, str]]]) -> None:
        counts = run.report["plan"]["counts"]
        for name in ("held", "waiting", "left", "frozen"):
            assert counts["totals"][name] == len(untouched[name])
        told = "\n".join(run.report["notices"])
        assert all(f"{name}: " in told for name in ("held", "waiting", "left") if untouched[name])
        messages = [line for line in run.messages() if line["outcome"] == "refused"]
        rows = run.table("load", "problems.parquet").filter(pl.col("outcome") == "refused")
        told_rows = {(line["file"], line["row"]) for line in messages}
        assert {(file, str(row)) for file, row in rows.select("file", "row").iter_rows()} <= told_rows
        assert run.report["load"]["counts"]["refused"] == len(untouched["refused"])

    def assert_what_was_shown_is_there(self, run: Promoted, released: Released) -> None:
        """After an approved release on an undisturbed night."""
        number, small, _ = self.rollout.handed()
        done = released.steps["production.load"]
        assert done is not None
        store = self.production.loading.ledger.store
        problems = pl.read_parquet(store.local_path(done["path"]) / "problems.parquet")
        refused = set(problems.select("file", "key").iter_rows())
        expected, there = small.known(), live(self.production.canvas.state())
        for key in run.keys("held") - refused - self.production.edited:
            assert there.get(key) == expected.get(key), (number, key)

    def assert_rightly_posted(self) -> None:
        """Nothing goes to production but what was shown and approved, or what a live tenant's limits allow."""
        taken = self.production.canvas.posts_by_identifier()
        assert set(taken.values()) <= {1}
        kept = [*decisions(self.production.loading.ledger.store, "sample")]
        approved: set[str] = set()
        for run, sent in self.rollout.posted():
            if run not in self.runs:
                (one,) = [one for one in kept if one.run == run and one.answer == "approved"]
                assert one.by in self.rollout.tenant.rollout.approvers
                assert one.request.held_hash == one.answered_hash == plan_hash(sent)
                if one.request.whole and one.outcome == "loaded":
                    approved = {one.request.configuration}
                continue
            phase, configuration, rehearsed, number = self.runs[run]
            assert phase == "live"
            assert configuration in approved
            for file, key in sent.filter(pl.col("action") == "drop").select("file", "key").iter_rows():
                assert rehearsed
                assert self._is_earned(file, key, number)

    def _is_earned(self, file: str, key: str, number: int) -> bool:
        """True if absence proves that drop, as promise 1 says it."""
        run_date, standing, present = self.artefacts[number]
        if (file, key) in present:
            return False
        if standing == "proven":
            return True
        for earlier in range(number - 1, 0, -1):
            before, proof, there = self.artefacts[earlier]
            if (file, key) in there or standing != "complete":
                return False
            if proof in ("proven", "complete") and run_date - before >= timedelta(hours=12):
                return True
        return False


@contextmanager
def a_side(folder: Path, name: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Canvas, CanvasHook]]:
    """A Canvas and its hook; name: test or production."""
    with running_canvas(folder / f"canvas-{name}") as canvas:
        connection = {"conn_type": "canvas", "host": canvas.url, "password": canvas.token}
        monkeypatch.setenv(f"AIRFLOW_CONN_CANVAS_{name.upper()}", json.dumps(connection))
        hook = CanvasHook(f"canvas_{name}", name, (canvas.url.removeprefix("http://"),))
        hook.retry_delays = (0.0,)
        yield canvas, hook


@contextmanager
def a_play(refused: str | None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    with (
        tempfile.TemporaryDirectory() as folder,
        a_side(Path(folder), "test", monkeypatch) as test,
        a_side(Path(folder), "production", monkeypatch) as production,
    ):
        home, tenant, sides = Path(folder) / "home", a_tenant(), []
        for canvas, hook in (test, production):
            clock = Clock()
            ledger = Ledger(Store(str(home)), hook.address.netloc, hook.root_account().id)
            sides.append(Nights(home, tenant, canvas, Loading(hook, ledger, now=clock), clock))
        in_test, in_production = sides
        ledgers = [in_production.loading.ledger]
        in_test.loading = replace(in_test.loading, production=lambda: ledgers)
        yield Play(Rollout(home, tenant, in_test, in_production), in_test, in_production, refused)


QUIET_NIGHT = Tonight([], [], [], "proven", None, False, "live", False, False, None, "approve", None)


def a_night(*changes: Change, **drawn: Any) -> Tonight:
    return replace(QUIET_NIGHT, changes=list(changes), **drawn)


# What is drawn rarely, once each.
RARE = [
    a_night(lambda now: now.without("p12"), away=True),
    a_night(lambda now: now.without("p11"), standing="nothing"),
    a_night(lambda now: now.without("p10"), standing="complete"),
    a_night(lambda now: now.renamed("p01", "Ash"), phase="review", answer="stranger"),
    a_night(lambda now: now.renamed("p02", "Ash"), phase="review", answer="another hash", refresh="answer"),
    a_night(lambda now: now.renamed("p03", "Ash"), phase="review", resync=True),
    a_night(_left, answer="late", edit=("user", "p09")),
    a_night(lambda now: now.renamed("p09", "Ash"), legal_names=True, refresh="night"),
]


@example(days=RARE, refused="p08", loaded=True)
@given(
    days=st.lists(NIGHT, min_size=4, max_size=7),
    refused=st.one_of(st.none(), st.sampled_from(PUPILS)),
    loaded=st.sampled_from([True, True, False]),
)
@settings(
    max_examples=ROLLOUTS,
    deadline=None,
    derandomize="ROSTER_ROLLOUTS" not in os.environ,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@pytest.mark.timeout(0)
def test_after_any_undisturbed_night_production_is_what_was_rehearsed(
    days: list[Tonight], refused: str | None, loaded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """loaded: the first whole load was released before anything of it happens."""
    with a_play(refused, monkeypatch) as play:
        if loaded:
            play.night(QUIET_NIGHT)
        for tonight in days:
            play.night(tonight)
        for _ in range(2):  # what Canvas may not even have yet trips a limit for small schools, once
            play.night(QUIET_NIGHT)
        quiet = play.night(QUIET_NIGHT)
        only_refused = {key for key in quiet.keys("held") if refused not in key[1].split("\x1f")}
        assert quiet.request is None or only_refused == set()
