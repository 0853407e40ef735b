"""Suites: what their files may say, and that the packaged ones show every rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from roster.checks.catalogue import RULES, rules_of, severities
from roster.checks.rule import WHOLE
from roster.checks.suites import WORDS, Suite, expected, read_suites
from roster.errors import TenantFileWrong
from roster.model import TABLES
from roster.sources.clever.objects import TABLES as CLEVER
from roster.sources.clever_csv.columns import FILES
from roster.sources.oneroster_csv.columns import FILES as ONEROSTER
from roster.sources.oneroster_tables import SCHEMAS
from tests.roster.builders import a_tenant


def _write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("table", [*TABLES, WHOLE])
def test_every_rule_of_a_table_is_in_its_suite_with_the_rules_own_severity(table: str) -> None:
    suite = next(one for one in read_suites() if one.name == table)
    assert suite.table == table
    judged = {one.columns[0]: WORDS[one.severity] for one in suite.expectations if one.columns == (one.meta.rule,)}
    own = {one.id: one.severity for one in rules_of(table)}
    assert set(judged) == set(own)
    for name, severity in own.items():
        assert judged[name] == ("quarantine" if severity == "stop" else severity), name


def test_source_columns_are_judged_by_at_least_twenty_expectations_that_say_what_to_do() -> None:
    raw = [one for suite in read_suites() if suite.system for one in suite.expectations]
    assert len(raw) >= 20
    assert all(one.meta.fault and one.meta.do for one in raw)
    assert len({one.meta.rule for one in raw}) == len(raw)
    assert not {one.meta.rule for one in raw} & set(RULES)


@pytest.mark.parametrize("suite", [one for one in read_suites() if one.system], ids=lambda suite: suite.name)
def test_a_suite_of_a_source_names_columns_that_are_read(suite: Suite) -> None:
    if suite.system == "clever":
        wanted = set(CLEVER[suite.stem].frame([], 1).columns)
        assert suite.file == suite.stem
    elif suite.system == "oneroster_csv":
        wanted = set(SCHEMAS[suite.stem].names())
        assert suite.file in {f"{stem}.csv" for stem, file in ONEROSTER.items() if file.table == suite.stem}
    else:
        wanted = set(FILES[suite.stem].wanted)
    for one in suite.expectations:
        assert set(one.columns) <= wanted, one.meta.rule


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("table: [", r"suites/users\.yaml:\d+: is not YAML"),
        ("table: user\nexpectations: []", "table user is not one of the model; the closest is users"),
        ("table: users\nexpectation: []", "expectation: Extra inputs"),
        ("expectations: []", "table: Field required"),
        ("table: users\nexpectations: [{type: expect_x}]", r"expectations\.0\.meta: Field required"),
        (
            "table: users\nexpectations: [{type: expect_x, severity: stop, meta: {rule: x}}]",
            r"expectations\.0\.severity",
        ),
        ("table: users\nexpectations: [{type: expect_x, meta: {rule: Not Kebab}}]", r"expectations\.0\.meta\.rule"),
    ],
)
def test_a_suite_that_is_wrong_is_refused_by_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TenantFileWrong, match=said):
        read_suites(_write(tmp_path, "users.yaml", text))


def test_a_suite_of_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TenantFileWrong, match=r"suites/enrolments\.yaml: table enrolments .* closest is enrollments"):
        read_suites(_write(tmp_path, "enrolments.yaml", "table: enrollments\nexpectations: []"))


def test_a_suites_severity_counts_for_a_rule_and_the_tenants_counts_more(tmp_path: Path) -> None:
    text = """
table: classes
expectations:
  - {type: expect_column_values_to_be_in_set, kwargs: {column: class-without-teacher, value_set: [false]},
     severity: critical, meta: {rule: class-without-teacher}}
  - {type: expect_column_to_exist, kwargs: {column: title}, severity: info, meta: {rule: class-has-titles}}
"""
    said = list(expected(read_suites(_write(tmp_path, "classes.yaml", text))))
    by_suite = severities(a_tenant(), said)
    assert by_suite["class-without-teacher"] == "quarantine"
    assert by_suite["class-has-titles"] == "note"
    assert by_suite["class-without-students"] == "note"
    own = severities(a_tenant(rules={"class-without-teacher": "note", "class-has-titles": "stop"}), said)
    assert (own["class-without-teacher"], own["class-has-titles"]) == ("note", "stop")


def test_a_rule_that_stops_a_night_stays_so_whatever_a_suite_says() -> None:
    assert severities(a_tenant(), [("table-empty", "note")])["table-empty"] == "stop"
