"""The artefact's standing: what a record without an id does to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roster.canvas.wanted import SEPARATOR
from roster.checks.findings import FINDINGS, QUARANTINE
from roster.evidence import Evidence
from roster.plan import Wanted
from roster.runs import Run, read_step, write_json
from roster.sources.id_changes import ID_CHANGES
from roster.steps import Night
from roster.steps.transform import transform
from roster.store import Store
from roster.tenants import Tenant
from tests.roster.builders import a_class, a_roster, a_tenant, a_user, an_enrollment

CLOUDED = "1 records have no id, or a damaged one: each may be one that only seems to be gone"
NIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)


def artefact(
    home: Path,
    tenant: Tenant | None = None,
    found: Sequence[tuple[str, str]] = (),
    ids: pl.DataFrame | None = None,
    **tables: Any,
) -> Any:
    """artefact.json of a proven delivery of these records. found: rule and record of findings that quarantine users;
    ids: the tenant's mapping.
    """
    store = Store(str(home))
    night = Night(store, tenant or a_tenant(), Run(store, "banksia", "run"), NIGHT)
    evidence = Evidence(
        source="clever", system="clever_csv", delivery="d", delivered=NIGHT, rows={}, complete=True, proven=True
    )
    with night.run.write("extract.clever") as extract:
        (extract.folder / "evidence.json").write_text(evidence.model_dump_json(), encoding="utf-8")
    with night.run.write("check") as check:
        a_roster(**tables).write(check.folder)
        lines = [{"rule": rule, "severity": "quarantine", "table": "users", "record": record} for rule, record in found]
        findings = pl.DataFrame(lines, schema=FINDINGS)
        findings.write_parquet(check.folder / "findings.parquet")
        write_json(check.folder, "check.json", {"counts": {}, "extracts": {}, "lost": []})
        findings.select(*QUARANTINE).write_parquet(check.folder / "quarantine.parquet")
    done = transform(night, check.path, {"clever": extract.path}, ids)
    return read_step(store, done["path"], "artefact.json")


def test_a_whole_roster_keeps_the_standing_of_its_sources(tmp_path: Path) -> None:
    assert artefact(tmp_path)["standing"]["proven"]


@pytest.mark.parametrize(
    "tables",
    [
        {"users": [a_user(), a_user(sourced_id=None)]},
        {"classes": [a_class(), a_class(sourced_id=None)]},
        {"enrollments": [an_enrollment(user_id=None)]},
        {"enrollments": [an_enrollment(class_id=None)]},
    ],
    ids=["user", "class", "enrolment of nobody", "enrolment in nothing"],
)
def test_a_record_without_an_id_leaves_nothing_proven(tmp_path: Path, tables: dict[str, Any]) -> None:
    """It may be the very record that seems to be gone."""
    standing = artefact(tmp_path, **tables)["standing"]
    assert (standing["proven"], standing["complete"]) == (False, False)
    assert standing["reasons"] == [CLOUDED]


@pytest.mark.parametrize(
    ("ids", "tables"),
    [
        ({"user": "{identifier}"}, {"users": [a_user(identifier=None), a_user("bob")]}),
        ({"section": "{class_id}-{session_id}"}, {"classes": [a_class(session_id=None)]}),
    ],
    ids=["user", "section"],
)
def test_an_id_that_the_template_cannot_make_leaves_nothing_proven(
    tmp_path: Path, ids: dict[str, str], tables: dict[str, Any]
) -> None:
    assert artefact(tmp_path, a_tenant(ids=ids), **tables)["standing"]["reasons"] == [CLOUDED]


@pytest.mark.parametrize(
    ("rule", "record", "clouded"),
    [
        ("id-lost-zeros", "34", True),
        ("id-like-float", "34.0", True),
        ("text-replacement-character", "a\ufffdda", True),
        ("text-control-character", "a\x07da", True),
        ("text-replacement-character", "ada", False),
        ("user-login-shared", "ada", False),
    ],
)
def test_a_damaged_id_leaves_nothing_proven(tmp_path: Path, rule: str, record: str, *, clouded: bool) -> None:
    """The pupil of the right id is not there, and has not left."""
    standing = artefact(tmp_path, found=[(rule, record)], users=[a_user(record)])["standing"]
    assert standing["proven"] != clouded


def test_a_contact_without_an_id_clouds_nothing(tmp_path: Path) -> None:
    assert artefact(tmp_path, users=[a_user(), a_user(kind="guardian", sourced_id=None)])["standing"]["proven"]


def mapping(*ids: tuple[str, str]) -> pl.DataFrame:
    lines = [("user", old, new, "ids.csv", number) for number, (old, new) in enumerate(ids, start=2)]
    return pl.DataFrame(lines, schema=ID_CHANGES, orient="row")


def test_a_mapping_of_ids_is_part_of_the_artefact_and_of_its_hash(tmp_path: Path) -> None:
    none = artefact(tmp_path / "none", users=[a_user()])
    empty = artefact(tmp_path / "empty", users=[a_user()], ids=mapping())
    one = artefact(tmp_path / "one", users=[a_user()], ids=mapping(("zed", "ada"), ("eve", "dot")))
    other = artefact(tmp_path / "other", users=[a_user()], ids=mapping(("eve", "dot"), ("zed", "ada")))
    assert [made["id_changes"] for made in (none, empty, one)] == [0, 0, 2]
    assert one["sha256"] == other["sha256"]
    assert len({made["sha256"] for made in (none, empty, one)}) == 3
    folder = tmp_path / "one" / one["run"] / "transform" / "attempt-1"
    content = (folder / "csv" / "change_sis_id.csv").read_text(encoding="utf-8")
    assert content == "old_id,new_id,type\neve,dot,user\nzed,ada,user\n"
    lineage = pl.read_parquet(folder / "lineage.parquet").filter(pl.col("table") == "id_changes")
    assert lineage.rows() == [
        ("id_changes", f"user{SEPARATOR}zed", "id_changes", "ids.csv", 2, None),
        ("id_changes", f"user{SEPARATOR}eve", "id_changes", "ids.csv", 3, None),
    ]
    read = Wanted.read(folder)
    assert read.id_changes.rows() == [
        ("user", "eve", "dot", f"user{SEPARATOR}eve"),
        ("user", "zed", "ada", f"user{SEPARATOR}zed"),
    ]
    assert "change_sis_id.csv" not in read.rows
