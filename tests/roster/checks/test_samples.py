"""Whole nights: an export that none of us wrote, and the generated district against what it says of itself."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

import polars as pl
import pytest

from roster.checks import Judgement, judge
from roster.model import Roster
from roster.sources import DeliveredFile, system
from roster.tenants import Tenant
from roster_sandbox.district import District, generate, implied, write_clever
from tests.roster.builders import a_tenant

OBSERVERS = ("mother", "father", "stepmother", "stepfather", "grandmother", "grandfather")
LONG_AGO = datetime(2016, 1, 1, tzinfo=UTC)


class Folder:
    """A delivery that lies in a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> Mapping[str, DeliveredFile]:
        return {file.name: DeliveredFile(file.stat().st_size, LONG_AGO) for file in self.path.glob("*.csv")}

    def fetch(self, name: str, folder: Path) -> Path:
        return Path(shutil.copy(self.path / name, folder / name))


def _extract(delivery: Path, raw: Path) -> Roster:
    settings = a_tenant().sources[0]
    system("clever_csv").extract(Folder(delivery), settings, raw, last_good=None, now=datetime(2016, 2, 1, tzinfo=UTC))
    return system("clever_csv").to_roster(raw, settings)


Extract = tuple[Roster, Path]
"""A roster and the folder of its raw tables."""


@pytest.fixture(scope="module")
def sandbox(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Extract:
    folder = samples / "clever-sandbox"
    if not folder.is_dir():
        pytest.skip(f"no Clever export at {folder}: set ROSTER_SAMPLES to the folder of samples")
    raw = tmp_path_factory.mktemp("sandbox")
    return _extract(folder, raw), raw


@pytest.fixture(scope="module")
def district() -> District:
    return generate()


@pytest.fixture(scope="module")
def night(district: District, tmp_path_factory: pytest.TempPathFactory) -> Extract:
    delivery, raw = tmp_path_factory.mktemp("delivery"), tmp_path_factory.mktemp("raw")
    write_clever(district, delivery, delivered=LONG_AGO)
    return _extract(delivery, raw), raw


def _judged(extract: Extract, tenant: Tenant, as_of: date) -> Judgement:
    roster, raw = extract
    return judge(roster, {"clever": raw}, tenant, as_of, last_good_rows=None, docs=None)


def test_sandbox_nothing_is_kept_back_where_emails_are_log_ins(sandbox: Extract) -> None:
    judgement = _judged(sandbox, a_tenant(login_id="email"), date(2016, 2, 1))
    assert (judgement.quarantine.height, judgement.stops, judgement.counts) == (0, (), {})


def test_sandbox_contacts_that_are_not_listed_are_counted(sandbox: Extract) -> None:
    judgement = _judged(sandbox, a_tenant(OBSERVERS, login_id="email"), date(2016, 2, 1))
    assert judgement.counts == {"guardian-relationship-unlisted": 635}
    assert judgement.quarantine.height == 0


@pytest.mark.parametrize("observers", [(), OBSERVERS], ids=["no observers", "observers"])
def test_sandbox_the_six_pupils_who_share_a_username_across_schools_are_kept_back(
    sandbox: Extract, observers: tuple[str, ...]
) -> None:
    judgement = _judged(sandbox, a_tenant(observers, login_id="username"), date(2016, 2, 1))
    shared = judgement.findings.filter(pl.col("severity") == "quarantine")
    assert shared["rule"].to_list() == ["user-login-shared"] * 6
    assert shared["school"].n_unique() == 3
    assert judgement.quarantine["table"].to_list() == ["users"] * 6


def test_sandbox_once_its_terms_have_ended_it_is_said(sandbox: Extract) -> None:
    judgement = _judged(sandbox, a_tenant(), date(2016, 6, 2))
    assert (judgement.stops, judgement.counts["no-current-term"]) == ((), 1)


@pytest.mark.parametrize("login", ["email", "username"])
def test_district_who_is_kept_back_is_who_the_district_says(
    district: District, night: Extract, login: Literal["email", "username"]
) -> None:
    tenant = a_tenant(("Mother", "Father", "Guardian"), login_id=login)
    judgement = _judged(night, tenant, district.today)
    canvas = implied(district, today=district.today, login=login)
    people = judgement.quarantine.filter(pl.col("table") == "users")["record"]
    assert set(people) == set(canvas.quarantined)
    assert judgement.stops == ()
    assert judgement.counts["guardian-relationship-unlisted"] == canvas.refused["relationship"]
    assert judgement.counts["guardian-without-key"] == canvas.refused["key"]
    assert judgement.counts["enrollment-unknown-user"] == canvas.refused["unknown"]
