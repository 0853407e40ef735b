"""Transform: the rows that Canvas should have, as a numbered artefact that any later step can be held to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from roster.canvas import change_sis_id, module, wanted
from roster.canvas.bundle import write_csv
from roster.configuration import configuration_hash
from roster.model import Roster, conform
from roster.runs import next_number, reading, write_json
from roster.steps import Done, Night
from roster.steps.extract import evidence_of
from roster.steps.standing import standing_of, standings_of
from roster.templates import by_user_kind, matches, section_fields, text
from roster.tenants import Tenant


def transform(
    night: Night, check_path: str, extracts: Mapping[str, str], id_changes: pl.DataFrame | None = None
) -> Done:
    """Make the artefact from the checked roster into `transform`.

    id_changes: the tenant's mapping of ids (sources.id_changes.ID_CHANGES), where it has one; it is part of the
    artefact, so that production plans by the one that was rehearsed. Writes <file>.parquet per SIS CSV (rows, key,
    record, school), frozen.parquet, lineage.parquet, csv/ (canonical) and artefact.json: number, tenant settings,
    standing of the evidence, SHA-256, the folders it came from.
    """
    evidence = evidence_of(night, extracts)
    standing, standings = standing_of(night, evidence), standings_of(night, evidence)
    with reading(night.store, check_path) as checked, night.run.write("transform") as step:
        if unknown := _without_id(Roster.read(checked), night.tenant) + _damaged(checked):
            reason = f"{unknown} records have no id, or a damaged one: each may be one that only seems to be gone"
            standing = standing.clouded(reason)
            standings = {file: one.clouded(reason) for file, one in standings.items()}
        for table, reason in json.loads((checked / "check.json").read_text(encoding="utf-8")).get("lost", []):
            standing = standing.clouded(reason)
            standings |= {file: standings[file].clouded(reason) for file in standings if table in module(file).NEEDS}
        quarantine = pl.read_parquet(checked / "quarantine.parquet")
        rows = wanted.write(Roster.read(checked), quarantine, night.tenant, night.today, step.folder)
        if id_changes is None:
            shutil.copyfile(checked / "lineage.parquet", step.folder / "lineage.parquet")
        else:
            _write_id_changes(id_changes, checked, step.folder)
        digest = wanted.digest(step.folder)
        proofs = {
            "standing": standing.model_dump(mode="json"),
            "standings": {file: one.model_dump(mode="json") for file, one in standings.items()},
        }
        content = {"path": step.path, **proofs, "practice": night.practice}
        number = next_number(night.store, night.tenant.id, content)
        artefact = {
            "number": number,
            "sha256": digest,
            "rows": rows,
            "id_changes": 0 if id_changes is None else id_changes.height,
            **proofs,
            "practice": night.practice,
            "run": night.run.path,
            "check": check_path,
            "extracts": dict(extracts),
            "tenant": night.tenant.model_dump(mode="json"),
            "configuration": configuration_hash(night.tenant),
        }
        write_json(step.folder, "artefact.json", artefact)
    return {"path": step.path, "counts": {"rows": rows, "number": number, "proven": standing.proven}}


def _write_id_changes(lines: pl.DataFrame, checked: Path, folder: Path) -> None:
    """The mapping as rows of change_sis_id.csv, and their lineage beside that of the records."""
    rows = change_sis_id.rows(lines)
    rows.write_parquet(folder / "change_sis_id.parquet")
    write_csv(change_sis_id.FILE, rows, folder / "csv" / change_sis_id.FILE)
    key = pl.concat_str(change_sis_id.KEY, separator=wanted.SEPARATOR)
    lineage = pl.read_parquet(checked / "lineage.parquet")
    own = lines.select("file", "row", record=key, table=pl.lit(change_sis_id.TABLE), source=pl.lit("id_changes"))
    pl.concat([lineage, conform("lineage", own).collect()]).write_parquet(folder / "lineage.parquet")


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
