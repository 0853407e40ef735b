"""The artefact's standing: what a record without an id does to it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roster.checks.findings import QUARANTINE
from roster.evidence import Evidence
from roster.runs import Run, read_step
from roster.steps import Night
from roster.steps.transform import transform
from roster.store import Store
from tests.roster.builders import a_class, a_roster, a_tenant, a_user, an_enrollment

NIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)


def artefact(home: Path, **tables: Any) -> Any:
    """artefact.json of a proven delivery of these records, none of them in quarantine."""
    store = Store(str(home))
    night = Night(store, a_tenant(), Run(store, "banksia", "run"), NIGHT)
    evidence = Evidence(
        source="clever", system="clever_csv", delivery="d", delivered=NIGHT, rows={}, complete=True, proven=True
    )
    with night.run.write("extract.clever") as extract:
        (extract.folder / "evidence.json").write_text(evidence.model_dump_json(), encoding="utf-8")
    with night.run.write("check") as check:
        a_roster(**tables).write(check.folder)
        pl.DataFrame(schema=QUARANTINE).write_parquet(check.folder / "quarantine.parquet")
    done = transform(night, check.path, {"clever": extract.path})
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
    assert standing["reasons"] == ["1 records have no id: each may be one that only seems to be gone"]


def test_a_contact_without_an_id_clouds_nothing(tmp_path: Path) -> None:
    assert artefact(tmp_path, users=[a_user(), a_user(kind="guardian", sourced_id=None)])["standing"]["proven"]
