"""Check: the merged roster, what is wrong with it, and what may not go on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

from roster.checks import judge
from roster.merging import LOST, merge
from roster.runs import pointed, reading, write_json
from roster.sources import system
from roster.steps import Done, Night


def check(night: Night, extracts: Mapping[str, str]) -> Done:
    """Judge the roster of these extracts (source → folder) into `check`.

    Writes the roster's tables, findings.parquet, quarantine.parquet, docs/ (data docs) and check.json. counts has the
    findings by rule and, as `stops`, the rules that forbid to go on.
    """
    with ExitStack() as stack:
        raw = {source: stack.enter_context(reading(night.store, path)) for source, path in extracts.items()}
        settings = {source.name: source for source in night.tenant.sources}
        rosters = {
            name: system(settings[name].system).to_roster(folder, settings[name]) for name, folder in raw.items()
        }
        roster, conflicts = merge(rosters, night.tenant.sources)
        step = stack.enter_context(night.run.write("check"))
        judgement = judge(
            roster,
            raw,
            night.tenant,
            night.today,
            last_good_rows=_last_good_rows(night),
            docs=step.folder / "docs",
            conflicts=conflicts,
        )
        rows = judgement.roster.write(step.folder)
        judgement.findings.write_parquet(step.folder / "findings.parquet")
        judgement.quarantine.write_parquet(step.folder / "quarantine.parquet")
        counts = {
            "rows": rows,
            "findings": judgement.counts,
            "quarantined": judgement.quarantine.height,
            "stops": list(judgement.stops),
        }
        lost = [[table, detail] for table, _, what, detail in conflicts.iter_rows() if what == LOST]
        write_json(step.folder, "check.json", {"counts": counts, "extracts": extracts, "lost": lost})
    return {"path": step.path, "counts": counts}


def _last_good_rows(night: Night) -> dict[str, int] | None:
    """Rows of each roster table on the last good night; None before the first."""
    good = pointed(night.store, night.tenant.id, "good-roster")
    return good["rows"] if good else None
