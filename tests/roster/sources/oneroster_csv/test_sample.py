"""A set of OneRoster 1.1 that none of us wrote: Grand Bend, whose manifest calls its own form `1`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from roster.canvas.wanted import write
from roster.checks import judge
from roster.evidence import Evidence
from roster.sources import system
from roster.sources.files import Folder
from roster.tenants import Tenant
from tests.roster.sources.exports import rows
from tests.roster.sources.oneroster_csv.sets import SETTINGS

TENANT = Tenant.model_validate(
    {
        "id": "bend",
        "name": "Grand Bend",
        "timezone": "America/Chicago",
        "sources": [{"name": "sis", "system": "oneroster_csv", "connection": "sets"}],
        "canvas": {"test": {"connection": "canvas"}},
        "sync": {"login_id": "email"},
    }
)


@pytest.fixture(scope="module")
def sample(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Evidence]:
    there = samples / "oneroster-1.1-grand-bend"
    if not there.is_dir():
        pytest.skip(f"no OneRoster sample at {there}")
    raw = tmp_path_factory.mktemp("sample")
    reading = system("oneroster_csv").extract
    return raw, reading(Folder(there), SETTINGS, raw, last_good=None, now=datetime.now(UTC))


def test_its_evidence(sample: tuple[Path, Evidence]) -> None:
    """Its teachers' rows have a blank field more than the header."""
    evidence = sample[1]
    assert evidence.rows == {
        **{"orgs": 2, "academic_sessions": 3, "courses": 2, "classes": 2, "users": 10, "enrollments": 24},
        **{"students": 8, "staff": 2, "guardians": 0},
    }
    assert (evidence.complete, evidence.reasons) == (True, ("sis: no control file counts its records",))


def test_its_values(sample: tuple[Path, Evidence]) -> None:
    found = system("oneroster_csv").to_roster(sample[0], SETTINGS)
    assert rows(found.orgs, "sourced_id", "name", "type") == [
        ("255901", "Grand Bend ISD", "district"),
        ("255901001", "Grand Bend High School", "school"),
    ]
    assert rows(found.classes, "sourced_id", "title", "code", "period", "course_id", "session_id") == [
        ("25590100101Trad120ENG112011", "ENG-1", "English I", "1", "ENG-1", "255901001_2021_2020-2021_SchoolYear"),
        ("25590100102Trad220ALG112011", "ALG-1", "Algebra I", "2", "03100500", "255901001_2021_2020-2021_SchoolYear"),
    ]
    people = rows(found.users, "sourced_id", "kind", "given_name", "middle_name", "family_name", "username")
    assert ("604918", "student", "Peter", "Ivan", "Nash", "Peter Ivan Nash") in people
    assert ("207268", "staff", "Sara", "Stacy", "Preston", "Sara Stacy Preston") in people


@pytest.mark.parametrize("day", [date(2020, 10, 1), date(2020, 12, 28), date(2021, 2, 1)])
def test_what_canvas_gets_of_it_is_the_same_on_every_day(
    sample: tuple[Path, Evidence], day: date, tmp_path: Path
) -> None:
    """Of 24 rows, two per person and class, one each goes on: also between the terms, when none is current."""
    found = system("oneroster_csv").to_roster(sample[0], SETTINGS)
    suites = None if day.month == 12 else tmp_path  # an empty folder: judging by suites takes seconds, so once
    judged = judge(found, {"sis": sample[0]}, TENANT, day, last_good_rows=None, docs=None, suites=suites)
    assert judged.quarantine.is_empty()
    assert judged.counts["enrollment-repeated"] == 12
    counts = write(judged.roster, judged.quarantine, TENANT, day, tmp_path)
    assert counts == {
        **{"accounts.csv": 1, "terms.csv": 1, "courses.csv": 2, "sections.csv": 2},
        **{"users.csv": 10, "enrollments.csv": 12, "user_observers.csv": 0},
    }
    assert pl.read_parquet(tmp_path / "frozen.parquet").is_empty()
    enrolled = pl.read_parquet(tmp_path / "enrollments.parquet")
    assert enrolled["status"].unique().to_list() == ["active"]
    assert enrolled.group_by("role").len().sort("role").rows() == [("student", 10), ("teacher", 2)]
