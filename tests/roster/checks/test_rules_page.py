"""docs/rules.md is made from the rules, and is not stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from roster.checks.catalogue import RULES
from roster.checks.rules_page import PAGE, main, page
from roster.checks.suites import read_suites


def test_the_page_in_docs_is_what_the_rules_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()
    assert main(["--check"]) == 0


def test_the_page_names_every_rule_and_every_expectation() -> None:
    text = page()
    for name in [*RULES, *(one.meta.rule for suite in read_suites() for one in suite.expectations)]:
        assert name in text


def test_a_stale_page_is_reported_until_it_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "rules.md"
    assert main(["--check", "--page", str(target)]) == 1
    assert "is stale" in capsys.readouterr().out
    assert main(["--page", str(target)]) == 0
    assert main(["--check", "--page", str(target)]) == 0
    target.write_text(page().replace("quarantine", "note", 1), encoding="utf-8")
    assert main(["--check", "--page", str(target)]) == 1
