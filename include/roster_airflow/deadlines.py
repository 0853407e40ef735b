"""When a night is late."""

from __future__ import annotations

import sys

from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference  # type: ignore[attr-defined]

from roster.tenants import Tenant
from roster_airflow.notifications.roster import RosterNotifier


def late_after(tenant: Tenant) -> DeadlineAlert | None:
    """Tells of a run that is not done by the tenant's deadline; the run itself goes on.

    None under `airflow dags test`, which in Airflow 3.3.2 ends every run of a DAG that has a deadline with a traceback
    (apache/airflow#73428).
    """
    if sys.argv[1:3] == ["dags", "test"]:
        return None
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=tenant.deadline,
        callback=AsyncCallback(RosterNotifier, kwargs={"connection": tenant.notify, "said": "is late"}),
    )
