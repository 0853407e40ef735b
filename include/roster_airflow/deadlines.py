"""When a night is late."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from airflow.sdk import AsyncCallback, DeadlineAlert  # type: ignore[attr-defined]
from airflow.sdk.definitions.deadline import BaseDeadlineReference  # airflow.sdk itself does not offer it

from roster.tenants import Tenant
from roster_airflow.notifications.roster import RosterNotifier


class RunMade(BaseDeadlineReference):
    """The moment a run is made; registered by the plugin.

    Not Airflow's own DAGRUN_QUEUED_AT: in 3.3.2 no run or task of a DAG that has such a deadline can be cleared
    (apache/airflow#70368).
    """

    def _evaluate_with(self, **_: Any) -> datetime:
        """Called once, when Airflow makes the run."""
        return datetime.now(UTC)


def late_after(tenant: Tenant) -> DeadlineAlert | None:
    """Tells of a run that is not done by the tenant's deadline; the run itself goes on.

    None under `airflow dags test`, which in Airflow 3.3.2 ends every run of a DAG that has a deadline with a traceback
    (apache/airflow#73428).
    """
    if sys.argv[1:3] == ["dags", "test"]:
        return None
    return _late(tenant.deadline)


@cache  # one for all tenants that say the same
def _late(interval: timedelta) -> DeadlineAlert:
    told = AsyncCallback(RosterNotifier, kwargs={"said": "is late"})
    return DeadlineAlert(reference=RunMade(), interval=interval, callback=told)
