"""`roster_housekeeping`: once a day, backs up every ledger to ROSTER_BACKUP, and removes what retention says is old."""

from __future__ import annotations

from airflow.sdk import DAG

from roster_airflow.retention import back_up, prune

with DAG(
    "roster_housekeeping",
    description="Backs up ledgers; removes runs older than each tenant's retention; counts, hashes and decisions stay",
    doc_md=__doc__,
    schedule="30 12 * * *",
    catchup=False,
    max_active_runs=1,
    tags=["roster", "housekeeping"],
) as housekeeping:
    back_up() >> prune()
