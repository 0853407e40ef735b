"""A DAG for each tenant: `<tenant>_canvas_test`, from the sources into the tenant's Canvas test environment.

    extract.<source> … ─ check ─ transform ─┐
                                    settle ─┴─ plan ─ load ─ hand_on ─ verdict

A tenant file that can't be read becomes `<tenant>__broken`, whose page says what to mend; it harms no other tenant.
"""

from __future__ import annotations

from functools import cache

from airflow.sdk import DAG, Asset, CronTriggerTimetable, TaskGroup, get_parsing_context

from roster.errors import TenantFileWrong
from roster.tenants import Tenant, read_tenant, tenant_files
from roster_airflow.deadlines import late_after
from roster_airflow.night import (
    ExtractOperator,
    HandOnOperator,
    PlanOperator,
    TransformOperator,
    VerdictOperator,
    broken,
    broken_id,
)
from roster_airflow.notifications.roster import RosterNotifier
from roster_airflow.operators.canvas import CanvasSettleOperator, CanvasSisImportOperator
from roster_airflow.operators.expectations import ExpectationsOperator
from roster_airflow.params import canvas_test_params
from roster_airflow.retries import by_error

BY_ERROR = by_error()
TOLD = RosterNotifier()


@cache
def nightly(schedule: str, timezone: str) -> CronTriggerTimetable:
    """The timetable of all tenants with that cron expression and time zone."""
    return CronTriggerTimetable(schedule, timezone=timezone)


def rehearsed(tenant: Tenant) -> Asset:
    """Carries no data: it says that the pointer `tested` of the tenant is new."""
    return Asset(name=f"{tenant.id}_rehearsed", uri=f"roster://{tenant.id}/rehearsed")


def canvas_test(tenant: Tenant) -> DAG:
    """One night of a tenant, into Canvas's test environment."""
    with DAG(
        f"{tenant.id}_canvas_test",
        description=f"{tenant.name}: from the sources into the Canvas test environment",
        doc_md=__doc__,
        schedule=nightly(tenant.schedule, tenant.timezone) if tenant.schedule else None,
        catchup=False,
        max_active_runs=1,
        tags=["roster", tenant.id, "canvas", "test"],
        on_failure_callback=[TOLD],
        deadline=late_after(tenant),
    ) as dag:
        # To each task by itself: default_args are copied deeply for every one.
        own = {"tenant_id": tenant.id, "retries": 3, "retry_policy": BY_ERROR}
        with TaskGroup("extract"):
            extracts = {name: ExtractOperator(task_id=name, source=name, **own).output for name in tenant.source_names}
        check = ExpectationsOperator(task_id="check", extracts=extracts, **own)
        transform = TransformOperator(task_id="transform", checked=check.output, **own)
        settle = CanvasSettleOperator(task_id="settle", **own)
        plan = PlanOperator(task_id="plan", transformed=transform.output, settled=settle.output, **own)
        load = CanvasSisImportOperator(task_id="load", plan=plan.output, **own)
        hand_on = HandOnOperator(task_id="hand_on", trigger_rule="all_done", outlets=[rehearsed(tenant)], **own)
        verdict = VerdictOperator(task_id="verdict", trigger_rule="all_done", **{**own, "retries": 0})
        load >> hand_on >> verdict
    dag.params.update(canvas_test_params())  # after the tasks, each of which would copy them
    return dag


asked_for = get_parsing_context().dag_id  # a task's process needs one DAG only
for tenant_id, file in tenant_files():
    if asked_for is not None and asked_for not in (f"{tenant_id}_canvas_test", broken_id(tenant_id)):
        continue
    try:
        globals()[f"{tenant_id}_canvas_test"] = canvas_test(read_tenant(file))
    except TenantFileWrong as fault:
        globals()[broken_id(tenant_id)] = broken(tenant_id, str(fault))
