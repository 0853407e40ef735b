"""Transform: the rows that Canvas should have, as a numbered artefact that any later step can be held to."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from roster.canvas import wanted
from roster.configuration import configuration_hash
from roster.evidence import Standing
from roster.model import Roster
from roster.runs import next_number, reading, write_json
from roster.steps import Done, Night
from roster.steps.extract import evidence_of
from roster.templates import by_user_kind, matches, section_fields, text
from roster.tenants import Tenant


def transform(night: Night, check_path: str, extracts: Mapping[str, str]) -> Done:
    """Make the artefact from the checked roster into `transform`.

    Writes <file>.parquet per SIS CSV (rows, key, record, school), frozen.parquet, lineage.parquet, csv/ (canonical) and
    artefact.json: number, tenant settings, standing of the evidence, SHA-256, the folders it came from.
    """
    standing = Standing.of(night.run_date, evidence_of(night, extracts).values())
    with reading(night.store, check_path) as checked, night.run.write("transform") as step:
        if unknown := _without_id(Roster.read(checked), night.tenant) + _damaged(checked):
            reason = f"{unknown} records have no id, or a damaged one: each may be one that only seems to be gone"
            standing = standing.clouded(reason)
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
            "configuration": configuration_hash(night.tenant),
        }
        write_json(step.folder, "artefact.json", artefact)
    return {"path": step.path, "counts": {"rows": rows, "number": number, "proven": standing.proven}}


def _without_id(roster: Roster, tenant: Tenant) -> int:
    """Records whose id in Canvas can't be made, and enrolments of nobody or in nothing."""
    ids = tenant.sync.ids
    section_id = text(ids.section, section_fields("sourced_id"))
    users = roster.users.filter(
        pl.col("kind").ne_missing("guardian") & ~matches("sourced_id", tenant.sync.exclude.users)
    )
    nameless = (
        users.filter(pl.col("sourced_id").is_null() | by_user_kind(ids.user).is_null()),
        roster.classes.filter(pl.col("sourced_id").is_null() | section_id.is_null()),
        roster.enrollments.filter(pl.any_horizontal(pl.col("class_id", "user_id").is_null())),
    )
    return sum(frame.collect().height for frame in nameless)


def _damaged(checked: Path) -> int:
    """Records in quarantine for their id: the record that has the right one is not there."""
    findings = pl.read_parquet(checked / "findings.parquet").filter(pl.col("severity") == "quarantine")
    by_rule = pl.col("rule").is_in(["id-like-float", "id-lost-zeros"])
    by_text = pl.col("rule").is_in(["text-control-character", "text-replacement-character"])
    odd = pl.col("record").str.contains(r"[\p{Cc}\x{FFFD}]").fill_null(value=False)
    return findings.filter(by_rule | (by_text & odd)).select("table", "record").unique().height
