"""Reconcile: Canvas's own report against the ledger; what differs is told, adopted, or left for the next night."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from roster.canvas.wanted import SEPARATOR
from roster.ledger import Ledger
from roster.plan import Wanted
from roster.reconciling.comparison import KINDS, Comparison, compare
from roster.reconciling.outcome import Then, outcome
from roster.reconciling.reports import read_report
from roster.reconciling.there import there
from roster.runs import newest_artefact, reading, write_json
from roster.steps import Done, Night
from roster.steps.pages import page
from roster.tenants import Environment

SHOWN = 500
UNSEEN = (
    "the log-in provider of people, which the report has as a number only",
    "which fields Canvas keeps for people who edited them, and imports leave alone",
    "enrolments, links and other rows that were made by hand and have no SIS id: they are left as they are",
    "who cross-listed a section: one that the ledger does not have counts as a person’s",
    "sections that are taught in a course without a SIS id: they count as taught at home",
    "e-mail addresses but for a person’s first, and passwords",
    "what changed in Canvas between the start of the report and this moment",
)


@dataclass(frozen=True)
class Begun:
    """When the report was started, and then: the version of the ledger, the number of Canvas's newest import."""

    at: datetime
    version: int
    newest: int


def reconcile(
    night: Night, ledger: Ledger, report: Path, begun: Begun, *, environment: Environment, then: Then, now: datetime
) -> Done:
    """Compare, write `reconcile-<environment>`, and let the ledger follow. report: the file that Canvas made.

    Writes reconcile.json (counts), differences.parquet, differences.csv and report.html. Raises CanvasRefused where the
    report can't be read, LedgerMoved where an import was settled since it was started.
    """
    version, _, rows = ledger.current()
    found = there(read_report(report), ledger.account, night.tenant, rows)
    made = compare(rows, found, night.tenant)
    after = outcome(rows, made.differences, then, _newest(night) if then == "adopt" else {})
    counts = _counts(made)
    moves = not after.equals(rows)
    content = {
        "environment": environment,
        "host": ledger.host,
        "then": then,
        "started": begun.at,
        "compared": made.compared,
        "counts": counts,
        "left_out": dict(found.left_out),
        "unseen": list(UNSEEN),
        "version": begun.version,
        "ledger_changed": moves,
    }
    with night.run.write(f"reconcile-{environment}") as step:
        made.differences.write_parquet(step.folder / "differences.parquet")
        _readable(made.differences).write_csv(step.folder / "differences.csv")
        write_json(step.folder, "reconcile.json", content)
        (step.folder / "report.html").write_text(_page(night, content, made), encoding="utf-8")
    if version != begun.version or moves or then == "adopt":  # that nothing differs is known from now on
        # what was imported before is known from an adoption on, and from nothing else
        facts = {"then": then, **counts["all"], **({"newest_import": begun.newest} if then == "adopt" else {})}
        ledger.reconcile(after, facts, version=begun.version, run=night.run.path, now=now)
    return {"path": step.path, "counts": {**counts["all"], "ledger_changed": moves}}


def _newest(night: Night) -> Mapping[str, pl.DataFrame]:
    """The wanted rows of the newest artefact by file; nothing where there is none yet."""
    if (path := newest_artefact(night.store, night.tenant.id)) is None:
        return {}
    with reading(night.store, path) as folder:
        return Wanted.read(folder).rows


def _counts(made: Comparison) -> dict[str, Any]:
    every = made.differences.group_by("file", "kind").agg(rows=pl.len(), by_hand=pl.col("by_hand").sum())
    totals = {kind: made.differences.filter(pl.col("kind") == kind).height for kind in KINDS}
    by_hand = made.differences.filter("by_hand").height
    return {"all": {**totals, "by_hand": by_hand}, "by_file": every.sort("file", "kind").to_dicts()}


def _readable(differences: pl.DataFrame) -> pl.DataFrame:
    return differences.with_columns(pl.col("key").str.replace_all(SEPARATOR, " / ", literal=True))


def _page(night: Night, content: Mapping[str, Any], made: Comparison) -> str:
    counted = {(line["file"], line["kind"]): line["rows"] for line in content["counts"]["by_file"]}
    return page("reconcile.html").render(
        name=night.tenant.name,
        day=night.today.isoformat(),
        content=content,
        kinds=KINDS,
        files=list(content["compared"]),
        counted=counted,
        rows=_readable(made.differences.head(SHOWN)).to_dicts(),
        more=max(0, made.differences.height - SHOWN),
    )
