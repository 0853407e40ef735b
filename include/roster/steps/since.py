"""What has changed since the last whole run into the same environment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from roster.runs import Run
from roster.steps import Night
from roster.steps.census import WANTED, by_school
from roster.steps.telling import NARROW

LOOK_BACK = 60
"""Runs that are looked through for one to compare with."""
COMPARED = (*WANTED, "held", "quarantined")


def since(night: Night, environment: str, counted: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What differs from the last whole run into that environment: its run and date, a line per school and count, and
    what the tenant file says of safety.

    None where there was none within LOOK_BACK runs, or where this one did not come so far.
    """
    if not _whole(counted):
        return None
    for before in _earlier(night):
        if before.get("environment", "test") != environment or "census" not in before:
            continue
        if any(name in before["asked"] for name in NARROW) or not _whole(before["census"]):
            continue
        lines = []
        then, now = by_school(before["census"]), by_school(counted)
        for school in sorted({*then, *now}, key=lambda one: (one is None, one or "")):
            for name in COMPARED:
                was, is_ = (side.get(school, Counter())[name] for side in (then, now))
                if was != is_:
                    lines.append({"school": school, "what": name, "before": was, "now": is_, "difference": is_ - was})
        return {"run": before["run"], "date": before["date"], "lines": lines, "safety": _safety(before, night)}
    return None


def _safety(before: Mapping[str, Any], night: Night) -> list[dict[str, Any]]:
    """The keys of `safety` that say something else than they did then."""
    now = night.tenant.safety.model_dump(mode="json")
    then = before.get("safety", now)
    changed = (key for key in now if then.get(key) != now[key])
    return [{"key": key, "before": then.get(key), "now": now[key]} for key in changed]


def _whole(counted: Sequence[Mapping[str, Any]]) -> bool:
    """False for a run that made no artefact: it counted no more than what it kept back."""
    return any(line[name] for line in counted for name in WANTED)


def _earlier(night: Night) -> Iterator[dict[str, Any]]:
    """Reports of runs before this one, newest first, from run folders or what retention keeps of them."""
    runs = {name for name in night.store.names(f"runs/{night.tenant.id}") if name < night.run.name}
    kept = {name.removesuffix(".json") for name in night.store.names(f"history/{night.tenant.id}")}
    for name in sorted(runs | {name for name in kept if name < night.run.name}, reverse=True)[:LOOK_BACK]:
        if path := Run(night.store, night.tenant.id, name).latest("verdict"):
            yield night.store.read_json(f"{path}/report.json")
        elif name in kept:
            yield night.store.read_json(f"history/{night.tenant.id}/{name}.json")
