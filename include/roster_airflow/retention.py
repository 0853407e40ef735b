"""The task of the housekeeping DAG."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from airflow.sdk import task

from roster.errors import TenantFileWrong
from roster.store import Store
from roster.tenants import read_tenant, tenant_files

log = logging.getLogger(__name__)


@task(retries=0)
def prune() -> dict[str, dict[str, int]]:
    """Prune every tenant; a tenant file that can't be read keeps its runs and fails the task at the end."""
    from roster import retention

    store, removed, faults = Store.home(), {}, []
    for tenant_id, file in tenant_files():
        try:
            tenant = read_tenant(file)
        except TenantFileWrong as fault:
            faults.append(str(fault))
            continue
        ledgers = retention.ledgers_of(store, tenant)
        removed[tenant_id] = retention.prune(store, tenant, ledgers, datetime.now(UTC))
        log.info("%s: removed %s", tenant_id, removed[tenant_id])
    if faults:
        raise TenantFileWrong("\n".join(faults))
    return removed
