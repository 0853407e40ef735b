"""The steps of a night, each from finished folders to one new folder of the run: extract, check, transform, plan, load,
hand_on, verdict.

A step is a function of the store, the run, the tenant and the folders it reads; Airflow's tasks and the command line
call the same ones. It answers with the path it wrote and counts, which is all that may leave the run folder. To add a
step, write its module here, its task in `roster_airflow/night.py` and its arrow in `dags/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, TypedDict

from roster.runs import Run
from roster.store import Store
from roster.tenants import Tenant


class Done(TypedDict):
    """What a step answers: the folder it wrote, and numbers by name."""

    path: str
    counts: dict[str, Any]


@dataclass(frozen=True)
class Night:
    """One run of a tenant, as every step sees it. run_date: aware; the instant whose day the night is for."""

    store: Store
    tenant: Tenant
    run: Run
    run_date: datetime
    practice: bool = False
    """True for a run whose artefact later nights must not count on (as_of, dry_run)."""

    @property
    def today(self) -> date:
        """The day of the run in the tenant's time zone."""
        return self.run_date.astimezone(self.tenant.zone).date()


def noon(day: date, tenant: Tenant) -> datetime:
    """The instant that stands for a whole day of the tenant's calendar."""
    return datetime.combine(day, time(12), tenant.zone)
