"""The same district by a OneRoster provider and by Clever's CSV: the same rows for Canvas, by the table of ids."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from roster.canvas import FILES
from roster.canvas.wanted import write
from roster.checks import judge
from roster.settings import CleverCsv
from roster.sources import system
from roster.sources.files import Folder
from roster.tenants import Tenant
from roster_sandbox.district import District, generate, write_clever
from roster_sandbox.oneroster import write_rest
from tests.roster.sources.oneroster.replies import Provider, settings

pytestmark = pytest.mark.usefixtures("rules_only")

TODAY = date(2026, 2, 2)
NOW, LATER = datetime(2026, 2, 2, 9, tzinfo=UTC), datetime(2026, 2, 2, 10, tzinfo=UTC)
REST = {"name": "sis", "system": "oneroster", "connection": "sis"}
CSV = {"name": "sis", "system": "clever_csv", "connection": "files", "control": "control.csv"}

SYNCED = [module for module in FILES if module.FILE not in ("xlists.csv", "admins.csv")]
"""A tenant that lists no cross-lists and no rights has no file of them."""


class Both(NamedTuple):
    district: District
    table: dict[str, str]
    rest: Path
    csv: Path


@pytest.fixture(scope="module", params=["1.1", "1.2"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("both")
    district = generate(today=TODAY, schools=2, pupils=200, teachers=12)
    ids = write_rest(district, folder / "served", version=request.param, modified=NOW)
    write_clever(district, folder / "export", delivered=NOW)
    for name in ("rest", "csv"):
        (folder / name).mkdir()
    lists = json.loads((folder / "served" / "objects.json").read_bytes())["lists"]
    source = settings(version=request.param, limit=500)
    evidence = system("oneroster").extract(Provider(lists), source, folder / "rest", last_good=None, now=NOW)
    assert evidence.proven, evidence.reasons
    files = CleverCsv.model_validate(CSV)
    system("clever_csv").extract(Folder(folder / "export"), files, folder / "csv", last_good=None, now=LATER)
    return Both(district, ids.to_export(), folder / "rest", folder / "csv")


def tenant(source: Mapping[str, Any], relationships: list[str]) -> Tenant:
    content = {
        "id": "banksia",
        "name": "Banksia",
        "timezone": "Australia/Brisbane",
        "sources": [source],
        "canvas": {"test": {"connection": "canvas"}},
        "sync": {"observers": {"relationships": relationships}},
    }
    return Tenant.model_validate(content)


def rows(raw: Path, source: Mapping[str, Any], relationships: list[str], folder: Path) -> dict[str, pl.DataFrame]:
    """The artefact's tables."""
    of = tenant(source, relationships)
    roster = system(source["system"]).to_roster(raw, of.sources[0])
    judged = judge(roster, {"sis": raw}, of, TODAY, last_good_rows=None, docs=None)
    folder.mkdir()
    write(judged.roster, judged.quarantine, of, TODAY, folder)
    return {module.FILE: pl.read_parquet(folder / module.FILE.replace(".csv", ".parquet")) for module in SYNCED}


def test_after_translation_by_the_table_of_ids_every_file_is_the_same(both: Both, tmp_path: Path) -> None:
    """A session's id is the provider's, of Clever it is made of name and dates: they are the same by those."""
    rest = rows(both.rest, REST, ["parent", "guardian"], tmp_path / "rest")
    csv = rows(both.csv, CSV, ["Mother", "Father", "Stepfather", "Guardian"], tmp_path / "csv")
    dated = ["name", "start_date", "end_date"]
    terms = rest["terms.csv"].join(csv["terms.csv"], on=dated)
    table = both.table | dict(terms.select("term_id", "term_id_right").iter_rows())
    for module in SYNCED:
        ours, theirs = rest[module.FILE], csv[module.FILE]
        columns = [column for column in theirs.columns if column in module.COLUMNS]
        if module.FILE == "users.csv":  # an export has a contact's name as one text, and it is taken apart
            whole = pl.concat_str("first_name", "last_name", separator=" ").alias("first_name")
            ours, theirs = (frame.with_columns(whole, last_name=pl.lit("")) for frame in (ours, theirs))
        if module.FILE == "user_observers.csv":  # a contact without id and e-mail has one here, and waits for a log-in
            ours = ours.join(rest["users.csv"], left_on="observer_id", right_on="user_id", how="semi")
            theirs = theirs.join(csv["users.csv"], left_on="observer_id", right_on="user_id", how="semi")
        translated = ours.select(pl.col(columns).replace(table))
        assert ours.height > 0
        assert translated.sort(columns).rows() == theirs.select(columns).sort(columns).rows(), module.FILE


def test_nothing_sensitive_is_kept(both: Both) -> None:
    """Birth dates, phones, passwords, state ids are in what is served, and in no raw table."""
    texts = set()
    for file in both.rest.glob("*.parquet"):
        texts |= {value for column in pl.read_parquet(file).select(pl.col(pl.String)) for value in column if value}
    assert both.district.students[0].id in {both.table.get(text) for text in texts}
    assert not texts & both.district.secrets()
    for student in both.district.students:
        assert not texts & {student.street, student.state_id, student.birth.isoformat()}
    assert not texts & {adult.phone for adult in both.district.guardians()}
