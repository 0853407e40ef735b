"""What a rule is, and what it gets to see: one night's roster with the tenant's settings and its date."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

import polars as pl

from roster.model import Roster
from roster.templates import login, matches
from roster.tenants import Severity, Tenant

SEVERITIES: tuple[Severity, ...] = ("note", "warn", "quarantine", "stop")
ROLES: Mapping[str, str] = {"student": "student", "teacher": "teacher", "aide": "ta"}
# Not a table of the model: what a rule says of tables or files as a whole has no record.
WHOLE = "tables"


@dataclass(frozen=True)
class Night:
    """What one night's checks judge.

    raw: source name → folder of its raw tables. last_good_rows: rows of each table on the last good night; None on
    the first. conflicts: between several sources (merging.CONFLICTS); None where there is one. `roster` is held in
    memory by whoever judges, so that a rule may scan it as often as it likes.
    """

    roster: Roster
    tenant: Tenant
    as_of: date
    raw: Mapping[str, Path] = field(default_factory=dict)
    last_good_rows: Mapping[str, int] | None = None
    conflicts: pl.DataFrame | None = None

    @property
    def listed(self) -> pl.Expr:
        """True for guardian rows whose relationship the tenant lists, in any case."""
        words = [relationship.strip().lower() for relationship in self.tenant.sync.observers.relationships]
        return pl.col("relationship").str.strip_chars().str.to_lowercase().is_in(words).fill_null(value=False)

    @cached_property
    def links(self) -> pl.LazyFrame:
        """Guardian rows whose relationship is listed: the only ones that become observer links."""
        return self.roster.guardians.filter(self.listed)

    @cached_property
    def people(self) -> pl.LazyFrame:
        """Users who go to Canvas if they pass, with their `login`: nobody excluded, no guardian without a listed link,
        and no guardian who becomes links of a staff member with the same e-mail.
        """
        users = self.roster.users.filter(~matches("sourced_id", self.tenant.sync.exclude.users))
        linked = pl.col("sourced_id").is_in(self.links.select("guardian_id").collect()["guardian_id"].implode())
        is_guardian = pl.col("kind").eq_missing("guardian")
        users = users.filter(~is_guardian | linked.fill_null(value=False))
        if self.tenant.sync.observers.staff == "same_email":
            staff = users.filter(pl.col("kind") == "staff").select(pl.col("email").str.to_lowercase()).drop_nulls()
            as_staff = pl.col("email").str.to_lowercase().is_in(staff.collect()["email"].implode())
            users = users.filter(~is_guardian | ~as_staff.fill_null(value=False))
        return users.with_columns(login=login(self.tenant.sync.login_id)).collect().lazy()

    @cached_property
    def taught(self) -> pl.LazyFrame:
        """Classes that go to Canvas if they pass: those the tenant does not exclude."""
        patterns = self.tenant.sync.exclude.classes
        excluded = pl.any_horizontal(matches(column, patterns) for column in ("sourced_id", "title", "code"))
        return self.roster.classes.filter(~excluded)

    @cached_property
    def enrolled(self) -> pl.LazyFrame:
        """Enrolments with `canvas_role`: the tenant's word for the source's role, null where there is none."""
        roles = {**ROLES, **self.tenant.sync.roles}
        mapped = pl.col("role").replace_strict(roles, default=None, return_dtype=pl.String)
        return self.roster.enrollments.with_columns(canvas_role=mapped)

    def of(self, table: str) -> pl.LazyFrame:
        """The records of a table that go to Canvas if they pass."""
        if table == "users":
            return self.people
        if table == "classes":
            return self.taught
        if table == "guardians":
            return self.links
        frame: pl.LazyFrame = getattr(self.roster, table)
        return frame


@dataclass(frozen=True)
class Rule:
    """One rule: a stable id, its severity unless tenant or suite say otherwise, and the tables it judges.

    Called with a night (and, where it judges several, the table) it answers the records it found: a frame with at
    least `sourced_id`; `detail` says what exactly, in a few words. A rule over WHOLE tables answers `table` and
    `detail`, and may answer source, file and row.
    """

    id: str
    severity: Severity
    tables: tuple[str, ...]
    find: Callable[[Night, str], pl.LazyFrame]
    text: str
    module: str

    def __call__(self, night: Night, table: str | None = None) -> pl.LazyFrame:
        return self.find(night, table or self.tables[0])


def rule(id_: str, severity: Severity, table: str) -> Callable[[Callable[[Night], pl.LazyFrame]], Rule]:
    """Makes a function over a night a rule of one table; its docstring is the rule's documentation."""

    def make(function: Callable[[Night], pl.LazyFrame]) -> Rule:
        return Rule(id_, severity, (table,), lambda night, _: function(night), function.__doc__ or "", _where(function))

    return make


def rule_of(
    id_: str, severity: Severity, tables: tuple[str, ...]
) -> Callable[[Callable[[Night, str], pl.LazyFrame]], Rule]:
    """The same for a fault that several tables can have: the function gets the table's name as well."""

    def make(function: Callable[[Night, str], pl.LazyFrame]) -> Rule:
        return Rule(id_, severity, tables, function, function.__doc__ or "", _where(function))

    return make


def _where(function: Callable[..., pl.LazyFrame]) -> str:
    return function.__module__.rpartition(".")[2]
