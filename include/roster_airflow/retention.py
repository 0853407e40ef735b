"""The tasks of the housekeeping DAG."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime

from airflow.sdk import task
from airflow.sdk.exceptions import AirflowSkipException

from roster.errors import RosterError
from roster.store import Store
from roster.tenants import read_tenant, tenant_files

log = logging.getLogger(__name__)


KEPT = 14
"""Backups of one ledger, one a day."""


@task(retries=0)
def back_up() -> int:
    """Write a backup of every ledger to the folder or s3:// of ROSTER_BACKUP; how many.

    A ledger that is broken fails the task when the others are done, and its older backups stay.
    """
    from roster.ledger import Ledger
    from roster.ledger_backup import backup

    place = os.environ.get("ROSTER_BACKUP")
    if not place:
        message = "ROSTER_BACKUP is not set: no backup of the ledgers is written"
        raise AirflowSkipException(message)
    store, target, faults, written = Store.home(), Store(place), [], 0
    now = datetime.now(UTC)
    for ledger in Ledger.all(store):
        folder = ledger.path.split("/", 1)[1]
        try:
            target.write(f"{folder}/{now:%Y-%m-%d}.zip", backup(ledger, now))
        except (RosterError, OSError) as fault:
            told = isinstance(fault, RosterError)
            why = str(fault) if told else f"ROSTER_BACKUP can't be written ({type(fault).__name__})"
            faults.append(f"{ledger.host}, account {ledger.account}: {why}; its older backups are as they were")
            continue
        written += 1
        for name in target.names(folder)[:-KEPT]:
            target.remove(f"{folder}/{name}")
    log.info("%s ledgers backed up", written)
    if faults:
        raise RosterError("\n".join(faults))
    return written


@task(retries=0, trigger_rule="all_done")
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
