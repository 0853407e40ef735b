"""Great Expectations over a night: raw columns, facts of the rules, data docs."""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path

import polars as pl
import pytest

from roster.checks import Judgement, judge
from roster.checks.expectations import Batch, judge_frames
from roster.checks.suites import PACKAGED, Expectation, Meta
from roster.model import Roster
from roster.tenants import Tenant
from tests.roster.builders import TODAY, a_class, a_line, a_roster, a_tenant, a_user, an_enrollment

STUDENTS = {
    "school_id": ["north", "north", "north"],
    "student_id": ["ada", "bob", "cy"],
    "first_name": ["Ada", "Bob", "Cy"],
    "last_name": ["Lee", "Ray", None],
    "grade": ["7", "Seven", "8"],
    "row": [2, 3, 4],
}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A folder with a raw table of three pupils, in rows 2 to 4 of students.csv."""
    folder = tmp_path / "raw"
    folder.mkdir()
    pl.DataFrame(STUDENTS).write_parquet(folder / "students.parquet")
    return folder


@pytest.fixture
def suites(tmp_path: Path) -> Path:
    """A copy of some of the packaged suites that a test may edit."""
    copy = tmp_path / "suites"
    for name in ("clever_csv/students", "users", "enrollments", "tables"):
        target = copy / f"{name}.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PACKAGED / f"{name}.yaml", target)
    return copy


def _pupils() -> Roster:
    users = [a_user("ada"), a_user("bob"), a_user("cy")]
    return a_roster(users=users, lineage=[a_line("users", id_, row) for row, id_ in enumerate(("ada", "bob", "cy"), 2)])


def _judged(raw: Path | None, roster: Roster | None = None, tenant: Tenant | None = None, **given: object) -> Judgement:
    settings = {"last_good_rows": None, "docs": None, **given}
    return judge(roster or _pupils(), {"clever": raw} if raw else {}, tenant or a_tenant(), TODAY, **settings)


def _edit(suites: Path, name: str, old: str, new: str) -> None:
    file = suites / f"{name}.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_raw_column_is_judged_and_found_at_the_record_made_of_the_row(raw: Path) -> None:
    judgement = _judged(raw)
    assert judgement.counts == {"clever-student-grade": 1, "clever-student-last-name-blank": 1}
    grade = judgement.findings.filter(pl.col("rule") == "clever-student-grade").row(0, named=True)
    assert grade == {
        "rule": "clever-student-grade",
        "severity": "warn",
        "table": "users",
        "record": "bob",
        "source": "clever",
        "file": "students.csv",
        "row": 3,
        "school": "north",
        "detail": "A pupil's Grade is not one of Clever's.",
    }


def test_one_regular_expression_edited_in_a_suite_puts_another_row_into_quarantine(raw: Path, suites: Path) -> None:
    assert _judged(raw, suites=suites).quarantine.height == 0
    _edit(suites, "clever_csv/students", r"regex: '^[^\s,;\"]{1,100}$'", r"regex: '^[a-z]{3}$'")
    assert _judged(raw, suites=suites).quarantine.rows() == [("users", "cy")]


def test_a_tenant_sets_the_severity_of_an_expectation(raw: Path, suites: Path) -> None:
    judgement = _judged(raw, tenant=a_tenant(rules={"clever-student-grade": "quarantine"}), suites=suites)
    assert judgement.quarantine.rows() == [("users", "bob")]


def test_a_raw_row_that_became_no_record_is_found_all_the_same(raw: Path, suites: Path) -> None:
    judgement = _judged(raw, a_roster(), suites=suites)
    places = judgement.findings.select("rule", "table", "record", "row").rows()
    assert ("clever-student-grade", "users", None, 3) in places


def test_expectations_of_columns_that_were_not_delivered_are_left_out(raw: Path, suites: Path) -> None:
    pl.read_parquet(raw / "students.parquet").drop("grade").write_parquet(raw / "students.parquet")
    assert _judged(raw, suites=suites).counts == {"clever-student-last-name-blank": 1}


def test_what_a_rule_found_is_found_once_with_and_without_its_line_in_the_suite(suites: Path) -> None:
    roster = a_roster(classes=[a_class()], users=[a_user()], enrollments=[an_enrollment("ghost"), an_enrollment()])
    with_line = _judged(None, roster, suites=suites)
    assert with_line.counts == {"class-without-teacher": 1, "enrollment-unknown-user": 1}
    assert with_line.quarantine.rows() == [("enrollments", "maths:ghost:student")]
    (suites / "enrollments.yaml").unlink()
    without = _judged(None, roster, suites=suites)
    assert without.findings.equals(with_line.findings)


def test_a_data_team_adds_an_expectation_of_a_table_of_the_model(suites: Path) -> None:
    added = """
  - type: expect_column_values_to_not_match_regex
    kwargs: {column: sourced_id, regex: ^c}
    severity: critical
    meta: {rule: own-id-letter, fault: An id begins with c.}
"""
    users = suites / "users.yaml"
    users.write_text(users.read_text(encoding="utf-8") + added, encoding="utf-8")
    judgement = _judged(None, suites=suites)
    assert judgement.quarantine.rows() == [("users", "cy")]
    assert judgement.findings.select("rule", "row", "detail").rows() == [("own-id-letter", 4, "An id begins with c.")]


@pytest.mark.parametrize(("severity", "stops"), [("critical", ("own-size",)), ("warning", ())])
def test_an_expectation_without_rows_stops_the_night_if_it_is_critical(
    suites: Path, severity: str, stops: tuple[str, ...]
) -> None:
    text = f"""
table: users
expectations:
  - type: expect_table_row_count_to_be_between
    kwargs: {{min_value: 4}}
    severity: {severity}
    meta: {{rule: own-size}}
"""
    (suites / "users.yaml").write_text(text, encoding="utf-8")
    judgement = _judged(None, suites=suites)
    assert judgement.counts == {"own-size": 1}
    assert judgement.stops == stops
    assert judgement.quarantine.height == 0


def test_an_expectation_of_the_tables_as_a_whole_stops_the_night_if_it_is_critical(suites: Path) -> None:
    added = """
  - type: expect_column_values_to_be_between
    kwargs: {column: rows, max_value: 2}
    severity: critical
    meta: {rule: own-few-rows}
"""
    tables = suites / "tables.yaml"
    tables.write_text(tables.read_text(encoding="utf-8") + added, encoding="utf-8")
    judgement = _judged(None, suites=suites)
    assert judgement.stops == ("own-few-rows",)
    assert judgement.findings["table"].to_list() == ["users"]


@pytest.mark.parametrize("kwargs", ["{column: sourced_id, regex: '(['}", "{column: nothing, regex: a}"])
def test_an_expectation_that_cannot_be_judged_stops_the_night(suites: Path, kwargs: str) -> None:
    text = f"""
table: users
expectations:
  - {{type: expect_column_values_to_match_regex, kwargs: {kwargs}, severity: info, meta: {{rule: own-broken}}}}
"""
    (suites / "users.yaml").write_text(text, encoding="utf-8")
    judgement = _judged(None, suites=suites)
    assert judgement.stops == ("expectation-unjudged",)
    assert judgement.findings["detail"][0].startswith("own-broken in users: ")


def test_data_docs_are_written_below_their_folder_and_nowhere_else(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    monkeypatch.chdir(elsewhere)
    docs = tmp_path / "docs"
    _judged(raw, a_roster(classes=[a_class("maths")]), docs=docs)
    assert (docs / "index.html").is_file()
    pages = {page.relative_to(docs).parts[1] for page in (docs / "validations").rglob("*.html")}
    assert {"users", "classes", "enrollments", "guardians", "tables", "clever-students"} <= pages
    shown = "".join(page.read_text(encoding="utf-8") for page in (docs / "validations" / "classes").rglob("*.html"))
    assert "class-without-teacher" in shown
    assert [file for file in elsewhere.rglob("*") if file.is_file()] == []
    assert capfd.readouterr() == ("", "")


def test_the_log_of_a_night_with_failures_names_nobody(
    raw: Path, suites: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    _judged(raw, tenant=a_tenant(rules={"clever-student-grade": "note"}), suites=suites)
    assert "rule clever-student-grade: 1" in caplog.text
    for word in ("Seven", "Lee", "bob", "mail.example"):
        assert word not in caplog.text


def test_a_large_frame_is_judged_school_by_school(tmp_path: Path) -> None:
    frame = pl.DataFrame({"nth": range(5), "id": ["a", "a", "b", "c", None], "school": ["n", "s", "s", "s", None]})
    unique = Expectation(type="expect_column_values_to_be_unique", kwargs={"column": "id"}, meta=Meta(rule="x"))
    told = Expectation(type="expect_column_values_to_not_be_null", kwargs={"column": "id"}, meta=Meta(rule="y"))
    batch = Batch("users", frame, "nth", (unique, told), "school")
    whole = judge_frames([batch], None)
    assert [(failure.expectation.meta.rule, failure.keys) for failure in whole] == [("x", [0, 1]), ("y", [4])]
    parts = judge_frames([batch], tmp_path / "docs", large=4)
    assert [(failure.expectation.meta.rule, failure.keys) for failure in parts] == [("y", [4])]
    assert len(list((tmp_path / "docs" / "validations").rglob("*.html"))) == 3


def test_large_tables_have_a_page_per_school_and_enrollments_are_those_of_their_class(
    suites: Path, tmp_path: Path
) -> None:
    classes = [a_class("maths"), a_class("art", school_id="south")]
    places = [an_enrollment("ada", "maths"), an_enrollment("ada", "art"), an_enrollment("ada", "gone")]
    roster = a_roster(classes=classes, users=[a_user("ada")], enrollments=places)
    _judged(None, roster, suites=suites, docs=tmp_path / "docs", large=2)
    pages = {page.stem for page in (tmp_path / "docs" / "validations" / "enrollments").rglob("*.html")}
    assert pages == {f"enrollments-enrollments-{part}" for part in ("0-north", "1-south", "2-none")}


def test_rules_find_the_same_in_a_large_table(raw: Path, suites: Path) -> None:
    assert _judged(raw, large=1, suites=suites).findings.equals(_judged(raw, suites=suites).findings)
