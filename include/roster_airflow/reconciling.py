"""Reconciling one Canvas: the journal is settled, the report started, and at its end compared with the ledger."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from roster.errors import CanvasStuck, ImportOpen
from roster.matters import Matter
from roster.reconciling.reports import KINDS
from roster.steps.reconcile import Begun, reconcile
from roster_airflow.hooks.canvas_reports import download_report, look_at_report, start_report

if TYPE_CHECKING:
    from roster.reconciling.outcome import Then
    from roster.steps import Done, Night
    from roster.tenants import Environment
    from roster_airflow.loading import Loading

PATIENCE = timedelta(hours=4)


class Underway(BaseModel):
    """A report that Canvas is making; the ledger's version and Canvas's newest import when it was started."""

    model_config = ConfigDict(frozen=True)

    number: int
    at: datetime
    version: int
    newest: int


def begin(loading: Loading, night: Night, environment: Environment, then: Then) -> None:
    """Start the report and note it in the run folder. Raises ImportOpen while an import of ours has not ended.

    A ledger that is behind Canvas can be adopted into, and nothing else (LedgerBehind): a later entry of its journal
    would make the imports that it lacks look known.
    """
    if loading.settle_journal() is not None:
        message = "an import of ours has not ended, so Canvas is about to change: reconcile when it is settled"
        raise ImportOpen(message)
    loading.follow_refresh()
    if then != "adopt":
        loading.not_behind()
    version, _ = loading.ledger.versions()
    newest = loading.newest_import()
    number = start_report(loading.hook, KINDS).number
    underway = Underway(number=number, at=loading.now(), version=version, newest=newest)
    night.store.write(_name(night, environment), underway.model_dump_json().encode())


def finish(loading: Loading, night: Night, environment: Environment, then: Then) -> Done | None:
    """Compare, if the report is there; None if it is not yet. Raises CanvasStuck past the deadline."""
    underway = Underway.model_validate_json(night.store.read(_name(night, environment)))
    found = look_at_report(loading.hook, underway.number)
    if not found.is_over:
        if loading.now() - underway.at > PATIENCE:
            message = f"Canvas's report is still {found.status} after {PATIENCE}: run it again, or ask who keeps Canvas"
            raise CanvasStuck(message)
        return None
    with tempfile.TemporaryDirectory(prefix="roster-") as scratch:
        file = Path(scratch) / "report"
        download_report(found, file)
        if loading.settle_journal() is not None:
            message = "an import of ours began while Canvas made its report: reconcile again when it is settled"
            raise ImportOpen(message)
        begun = Begun(underway.at, underway.version, underway.newest)
        return reconcile(night, loading.ledger, file, begun, environment=environment, then=then, now=loading.now())


def _name(night: Night, environment: Environment) -> str:
    return f"{night.run.path}/report-{environment}.json"


def wait_for(step: Callable[[], Done | None], pause: Callable[[], None]) -> Done:
    """Ask until it is done."""
    while (done := step()) is None:
        pause()
    return done


def matter_of(done: Done, environment: Environment, then: Then) -> Matter:
    """What to tell of it: that Canvas and ledger differ, until they do not or somebody decided."""
    counts: dict[str, Any] = {name: n for name, n in done["counts"].items() if n and name != "ledger_changed"}
    differing = sum(n for name, n in counts.items() if name not in ("by_hand", "theirs", "settled", "merged"))
    if not differing or then != "report":
        return Matter("differs", environment, f"Canvas and its ledger agree ({environment})", stands=False)
    return Matter(
        kind="differs",
        subject=environment,
        title=f"Canvas differs from its ledger in {differing} rows ({environment})",
        counts=counts,
        todo="See report.html in the run folder; docs/reconciling.md says when to adopt and when to repair.",
    )
