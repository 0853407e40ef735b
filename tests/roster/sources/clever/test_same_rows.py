"""The same district by API and by CSV: the same rows for Canvas, by its table of ids or, with {sis_id}, as they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from roster.canvas import FILES
from roster.canvas.wanted import digest, write
from roster.checks import judge
from roster.model import Roster
from roster.settings import Clever, CleverCsv
from roster.sources import system
from roster.sources.files import Folder
from roster.tenants import Tenant
from roster_sandbox.clever import IdTable, write_api
from roster_sandbox.district import District, generate, write_clever
from tests.roster.sources.clever.lists import Lists

pytestmark = pytest.mark.usefixtures("rules_only")

TODAY = date(2026, 2, 2)
NOW = datetime(2026, 2, 2, 9, tzinfo=UTC)
API = {"name": "clever", "system": "clever", "connection": "api"}
CSV = {"name": "clever", "system": "clever_csv", "connection": "files", "control": "control.csv"}
BY_SIS_ID = {
    "user": {"student": "{sis_id}", "staff": "{sis_id}"},
    "section": "{sis_id}",
    "course": "{sis_id}",
    "account": "{sis_id}",
}

SYNCED = [module for module in FILES if module.FILE not in ("xlists.csv", "admins.csv")]
"""A tenant that lists no cross-lists and no rights has no file of them."""


class Both(NamedTuple):
    district: District
    ids: IdTable
    api: Path
    csv: Path


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("both")
    district = generate(today=TODAY)
    ids = write_api(district, folder / "served", synced=NOW)
    write_clever(district, folder / "export", delivered=NOW)
    for name in ("api", "csv"):
        (folder / name).mkdir()
    lists = Lists.read(folder / "served")
    evidence = system("clever").extract(lists, Clever.model_validate(API), folder / "api", last_good=None, now=NOW)
    assert evidence.proven, evidence.reasons
    settings = CleverCsv.model_validate(CSV)
    system("clever_csv").extract(
        Folder(folder / "export"), settings, folder / "csv", last_good=None, now=datetime.now(UTC)
    )
    return Both(district, ids, folder / "api", folder / "csv")


def tenant(source: Mapping[str, Any], relationships: list[str], ids: Mapping[str, Any]) -> Tenant:
    content = {
        "id": "banksia",
        "name": "Banksia",
        "timezone": "Australia/Brisbane",
        "sources": [source],
        "canvas": {"test": {"connection": "canvas"}},
        "sync": {"observers": {"relationships": relationships}, "ids": ids},
    }
    return Tenant.model_validate(content)


def by_api(**ids: Any) -> Tenant:
    return tenant(API, ["Parent", "Parent/Guardian"], ids)


def by_csv(**ids: Any) -> Tenant:
    return tenant(CSV, ["Mother", "Father", "Stepfather", "Guardian"], ids)


def rows(roster: Roster, settings: Tenant, raw: Path, folder: Path) -> Path:
    """The artefact's tables."""
    source = {settings.sources[0].name: raw}
    judged = judge(roster, source, settings, TODAY, last_good_rows=None, docs=None)
    folder.mkdir()
    write(judged.roster, judged.quarantine, settings, TODAY, folder)
    return folder


def api_rows(both: Both, settings: Tenant, folder: Path) -> Path:
    return rows(system("clever").to_roster(both.api, Clever.model_validate(API)), settings, both.api, folder)


def csv_rows(both: Both, settings: Tenant, folder: Path) -> Path:
    return rows(system("clever_csv").to_roster(both.csv, CleverCsv.model_validate(CSV)), settings, both.csv, folder)


def test_after_translation_by_the_table_of_ids_every_file_is_the_same(both: Both, tmp_path: Path) -> None:
    api = api_rows(both, by_api(), tmp_path / "api")
    csv = csv_rows(both, by_csv(), tmp_path / "csv")
    table = both.ids.to_export()
    for module in SYNCED:
        name = module.FILE.removesuffix(".csv")
        ours, theirs = (pl.read_parquet(folder / f"{name}.parquet") for folder in (api, csv))
        if name == "user_observers":  # a contact without id and e-mail is one to Clever; without a log-in it waits
            ours = ours.join(
                pl.read_parquet(api / "users.parquet"), left_on="observer_id", right_on="user_id", how="semi"
            )
            theirs = theirs.join(
                pl.read_parquet(csv / "users.parquet"), left_on="observer_id", right_on="user_id", how="semi"
            )
        columns = [column for column in theirs.columns if column in module.COLUMNS]
        translated = ours.select(pl.col(columns).replace(table))
        assert ours.height > 0
        assert translated.sort(columns).rows() == theirs.select(columns).sort(columns).rows(), name


def test_with_sis_id_the_files_are_the_same_byte_for_byte(both: Both, tmp_path: Path) -> None:
    """But for guardians, whom an export knows by another key."""
    api = api_rows(both, tenant(API, [], BY_SIS_ID), tmp_path / "api")
    csv = csv_rows(both, tenant(CSV, [], BY_SIS_ID), tmp_path / "csv")
    for module in SYNCED:
        assert (api / "csv" / module.FILE).read_bytes() == (csv / "csv" / module.FILE).read_bytes(), module.FILE
    assert (api / "csv" / "users.csv").read_bytes().count(b"\n") > 800
    assert digest(api) == digest(csv)


def test_terms_and_courses_that_clever_made_anew_change_nothing(both: Both, tmp_path: Path) -> None:
    before = api_rows(both, by_api(), tmp_path / "before")
    served = tmp_path / "served"
    both.ids.write(served_folder(served))
    ids = write_api(both.district, served, synced=NOW, recreated=True)
    assert set(ids.ids["terms"]) == set(both.ids.ids["terms"])
    assert not set(ids.ids["terms"].values()) & set(both.ids.ids["terms"].values())
    assert not set(ids.ids["courses"].values()) & set(both.ids.ids["courses"].values())
    raw = tmp_path / "raw"
    raw.mkdir()
    system("clever").extract(Lists.read(served), Clever.model_validate(API), raw, last_good=None, now=NOW)
    again = rows(system("clever").to_roster(raw, Clever.model_validate(API)), by_api(), raw, tmp_path / "again")
    assert digest(again) == digest(before)


def served_folder(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_nothing_sensitive_is_kept(both: Both) -> None:
    """Birth dates, streets, phones, state ids are in what is served, and in no raw table."""
    kept = b"".join(file.read_bytes() for file in both.api.glob("*"))
    texts = set()
    for file in both.api.glob("*.parquet"):
        frame = pl.read_parquet(file)
        assert not set(frame.columns) & {"dob", "gender", "location", "phone", "state_id", "race", "ext"}
        texts |= {value for column in frame.select(pl.col(pl.String)) for value in column if value is not None}
    for student in both.district.students:
        assert not texts & {student.street, student.state_id, student.birth.isoformat()}
    assert not texts & {adult.phone for adult in both.district.guardians()}
    assert b"objects" not in kept
