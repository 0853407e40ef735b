"""Hand on: the pointer `tested`, for production to take; and what later nights are measured against."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from roster.runs import point, pointed, read_step
from roster.steps import Done, Night
from roster.steps.extract import keep_as_good


def hand_on(
    night: Night,
    *,
    extracts: Mapping[str, str],
    transform: Done | None,
    plan: Done | None,
    load: Done | None,
    unreachable: bool,
    scope: str | None,
    now: datetime,
) -> str | None:
    """Write the pointer if this run's artefact may go to production; answers its folder, None if it may not.

    It may if the load settled within its refusal budget, or found the test environment unreachable. scope: what `only`
    narrowed the run to, which production then plans no more than. A tenant without a test environment hands on what
    was planned and read; the pointer never goes back to an older artefact.
    """
    if night.practice or transform is None:
        return None
    settled = load is not None and not load["counts"].get("over_budget")
    if not settled and not unreachable:
        return None
    number, before = transform["counts"]["number"], pointed(night.store, night.tenant.id, "tested") or {"number": 0}
    if number < before["number"]:
        return None
    rehearsed = settled and night.tenant.is_rehearsed
    if settled and scope is None and plan is not None and _is_good(night, plan):
        keep_as_good(night, extracts)
        check = read_step(night.store, transform["path"], "artefact.json")["check"]
        rows = read_step(night.store, check, "check.json")["counts"]["rows"]
        point(night.store, night.tenant.id, "good-roster", {"rows": rows, "run": night.run.path})
    pointer = {
        "artefact": transform["path"],
        "number": number,
        "rehearsed": rehearsed,
        "unrehearsed": 0 if rehearsed else before.get("unrehearsed", 0) + (number != before["number"]),
        "scope": scope,
        "run": night.run.path,
        "at": now.isoformat(),
    }
    point(night.store, night.tenant.id, "tested", pointer)
    return transform["path"]


def _is_good(night: Night, plan: Done) -> bool:
    """True for a night that later ones may be measured against: proven, released, or with nothing left to prove."""
    content: dict[str, Any] = read_step(night.store, plan["path"], "plan.json")
    if content["standing"]["proven"] or content["released"]:
        return True
    unproven = any(line["reason"] == "not-proven" for line in content["counts"]["left"])
    return bool(content["standing"]["complete"]) and not unproven and not content["counts"]["totals"]["held"]
