"""The packs of queries: the generic one on PostgreSQL as on SQLite, the others on made-up tables with their columns.

What the others say of PowerSchool and Synergetic no test can know; that they are SQL and map as they say, these do.
"""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roster.evidence import Evidence
from roster.settings import SisDb
from roster.settings.sis_db import TABLES
from roster.sources import system
from roster.sources.sis_db.asking import PACKS
from roster_airflow.hooks.sis_db import reading, seen
from roster_sandbox.district import generate
from roster_sandbox.sis_db import load, write_sqlite
from tests.few import TODAY
from tests.postgres import Postgres

NOW = datetime(2026, 2, 2, 9, tzinfo=UTC)
POWERSCHOOL = """
CREATE TABLE schools (school_number numeric, name text, state_excludefromreporting numeric);
INSERT INTO schools VALUES (7, 'Fern Hill', NULL), (8, 'Office', 1), (999999, 'Graduated', 0);
CREATE TABLE terms (id numeric, schoolid numeric, yearid numeric, name text, firstday date, lastday date);
INSERT INTO terms VALUES (3500, 7, 35, '2025-2026', '2025-08-18', '2026-06-05'), (3501, 7, 35, 'S1', '2025-08-19',
    '2026-01-09'), (3400, 7, 34, 'Old', '2024-08-19', '2025-06-06'), (3500, 8, 35, 'Of the office', '2025-08-01',
    '2026-06-30');
CREATE TABLE courses (course_number text, course_name text);
INSERT INTO courses VALUES ('MAT1', 'Maths 1');
CREATE TABLE sections (id numeric, schoolid numeric, course_number text, section_number text, termid numeric,
    teacher numeric, expression text);
INSERT INTO sections VALUES (91, 7, 'MAT1', '01', 3500, 61, '3(A)'), (92, 7, 'MAT1', '02', 3400, 61, '4(A)'),
    (93, 8, 'MAT1', '03', 3500, 61, '5(A)');
CREATE TABLE students (id numeric, dcid numeric, student_number numeric, schoolid numeric, enroll_status numeric,
    first_name text, middle_name text, last_name text, student_web_id text);
INSERT INTO students VALUES (51, 151, 1001, 7, 0, 'Ann', 'Q', 'Ode', 'annweb'), (52, 152, 1002, 7, 2, 'Left', '', 'Lee',
    'leftweb');
CREATE TABLE u_studentsuserfields (studentsdcid numeric, emailstudent text);
INSERT INTO u_studentsuserfields VALUES (151, 'ann@x.example');
CREATE TABLE teachers (id numeric, teachernumber text, schoolid numeric, status numeric, first_name text,
    middle_name text, last_name text, loginid text, email_addr text);
INSERT INTO teachers VALUES (61, '1001', 7, 1, 'Tess', 'M', 'Vaux', 'tessweb', 'tess@x.example'),
    (62, '1001', 8, 1, 'Tess', 'M', 'Vaux', 'tessweb', 'tess@x.example'), (63, '1002', 7, 1, 'Co', '', 'Cole', 'coweb',
    'co@x.example'), (64, '1003', 7, 2, 'Gone', '', 'Gray', 'goneweb', 'gone@x.example');
CREATE TABLE cc (id numeric, studentid numeric, sectionid numeric, dateenrolled date, dateleft date);
INSERT INTO cc VALUES (1, 51, 91, '2025-08-20', '2026-06-06'), (2, 51, -91, '2025-08-18', '2025-08-19'),
    (3, 52, 91, '2025-08-21', '2026-06-06'), (4, 51, 92, '2024-08-19', '2025-06-07');
CREATE TABLE sectionteacher (sectionid numeric, teacherid numeric, start_date date, end_date date);
INSERT INTO sectionteacher VALUES (91, 61, '2025-08-18', '2026-06-05'), (91, 63, '2025-09-01', NULL),
    (91, 64, '2025-08-18', NULL), (93, 61, '2025-08-18', NULL);
"""
SYNERGETIC = """
CREATE TABLE uvCanvasAccounts (account_id text, parent_account_id text, name text, status text);
INSERT INTO uvCanvasAccounts VALUES ('D', NULL, 'Group', 'active'), ('S', 'D', 'Senior School', 'active'),
    ('J', 'D', 'Junior School', 'deleted');
CREATE TABLE uCanvasTerms (TermID text, TermName text, TermStatus text, StartDate date, EndDate date, FileYear int);
INSERT INTO uCanvasTerms VALUES ('26', 'Year 26', 'active', '2026-01-27', '2026-12-04', 2026), ('25', 'Year 25',
    'deleted', '2025-01-28', '2025-12-05', 2025);
CREATE TABLE uvCanvasCourses (course_id text, short_name text, long_name text, account_id text, term_id text,
    status text);
INSERT INTO uvCanvasCourses VALUES ('K1', 'MAT', 'Maths', 'S', '26', 'active'), ('K2', 'ART', 'Art', 'S', '25',
    'deleted');
CREATE TABLE uvCanvasSections (section_id text, course_id text, name text, status text);
INSERT INTO uvCanvasSections VALUES ('C1', 'K1', 'Maths A', 'active'), ('C2', 'K2', 'Art A', 'active'), ('C3', 'K1',
    'Maths B', 'deleted');
CREATE TABLE uvCanvasUsers (user_id text, login_id text, first_name text, last_name text, email text, status text);
INSERT INTO uvCanvasUsers VALUES ('1', 'anno', 'Ann', 'Ode', 'ann@x.example', 'active'), ('2', 'tessv', 'Tess', 'Vaux',
    'tess@x.example', 'active'), ('3', 'goneg', 'Gone', 'Gray', 'gone@x.example', 'deleted');
CREATE TABLE uvCanvasEnrolments (course_id text, user_id text, role text, section_id text, status text);
INSERT INTO uvCanvasEnrolments VALUES ('K1', '1', 'student', 'C1', 'active'), ('K1', '2', 'ta', 'C1', 'active'),
    ('K1', '1', 'student', 'C3', 'active'), ('K1', '3', 'student', 'C1', 'deleted'), ('K1', '2', 'observer', 'C1',
    'active');
"""


def settings(pack: str) -> SisDb:
    return SisDb.model_validate({"name": "sis", "system": "sis_db", "connection": "school", "pack": pack})


def extracted(pack: str, raw: Path) -> tuple[dict[str, pl.DataFrame], Evidence]:
    """(raw tables, evidence)"""
    raw.mkdir()
    asked = settings(pack).on(TODAY)
    evidence = system("sis_db").extract(reading(asked), asked, raw, last_good=None, now=NOW)
    return {file.stem: pl.read_parquet(file) for file in raw.glob("*.parquet")}, evidence


@pytest.fixture(params=["postgres", "sqlite"])
def made(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a database of some statements, which is then the connection's."""

    def by_postgres(script: str) -> None:
        server: Postgres = request.getfixturevalue("postgres")
        name = server.create(f"pack_{abs(hash(request.node.name))}")
        with server.connect(name) as session:
            for statement in script.split(";\n"):
                session.execute(statement)  # type: ignore[call-overload]
        monkeypatch.setenv("AIRFLOW_CONN_SCHOOL", server.connection(name))

    def by_sqlite(script: str) -> None:
        with closing(sqlite3.connect(tmp_path / "school.db")) as connection:
            connection.executescript(script)
        monkeypatch.setenv("AIRFLOW_CONN_SCHOOL", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/school.db"}))

    return by_postgres if request.param == "postgres" else by_sqlite


def test_the_generic_pack_answers_alike_on_postgres_and_sqlite(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    district = generate(today=TODAY, schools=2, pupils=200, teachers=12)
    write_sqlite(district, tmp_path / "sis.db")
    monkeypatch.setenv("AIRFLOW_CONN_SCHOOL", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "sis.db")}))
    by_sqlite, evidence = extracted("generic", tmp_path / "sqlite")
    assert evidence.proven, evidence.reasons
    name = postgres.create("generic")
    with postgres.connect(name, autocommit=False) as session:
        load(session, district, mark="%s")
    monkeypatch.setenv("AIRFLOW_CONN_SCHOOL", postgres.connection(name))
    by_postgres, other = extracted("generic", tmp_path / "postgres")
    assert other == evidence
    assert set(by_postgres) == set(TABLES) == set(by_sqlite)
    for table, frame in by_postgres.items():  # each database sorts texts in its own way
        columns = [column for column in frame.columns if column != "row"]
        assert frame.height > 0, table
        assert frame.select(columns).sort(columns).equals(by_sqlite[table].select(columns).sort(columns)), table
        assert frame["row"].to_list() == list(range(1, frame.height + 1))
    assert extracted("generic", tmp_path / "again")[0]["enrollments"].equals(by_postgres["enrollments"])


def rows(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return frame.drop("row").rows()


def test_powerschool(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = postgres.create("powerschool")
    with postgres.connect(name) as session:
        session.execute(POWERSCHOOL)  # type: ignore[call-overload]
    monkeypatch.setenv("AIRFLOW_CONN_SCHOOL", postgres.connection(name))
    assert seen(settings("powerschool")).startswith("6 queries")
    found, evidence = extracted("powerschool", tmp_path / "raw")
    assert rows(found["orgs"]) == [("7", "Fern Hill", "school")]
    assert rows(found["academic_sessions"]) == [
        ("7-3500", "2025-2026", date(2025, 8, 18), date(2026, 6, 5), "7"),
        ("7-3501", "S1", date(2025, 8, 19), date(2026, 1, 9), "7"),
    ]
    assert rows(found["courses"]) == [("MAT1", "Maths 1", "MAT1")]
    assert rows(found["classes"]) == [("91", "Maths 1 01", "01", "3(A)", "MAT1", "7", "7-3500")]
    assert rows(found["users"]) == [
        ("S_1001", "student", "Ann", "Q", "Ode", "annweb", "ann@x.example", "1001", "7"),
        ("T_1001", "staff", "Tess", "M", "Vaux", "tessweb", "tess@x.example", "1001", "7"),
        ("T_1001", "staff", "Tess", "M", "Vaux", "tessweb", "tess@x.example", "1001", None),
        ("T_1002", "staff", "Co", None, "Cole", "coweb", "co@x.example", "1002", "7"),
    ]
    assert rows(found["enrollments"]) == [
        ("cc-1", "91", "S_1001", "student", None, date(2025, 8, 20), date(2026, 6, 5)),
        (None, "91", "T_1001", "teacher", True, date(2025, 8, 18), date(2026, 6, 5)),
        (None, "91", "T_1002", "teacher", False, date(2025, 9, 1), None),
    ]
    assert evidence.proven, evidence.reasons


def test_synergetic(made: Any, tmp_path: Path) -> None:
    made(SYNERGETIC)
    found, evidence = extracted("synergetic", tmp_path / "raw")
    assert rows(found["orgs"]) == [("D", "Group", "district", None), ("S", "Senior School", "school", "D")]
    assert rows(found["academic_sessions"]) == [("26", "Year 26", date(2026, 1, 27), date(2026, 12, 4))]
    assert rows(found["courses"]) == [("K1", "Maths", "MAT", "S")]
    assert rows(found["classes"]) == [("C1", "Maths A", "K1", "S", "26")]
    assert rows(found["users"]) == [
        ("1", "student", "Ann", "Ode", "anno", "ann@x.example"),
        ("2", "staff", "Tess", "Vaux", "tessv", "tess@x.example"),
    ]
    assert rows(found["enrollments"]) == [("C1", "1", "student"), ("C1", "2", "aide")]
    assert evidence.proven, evidence.reasons


@pytest.mark.parametrize("file", sorted(PACKS.glob("*/*.sql")), ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_every_query_says_what_it_is_for_and_how_sure_it_is(file: Path) -> None:
    assert file.stem in TABLES
    head = re.match(r"(?:--[^\n]*\n)+", file.read_text(encoding="utf-8"))
    assert head, "no comment at its head"
    assert ("UNVERIFIED" in head[0]) == (file.parent.name != "generic")
    assert max(map(len, head[0].splitlines())) <= 120
