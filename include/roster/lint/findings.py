"""What the linter found: rules and places, and never a value."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from roster.lint.rules import RULES, Rule, Severity


@dataclass
class Finding:
    """One rule broken in one file. rows: how many times, 0 where it is about the file; places: (physical line, Canvas's
    record number) of the first of them, in their order; the number is 0 where the file can't be numbered.
    """

    rule: Rule
    file: str
    column: str | None
    rows: int = 0
    places: list[tuple[int, int]] = field(default_factory=list)

    def told(self) -> str:
        """For a terminal: places, rule, what Canvas does, what to do."""
        column = f" ({self.column})" if self.column else ""
        rows = f" in {self.rows} rows" if self.rows else ""
        head = f"{self.rule.severity}: {self.rule.id}{column}{rows}: Canvas {self.rule.canvas}; {self.rule.do}"
        shown = [f"  {self.file}:{line}{_numbered(line, record)}" for line, record in self.places]
        if self.rows > len(self.places):
            shown.append(f"  … and {self.rows - len(self.places)} more in {self.file} (--most 0 shows all)")
        return "\n".join([head, *(shown or [f"  {self.file}"])])

    def as_json(self) -> dict[str, Any]:
        """Places as `line` and `record`."""
        return {
            "file": self.file,
            "rule": self.rule.id,
            "severity": self.rule.severity,
            "column": self.column,
            "rows": self.rows,
            "places": [{"line": line, "record": record or None} for line, record in self.places],
            "canvas": self.rule.canvas,
            "do": self.rule.do,
        }


def _numbered(line: int, record: int) -> str:
    """Canvas's number of the record, where it is not the line's."""
    return f" (Canvas: row {record})" if record not in {0, line} else ""


@dataclass
class Report:
    """files: name → (type or None, rows) of each CSV. most: how many places each finding keeps; 0 for all."""

    most: int = 10
    files: dict[str, tuple[str | None, int]] = field(default_factory=dict)
    _found: dict[tuple[str, str, str | None], Finding] = field(default_factory=dict)
    refused_files: set[str] = field(default_factory=set)

    def about(self, rule: str, file: str, column: str | None = None, line: int | None = None) -> None:
        """Note a finding about a file as a whole, or one place of it."""
        finding = self._finding(rule, file, column)
        if line is not None and not finding.places:
            finding.places.append((line, 0))

    def refuse(self, rule: str, file: str, line: int | None = None) -> None:
        """Note that Canvas takes nothing of the file."""
        self.about(rule, file, None, line)
        self.refused_files.add(file)

    def rows(self, rule: str, file: str, column: str | None, places: pl.DataFrame) -> None:
        """Note rows, by `line` and `record`."""
        if places.is_empty():
            return
        finding = self._finding(rule, file, column)
        finding.rows += places.height
        finding.places += places.select("line", "record").rows()
        if self.most:
            finding.places = sorted(finding.places)[: self.most]

    def _finding(self, rule: str, file: str, column: str | None) -> Finding:
        return self._found.setdefault((file, rule, column), Finding(RULES[rule], file, column))

    @property
    def findings(self) -> list[Finding]:
        """The gravest first, then in the order of files and rules."""
        order = list(RULES)
        return sorted(
            self._found.values(),
            key=lambda one: (SEVERITIES.index(one.rule.severity), one.file, order.index(one.rule.id), one.column or ""),
        )

    @property
    def counts(self) -> dict[str, int]:
        """Rows (or files) by rule."""
        counted: Counter[str] = Counter()
        for one in self.findings:
            counted[one.rule.id] += one.rows or 1
        return dict(counted)

    def as_json(self) -> list[dict[str, Any]]:
        """The files, their types and their rows."""
        return [{"file": name, "type": kind, "rows": rows} for name, (kind, rows) in self.files.items()]

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing but notes."""
        return all(one.rule.severity == "note" for one in self.findings)


SEVERITIES: tuple[Severity, ...] = ("refused", "changed", "note")
