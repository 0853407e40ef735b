"""A district's export that none of us wrote, as rows of Canvas; numbers counted apart from this code."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from roster.canvas import wanted
from roster.model import Roster
from roster.settings import CleverCsv
from roster.sources import DeliveredFile, system
from tests.roster.canvas.rosters import a_tenant

AS_OF = date(2016, 2, 1)
FAMILY = ["mother", "father", "stepmother", "stepfather", "grandmother", "grandfather"]
NO_QUARANTINE = pl.DataFrame(schema={"table": pl.String, "record": pl.String})


class _Folder:
    """The export where it lies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def files(self) -> dict[str, DeliveredFile]:
        then = datetime(2016, 2, 1, 1, tzinfo=UTC)
        return {file.name: DeliveredFile(file.stat().st_size, then) for file in self._folder.glob("*.csv")}

    def fetch(self, name: str, folder: Path) -> Path:
        return Path(shutil.copyfile(self._folder / name, folder / name))


@pytest.fixture(scope="module")
def roster(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Roster:
    raw = tmp_path_factory.mktemp("raw")
    settings = CleverCsv(name="clever", system="clever_csv", connection="clever")
    now = datetime(2016, 2, 1, 9, tzinfo=UTC)
    system("clever_csv").extract(_Folder(samples / "clever-sandbox"), settings, raw, last_good=None, now=now)
    return system("clever_csv").to_roster(raw, settings)


def test_the_district_as_canvas_rows(roster: Roster, tmp_path: Path) -> None:
    counts = wanted.write(roster, NO_QUARANTINE, a_tenant(), AS_OF, tmp_path)

    assert counts == {
        "accounts.csv": 3,
        "terms.csv": 3,
        "courses.csv": 379,
        "sections.csv": 379,
        "users.csv": 1093,
        "enrollments.csv": 8971 + 460,
        "user_observers.csv": 0,
    }
    assert pl.read_parquet(tmp_path / "frozen.parquet").is_empty()
    enrolments = pl.read_parquet(tmp_path / "enrollments.parquet")
    assert dict(enrolments.group_by("role").len().rows()) == {"student": 8971, "teacher": 460}
    assert set(enrolments["status"]) == {"active"}


def test_a_course_for_each_school_term_and_course(roster: Roster, tmp_path: Path) -> None:
    tenant = a_tenant(courses={"per": "school_term_course"})
    counts = wanted.write(roster, NO_QUARANTINE, tenant, AS_OF, tmp_path)

    assert (counts["courses.csv"], counts["sections.csv"]) == (347, 379)
    courses = pl.read_parquet(tmp_path / "courses.parquet")
    assert courses.null_count().sum_horizontal().item() == 0
    assert pl.read_parquet(tmp_path / "sections.parquet").join(courses, on="course_id", how="anti").is_empty()


def test_the_family_observes(roster: Roster, tmp_path: Path) -> None:
    tenant = a_tenant(observers={"relationships": FAMILY})
    counts = wanted.write(roster, NO_QUARANTINE, tenant, AS_OF, tmp_path)

    assert (counts["users.csv"], counts["user_observers.csv"]) == (1093 + 368, 369)
    users = pl.read_parquet(tmp_path / "users.parquet")
    assert users.select("login_id", "first_name", "last_name", "school").null_count().sum_horizontal().item() == 0


def test_everything_refers_to_a_row(roster: Roster, tmp_path: Path) -> None:
    wanted.write(roster, NO_QUARANTINE, a_tenant(observers={"relationships": FAMILY}), AS_OF, tmp_path)
    rows = {file.stem: pl.read_parquet(file) for file in tmp_path.glob("*.parquet")}

    for file, column, other, key in (
        ("courses", "account_id", "accounts", "account_id"),
        ("courses", "term_id", "terms", "term_id"),
        ("sections", "course_id", "courses", "course_id"),
        ("enrollments", "section_id", "sections", "section_id"),
        ("enrollments", "user_id", "users", "user_id"),
        ("user_observers", "observer_id", "users", "user_id"),
        ("user_observers", "student_id", "users", "user_id"),
    ):
        assert rows[file].join(rows[other], left_on=column, right_on=key, how="anti").is_empty(), (file, column)


def test_after_the_terms_have_ended_everything_but_people_is_left(roster: Roster, tmp_path: Path) -> None:
    counts = wanted.write(roster, NO_QUARANTINE, a_tenant(), date(2017, 2, 1), tmp_path)

    assert {file for file, count in counts.items() if count} == {"accounts.csv", "users.csv"}
    frozen = pl.read_parquet(tmp_path / "frozen.parquet")
    assert frozen.height == 3 + 379 + 379 + 8971 + 460
    assert set(frozen["reason"]) == {"term"}
