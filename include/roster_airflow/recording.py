"""What every task of a night shares: which night it is, and a record of what went wrong and how long it took."""

from __future__ import annotations

import json
import logging
import time
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
    """The night; what the step says when it fails is kept for the verdict, and logged as a line before the traceback."""
    began, step = time.monotonic(), context["task"].task_id
    night = night_of(context, tenant_id)
    try:
        yield night
    except RosterError as fault:
        log.error("%s: %s", type(fault).__name__, fault)  # noqa: TRY400 -- Airflow logs the traceback
        keep_fault(night, step, fault)
        raise
    finally:
        log.info("%s: %.1f seconds", step, time.monotonic() - began)


def keep_fault(night: Night, step: str, fault: RosterError) -> None:
    """Write what a step said when it failed beside the run's steps."""
    content = {"error": type(fault).__name__, "message": str(fault), "at": datetime.now(UTC).isoformat()}
    night.store.write(f"{night.run.path}/faults/{step}.json", json.dumps(content, indent=1).encode())


def faults(night: Night) -> dict[str, dict[str, str]]:
    """step → what it last failed with, if ever."""
    folder = f"{night.run.path}/faults"
    return {
        name.removesuffix(".json"): night.store.read_json(f"{folder}/{name}") for name in night.store.names(folder)
    }
