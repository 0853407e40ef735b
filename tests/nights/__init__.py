"""Nights without Airflow: the steps and the load in order, against a Canvas that the test runs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from roster.runs import Run, read_step, run_name
from roster.sources import DeliveredFile
from roster.steps import Done, Night
from roster.steps.check import check
from roster.steps.extract import extract
from roster.steps.hand_on import hand_on
from roster.steps.load import settled_since
from roster.steps.plan import Asked, make_plan
from roster.steps.transform import transform
from roster.steps.verdict import Outcome, verdict
from roster.store import Store
from roster.tenants import Tenant
from roster_airflow.loading import Loading, Wait


@dataclass(frozen=True)
class Folder:
    """A delivery that lies in a folder; shifted: its files count as that much older."""

    path: Path

    def files(self) -> Mapping[str, DeliveredFile]:
        return {
            file.name: DeliveredFile(file.stat().st_size, datetime.fromtimestamp(file.stat().st_mtime, UTC))
            for file in self.path.iterdir()
            if file.is_file()
        }

    def fetch(self, name: str, folder: Path) -> Path:
        return Path(shutil.copyfile(self.path / name, folder / name))


@dataclass
class Played:
    """What one night did."""

    night: Night
    steps: dict[str, Done | None] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    def table(self, step: str, name: str) -> pl.DataFrame:
        done = self.steps[step]
        assert done is not None
        return pl.read_parquet(self.night.store.local_path(done["path"]) / name)

    def json(self, step: str, name: str) -> Any:
        done = self.steps[step]
        assert done is not None
        return read_step(self.night.store, done["path"], name)

    @property
    def changes(self) -> pl.DataFrame:
        return self.table("plan", "changes.parquet")

    @property
    def report(self) -> Any:
        return self.json("verdict", "report.json")


def night_of(home: Path, tenant: Tenant, run_date: datetime, *, name: str = "manual", practice: bool = False) -> Night:
    store = Store(str(home))
    run = Run(store, tenant.id, run_name(run_date, f"{name}-{run_date.isoformat()}"))
    return Night(store, tenant, run, run_date, practice)


def play(
    night: Night, delivery: Any, loading: Loading, asked: Asked | None = None, ids: pl.DataFrame | None = None
) -> Played:
    """One night from extract to verdict. ids: the tenant's mapping."""
    played = Played(night)
    source = night.tenant.sources[0].name
    played.steps["extract"] = extracted = extract(night, source, delivery, datetime.now(UTC) + timedelta(days=1))
    extracts = {source: extracted["path"]}
    played.steps["check"] = checked = check(night, extracts)
    if not checked["counts"]["stops"]:
        played.steps["transform"] = transformed = transform(night, checked["path"], extracts, ids)
        began = datetime.now(UTC)
        finish(loading.settle_open, loading)
        played.steps["settle"] = settled_since(night, loading.ledger, began)
        played.steps["plan"] = planned = make_plan(night, transformed["path"], loading.ledger, asked or Asked())
        played.steps["load"] = loaded = finish(lambda: loading.load(night, planned["path"]), loading)
        hand_on(
            night,
            extracts=extracts,
            transform=transformed,
            plan=planned,
            load=loaded,
            unreachable=False,
            scope=None,
            now=datetime.now(UTC),
        )
    outcome = Outcome(extracts={source: extracted}, steps=played.steps)
    played.steps["verdict"], played.reasons = verdict(night, outcome)
    return played


def finish(act: Any, loading: Loading, seconds: float = 60) -> Any:
    """The act, again and again, until what it waits for has come."""
    until = time.monotonic() + seconds
    while isinstance(answer := act(), Wait):
        assert time.monotonic() < until, "the import did not end"
        if answer.import_id is not None:
            while not loading.hook.sis_import(answer.import_id).is_final and time.monotonic() < until:
                time.sleep(0.02)
        else:
            time.sleep(0.02)
    return answer
