"""The journal of imports: against a Canvas that takes, loses, refuses and is late, with kills between any two steps."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from roster.errors import ImportOpen, LedgerFault, LedgerMoved
from roster.journal import OUTCOMES, Intent, Refreshed, identifier, in_doubt, version_in
from roster.ledger import Ledger
from roster.ledger_rows import LEDGER, live, moved
from roster.plan import Plan, Wish
from roster.safety import plan_hash
from roster.steps.plan import numbered
from roster.store import Store
from tests.roster.canvas_rows import EMPTY, a_night, a_user, after

NOW = datetime(2026, 3, 2, 16, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(Store(str(tmp_path)), "canvas.test.example:443", "1")


def rows_of(*users: str) -> pl.DataFrame:
    return numbered(a_night([a_user(user) for user in users]).changes)


def told(sent: pl.DataFrame, outcome: str = "sent") -> pl.DataFrame:
    return sent.select("file", "row", outcome=pl.lit(outcome)).cast(OUTCOMES)


def intended(
    ledger: Ledger, sent: pl.DataFrame, *, now: datetime = NOW, run: str = "run-1", sequence: int = 1
) -> Intent:
    _, state, _ = ledger.current()
    return ledger.intend(sent, plan_hash=plan_hash(sent), state=state, sequence=sequence, run=run, now=now)


def taken(ledger: Ledger, *users: str, now: datetime = NOW) -> None:
    sent = rows_of(*users)
    intent = intended(ledger, sent, now=now)
    ledger.settle(intent, told(sent), outcome="taken", import_id="7", now=now)


def abandoned(ledger: Ledger, *users: str, now: datetime = NOW) -> Intent:
    intent = intended(ledger, rows_of(*users), now=now)
    ledger.settle(intent, pl.DataFrame(schema=OUTCOMES), outcome="abandoned", import_id=None, now=now)
    return intent


def test_at_the_start_there_is_nothing(ledger: Ledger) -> None:
    version, _, rows = ledger.current()
    assert (version, rows.height, rows.schema) == (0, 0, LEDGER)
    assert ledger.open_intent() is None
    assert ledger.watched(NOW) == []


def test_an_import_is_open_until_it_is_settled(ledger: Ledger) -> None:
    sent = rows_of("ada", "bea")
    intent = intended(ledger, sent)
    assert ledger.open_intent() == intent
    assert ledger.sent(intent).equals(sent)
    assert ledger.current()[2].is_empty()
    with pytest.raises(ImportOpen, match="has not been settled"):
        intended(ledger, sent)
    settled = ledger.settle(intent, told(sent), outcome="taken", import_id="7", now=NOW, facts={"sent": 2})
    assert ledger.open_intent() is None
    version, state, rows = ledger.current()
    assert (version, state, settled.facts, settled.import_id) == (1, settled.state, {"sent": 2}, "7")
    assert rows["key"].to_list() == ["ada", "bea"]


def test_a_plan_against_a_ledger_that_moved_on_is_not_loaded(ledger: Ledger) -> None:
    sent, (_, before, _) = rows_of("ada"), ledger.current()
    taken(ledger, "bea")
    with pytest.raises(LedgerMoved, match="clear the run from its plan on"):
        ledger.intend(sent, plan_hash=plan_hash(sent), state=before, sequence=1, run="late", now=NOW)
    assert ledger.open_intent() is None


def test_every_settling_is_a_new_version_and_only_an_abandoned_import_leaves_plans_valid(ledger: Ledger) -> None:
    states = [ledger.current()[:2]]
    abandoned(ledger, "ada")
    states.append(ledger.current()[:2])
    taken(ledger, "ada")
    states.append(ledger.current()[:2])
    assert [version for version, _ in states] == [0, 1, 2]
    assert states[0][1] == states[1][1] != states[2][1]


def test_settling_twice_gives_the_first_answer(ledger: Ledger) -> None:
    sent = rows_of("ada")
    intent = intended(ledger, sent)
    first = ledger.settle(intent, told(sent), outcome="taken", import_id="7", now=NOW)
    second = ledger.settle(intent, told(sent, "refused"), outcome="taken", import_id="8", now=NOW)
    assert first == second
    assert live(ledger.current()[2]).height == 1


def test_an_identifier_is_one_for_each_host_account_version_plan_and_moment_and_short_enough() -> None:
    whole = ("canvas.example", "1", 3, "f" * 64, NOW)
    others = [
        ("canvas.test.example", *whole[1:]),
        (whole[0], "2", *whole[2:]),
        (*whole[:2], 4, *whole[3:]),
        (*whole[:3], "0" * 64, NOW),
        (*whole[:4], NOW + timedelta(seconds=1)),
    ]
    found = {identifier(*one) for one in (whole, *others)}
    assert len(found) == 6
    assert identifier(*whole) == identifier(*whole)
    assert max(len(one.encode()) for one in found) <= 128


def test_a_plan_that_is_loaded_again_after_it_was_abandoned_has_another_identifier(ledger: Ledger) -> None:
    first = abandoned(ledger, "ada")
    second = intended(ledger, rows_of("ada"))
    assert first.plan_hash == second.plan_hash
    assert first.identifier != second.identifier


def test_of_many_writers_one_intends(tmp_path: Path) -> None:
    sent, ready = rows_of("ada"), threading.Barrier(6)
    won: list[Intent] = []
    lost: list[LedgerFault] = []

    def write() -> None:
        own = Ledger(Store(str(tmp_path)), "h", "1")
        ready.wait()
        try:
            won.append(intended(own, sent))
        except LedgerFault as fault:
            lost.append(fault)

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 5)
    assert Ledger(Store(str(tmp_path)), "h", "1").open_intent() == won[0]


def test_hosts_and_accounts_have_ledgers_of_their_own(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    taken(Ledger(store, "canvas.test.example", "1"), "ada")
    for other in (Ledger(store, "canvas.example", "1"), Ledger(store, "canvas.test.example", "2")):
        assert other.current()[0] == 0


def test_a_ledger_of_a_newer_release_is_refused(ledger: Ledger) -> None:
    taken(ledger, "ada")
    name = ledger._name(1, "settled")
    ledger.store.write(name, json.dumps(ledger.store.read_json(name) | {"model_schema": 99, "more": 1}).encode())
    with pytest.raises(LedgerFault, match="newer release"):
        ledger.current()


def test_a_step_that_runs_again_finds_how_its_import_ended(ledger: Ledger) -> None:
    taken(ledger, "zoe")
    since, _, _ = ledger.current()
    sent = rows_of("ada")
    assert ledger.settlement_of(plan_hash(sent), "run-1", since) is None
    taken(ledger, "ada")
    found = ledger.settlement_of(plan_hash(sent), "run-1", since)
    assert found is not None
    assert (found.version, found.outcome) == (2, "taken")
    assert ledger.settlement_of(plan_hash(sent), "run-2", since) is None
    assert ledger.settlement_of(plan_hash(rows_of("bea")), "run-1", since) is None
    assert ledger.settlement_of(plan_hash(sent), "run-1", 2) is None


def test_problems_are_kept_with_the_version(ledger: Ledger) -> None:
    sent = rows_of("ada")
    problems = pl.DataFrame({"message": ["refused"]})
    intent = intended(ledger, sent)
    settled = ledger.settle(intent, told(sent, "refused"), outcome="taken", import_id="7", now=NOW, problems=problems)
    kept = ledger.problems(settled)
    assert kept is not None
    assert kept.equals(problems)


# What becomes of rows


def row(ledger: pl.DataFrame, key: str) -> dict[str, Any]:
    return ledger.row(by_predicate=pl.col("key") == key, named=True)


def test_a_row_without_an_outcome_is_in_doubt() -> None:
    sent = rows_of("ada")
    after_ = moved(EMPTY, sent, pl.DataFrame(schema=OUTCOMES), 3)
    assert row(after_, "ada") | {"doubt": None} == {
        "file": "users.csv", "key": "ada", "row": None, "columns": None, "doubt": None, "refused": None,
        "dropped": False, "school": "north", "sequence": 3, "accepted": None, "by_hand": False,
    }  # fmt: skip
    assert row(after_, "ada")["doubt"] == sent["new"][0]


def test_refused_keeps_what_canvas_had_and_what_is_in_doubt() -> None:
    ledger = after(EMPTY, a_night([a_user("ada"), a_user("bea")]).changes)
    new = a_night([a_user("ada", "south", email="x@mail.example"), a_user("bea")], ledger).changes
    doubtful = after(ledger, new, "doubt", 2)
    refused = after(doubtful, new, "refused", 3)
    before, then = row(ledger, "ada"), row(refused, "ada")
    assert then == before | {"doubt": new["new"][0], "refused": new["new"][0], "sequence": 2}
    settled = row(after(refused, new, "sent", 4), "ada")
    assert (settled["row"], settled["doubt"], settled["refused"]) == (new["new"][0], None, None)
    assert (settled["school"], settled["sequence"]) == ("south", 4)


def test_a_drop_that_was_taken_is_no_longer_live_and_one_that_was_refused_is() -> None:
    ledger = after(EMPTY, a_night([a_user(name) for name in "abc"]).changes)
    drop = a_night([a_user(name) for name in "bc"], ledger).changes
    assert live(after(ledger, drop))["key"].to_list() == ["b", "c"]
    for outcome in ("refused", "doubt"):
        assert live(after(ledger, drop, outcome))["key"].to_list() == ["a", "b", "c"]


def test_rows_that_were_not_sent_stay_as_they_are() -> None:
    ledger = after(EMPTY, a_night([a_user(name) for name in "abc"]).changes)
    new = a_night([a_user("a", email=None), a_user("b"), a_user("c")], ledger).changes
    others = pl.col("key") != "a"
    assert after(ledger, new, sequence=2).filter(others).equals(ledger.filter(others))


def test_an_older_sequence_does_not_overwrite_a_newer() -> None:
    ledger = after(EMPTY, a_night([a_user("ada")]).changes, sequence=9)
    again = moved(ledger, rows_of("ada"), told(rows_of("ada"), "doubt"), 0)
    assert again["sequence"].to_list() == [9]


# Imports that turn up late


def test_an_abandoned_import_that_turns_up_leaves_its_rows_in_doubt(ledger: Ledger) -> None:
    abandoned(ledger, "ada", "bea")
    taken(ledger, "ada")
    (late,) = ledger.watched(NOW)
    ledger.surface(late, "12", NOW)
    version, _, rows = ledger.current()
    assert version == 3
    assert row(rows, "ada")["row"] is not None
    assert row(rows, "ada")["doubt"] is not None
    assert (row(rows, "bea")["row"], row(rows, "bea")["doubt"] is not None) == (None, True)
    assert ledger.watched(NOW) == []
    assert ledger.settled(3).outcome == "surfaced"


def test_abandoned_imports_are_watched_for_thirty_days(ledger: Ledger) -> None:
    first = abandoned(ledger, "ada")
    assert [late.identifier for late in ledger.watched(NOW + timedelta(days=29))] == [first.identifier]
    assert ledger.watched(NOW + timedelta(days=31)) == []


def test_one_that_turned_up_late_hides_no_younger_one(ledger: Ledger) -> None:
    """The entry of the one that turned up carries the day it was written, which is long past."""
    abandoned(ledger, "ada", now=NOW)
    younger = abandoned(ledger, "bea", now=NOW + timedelta(days=20))
    old = next(late for late in ledger.watched(NOW + timedelta(days=29)) if late.identifier != younger.identifier)
    ledger.surface(old, "12", NOW + timedelta(days=29))
    assert [late.identifier for late in ledger.watched(NOW + timedelta(days=35))] == [younger.identifier]


def test_nothing_surfaces_while_an_import_is_open(ledger: Ledger) -> None:
    abandoned(ledger, "ada")
    (late,) = ledger.watched(NOW)
    intended(ledger, rows_of("bea"))
    with pytest.raises(ImportOpen):
        ledger.surface(late, "12", NOW)


# Canvas is written over


CAME = Refreshed(
    host="canvas.example",
    account="7",
    production=12,
    identifier="roster-12-x",
    import_id="40",
    as_of=NOW - timedelta(days=3),
)


def test_a_refresh_makes_the_ledger_what_came_along(ledger: Ledger) -> None:
    taken(ledger, "ada")
    states = [ledger.current()[1]]
    rows = after(EMPTY, a_night([a_user("bea"), a_user("cai")]).changes)
    settled = ledger.refresh(rows, CAME, version=1, now=NOW)
    version, state, found = ledger.current()
    assert (version, found.equals(rows), state in states) == (2, True, False)
    assert ledger.rows_at(2).equals(rows)
    assert ledger.rows_at(1)["key"].to_list() == ["ada"]
    assert ledger.rows_at(0).equals(EMPTY)
    assert (settled.outcome, settled.identifier, settled.import_id) == ("refreshed", "roster-12-x", "40")
    assert Refreshed.model_validate(settled.facts) == CAME
    assert ledger.sent(settled).is_empty()
    assert ledger.watched(NOW) == []
    assert not ledger.is_new()
    taken(ledger, "dee")
    assert ledger.current()[2]["key"].to_list() == ["bea", "cai", "dee"]


def test_who_finds_a_refresh_later_than_another_moved_on_writes_nothing(ledger: Ledger) -> None:
    taken(ledger, "ada")
    intended(ledger, rows_of("bea"))
    for version in (0, 1, 2):
        with pytest.raises(LedgerMoved):
            ledger.refresh(EMPTY, CAME, version=version, now=NOW)
    assert ledger.versions() == (1, 2)


def test_a_refresh_that_was_broken_off_is_settled_from_its_intent(ledger: Ledger) -> None:
    taken(ledger, "ada")
    rows = after(EMPTY, a_night([a_user("bea")]).changes)
    first = ledger.refresh(rows, CAME, version=1, now=NOW)
    ledger.store.remove(ledger._name(2, "settled"))
    with pytest.raises(ImportOpen):
        intended(ledger, rows_of("cai"))
    again = ledger.settle_refreshed(ledger.intent(2), NOW)
    assert (again.facts, again.import_id, again.identifier) == (first.facts, first.import_id, first.identifier)
    assert ledger.current()[2].equals(rows)


def test_a_ledger_is_new_before_its_first_import_and_where_it_began_anew(ledger: Ledger) -> None:
    assert ledger.is_new()
    taken(ledger, "ada")
    assert not ledger.is_new()
    ledger.refresh(EMPTY, Refreshed(anew=True), version=1, now=NOW)
    assert ledger.is_new()
    taken(ledger, "ada")
    assert not ledger.is_new()


def test_an_identifier_leads_back_to_its_version_in_its_own_ledger_only(ledger: Ledger) -> None:
    taken(ledger, "ada")
    taken(ledger, "bea")
    name = ledger.intent(2).identifier
    other = Ledger(ledger.store, "canvas.example", "1")
    taken(other, "ada")
    taken(other, "bea")
    assert [version_in(one) for one in (name, "roster-2-", "of somebody else", f"{name}0")] == [2, 0, 0, 0]
    assert [ledger.version_of(one) for one in (name, "of somebody else", other.intent(2).identifier)] == [2, 0, 0]
    assert ledger.version_of(name.replace("roster-2", "roster-3")) == 0


def test_the_ledgers_of_a_host(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for host, account in (("canvas.example:8443", "7"), ("canvas.example:8443", "3"), ("canvas.example", "1")):
        taken(Ledger(store, host, account), "ada")
    found = Ledger.of_host(store, "canvas.example:8443")
    assert [(one.account, one.current()[0]) for one in found] == [("3", 1), ("7", 1)]
    assert Ledger.of_host(store, "elsewhere.example") == []


# The whole of it, against a Canvas that is not to be relied on


@dataclass
class Posted:
    identifier: str
    rows: pl.DataFrame
    outcomes: pl.DataFrame
    state: str


@dataclass
class FakeCanvas:
    """Users with their rows, and the imports it took, by identifier."""

    users: dict[str, str] = field(default_factory=dict)
    imports: list[Posted] = field(default_factory=list)
    ever: set[tuple[str, str]] = field(default_factory=set)

    def take(self, name: str, rows: pl.DataFrame, refused: int, broken_after: int | None) -> None:
        outcomes = []
        for number, (line, key, new) in enumerate(rows.select("row", "key", "new").iter_rows()):
            if broken_after is not None and number >= broken_after:
                break
            if number < refused:
                outcomes.append(("users.csv", line, "refused"))
                continue
            self.users[key] = new
            self.ever.add((key, new))
            outcomes.append(("users.csv", line, "sent"))
        state = "imported" if broken_after is None else "failed"
        told_ = pl.DataFrame(outcomes, schema=OUTCOMES, orient="row")
        self.imports.append(Posted(name, rows, told_, state))

    def find(self, name: str) -> Posted | None:
        return next((one for one in self.imports if one.identifier == name), None)


@dataclass
class Writer:
    """What one process knows; a kill forgets it."""

    made: Plan | None = None
    state: str = ""
    intent: Intent | None = None


KEYS = st.sampled_from(["ada", "bea", "cai", "dee"])
WRITERS = st.integers(0, 1)
LATE = timedelta(minutes=5)


class Loads(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="roster-ledger-"))
        self.ledger = Ledger(Store(str(self.folder)), "canvas.test.example", "1")
        self.canvas, self.source = FakeCanvas(), {"ada": "one", "bea": "one"}
        self.writers, self.wire, self.now, self.artefact = [Writer(), Writer()], [], NOW, 0
        self.unseen: set[str] = set()  # keys that a late import has changed, and no one has noticed yet

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.a_night_that_nothing_disturbs()
            shutil.rmtree(self.folder)

    @rule(key=KEYS, mail=st.sampled_from(["one", "two", None]))
    def the_source_changes(self, key: str, mail: str | None) -> None:
        self.source.pop(key, None)
        if mail:
            self.source[key] = mail

    @rule(
        number=WRITERS,
        ends_after=st.sampled_from(["plan", "intend", "post", "post", "post"]),
        how=st.sampled_from(["arrives", "arrives", "breaks off", "is lost", "is late"]),
        refused=st.sampled_from([0, 0, 1, 2]),
        minutes=st.sampled_from([0, 1, 6, 6]),
    )
    def a_run_goes_on_until_it_is_killed(
        self, number: int, ends_after: str, how: str, refused: int, minutes: int
    ) -> None:
        """From where it was; one that was killed after its POST starts again, from the journal."""
        self.now += timedelta(minutes=minutes)
        writer = self.writers[number]
        if writer.made is None:
            self.settle()
            self.plan(number)
            writer = self.writers[number]
        if ends_after == "plan":
            return
        if writer.intent is None:
            self.intend(number)
            writer = self.writers[number]
        if ends_after == "post" and writer.intent:
            self.post(number, how, refused)

    def plan(self, number: int) -> None:
        _, state, rows = self.ledger.current()
        self.artefact += 1
        wanted = [a_user(key, email=mail) for key, mail in self.source.items()]
        made = a_night(wanted, rows, sequence=self.artefact)
        if made.held_hash:
            made = a_night(wanted, rows, sequence=self.artefact, wish=Wish(release=made.held_hash))
        self.writers[number] = Writer(made, state)

    def intend(self, number: int) -> None:
        writer = self.writers[number]
        if writer.made is None or writer.made.free.is_empty():
            self.writers[number] = Writer()
            return
        sent = numbered(writer.made.free)
        opened, moved_on = self.ledger.open_intent(), self.ledger.current()[1] != writer.state
        try:
            writer.intent = self.ledger.intend(
                sent, plan_hash=plan_hash(sent), state=writer.state, sequence=self.artefact, run="r", now=self.now
            )
        except (ImportOpen, LedgerMoved):
            assert opened or moved_on
            self.writers[number] = Writer()
        else:
            assert not opened
            assert not moved_on

    def post(self, number: int, how: str, refused: int) -> None:
        intent = self.writers[number].intent
        assert intent is not None
        self.writers[number] = Writer()
        if how == "is late":
            self.wire.append((intent, refused))
        elif how != "is lost":
            rows = self.ledger.sent(intent)
            broken = rows.height // 2 if how == "breaks off" else None
            self._arrive(intent, refused, broken)

    def _arrive(self, intent: Intent, refused: int, broken: int | None = None) -> None:
        rows = self.ledger.sent(intent)
        opened = self.ledger.open_intent()
        if opened is None or opened.identifier != intent.identifier:
            self.unseen |= set(rows["key"])
        self.canvas.take(intent.identifier, rows, refused, broken)

    @precondition(lambda self: bool(self.wire))
    @rule()
    def a_late_import_arrives(self) -> None:
        self._arrive(*self.wire.pop())

    @rule(number=WRITERS)
    def a_run_is_killed(self, number: int) -> None:
        self.writers[number] = Writer()

    @rule()
    def settle(self) -> None:
        intent = self.ledger.open_intent()
        if intent is not None:
            found = self.canvas.find(intent.identifier)
            if found and found.state == "imported":
                self.ledger.settle(intent, found.outcomes, outcome="taken", import_id="1", now=self.now)
            elif found:
                self.ledger.settle(intent, in_doubt(found.rows), outcome="taken", import_id="1", now=self.now)
            elif self.now - intent.written > LATE:
                nothing = pl.DataFrame(schema=OUTCOMES)
                self.ledger.settle(intent, nothing, outcome="abandoned", import_id=None, now=self.now)
            else:
                return
        for late in self.ledger.watched(self.now):
            if self.canvas.find(late.identifier):
                self.ledger.surface(late, "2", self.now)
        if self.ledger.open_intent() is None:
            self.unseen.clear()

    @invariant()
    def one_import_at_most_is_open_and_none_was_taken_twice(self) -> None:
        if not hasattr(self, "folder"):
            return
        names = self.ledger.store.names(self.ledger.path)
        count = {kind: len([name for name in names if name.endswith(f"{kind}.json")]) for kind in ("intent", "settled")}
        assert count["intent"] - count["settled"] in (0, 1)
        taken_ = [one.identifier for one in self.canvas.imports]
        assert len(set(taken_)) == len(taken_)

    @invariant()
    def the_ledger_claims_nothing_that_canvas_did_not_take(self) -> None:
        if not hasattr(self, "folder"):
            return
        opened = self.ledger.open_intent()
        unsure = set(self.ledger.sent(opened)["key"]) if opened else set()
        for key, text, doubt in self.ledger.current()[2].select("key", "row", "doubt").iter_rows():
            assert text is None or (key, text) in self.canvas.ever
            if doubt is None and key not in unsure | self.unseen:
                assert self.canvas.users.get(key) == text

    def a_night_that_nothing_disturbs(self) -> None:
        while self.wire:
            self.a_late_import_arrives()
        self.now += 2 * LATE
        self.settle()
        self.writers[0] = Writer()
        self.plan(0)
        self.intend(0)
        if self.writers[0].intent:
            self.post(0, "arrives", 0)
            self.settle()
        active = {key: json.loads(text)["email"] for key, text in self.canvas.users.items() if '"active"' in text}
        assert active == self.source
        assert {
            key: json.loads(text)["email"] for key, text in live(self.ledger.current()[2]).select("key", "row").rows()
        } == active
        self.plan(1)
        planned = self.writers[1].made
        assert planned is not None
        assert planned.changes.is_empty()
        self.one_import_at_most_is_open_and_none_was_taken_twice()
        self.the_ledger_claims_nothing_that_canvas_did_not_take()


TestLoads = Loads.TestCase
TestLoads.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


def test_facts_are_kept_as_they_are(ledger: Ledger) -> None:
    facts: Mapping[str, Any] = {"counts": {"users": 2}, "doubts": ["one", "two"]}
    sent = rows_of("ada")
    ledger.settle(intended(ledger, sent), told(sent), outcome="taken", import_id="7", now=NOW, facts=facts)
    assert ledger.settled(1).facts == facts
