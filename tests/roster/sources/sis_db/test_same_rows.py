"""The same district as a database and as Clever's CSV: the same people, sections, enrolments and observers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from roster.canvas.wanted import write
from roster.checks import judge
from roster.settings import CleverCsv
from roster.sources import system
from roster.sources.files import Folder
from roster.tenants import Tenant
from roster_sandbox.district import District, generate, implied, write_clever
from roster_sandbox.sis_db import to_export
from tests.roster.sources.sis_db.answering import NOW, TODAY, Answering, extract, settings

SIS = {"name": "school", "system": "sis_db", "connection": "school", "pack": "generic"}
CSV = {"name": "school", "system": "clever_csv", "connection": "files", "control": "control.csv"}
RELATIONSHIPS = ("Mother", "Father", "Stepfather", "Guardian")


class Both(NamedTuple):
    district: District
    sis: Path
    csv: Path

    def rows(self, name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        """A file's rows by the database, in the export's ids, and by the export; contacts without any log-in apart."""
        table = to_export(self.district)
        ours, theirs = (pl.read_parquet(folder / f"{name}.parquet") for folder in (self.sis, self.csv))
        return ours.with_columns(pl.col(pl.String).exclude("key", "record").replace(table)), theirs


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("both")
    district = generate(today=TODAY, schools=2, pupils=240, teachers=16)
    write_clever(district, folder / "export", delivered=NOW)
    for name in ("sis", "csv"):
        (folder / f"{name}-raw").mkdir()
    evidence = extract(Answering.of(district), settings(name="school"), folder / "sis-raw")
    assert evidence.proven, evidence.reasons
    system("clever_csv").extract(
        Folder(folder / "export"),
        CleverCsv.model_validate(CSV),
        folder / "csv-raw",
        last_good=None,
        now=datetime.now(UTC),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("roster.checks.judgement.read_suites", lambda _: ())  # they have tests of their own
        for name, source in (("sis", SIS), ("csv", CSV)):
            _write(source, folder / f"{name}-raw", folder / name)
    return Both(district, folder / "sis", folder / "csv")


def _write(source: dict[str, str], raw: Path, folder: Path) -> None:
    tenant = Tenant.model_validate(
        {
            "id": "banksia",
            "name": "Banksia",
            "timezone": "Australia/Brisbane",
            "sources": [source],
            "canvas": {"test": {"connection": "canvas"}},
            "sync": {"observers": {"relationships": list(RELATIONSHIPS)}},
        }
    )
    roster = system(source["system"]).to_roster(raw, tenant.sources[0])
    judged = judge(roster, {"school": raw}, tenant, TODAY, last_good_rows=None, docs=None)
    write(judged.roster, judged.quarantine, tenant, TODAY, folder)


def same(both: Both, name: str, columns: list[str]) -> int:
    ours, theirs = both.rows(name)
    found, expected = (frame.select(columns).sort(columns).rows() for frame in (ours, theirs))
    assert found == expected, name
    return len(found)


def test_people(both: Both) -> None:
    columns = ["user_id", "login_id", "email", "status", "school"]
    ours, theirs = both.rows("users")
    assert same(both, "users", ["user_id", "login_id", "email", "status"]) > 400
    everything = [column for column in ours.columns if column not in ("key", "record")]
    assert set(columns) <= set(everything)
    adults = {key for key in to_export(both.district).values() if key.startswith(("g-", "G"))}
    not_adult = ~pl.col("user_id").is_in(list(adults))
    found, expected = (frame.filter(not_adult).select(everything).sort("user_id").rows() for frame in (ours, theirs))
    assert found == expected


def test_the_names_of_guardians_are_those_they_have(both: Both) -> None:
    """An export tells a guardian's name as one text; the database has it in two parts."""
    canvas = implied(both.district, today=TODAY, observers=RELATIONSHIPS)
    ours, _ = both.rows("users")
    adults = {key: user for key, user in canvas.users.items() if user.kind == "observer"}
    found = {
        row["user_id"]: (row["first_name"], row["last_name"]) for row in ours.to_dicts() if row["user_id"] in adults
    }
    assert found == {key: (user.given, user.family) for key, user in adults.items()}
    assert len(found) > 100


def test_sections_and_courses(both: Both) -> None:
    assert same(both, "sections", ["section_id", "course_id", "name", "status", "school"]) > 50
    assert same(both, "courses", ["course_id", "short_name", "long_name", "account_id", "status"]) > 50
    assert same(both, "accounts", ["account_id", "name", "status"]) == 2


def test_enrolments(both: Both) -> None:
    assert same(both, "enrollments", ["section_id", "user_id", "role", "status", "school"]) > 1000


def test_observers(both: Both) -> None:
    """But for contacts without id and e-mail, who are nobody in an export, and without a log-in in the database."""
    ours, theirs = both.rows("user_observers")
    known = both.rows("users")[0].select("user_id")
    columns = ["observer_id", "student_id", "status"]
    found = ours.join(known, left_on="observer_id", right_on="user_id", how="semi").select(columns)
    expected = theirs.join(known, left_on="observer_id", right_on="user_id", how="semi").select(columns)
    assert found.sort(columns).rows() == expected.sort(columns).rows()
    assert found.height > 100


def test_terms_are_those_of_each_school(both: Both) -> None:
    ours, theirs = both.rows("terms")
    what = ["name", "start_date", "end_date", "status"]
    assert ours.select(what).unique().sort(what).rows() == theirs.select(what).sort(what).rows()
    assert ours.height == 2 * theirs.height


def test_nothing_sensitive_is_kept(both: Both) -> None:
    texts: set[Any] = set()
    for file in (both.sis.parent / "sis-raw").glob("*.parquet"):
        frame = pl.read_parquet(file)
        texts |= {value for column in frame.select(pl.col(pl.String)) for value in column}
    assert not texts & both.district.secrets()
    assert not texts & {student.street for student in both.district.students}
