"""What is removed after the tenant's retention: run folders, old versions of ledgers, replaced ledgers, requests.

What a run came to stays in `history/<tenant>/<run>.json`: counts, hashes and decisions, no records.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from roster.ledger import Ledger
from roster.ledger_backup import aside
from roster.runs import Run
from roster.store import Store
from roster.tenants import Tenant

ANSWERS = timedelta(days=400)
"""How long Canvas's answers, and what was read from them, are kept at least: a school year, and the weeks in which
somebody asks after it."""


def prune(store: Store, tenant: Tenant, ledgers: list[Ledger], now: datetime) -> dict[str, int]:
    """Remove what is older than the tenant's retention; answers how many of each kind went.

    Kept, however old: of each Canvas the newest run with a plan and the newest with holds, what a pointer names (the
    artefact that was handed on, the open request, the last good extracts), all decisions, what the journal has open,
    and the rows that a ledger or an abandoned import still needs. now: aware.
    """
    oldest = now - tenant.retention
    needed = {*_pointed(store, tenant), *_open(ledgers), *_newest(store, tenant)}
    removed = {"runs": 0, "ledger files": 0, "requests": 0, "artefacts": 0}
    for name in store.names(f"runs/{tenant.id}"):
        run, stamp = Run(store, tenant.id, name), _stamp(name)
        if stamp is None or stamp >= oldest or run.path in needed:
            continue
        _remember(run)
        store.remove(run.path)
        removed["runs"] += 1
    for name in store.names(f"artefacts/{tenant.id}")[:-1]:  # the newest says which number is next
        path = f"artefacts/{tenant.id}/{name}"
        if not store.exists(store.read_json(path)["path"]):
            store.remove(path)
            removed["artefacts"] += 1
    for ledger in ledgers:
        removed["ledger files"] += _prune_ledger(store, ledger, oldest, now)
        removed["ledger files"] += _prune_answers(store, ledger, min(oldest, now - ANSWERS))
        for path, replaced in aside(ledger):
            if replaced < oldest:
                removed["ledger files"] += _remove(store, path)
    for name in store.names(f"requests/{tenant.id}"):
        path = f"requests/{tenant.id}/{name}"
        if datetime.fromisoformat(store.read_json(path)["at"]) < oldest:
            store.remove(path)
            removed["requests"] += 1
    return removed


def ledgers_of(store: Store, tenant: Tenant) -> list[Ledger]:
    """The ledgers that runs of the tenant were planned against."""
    seen = {}
    for name in store.names(f"runs/{tenant.id}"):
        path = Run(store, tenant.id, name).latest("plan")
        if path:
            named = store.read_json(f"{path}/plan.json")["ledger"]
            seen[named["host"], named["account"]] = Ledger(store, named["host"], named["account"])
    return list(seen.values())


def _remember(run: Run) -> None:
    """Keep the report, which has counts and hashes only."""
    report: dict[str, Any] = {"run": run.path, "failed": ["it had no verdict"]}
    for step, name in (("reconcile-test", "reconcile"), ("reconcile-production", "reconcile"), ("verdict", "report")):
        if path := run.latest(step):
            report = run.store.read_json(f"{path}/{name}.json")
    run.store.create(f"history/{run.tenant}/{run.name}.json", json.dumps(report, indent=1).encode())


def _prune_ledger(store: Store, ledger: Ledger, oldest: datetime, now: datetime) -> int:
    """Remove the frames of versions that were followed by another before `oldest`, and are not needed.

    A refresh of test may bring back the version that was current in production until then.
    """
    current, _ = ledger.versions()
    watched = {late.version for late in ledger.watched(now)}
    gone = 0
    for version in range(1, current):
        settled = ledger.settled(version)
        if ledger.settled(version + 1).settled >= oldest or version in watched:
            continue
        live = ledger.settled(current)
        for path in {settled.rows, settled.sent} - {live.rows, live.sent}:
            gone += _remove(store, path)
    return gone


def _prune_answers(store: Store, ledger: Ledger, oldest: datetime) -> int:
    """Remove what Canvas said before `oldest`, and what was read from it; but the newest version is left whole."""
    current, _ = ledger.versions()
    gone = 0
    for version in range(1, current + 1):
        settled = ledger.settled(version)
        if settled.settled >= oldest:
            continue
        gone += ledger.remove_answer(version)
        if settled.problems and version < current:
            gone += _remove(store, settled.problems)
    return gone


def _remove(store: Store, path: str) -> bool:
    """False where there is nothing."""
    if there := store.exists(path):
        store.remove(path)
    return there


def _pointed(store: Store, tenant: Tenant) -> Iterator[str]:
    """Run folders that pointers of the tenant name."""
    for name in store.names(f"pointers/{tenant.id}"):
        content = store.read_json(f"pointers/{tenant.id}/{name}")
        for path in (content.get("path"), content.get("artefact"), content.get("run")):
            if path:
                yield "/".join(path.split("/")[:3])


def _newest(store: Store, tenant: Tenant) -> Iterator[str]:
    """Of each Canvas the newest run with a plan, and the newest whose plan holds something back."""
    planned, holding = set(), set()
    for name in reversed(store.names(f"runs/{tenant.id}")):
        run = Run(store, tenant.id, name)
        if path := run.latest("plan"):
            content = store.read_json(f"{path}/plan.json")
            canvas = (content["ledger"]["host"], content["ledger"]["account"])
            held = content["held_hash"] is not None
            if canvas not in planned or (held and canvas not in holding):
                yield run.path
            planned.add(canvas)
            holding |= {canvas} if held else set()


def _open(ledgers: list[Ledger]) -> Iterator[str]:
    for ledger in ledgers:
        if intent := ledger.open_intent():
            yield intent.run


def _stamp(name: str) -> datetime | None:
    """When the run of that folder was due; None for a folder that is no run's."""
    try:
        return datetime.strptime(name.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
