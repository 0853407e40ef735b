"""One call judges a night: rules and suites over the roster and the raw tables under it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl

from roster.checks import enrollments, guardians, users
from roster.checks.catalogue import RULES, severities
from roster.checks.expectations import LARGE, judge_frames
from roster.checks.findings import lineage_of, of_rule, quarantined, table_of
from roster.checks.frames import UNJUDGED, Found, findings_of, frames
from roster.checks.rule import WHOLE, Night, Rule
from roster.checks.suites import expected, read_suites
from roster.model import Roster
from roster.tenants import Tenant

_log = logging.getLogger(__name__)
# A rule that is judged on the roster as it was delivered, and the repair that follows it.
REPAIRS: tuple[tuple[Rule, Callable[[Night], Night]], ...] = (
    (users.user_email_refused, users.without_refused_emails),
    (enrollments.enrollment_repeated, enrollments.one_enrollment_each),
    (guardians.guardian_repeated, guardians.one_link_each),
)


@dataclass(frozen=True)
class Judgement:
    """What a night's checks came to.

    roster: repaired; what is in quarantine is still in it. findings: FINDINGS. quarantine: table and record, each
    once. stops: ids of the rules of severity stop that found something. counts: findings by rule id.
    """

    roster: Roster
    findings: pl.DataFrame
    quarantine: pl.DataFrame
    stops: tuple[str, ...]
    counts: dict[str, int]


def judge(
    roster: Roster,
    raw: Mapping[str, Path],
    tenant: Tenant,
    as_of: date,
    *,
    last_good_rows: Mapping[str, int] | None,
    docs: Path | None,
    conflicts: pl.DataFrame | None = None,
    suites: Path | None = None,
    large: int = LARGE,
) -> Judgement:
    """The night's findings, and the roster as it may go on.

    raw: source name → folder of its raw tables. docs: folder for the data docs. conflicts: between sources
    (merging.CONFLICTS). suites: a folder of suite files instead of the packaged ones. large: rows above which a table's
    suite is judged school by school.
    Raises TenantFileWrong if the tenant names a rule that does not exist, or a suite file can't be read.
    """
    read = read_suites(suites)
    severity = severities(tenant, [(UNJUDGED, "stop"), *expected(read)])
    night = Night(_held(roster), tenant, as_of, raw, last_good_rows, conflicts)
    repaired, found = _by_rules(night)
    lineage = lineage_of(night.roster)
    parts = [
        of_rule(rule, None if table == WHOLE else table, frame, lineage)
        for (rule, table), frame in found.items()
        if not frame.is_empty()  # most of them; each of the others looks through the whole lineage
    ]
    judged = {one.batch.name: one for one in frames(night, found, read)}
    failures = judge_frames([one.batch for one in judged.values()], docs, large)
    parts += [findings_of(failure, judged[failure.batch], night, lineage) for failure in failures]
    findings = table_of(parts, severity, night.roster)
    stops = findings.filter(pl.col("severity") == "stop")["rule"].unique(maintain_order=True)
    counts = dict(findings.group_by("rule").len().sort("rule").iter_rows())
    for name, number in counts.items():
        _log.info("rule %s: %d", name, number)
    return Judgement(repaired.roster, findings, quarantined(findings), tuple(stops), counts)


def _held(roster: Roster) -> Roster:
    """The roster in memory, since every rule scans it anew; each table in one piece, because pl.format over a filtered
    frame of several panics (Polars 2.1).
    """
    names = [*(name for name, _ in roster.tables()), "lineage"]
    frames = pl.collect_all([getattr(roster, name) for name in names])
    return Roster(**{name: frame.rechunk().lazy() for name, frame in zip(names, frames, strict=True)})


def _by_rules(night: Night) -> tuple[Night, Found]:
    """The repaired night, and what every rule found: before its repair if it has one, else after all of them."""
    found: dict[tuple[str, str], pl.DataFrame] = {}
    for one, repair in REPAIRS:
        found[one.id, one.tables[0]] = one(night).collect()
        night = repair(night)
    night = replace(night, roster=_held(night.roster))
    for one in RULES.values():
        for table in one.tables:
            if (one.id, table) not in found:
                found[one.id, table] = one(night, table).collect()
    return night, found
