"""`roster_housekeeping`: once a day, removes what every tenant's retention says is old."""

from __future__ import annotations

from airflow.sdk import DAG

from roster_airflow.retention import prune

with DAG(
    "roster_housekeeping",
    description="Removes runs older than each tenant's retention; counts, hashes and decisions stay",
    doc_md=__doc__,
    schedule="30 12 * * *",
    catchup=False,
    max_active_runs=1,
    tags=["roster", "housekeeping"],
) as housekeeping:
    prune()
