"""Extract: one source's raw tables and what they prove; where the source fails, the last good extract stands in."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from roster.errors import RunFolderBroken, SourceFault
from roster.evidence import Evidence
from roster.runs import point, pointed, read_step, reading
from roster.sources import Good, system
from roster.steps import Done, Night


def extract(night: Night, source_name: str, source: Any, now: datetime) -> Done:
    """Read the source into `extract.<source>`: <table>.parquet and evidence.json. Raises SourceFault.

    source: what its hook supplies. now: aware; decides whether a file is still being written.
    """
    settings = night.tenant.source(source_name).on(night.today)
    with night.run.write(f"extract.{source_name}") as step:
        last_good = _pointed(night, f"good-{source_name}")
        under = {"latest": _pointed(night, f"latest-{source_name}")} if settings.deltas else {}
        read = system(settings.system).extract
        evidence = read(source, settings, step.folder, last_good=last_good, now=now, **under)
        (step.folder / "evidence.json").write_text(evidence.model_dump_json(indent=1), encoding="utf-8")
    if settings.deltas:
        _point(night, f"latest-{source_name}", step.path, evidence)
    return _done(step.path, evidence)


def _pointed(night: Night, pointer: str) -> Good | None:
    good = pointed(night.store, night.tenant.id, pointer)
    if good is None:
        return None
    return Good(Evidence.model_validate(good["evidence"]), lambda: reading(night.store, good["path"]))


def stand_in(night: Night, source_name: str, fault: SourceFault) -> Done:
    """The last good extract of a source that failed tonight, as *stale*: it proves nothing.

    What was archived since can't be read again, so the extract of it stands in, good or not. Raises the fault where
    there is none, or only one that is older than the source's max_age.
    """
    kept = [pointed(night.store, night.tenant.id, f"{what}-{source_name}") for what in ("good", "archived")]
    good = max((one for one in kept if one), key=_delivered, default=None)
    if good is None:
        raise fault
    _require_young(night, source_name, Evidence.model_validate(good["evidence"]), fault)
    with night.run.write(f"extract.{source_name}") as step:
        try:
            with reading(night.store, good["path"]) as folder:
                for file in folder.glob("*.parquet"):
                    shutil.copyfile(file, step.folder / file.name)
        except RunFolderBroken:
            raise fault from None
        evidence = Evidence.model_validate(good["evidence"]).carried()
        (step.folder / "evidence.json").write_text(evidence.model_dump_json(indent=1), encoding="utf-8")
    return _done(step.path, evidence)


def _delivered(pointer: Mapping[str, Any]) -> datetime:
    return Evidence.model_validate(pointer["evidence"]).delivered


def _require_young(night: Night, source_name: str, good: Evidence, fault: SourceFault) -> None:
    allowed = night.tenant.source(source_name).max_age
    if night.run_date - good.delivered > allowed:
        message = (
            f"{fault}. Nothing stands in: the last good extract is of {good.delivered:%Y-%m-%d %H:%M} UTC, and max_age "
            f"of the source allows {allowed.total_seconds() / 3600:,.0f} hours"
        )
        raise type(fault)(message)


def evidence_of(night: Night, extracts: Mapping[str, str]) -> dict[str, Evidence]:
    """The evidence in these extract folders, by source."""
    return {
        source: Evidence.model_validate(read_step(night.store, path, "evidence.json"))
        for source, path in extracts.items()
    }


def keep_as_good(night: Night, extracts: Mapping[str, str]) -> None:
    """From now on these extracts are what shrinkage is measured against, and what stands in for a failed one."""
    _keep(night, extracts, "good")


def keep_as_archived(night: Night, extracts: Mapping[str, str]) -> None:
    """From now on these extracts stand in for a failed one if none is newer: what they read lies in an archive."""
    _keep(night, extracts, "archived")


def _keep(night: Night, extracts: Mapping[str, str], what: str) -> None:
    for source, evidence in evidence_of(night, extracts).items():
        if not evidence.stale:
            _point(night, f"{what}-{source}", extracts[source], evidence)


def _point(night: Night, pointer: str, path: str, evidence: Evidence) -> None:
    content = {"path": path, "evidence": evidence.model_dump(mode="json")}
    point(night.store, night.tenant.id, pointer, content)


def _done(path: str, evidence: Evidence) -> Done:
    counts = {**evidence.rows, "complete": evidence.complete, "proven": evidence.proven, "stale": evidence.stale}
    return {"path": path, "counts": counts}
