"""The same district as OneRoster sets and as Clever's CSV export: the same rows for Canvas, by the table of ids."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from roster.canvas.wanted import write
from roster.checks import judge
from roster.model import Roster
from roster.settings import CleverCsv, OneRosterCsv
from roster.sources import system
from roster.sources.files import Folder
from roster.tenants import Tenant
from roster_sandbox.district import District, generate, write_clever
from roster_sandbox.district.implied import guardian_key, term_key, term_slug
from roster_sandbox.oneroster import IdTable
from roster_sandbox.oneroster.export import adult_key
from roster_sandbox.oneroster.export_csv import write_set

TODAY = date(2026, 2, 2)
NOW = datetime(2026, 2, 2, 9, tzinfo=UTC)
CSV = {"name": "sis", "system": "clever_csv", "connection": "files", "control": "control.csv"}
SET = {"name": "sis", "system": "oneroster_csv", "connection": "files", "control": "control.csv"}
PARENTS = ("Mother", "Father", "Stepfather", "Guardian")


class Both(NamedTuple):
    district: District
    ids: IdTable
    sets: Path
    clever: Path


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("both")
    district = generate(today=TODAY, pupils=200, teachers=30)
    ids = write_set(district, folder / "set", delivered=NOW - timedelta(hours=1), control=True)
    write_clever(district, folder / "export", delivered=NOW - timedelta(hours=1))
    tenants = {"set": (SET, ["parent", "guardian"]), "export": (CSV, list(PARENTS))}
    for name, (source, relationships) in tenants.items():
        rows(folder / name, tenant(source, relationships), folder / f"{name}-rows")
    return Both(district, ids, folder / "set-rows", folder / "export-rows")


def tenant(source: Mapping[str, Any], relationships: list[str]) -> Tenant:
    content = {
        "id": "banksia",
        "name": "Banksia",
        "timezone": "Australia/Brisbane",
        "sources": [source],
        "canvas": {"test": {"connection": "canvas"}},
        "sync": {"login_id": "email", "observers": {"relationships": relationships}},
    }
    return Tenant.model_validate(content)


def read(delivered: Path, settings: Tenant, raw: Path) -> Roster:
    source = settings.sources[0]
    assert isinstance(source, CleverCsv | OneRosterCsv)
    raw.mkdir()
    evidence = system(source.system).extract(Folder(delivered), source, raw, last_good=None, now=NOW)
    assert evidence.proven, evidence.reasons
    return system(source.system).to_roster(raw, source)


def rows(delivered: Path, settings: Tenant, folder: Path) -> None:
    """Judged by the rules alone: the suites look at what a file's cells are like, and at this size cost most."""
    raw, no_suites = folder.with_name(f"{folder.name}-raw"), folder.with_name("none")
    no_suites.mkdir(exist_ok=True)
    found = read(delivered, settings, raw)
    judged = judge(found, {"sis": raw}, settings, TODAY, last_good_rows=None, docs=None, suites=no_suites)
    folder.mkdir()
    write(judged.roster, judged.quarantine, settings, TODAY, folder)


def compared(both: Both, stem: str, *columns: str) -> tuple[set[Any], set[Any]]:
    """Rows of the sets, by the ids of the district and the terms' ids of Clever's CSV, and of the export."""
    terms = {both.ids.of("sessions", term_key(term)): term_slug(term) for term in both.district.terms}
    ours, theirs = (pl.read_parquet(folder / f"{stem}.parquet") for folder in (both.sets, both.clever))
    named = columns or tuple(column for column in theirs.columns if column not in ("key", "school", "record"))
    translated = ours.select(pl.col(named).replace(both.ids.to_export() | terms))
    assert (translated.is_unique().all(), theirs.select(named).is_unique().all()) == (True, True)
    assert ours.height > 0
    return set(translated.rows()), set(theirs.select(named).rows())


@pytest.mark.parametrize("stem", ["accounts", "terms", "courses", "sections", "enrollments"])
def test_after_translation_by_the_table_of_ids_the_file_is_the_same(both: Both, stem: str) -> None:
    ours, theirs = compared(both, stem)
    assert ours == theirs


def test_people_are_the_same_but_for_how_guardians_names_are_told_apart(both: Both) -> None:
    ours, theirs = compared(both, "users", "user_id", "login_id", "email", "status")
    assert ours - theirs <= {(key, email, email, "active") for key, email in of_other_words(both)}
    assert theirs <= ours
    ours, theirs = compared(both, "users")
    own = {one.id for one in (*both.district.students, *both.district.teachers, *both.district.staff)}
    assert {row for row in ours if row[0] in own} == {row for row in theirs if row[0] in own}


def of_other_words(both: Both) -> set[tuple[str, str]]:
    """(key, e-mail) of adults who are a parent of one pupil, and to another something that is not observed."""
    told: dict[str, set[bool]] = {}
    for contact in both.district.contacts:
        told.setdefault(guardian_key(contact.guardian), set()).add(contact.relationship in PARENTS)
    mixed = {key for key, words in told.items() if len(words) > 1}
    adults = {guardian_key(one.guardian): one.guardian.email for one in both.district.contacts}
    return {(key, adults[key]) for key in mixed}


def test_observers_are_the_same_but_for_who_has_no_key_in_the_export_and_whose_word_is_a_persons(both: Both) -> None:
    ours, theirs = compared(both, "user_observers")
    told = {(adult_key(one), one.student_id): one for one in both.district.contacts}
    assert theirs <= ours
    assert len(theirs) > 100
    for observer, student, _ in ours - theirs:
        contact = told[observer, student]
        assert not guardian_key(contact.guardian) or contact.relationship not in PARENTS


def test_1p2_gives_the_same_roster_as_1p1(both: Both, tmp_path: Path) -> None:
    for version in ("1.1", "1.2"):
        write_set(both.district, tmp_path / version, delivered=NOW - timedelta(hours=1), version=version, control=True)
    settings = tenant(SET, [])
    first, second = (read(tmp_path / one, settings, tmp_path / f"raw-{one}") for one in ("1.1", "1.2"))
    for name, frame in first.tables():
        ours, theirs = (one.drop("school_ids", strict=False).collect() for one in (frame, getattr(second, name)))
        assert_frame_equal(ours, theirs, check_row_order=False)
