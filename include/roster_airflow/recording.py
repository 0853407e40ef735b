"""What every task of a night shares: which night it is, and a record of what went wrong and how long it took."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from roster.errors import RosterError
from roster.runs import Run, run_name
from roster.steps import Night, noon
from roster.store import Store
from roster.tenants import find_tenant

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


def night_of(context: Context, tenant_id: str) -> Night:
    """The night of this task's run; its day is that of `as_of`, else of the run's logical date, else of its start."""
    run, tenant = context["dag_run"], find_tenant(tenant_id)
    as_of = context["params"].get("as_of")
    store = Store.home()
    return Night(
        store=store,
        tenant=tenant,
        run=Run(store, tenant.id, run_name(run.run_after, run.run_id)),
        run_date=noon(date.fromisoformat(as_of), tenant) if as_of else run.logical_date or run.run_after,
        practice=bool(as_of or context["params"].get("dry_run")),
    )


@contextmanager
def recorded(context: Context, tenant_id: str) -> Iterator[Night]:
    """The night; what the step says when it fails is kept for the verdict, and logged as a line before the traceback.

    How long it took is kept as well, from the beginning of this try: what is waited for in between is part of it.
    """
    began, step = datetime.now(UTC), context["task"].task_id
    night = night_of(context, tenant_id)
    night.store.remove(_fault(night, step))  # of an earlier try
    try:
        yield night
    except RosterError as fault:
        log.error("%s: %s", type(fault).__name__, fault)
        keep_fault(night, step, fault)
        raise
    finally:
        took = (datetime.now(UTC) - (getattr(context["ti"], "start_date", None) or began)).total_seconds()
        log.info("%s: %.1f seconds", step, took)
        night.store.write(f"{night.run.path}/seconds/{step}.json", json.dumps(round(took, 1)).encode())


def keep_fault(night: Night, step: str, fault: RosterError) -> None:
    """Write what a step said when it failed beside the run's steps."""
    content = {"error": type(fault).__name__, "message": str(fault), "at": datetime.now(UTC).isoformat()}
    night.store.write(_fault(night, step), json.dumps(content, indent=1).encode())


def faults(night: Night) -> dict[str, dict[str, str]]:
    """By step: what it failed with in its last try."""
    return _kept(night, "faults")


def seconds(night: Night) -> dict[str, float]:
    """By step: how long its last try took, waiting included."""
    return _kept(night, "seconds")


def _fault(night: Night, step: str) -> str:
    return f"{night.run.path}/faults/{step}.json"


def _kept(night: Night, what: str) -> dict[str, Any]:
    folder = f"{night.run.path}/{what}"
    return {name.removesuffix(".json"): night.store.read_json(f"{folder}/{name}") for name in night.store.names(folder)}
