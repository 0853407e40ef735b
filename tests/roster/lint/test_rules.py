"""Each rule has a set that breaks it and one that does not; each message of Canvas's a rule, or a reason why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from roster.lint import page
from roster.lint.kinds import KINDS
from roster.lint.linting import lint
from roster.lint.rules import RULES
from tests.roster.lint.cases import CASES, SET, STEMS, UNDECIDABLE, WHOLE_ROWS, Files


def found(folder: Path, files: Files) -> set[str]:
    paths = []
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        paths.append(folder / name)
    return {one.rule.id for one in lint(paths).findings}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_broken_by_one_set_and_not_by_another(rule: str, tmp_path: Path) -> None:
    broken, kept = CASES[rule]
    for name in ("broken", "kept"):
        (tmp_path / name).mkdir()
    assert rule in found(tmp_path / "broken", broken)
    assert rule not in found(tmp_path / "kept", kept)


def test_no_case_is_of_a_rule_that_is_gone() -> None:
    assert set(CASES) == set(RULES)


def test_every_message_has_a_rule_or_a_reason() -> None:
    assert {place for place in STEMS.values() if place not in RULES} == set(UNDECIDABLE)


@pytest.mark.parametrize("stem", [stem for stem, rule in STEMS.items() if rule == "required-blank"])
def test_a_required_column_that_is_blank_is_found(stem: str, tmp_path: Path) -> None:
    of, _, column = stem.partition(": no ")
    of, column = ("login", "existing_user_id") if "existing" in stem else (of, column)
    header, rows = WHOLE_ROWS[of]
    column = {"course_id or section_id": "section_id"}.get(column, column)
    column = "student_id" if stem == "observer: no user_id" else column
    blank = rows[0].split(",")
    blank[header.split(",").index(column)] = ""
    name = f"of-{of}.csv"
    assert "required-blank" not in found(tmp_path, {**SET, name: f"{header}\n{rows[0]}\n"})
    assert "required-blank" in found(tmp_path, {**SET, name: f"{header}\n{','.join(blank)}\n"})


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.statuses], ids=lambda kind: kind.name)
def test_a_status_of_no_type_is_found(kind: object, tmp_path: Path) -> None:
    from roster.lint.kinds import Kind

    assert isinstance(kind, Kind)
    columns = [name for name in kind.columns if name not in kind.without]
    if kind.name == "group_membership":
        columns = ["group_id", "user_id", "status"]
    if kind.name == "admin":
        columns = ["user_id", "account_id", "role", "status"]
    if kind.name == "user_observer":
        columns = ["observer_id", "student_id", "status"]
    if kind.name == "enrollment":
        columns = ["section_id", "user_id", "role", "status"]
    if kind.name in ("group", "differentiation_tag", "section"):
        columns = [name for name in columns if name not in ("group_category_id",)]
    row = ["nowhere" if name == "status" else "x" for name in columns]
    assert "status-improper" in found(tmp_path, {f"{kind.file}.csv": ",".join(columns) + "\n" + ",".join(row) + "\n"})


def test_the_page_has_the_table_of_today() -> None:
    assert page.main(["--check"]) == 0
