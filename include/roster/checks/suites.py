"""Suites: files in which a data team says what it expects of a table, judged by Great Expectations.

`suites/<table>.yaml` speaks of a table of the model, `suites/<system>/<name>.yaml` of a raw table of a source,
`suites/tables.yaml` of the tables as a whole.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from roster.checks.rule import WHOLE
from roster.errors import TenantFileWrong
from roster.model import TABLES
from roster.tenants import Severity

PACKAGED = Path(__file__).parent / "suites"
# Great Expectations' words for how serious a failure is, and ours.
WORDS: dict[str, Severity] = {"info": "note", "warning": "warn", "critical": "quarantine"}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Meta(_Part):
    """What a finding of the expectation is called and says."""

    rule: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    """Id of the rule; tenant files name it."""
    table: str | None = None
    """Model table that its findings are about; left out: the suite's."""
    fault: str | None = None
    """What is wrong, for docs/rules.md and the finding."""
    do: str | None = None
    """What to do about it."""


class Expectation(_Part):
    """One expectation, in Great Expectations' own words but for `meta`."""

    type: Annotated[str, Field(pattern=r"^expect_[a-z_]+$")]
    kwargs: dict[str, Any] = Field(default_factory=dict)
    severity: Literal["info", "warning", "critical"] = "warning"
    meta: Meta

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it needs; none if it is about the columns themselves."""
        if self.type.startswith(("expect_table_", "expect_column_to_exist")):
            return ()
        named = [self.kwargs.get(key) for key in ("column", "column_A", "column_B")] + self.kwargs.get(
            "column_list", []
        )
        return tuple(column for column in named if isinstance(column, str))


class _File(_Part):
    table: str
    """Model table (or `tables`) that findings are about."""
    file: str | None = None
    """File of the delivery, as lineage names it; only in suites of sources."""
    expectations: tuple[Expectation, ...] = ()


@dataclass(frozen=True)
class Suite:
    """One suite file. system: the source system whose raw table it judges; None for a table of the model."""

    name: str
    system: str | None
    table: str
    file: str | None
    expectations: tuple[Expectation, ...]

    @property
    def stem(self) -> str:
        """Name of the frame it judges: the model's table, or the raw table's file without its folder."""
        return self.name.rpartition("/")[2]


def read_suites(folder: Path | None = None) -> list[Suite]:
    """Every suite below the folder (left out: the packaged ones), by name.

    Raises TenantFileWrong naming file, key and what is allowed.
    """
    folder = folder or PACKAGED
    return [_read(folder, file) for file in sorted(folder.rglob("*.yaml"))]


def _read(folder: Path, file: Path) -> Suite:
    name = file.relative_to(folder).with_suffix("").as_posix()
    try:
        content = _File.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        message = f"suites/{name}.yaml:{mark.line + 1 if mark else 1}: is not YAML: {getattr(fault, 'problem', None)}"
        raise TenantFileWrong(message) from None
    except ValidationError as fault:
        faults = (f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in fault.errors())
        message = f"suites/{name}.yaml: {'; '.join(faults)}"
        raise TenantFileWrong(message) from None
    named = (content.table, *(one.meta.table for one in content.expectations if one.meta.table))
    for table in named if "/" in name else (name, *named):
        if table not in (*TABLES, WHOLE):
            close = difflib.get_close_matches(table, TABLES, n=1, cutoff=0)[0]
            message = f"suites/{name}.yaml: table {table} is not one of the model; the closest is {close}"
            raise TenantFileWrong(message)
    system = name.partition("/")[0] if "/" in name else None
    return Suite(name, system, content.table, content.file, content.expectations)


def expected(suites: list[Suite]) -> Iterator[tuple[str, Severity]]:
    """(rule id, our severity) of every expectation."""
    for suite in suites:
        for one in suite.expectations:
            yield one.meta.rule, WORDS[one.severity]
