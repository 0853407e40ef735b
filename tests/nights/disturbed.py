"""Nights with faults as Airflow carries them through: what waits is waited for, what is busy is asked again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from roster.canvas import ID_CHANGES
from roster.canvas.wanted import SEPARATOR
from roster.errors import CanvasBusy, CanvasStuck, CanvasUnreachable
from roster.ledger_rows import decoded
from roster.runs import read_step
from roster.steps import Done, Night
from roster.steps.plan import Asked, make_plan
from roster.tenants import Tenant
from roster_airflow.loading import Loading, Wait
from roster_sandbox.canvas import Canvas
from tests.nights import night_of
from tests.nights.small import School, live, seen, write_artefact

FIRST = datetime(2016, 2, 1, 7, tzinfo=UTC)
FINAL = ("imported", "imported_with_messages", "failed", "failed_with_messages", "aborted")
DROPPED = ("suspended", "inactive", "completed", "deleted")


@dataclass
class Clock:
    """The time of day, and what a test has added to it."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, **span: float) -> None:
        self.ahead += timedelta(**span)

    def until(self, moment: datetime) -> None:
        self.ahead = max(self.ahead, moment - datetime.now(UTC))


@dataclass
class Nights:
    """One tenant's nights. patience: seconds after which an import that does not end is past its deadline."""

    home: Path
    tenant: Tenant
    canvas: Canvas
    loading: Loading
    clock: Clock
    patience: float = 10.0
    retries: int = 3
    day: int = 0
    id_changes: Sequence[tuple[str, str, str]] = ()
    planned: list[Done] = field(default_factory=list)
    edited: set[tuple[str, str]] = field(default_factory=set)
    """File and key of what somebody has changed in Canvas's own pages."""

    def night(self) -> Night:
        """The next one."""
        self.day += 1
        self.clock.ahead = timedelta()
        return night_of(self.home, self.tenant, FIRST + timedelta(days=self.day))

    def play(self, school: School, *, quarantined: frozenset[tuple[str, str]] = frozenset(), **asked: Any) -> Done:
        """One night from settling to load; raises what ends it for good."""
        night, plan = self.plan(school, quarantined=quarantined, **asked)
        return self.load(night, plan)

    def plan(
        self, school: School, *, quarantined: frozenset[tuple[str, str]] = frozenset(), **asked: Any
    ) -> tuple[Night, Done]:
        """Everything of a night before its load."""
        night = self.night()
        transformed = write_artefact(night, school, quarantined, self.id_changes)
        self.carry_through(self.loading.settle_open)
        plan = make_plan(night, transformed["path"], self.loading.ledger, Asked(**asked))
        self.planned.append(plan)
        return night, plan

    def load(self, night: Night, plan: Done) -> Done:
        done = self.carry_through(lambda: self.loading.load(night, plan["path"]))
        assert done is not None
        return done

    def carry_through(self, act: Callable[[], Wait | Done | None]) -> Done | None:
        """The act until it no longer waits, and again after it was busy or without an answer."""
        left = self.retries
        while True:
            try:
                answer = act()
            except (CanvasBusy, CanvasUnreachable):
                if not left:
                    raise
                left -= 1
                self.clock.forward(minutes=3)
                continue
            if not isinstance(answer, Wait):
                return answer
            self.wait(answer)

    def wait(self, wait: Wait) -> None:
        """What the operator's trigger does."""
        if wait.import_id is None:
            assert wait.until is not None
            self.clock.until(wait.until + timedelta(seconds=1))
            return
        until = time.monotonic() + self.patience
        while not any(str(one["id"]) == wait.import_id and one["state"] in FINAL for one in self.canvas.imports()):
            if time.monotonic() > until:
                message = "past its deadline"
                raise CanvasStuck(message)
            time.sleep(0.01)

    def content(self, done: Done, name: str) -> Any:
        return read_step(self.loading.ledger.store, done["path"], name)

    def table(self, done: Done, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.loading.ledger.store.local_path(done["path"]) / name)

    def held(self) -> set[tuple[str, str]]:
        """File and key of what the last plan held."""
        changes = self.table(self.planned[-1], "changes.parquet")
        return set(changes.filter(pl.col("part") == "held").select("file", "key").iter_rows())

    def assert_honest(self) -> None:
        """The ledger claims nothing that Canvas does not have, and no identifier was taken twice."""
        posted = self.canvas.posts_by_identifier()
        assert all(times == 1 for times in posted.values())
        there = live(self.canvas.state())
        _, _, rows = self.loading.ledger.current()
        opened = self.loading.ledger.open_intent()
        moving = set(self.loading.ledger.sent(opened).select("file", "key").iter_rows()) if opened else set()
        moving |= self.late()
        loose = {part for file, key in moving if file == ID_CHANGES for part in self.ids_in(key)}
        for file, key, row, doubt in rows.select("file", "key", "row", "doubt").iter_rows():
            known = (file, key) in moving | self.edited
            if doubt is None and not known and loose.isdisjoint(key.split(SEPARATOR)):
                claimed = decoded(row)
                expected = seen(file, claimed) if claimed and claimed["status"] not in DROPPED else None
                assert there.get((file, key)) == expected, f"{file} {key.replace(SEPARATOR, ' ')}"
        known = set(rows.select("file", "key").iter_rows()) | moving
        unknown = {
            (file, key) for file, key in set(there) - known - self.edited if loose.isdisjoint(key.split(SEPARATOR))
        }
        assert unknown == set(), f"Canvas has what the ledger has never heard of: {sorted(unknown)}"

    def ids_in(self, key: str) -> tuple[str, str]:
        """The old and the new id of a line of the mapping."""
        return next((old, new) for kind, old, new in self.id_changes if f"{kind}{SEPARATOR}{old}" == key)

    def late(self) -> set[tuple[str, str]]:
        """File and key of what imports that were given up may still bring."""
        ledger = self.loading.ledger
        watched = [ledger.sent(one) for one in ledger.watched(self.clock())]
        return {key for sent in watched for key in sent.select("file", "key").iter_rows()}

    def assert_right(self, school: School, *, but: frozenset[tuple[str, str]] = frozenset()) -> None:
        """Canvas is what the source is, but for what is held (and what the test names), and nothing is left to do."""
        self.assert_honest()
        apart = self.held() | but
        there = {key: value for key, value in live(self.canvas.state()).items() if key not in apart}
        assert there == {key: value for key, value in school.known().items() if key not in apart}
        assert self.loading.ledger.open_intent() is None
        _, _, rows = self.loading.ledger.current()
        doubtful = rows.filter(pl.col("doubt").is_not_null()).select("file", "key").iter_rows()
        assert set(doubtful) - apart == set()
