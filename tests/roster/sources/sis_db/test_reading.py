"""From answers to raw tables: columns by name, one snapshot, and what it proves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roster.errors import SourceUnreachable, SourceUnreadable
from roster.evidence import Evidence
from roster.settings import SisDb
from roster.settings.sis_db import TABLES
from roster.sources import Statement
from roster.sources.sis_db import reading
from tests.few import few
from tests.roster.sources.sis_db.answering import Answering, extract, settings

USERS = [
    {"Person_No": 42.0, "KIND": "staff", "given": "Tess ", "family": "Vaux", "mail": "tess@x.example", "pw": "secret"},
    {"Person_No": "0041", "KIND": "student", "given": "Ann", "family": "Ode", "mail": "", "pw": "secret"},
]
BY_VIEW = {
    "pack": None,
    "views": {"users": "people"},
    "columns": {"users": {"sourced_id": "PERSON_NO", "given_name": "given", "family_name": "family", "email": "mail"}},
}


def test_columns_are_found_by_name_and_nothing_else_is_read(tmp_path: Path) -> None:
    database = Answering.with_tables(people=USERS)
    extract(database, settings(**BY_VIEW), tmp_path / "raw")
    raw = pl.read_parquet(tmp_path / "raw" / "users.parquet")
    assert raw.rows(named=True) == [
        {
            "sourced_id": "42",
            "kind": "staff",
            "given_name": "Tess",
            "family_name": "Vaux",
            "email": "tess@x.example",
            "row": 1,
        },
        {"sourced_id": "0041", "kind": "student", "given_name": "Ann", "family_name": "Ode", "email": None, "row": 2},
    ]
    assert [statement.text.splitlines()[0] for statement in database.asked] == [
        "SELECT * FROM (",
        "SELECT COUNT(*) FROM (",
        'SELECT "Person_No", "KIND", "given", "family", "mail" FROM (',
    ]


def test_a_column_that_is_missing(tmp_path: Path) -> None:
    database = Answering.with_tables(people=[{"sourced_id": "1", "kind": "staff", "given_name": "Tess"}])
    with pytest.raises(
        SourceUnreadable,
        match=r"^people: no column family_name; it answers with sourced_id, kind, given_name: name it with AS",
    ):
        extract(database, settings(pack=None, views={"users": "people"}), tmp_path)


def test_a_column_that_the_tenant_names_must_be_there(tmp_path: Path) -> None:
    named = {**BY_VIEW["columns"]["users"], "middle_name": "second"}  # type: ignore[index]
    with pytest.raises(SourceUnreadable, match=r"^people: no column second"):
        extract(Answering.with_tables(people=USERS), settings(**{**BY_VIEW, "columns": {"users": named}}), tmp_path)


def test_a_column_that_is_there_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sql").mkdir()
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path))
    (tmp_path / "sql" / "guardians.sql").write_text("SELECT a AS guardian_id, a AS Student_id, b AS STUDENT_ID FROM t")
    database = Answering.with_tables(t=[{"a": "1", "b": "2"}])
    with pytest.raises(SourceUnreadable, match=r"^guardians\.sql: answers with 2 columns student_id"):
        extract(database, settings(pack=None, queries="sql"), tmp_path / "raw")


def test_a_value_that_can_not_be_taken_is_told_by_query_column_and_row(tmp_path: Path) -> None:
    rows = [{**USERS[0], "Person_No": number} for number in ["1"] * 4 + [b"2"]]
    with pytest.raises(SourceUnreadable, match=r"^people: column Person_No, row 5: the value is of type bytes"):
        extract(Answering.with_tables(people=rows), settings(**BY_VIEW), tmp_path)


def test_rows_are_numbered_on_over_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH", 3)
    rows = [{**USERS[0], "Person_No": f"{number:02}"} for number in range(8)]
    extract(Answering.with_tables(people=rows), settings(**BY_VIEW), tmp_path)
    raw = pl.read_parquet(tmp_path / "users.parquet")
    assert raw["row"].to_list() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert raw["sourced_id"].to_list() == [f"{number:02}" for number in range(8)]
    rows[7]["Person_No"] = 7.5
    with pytest.raises(SourceUnreadable, match="row 1: "):  # numbers come before texts
        extract(Answering.with_tables(people=rows), settings(**BY_VIEW), tmp_path)
    rows[7] = {**rows[6], "Person_No": b"99"}  # and bytes after them
    with pytest.raises(SourceUnreadable, match="row 8: "):
        extract(Answering.with_tables(people=rows), settings(**BY_VIEW), tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Evidence]:
    raw = tmp_path_factory.mktemp("whole")
    return raw, extract(Answering.of(few()), settings(), raw)


def test_a_whole_reading_is_proven(whole: tuple[Path, Evidence]) -> None:
    raw, evidence = whole
    assert (evidence.complete, evidence.proven, evidence.reasons) == (True, True, ())
    assert set(evidence.rows) == set(TABLES)
    for table, rows in evidence.rows.items():
        assert pl.read_parquet(raw / f"{table}.parquet").height == rows > 0, table


def reasons(database: Answering, raw: Path, last_good: Evidence | None = None, asked: SisDb | None = None) -> Evidence:
    evidence = extract(database, asked or settings(), raw, last_good)
    assert not evidence.proven
    return evidence


def test_rows_that_were_lost_on_the_way(tmp_path: Path) -> None:
    database = Answering.of(few())
    database.lost = {"enrollments.sql": 1}
    evidence = reasons(database, tmp_path)
    assert not evidence.complete
    assert any("enrollments was read with" in reason and "the database counts" in reason for reason in evidence.reasons)


def test_rows_that_are_lost_after_any_row_of_any_answer(whole: tuple[Path, Evidence], tmp_path: Path) -> None:
    database = Answering.of(few(2))
    rows = extract(database, settings(), tmp_path).rows
    assert sum(rows.values()) > 20
    for table, count in rows.items():
        for lost in range(1, count + 1):
            database.lost = {f"{table}.sql": lost}
            evidence = extract(database, settings(), tmp_path)
            assert (evidence.complete, evidence.proven) == (False, False), (table, lost)


def test_an_answer_that_breaks_off_after_any_row_is_no_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class BreaksOff(Answering):
        left = 0

        def batches(self, statement: Statement, size: int) -> Iterator[list[tuple[Any, ...]]]:
            for batch in super().batches(statement, size):
                if self.left == 0:
                    message = "broke off"
                    raise SourceUnreachable(message)
                self.left -= 1
                yield batch

    monkeypatch.setattr(reading, "BATCH", 1)
    database = BreaksOff.of(few(2))
    assert isinstance(database, BreaksOff)
    for after in range(10_000):
        database.left = after
        try:
            extract(database, settings(), tmp_path)
        except SourceUnreachable:
            continue
        break
    assert after > 30  # every row, and every count


@pytest.mark.parametrize("table", ["roster", "section_staff", "guardian"])
def test_a_table_that_is_empty(table: str, whole: tuple[Path, Evidence], tmp_path: Path) -> None:
    database = Answering.of(few())
    database.connection.execute(f"DELETE FROM {table}")
    if table == "section_staff":
        database.connection.execute("DELETE FROM roster")
    evidence = extract(database, settings(), tmp_path, whole[1])
    said = "guardians is empty" if table == "guardian" else "enrollments"
    assert not evidence.proven
    assert any(said in reason for reason in evidence.reasons)
    assert evidence.complete == (table == "roster")
    if table != "guardian":  # without a last good night enrolments may still not be none; guardians may
        assert extract(database, settings(), tmp_path).complete == (table == "roster")


@pytest.mark.parametrize(
    ("cut", "says"),
    [
        (
            "DELETE FROM person WHERE person_id IN (SELECT person_id FROM student LIMIT 1)",
            "rows of enrollments name a user",
        ),
        ("DELETE FROM section WHERE section_id IN (SELECT section_id FROM section LIMIT 1)", None),
        ("DELETE FROM course WHERE rowid = 1", "rows of classes name a course in course_id that is not in courses"),
        ("DELETE FROM term WHERE rowid = 1", "rows of classes name a session"),
        ("DELETE FROM school WHERE rowid = 1", "rows of classes name a school"),
    ],
)
def test_references_that_are_open(cut: str, says: str | None, tmp_path: Path) -> None:
    """A query that joins hides what is cut; what it names in others is what is looked at."""
    database = Answering.of(few())
    database.connection.execute("PRAGMA foreign_keys = OFF")
    assert database.connection.execute(cut).rowcount == 1
    evidence = extract(database, settings(), tmp_path)
    assert evidence.proven == (says is None)
    if says:
        assert evidence.complete
        assert any(says in reason for reason in evidence.reasons)


def test_shrinkage(whole: tuple[Path, Evidence], tmp_path: Path) -> None:
    smaller = Answering.of(few(6))
    evidence = reasons(smaller, tmp_path, whole[1])
    assert evidence.complete
    assert any("less than the last good night" in reason and "2% is allowed" in reason for reason in evidence.reasons)
    assert extract(smaller, settings(shrink="50%"), tmp_path, whole[1]).proven


def test_of_what_it_is_not_asked_for_it_says_nothing(whole: tuple[Path, Evidence], tmp_path: Path) -> None:
    assert whole[1].silent == ()
    evidence = extract(Answering.with_tables(people=USERS), settings(**BY_VIEW), tmp_path)
    assert evidence.silent == ("orgs", "academic_sessions", "courses", "classes", "guardians", "enrollments")
    assert evidence.proven
    assert evidence.of(("students", "staff")).proven
    assert not evidence.of(("students", "guardians")).proven


def test_a_table_that_is_no_longer_asked_for(whole: tuple[Path, Evidence], tmp_path: Path) -> None:
    database = Answering.with_tables(people=USERS)
    evidence = reasons(database, tmp_path, whole[1], settings(**BY_VIEW))
    assert not evidence.complete
    assert any("enrollments is no longer asked for" in reason for reason in evidence.reasons)


def test_each_reading_is_a_delivery_of_its_own(whole: tuple[Path, Evidence], tmp_path: Path) -> None:
    later = extract(Answering.of(few()), settings(), tmp_path, now=whole[1].delivered.replace(hour=21))
    assert later.delivery != whole[1].delivery


def test_the_day_of_the_run_is_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sql").mkdir()
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path))
    (tmp_path / "sql" / "guardians.sql").write_text(
        "SELECT g AS guardian_id, s AS student_id FROM t WHERE until >= :as_of AND word = :word"
    )
    rows: list[dict[str, Any]] = [
        {"g": "g1", "s": "s1", "until": "2026-02-01", "word": "x"},
        {"g": "g2", "s": "s2", "until": "2026-02-02", "word": "x"},
        {"g": "g3", "s": "s3", "until": "2026-02-02", "word": "y"},
    ]
    database = Answering.with_tables(t=rows)
    asked = settings(pack=None, queries="sql", parameters={"word": "x"})
    extract(database, asked, tmp_path / "raw")
    assert pl.read_parquet(tmp_path / "raw" / "guardians.parquet")["guardian_id"].to_list() == ["g2"]
    assert database.asked[-1].parameters == {"as_of": date(2026, 2, 2), "word": "x"}
