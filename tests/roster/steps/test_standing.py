"""Which sources a file's drops need, and what they prove together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roster.canvas import FILE_NAMES
from roster.errors import SourceIncomplete
from roster.evidence import Evidence, Standing
from roster.runs import Run, point, read_step
from roster.steps import Night
from roster.steps.extract import stand_in
from roster.steps.standing import proof, read_standings, standing_of, standings_of
from roster.store import Store
from roster.tenants import Tenant
from tests.nights.small import school, write_artefact

NIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)
ROSTER = ["orgs", "academic_sessions", "courses", "classes", "students", "staff", "enrollments"]
OF_PARENTS = {"users.csv", "user_observers.csv"}


def a_night(home: Path, when: datetime = NIGHT, **parents: Any) -> Night:
    sources = [
        {"name": "clever", "system": "clever", "connection": "clever", "provides": ROSTER},
        {"name": "parents", "system": "clever_csv", "connection": "files", "provides": ["guardians"], **parents},
    ]
    tenant = Tenant.model_validate(
        {
            "id": "banksia",
            "name": "Banksia",
            "timezone": "Australia/Brisbane",
            "sources": sources,
            "canvas": {"test": {"connection": "canvas"}},
        }
    )
    store = Store(str(home))
    return Night(store, tenant, Run(store, "banksia", f"run-{when:%d}"), when)


def an_evidence(source: str, delivery: str = "d1", **said: Any) -> Evidence:
    told = {"complete": True, "proven": True} | said
    return Evidence(source=source, system="clever", delivery=delivery, delivered=NIGHT, rows={}, **told)


def test_a_source_that_fails_keeps_those_drops_alone_that_it_bears_on(tmp_path: Path) -> None:
    night = a_night(tmp_path)
    evidence = {"clever": an_evidence("clever"), "parents": an_evidence("parents").carried()}
    found = standings_of(night, evidence)
    assert tuple(found) == FILE_NAMES
    assert {file for file, one in found.items() if not one.proven} == OF_PARENTS
    assert found["enrollments.csv"].deliveries == {"clever": "d1"}
    assert found["users.csv"].deliveries == {"clever": "d1", "parents": "d1"}
    assert not standing_of(night, evidence).proven


def test_what_a_delivery_is_silent_about_proves_nothing_of_what_needs_it(tmp_path: Path) -> None:
    night = a_night(tmp_path)
    evidence = {
        "clever": an_evidence("clever", silent=("enrollments", "guardians")),
        "parents": an_evidence("parents"),
    }
    found = standings_of(night, evidence)
    assert {file for file, one in found.items() if one.proven} == {
        "accounts.csv",
        "terms.csv",
        "courses.csv",
        "sections.csv",
        "xlists.csv",
    }
    assert found["enrollments.csv"].reasons == ("clever delivered nothing about enrollments",)
    assert not standing_of(night, evidence).complete


def test_two_nights_confirm_each_file_by_the_sources_that_bear_on_it(tmp_path: Path) -> None:
    """The parents' file is the same one again: only what Clever alone decides has been absent from two deliveries."""
    first = a_night(tmp_path)
    unproven = {"clever": an_evidence("clever", "c1", proven=False), "parents": an_evidence("parents", "p1")}
    standings = {file: one.model_dump(mode="json") for file, one in standings_of(first, unproven).items()}
    write_artefact(first, school(), standings=standings)
    later = a_night(tmp_path, NIGHT + timedelta(days=1))
    tonight = standings_of(later, unproven | {"clever": an_evidence("clever", "c2", proven=False)})
    found = proof(later, tonight, 2)
    assert found.files == frozenset()
    assert set(found.before) == set(FILE_NAMES) - OF_PARENTS
    assert len(found.before["sections.csv"]) > 0


def test_an_artefact_of_an_earlier_release_has_one_standing_for_all_files() -> None:
    one = Standing.of(NIGHT, [an_evidence("clever")])
    assert read_standings({"standing": one.model_dump(mode="json")}) == dict.fromkeys(FILE_NAMES, one)


@pytest.mark.parametrize(("hours", "stands_in"), [(72, True), (72.1, False)])
def test_an_extract_older_than_max_age_does_not_stand_in(tmp_path: Path, hours: float, stands_in: bool) -> None:
    night = a_night(tmp_path, NIGHT + timedelta(hours=hours))
    with night.run.write("extract.parents") as step:
        pl.DataFrame({"id": ["1"]}).write_parquet(step.folder / "students.parquet")
    content = {"path": step.path, "evidence": an_evidence("parents").model_dump(mode="json")}
    point(night.store, "banksia", "good-parents", content)
    fault = SourceIncomplete("students.csv is missing")
    if stands_in:
        done = stand_in(night, "parents", fault)
        assert read_step(night.store, done["path"], "evidence.json")["stale"]
        return
    with pytest.raises(SourceIncomplete, match=r"students.csv is missing.*2026-03-01 16:00 UTC.*max_age.*72 hours"):
        stand_in(night, "parents", fault)
