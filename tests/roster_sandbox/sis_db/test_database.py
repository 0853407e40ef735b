"""The district as a school's database: whole, the same every time, and without what a school would not keep there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from roster_sandbox.cli import app
from roster_sandbox.district import District, generate
from roster_sandbox.district.recipe import Recipe
from roster_sandbox.sis_db import to_export, write_sqlite
from tests.few import TODAY, few


@pytest.fixture(scope="module")
def district() -> District:
    return generate(today=TODAY, schools=2, pupils=200, teachers=12)


def test_every_record_is_in_it(district: District, tmp_path: Path) -> None:
    write_sqlite(district, tmp_path / "sis.db")
    known = {student.id for student in district.students}
    with closing(sqlite3.connect(tmp_path / "sis.db")) as connection:

        def counted(table: str) -> int:
            (found,) = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()
            return int(found)

        assert counted("school") == 2
        assert counted("student") == len(known)
        assert counted("section") == len(district.sections)
        assert counted("guardian") == len({(one.guardian, one.student_id) for one in district.contacts})
        assert counted("roster") == sum(place.student_id in known for place in district.enrollments)
        assert counted("roster") < len(district.enrollments)  # some are of nobody
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert (tmp_path / "sis.db").stat().st_mode & 0o077 == 0


def test_it_is_replaced_as_a_whole_and_people_keep_their_numbers(district: District, tmp_path: Path) -> None:
    write_sqlite(few(), tmp_path / "sis.db")
    with closing(sqlite3.connect(tmp_path / "sis.db")) as reader:
        (before,) = reader.execute("SELECT COUNT(*) FROM student").fetchone()
        write_sqlite(few(6), tmp_path / "sis.db")
        assert reader.execute("SELECT COUNT(*) FROM student").fetchone() == (before,)
    assert [file.name for file in tmp_path.iterdir()] == ["sis.db"]
    assert to_export(few(6)).items() <= to_export(few()).items()


def test_nothing_that_is_no_business_of_a_roster_is_in_it(district: District, tmp_path: Path) -> None:
    write_sqlite(district, tmp_path / "sis.db")
    content = (tmp_path / "sis.db").read_bytes()
    assert not [word for word in district.secrets() if word.encode() in content]
    assert not [student.street for student in district.students if student.street.encode() in content]


def test_the_command_writes_the_same_as_the_export_of_a_night(tmp_path: Path) -> None:
    Recipe(20_260_202, datetime.now(UTC).date(), 3, 240, 18).write(tmp_path)
    result = CliRunner().invoke(app, ["sis-db", "--state", str(tmp_path), "--night", "2"])
    assert result.exit_code == 0, result.output
    assert "night 2 of district 20260202 lies in" in result.output
    write_sqlite(Recipe.read(tmp_path).night(2), tmp_path / "again.db")
    assert (tmp_path / "sis.db").read_bytes() == (tmp_path / "again.db").read_bytes()


def test_the_command_draws_a_district_where_there_is_none(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["sis-db", "--state", str(tmp_path / "new")])
    assert result.exit_code == 0, result.output
    assert {file.name for file in (tmp_path / "new").iterdir()} == {"district.json", "sis.db"}
