"""The checks of a night: which records may not go on, which are mended, and what a person should look at.

To add a rule, write one function in the module of its table, with `@rule(id, severity, table)` (or `@rule_of` if
several tables can have the fault), a docstring of four parts (the fault; Why it matters; What to do; Source), its line
in `suites/<table>.yaml` so that the data docs show it, and its test. docs/rules.md is generated from the docstrings:
`python -m roster.checks.rules_page`. An expectation of the data team needs no code: it is an entry in a file below
`suites/`, with a rule id of its own under `meta`.

What a rule compares across tables is computed with Polars; the suites judge it as a column of the table.
"""

from __future__ import annotations

from roster.checks.findings import FINDINGS, QUARANTINE
from roster.checks.judgement import Judgement, judge

__all__ = ["FINDINGS", "QUARANTINE", "Judgement", "judge"]
