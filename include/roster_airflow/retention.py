"""The task of the housekeeping DAG."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from airflow.sdk import task

from roster.errors import RosterError
from roster.store import Store
from roster.tenants import read_tenant, tenant_files

log = logging.getLogger(__name__)


@task(retries=0)
def prune() -> dict[str, dict[str, int]]:
    """Prune every tenant; one whose file or ledger can't be read fails the task when the others are done."""
    from roster import retention

    store, removed, faults = Store.home(), {}, []
    for tenant_id, file in tenant_files():
        try:
            tenant = read_tenant(file)
            ledgers = retention.ledgers_of(store, tenant)
            removed[tenant_id] = retention.prune(store, tenant, ledgers, datetime.now(UTC))
        except RosterError as fault:
            faults.append(f"{tenant_id}: {fault}")
        else:
            log.info("%s: removed %s", tenant_id, removed[tenant_id])
    if faults:
        raise RosterError("\n".join(faults))
    return removed
