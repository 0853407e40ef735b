"""The same district by TASS and by Clever's CSV: after translation by the table of ids, the same people and places."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from roster.canvas.wanted import write
from roster.checks import judge
from roster.model import Roster
from roster.settings import CleverCsv, Tass
from roster.sources import system
from roster.sources.files import Folder
from roster.tenants import Tenant
from roster_sandbox.district import District, generate, write_clever
from roster_sandbox.district.people import OBSERVING
from roster_sandbox.tass import IdTable, semesters, write_api
from tests.roster.sources.tass.stored import Stored

TODAY = date(2026, 2, 2)
NOW = datetime(2026, 2, 2, 9, tzinfo=UTC)
LOG_INS = {"student": "{username}", "staff": "{username}", "guardian": "{email}"}
CSV = {"name": "clever", "system": "clever_csv", "connection": "files", "control": "control.csv"}


class Both(NamedTuple):
    district: District
    ids: IdTable
    tass: dict[str, pl.DataFrame]
    csv: dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("both")
    district = generate(today=TODAY, schools=3, pupils=240, teachers=20)
    ids = write_api(district, folder / "served")
    source = {
        "name": "tass",
        "system": "tass",
        "connection": "tass",
        "companies": ["10"],
        "products": ["idm"],
        "terms": semesters(district, ids),
    }
    settings = Tass.model_validate(source)
    write_clever(district, folder / "export", delivered=NOW)
    for name in ("tass", "csv"):
        (folder / name).mkdir()
    system("tass").extract(Stored(folder / "served"), settings, folder / "tass", last_good=None, now=NOW)
    files, csv = Folder(folder / "export"), CleverCsv.model_validate(CSV)
    system("clever_csv").extract(files, csv, folder / "csv", last_good=None, now=datetime.now(UTC))
    without_suites = pytest.MonkeyPatch()
    without_suites.setattr("roster.checks.judgement.read_suites", lambda _: ())  # they take seconds
    ours = rows(system("tass").to_roster(folder / "tass", settings), source, folder / "tass", folder / "of_tass")
    theirs = rows(system("clever_csv").to_roster(folder / "csv", csv), CSV, folder / "csv", folder / "of_csv")
    without_suites.undo()
    return Both(district, ids, ours, theirs)


def rows(roster: Roster, source: Mapping[str, Any], raw: Path, folder: Path) -> dict[str, pl.DataFrame]:
    """The artefact's tables."""
    tenant = Tenant.model_validate(
        {
            "id": "banksia",
            "name": "Banksia",
            "timezone": "Australia/Brisbane",
            "sources": [source],
            "canvas": {"test": {"connection": "canvas"}},
            "sync": {"observers": {"relationships": list(OBSERVING)}, "login_id": LOG_INS},
        }
    )
    judged = judge(roster, {source["name"]: raw}, tenant, TODAY, last_good_rows=None, docs=None)
    folder.mkdir()
    write(judged.roster, judged.quarantine, tenant, TODAY, folder)
    return {file.stem: pl.read_parquet(file) for file in folder.glob("*.parquet")}


def same(both: Both, table: str, *columns: str) -> tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]:
    """(rows by TASS, translated; rows by CSV)"""
    translated = both.tass[table].select(pl.col(columns).replace(both.ids.to_export()))
    return set(translated.rows()), set(both.csv[table].select(columns).rows())


def test_the_people_are_the_same(both: Both) -> None:
    ours, theirs = same(both, "users", "user_id", "login_id", "email", "status")
    assert len(ours) > 300
    assert ours == theirs


def test_the_sections_are_the_same(both: Both) -> None:
    ours, theirs = same(both, "sections", "section_id", "course_id", "status")
    assert ours == theirs


def test_the_terms_are_the_same_but_for_their_ids(both: Both) -> None:
    ours, theirs = same(both, "terms", "name", "start_date", "end_date")
    assert set(both.tass["terms"]["term_id"]) == {"2026-1", "2026-2"}
    assert ours == theirs


def test_the_enrolments_are_the_same(both: Both) -> None:
    ours, theirs = same(both, "enrollments", "section_id", "user_id", "role", "status")
    assert ours == theirs


def test_the_observers_are_the_same(both: Both) -> None:
    """Of those who have a user. One without id and e-mail TASS knows by number; without a log-in they wait."""
    ours, theirs = same(both, "user_observers", "observer_id", "student_id", "status")
    people = {user for (user,) in same(both, "users", "user_id")[0]}
    assert {link for link in ours if link[0] in people} == {link for link in theirs if link[0] in people}
    assert {link[0] for link in ours - theirs} == {adult for adult in both.ids.ids["persons"] if adult.startswith("?")}
    assert len(theirs) > 150
