"""Every rule there is, and how serious each is for a tenant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from roster.checks import (
    academic_sessions,
    classes,
    courses,
    enrollments,
    guardians,
    ids,
    logins,
    orgs,
    sources,
    tables,
    texts,
    users,
)
from roster.checks.rule import SEVERITIES, Rule
from roster.errors import TenantFileWrong
from roster.tenants import Severity, Tenant

MODULES = (
    ids,
    texts,
    orgs,
    academic_sessions,
    courses,
    classes,
    users,
    logins,
    enrollments,
    guardians,
    sources,
    tables,
)
RULES: Mapping[str, Rule] = {
    found.id: found for module in MODULES for found in vars(module).values() if isinstance(found, Rule)
}


def rules_of(table: str) -> list[Rule]:
    """The rules that judge a table."""
    return [one for one in RULES.values() if table in one.tables]


def severities(tenant: Tenant, expected: Iterable[tuple[str, Severity]]) -> dict[str, Severity]:
    """Severity by rule id, of rules and of expectations (expected: what the suites say of either).

    The tenant's word comes first, then the strictest of the suites', then the rule's own; a rule that stops a night
    keeps that whatever a suite says. Raises TenantFileWrong for an id that nobody has, naming the closest.
    """
    by_suite: dict[str, Severity] = {}
    for name, severity in expected:
        by_suite[name] = max(by_suite.get(name, severity), severity, key=SEVERITIES.index)
    resolved = dict(by_suite)
    for name, one in RULES.items():
        resolved[name] = one.severity if one.severity == "stop" else by_suite.get(name, one.severity)
    if unknown := [name for name in tenant.rules if name not in resolved]:
        close = difflib.get_close_matches(unknown[0], resolved, n=1, cutoff=0)[0]
        message = (
            f"{tenant.id}.yaml: rules.{unknown[0]}: is not a rule; the closest is {close} (docs/rules.md lists all)"
        )
        raise TenantFileWrong(message)
    return resolved | tenant.rules
