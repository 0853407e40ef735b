"""Three DAGs for each tenant, which mirror the staged roll-out.

`<tenant>_canvas_test`, every night from the sources into the tenant's Canvas test environment:

    extract.<source> … ─ check ─ transform ─┐
                                    settle ─┴─ plan ─ load ─ hand_on ─ verdict

`<tenant>_canvas_production`, woken by the rehearsal: the same artefact, what is within limits:

    take ─┬─ plan ─ load ─ hold ─ verdict
  settle ─┘

`<tenant>_canvas_release`, woken by what was held: a person decides, then test and production, just what was shown:

    ask ─ sign_off ─ decide ─ test.(settle ─ plan ─ load) ─ production.(settle ─ plan ─ load) ─ conclude ─ verdict

A tenant file that can't be read becomes `<tenant>__broken`, whose page says what to mend; it harms no other tenant.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

from airflow.sdk import DAG, Asset, BaseOperator, CronTriggerTimetable, TaskGroup, get_parsing_context

from roster.errors import TenantFileWrong
from roster.tenants import Tenant, read_tenant, tenant_files
from roster_airflow.assets import Woken
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
from roster_airflow.operators.canvas import CanvasReadOperator, CanvasSettleOperator, CanvasSisImportOperator
from roster_airflow.operators.expectations import ExpectationsOperator
from roster_airflow.params import canvas_production_params, canvas_test_params
from roster_airflow.production import HoldOperator, ProductionPlanOperator, ProductionVerdictOperator, TakeOperator
from roster_airflow.release import (
    AskOperator,
    ConcludeOperator,
    DecideOperator,
    PlanAgainOperator,
    RehearsalPlanOperator,
    ReleaseSettleOperator,
    ReleaseVerdictOperator,
    SignOffOperator,
)
from roster_airflow.retries import by_error

BY_ERROR = by_error()
SOON = timedelta(minutes=1)
"""After what is no error of ours, such as a worker that was lost, or a resumed task that Airflow mislaid."""
TOLD = RosterNotifier()


@cache
def nightly(schedule: str, timezone: str) -> CronTriggerTimetable:
    """The timetable of all tenants with that cron expression and time zone."""
    return CronTriggerTimetable(schedule, timezone=timezone)


def rehearsed(tenant: Tenant) -> Asset:
    """Carries no data: it says that the pointer `tested` of the tenant is new."""
    return Woken(name=f"{tenant.id}_rehearsed", uri=f"roster://{tenant.id}/rehearsed")


def held(tenant: Tenant) -> Asset:
    """Carries no data: it says that the pointer `held` of the tenant is new."""
    return Woken(name=f"{tenant.id}_held", uri=f"roster://{tenant.id}/held")


def of_tenant(tenant: Tenant, kind: str) -> dict[str, Any]:
    """What every DAG of a tenant is made with."""
    return {
        "dag_id": f"{tenant.id}_canvas_{kind}",
        "doc_md": __doc__,
        "catchup": False,
        "max_active_runs": 1,
        "tags": ["roster", tenant.id, "canvas", kind],
        "on_failure_callback": [TOLD],
    }


def of_task(tenant: Tenant, *, again: bool = True) -> dict[str, Any]:
    """What every task is made with; to each by itself, because default_args are copied deeply for every one."""
    return {"tenant_id": tenant.id, "retries": 3 if again else 0, "retry_delay": SOON, "retry_policy": BY_ERROR}


def canvas_test(tenant: Tenant) -> DAG:
    """One night of a tenant, into Canvas's test environment; without one, as far as a bundle that Canvas would take."""
    own, environment = of_task(tenant), "test" if tenant.is_rehearsed else "production"
    with DAG(
        description=f"{tenant.name}: from the sources into the Canvas test environment",
        schedule=nightly(tenant.schedule, tenant.timezone) if tenant.schedule else None,
        deadline=late_after(tenant),
        **of_tenant(tenant, "test"),
    ) as dag:
        with TaskGroup("extract"):
            extracts = {name: ExtractOperator(task_id=name, source=name, **own).output for name in tenant.source_names}
        check = ExpectationsOperator(task_id="check", extracts=extracts, **own)
        transform = TransformOperator(task_id="transform", checked=check.output, **own)
        settle = CanvasSettleOperator(task_id="settle", environment=environment, **own)
        plan = PlanOperator(task_id="plan", planned_from=transform.output, settled=settle.output, **own)
        send = CanvasSisImportOperator if tenant.is_rehearsed else CanvasReadOperator
        load = send(task_id="load", plan=plan.output, **own)
        hand_on = HandOnOperator(task_id="hand_on", trigger_rule="all_done", outlets=[rehearsed(tenant)], **own)
        verdict = VerdictOperator(task_id="verdict", trigger_rule="all_done", **of_task(tenant, again=False))
        load >> hand_on >> verdict
    dag.params.update(canvas_test_params())  # after the tasks, each of which would copy them
    return dag


def canvas_production(tenant: Tenant) -> DAG:
    """What was rehearsed, into production: the free part is loaded, the held part asked for. It waits for nobody."""
    own = of_task(tenant)
    with DAG(
        description=f"{tenant.name}: what was rehearsed, into the production Canvas",
        schedule=[rehearsed(tenant)],
        deadline=late_after(tenant),
        **of_tenant(tenant, "production"),
    ) as dag:
        take = TakeOperator(task_id="take", **own)
        settle = CanvasSettleOperator(task_id="settle", environment="production", **own)
        plan = ProductionPlanOperator(task_id="plan", planned_from=take.output, settled=settle.output, **own)
        load = CanvasSisImportOperator(task_id="load", plan=plan.output, environment="production", **own)
        hold = HoldOperator(task_id="hold", trigger_rule="all_done", outlets=[held(tenant)], **own)
        verdict = ProductionVerdictOperator(task_id="verdict", trigger_rule="all_done", **of_task(tenant, again=False))
        load >> hold >> verdict
    dag.params.update(canvas_production_params())
    return dag


def canvas_release(tenant: Tenant) -> DAG:
    """What was held: asked for, and let go only as it was shown, in test first."""
    own = of_task(tenant)
    with DAG(
        description=f"{tenant.name}: what production holds, for the approvers",
        schedule=[held(tenant)],
        **of_tenant(tenant, "release"),
    ) as dag:
        ask = AskOperator(task_id="ask", **own)
        sign_off = SignOffOperator(
            task_id="sign_off",
            subject=f"{tenant.name}: release for the production Canvas?",
            asked=ask.output,
            approvers=tenant.rollout.approvers,
            **{**own, "retries": 1},
        )
        decide = DecideOperator(task_id="decide", asked=ask.output, reply=sign_off.output, **own)
        last: BaseOperator = decide
        if tenant.is_rehearsed:
            with TaskGroup("test"):
                there = CanvasSettleOperator(task_id="settle", **own)
                first = RehearsalPlanOperator(task_id="plan", planned_from=ask.output, settled=there.output, **own)
                last = CanvasSisImportOperator(task_id="load", plan=first.output, **own)
                decide >> there
        with TaskGroup("production"):
            settle = ReleaseSettleOperator(task_id="settle", environment="production", trigger_rule="all_done", **own)
            plan = PlanAgainOperator(task_id="plan", planned_from=ask.output, settled=settle.output, **own)
            load = CanvasSisImportOperator(task_id="load", plan=plan.output, environment="production", **own)
            last >> settle
        conclude = ConcludeOperator(task_id="conclude", trigger_rule="all_done", outlets=[held(tenant)], **own)
        verdict = ReleaseVerdictOperator(task_id="verdict", trigger_rule="all_done", **of_task(tenant, again=False))
        load >> conclude >> verdict
    return dag


def dags_of(tenant: Tenant) -> list[DAG]:
    """The tenant's DAGs; without a production environment the one that rehearses."""
    if tenant.canvas.production is None:
        return [canvas_test(tenant)]
    return [canvas_test(tenant), canvas_production(tenant), canvas_release(tenant)]


asked_for = get_parsing_context().dag_id  # a task's process needs one DAG only
for tenant_id, file in tenant_files():
    names = {f"{tenant_id}_canvas_{kind}" for kind in ("test", "production", "release")}
    if asked_for is not None and asked_for not in names | {broken_id(tenant_id)}:
        continue
    try:
        globals().update({dag.dag_id: dag for dag in dags_of(read_tenant(file))})
    except TenantFileWrong as fault:
        globals()[broken_id(tenant_id)] = broken(tenant_id, str(fault))
