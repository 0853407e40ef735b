"""Transform: the rows that Canvas should have, as a numbered artefact that any later step can be held to."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

import polars as pl

from roster.canvas import wanted
from roster.evidence import Standing
from roster.model import Roster
from roster.runs import next_number, reading, write_json
from roster.steps import Done, Night
from roster.steps.extract import evidence_of


def transform(night: Night, check_path: str, extracts: Mapping[str, str]) -> Done:
    """Make the artefact from the checked roster into `transform`.

    Writes <file>.parquet per SIS CSV (rows, key, record, school), frozen.parquet, lineage.parquet, csv/ (canonical) and
    artefact.json: number, tenant settings, standing of the evidence, SHA-256, the folders it came from.
    """
    standing = Standing.of(night.run_date, evidence_of(night, extracts).values())
    with reading(night.store, check_path) as checked, night.run.write("transform") as step:
        if nameless := _without_id(Roster.read(checked)):
            standing = standing.clouded(f"{nameless} records have no id: each may be one that only seems to be gone")
        quarantine = pl.read_parquet(checked / "quarantine.parquet")
        rows = wanted.write(Roster.read(checked), quarantine, night.tenant, night.today, step.folder)
        shutil.copyfile(checked / "lineage.parquet", step.folder / "lineage.parquet")
        digest = wanted.digest(step.folder)
        content = {"path": step.path, "standing": standing.model_dump(mode="json"), "practice": night.practice}
        number = next_number(night.store, night.tenant.id, content)
        artefact = {
            "number": number,
            "sha256": digest,
            "rows": rows,
            "standing": standing.model_dump(mode="json"),
            "practice": night.practice,
            "run": night.run.path,
            "check": check_path,
            "extracts": dict(extracts),
            "tenant": night.tenant.model_dump(mode="json"),
        }
        write_json(step.folder, "artefact.json", artefact)
    return {"path": step.path, "counts": {"rows": rows, "number": number, "proven": standing.proven}}


def _without_id(roster: Roster) -> int:
    """Records that would have a row in Canvas if their id were there, or the id of what they name."""
    ids = (
        (roster.users.filter(pl.col("kind").ne_missing("guardian")), ("sourced_id",)),
        (roster.classes, ("sourced_id",)),
        (roster.enrollments, ("class_id", "user_id")),
    )
    return sum(frame.filter(pl.any_horizontal(pl.col(names).is_null())).collect().height for frame, names in ids)
