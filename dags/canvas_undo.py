"""`canvas_undo`: takes back what one import did, by hand, for the tenant and the environment that its form names.

    settle ─ show ─ sign_off ─ decide ─ restore ─ again ─ load ─ verdict

An approver of the tenant sees what would be undone, what can't be, and what later imports changed; only that is sent.
An undo is for one environment: that of test undoes nothing in production.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

from roster.tenants import tenant_files
from roster_airflow.notifications.roster import RosterNotifier
from roster_airflow.params import canvas_undo_params
from roster_airflow.retries import by_error
from roster_airflow.undoing import (
    RestoreOperator,
    ShowOperator,
    UndoAgainOperator,
    UndoDecideOperator,
    UndoLoadOperator,
    UndoSettleOperator,
    UndoSignOffOperator,
    UndoVerdictOperator,
)

TENANT, ENVIRONMENT = "{{ params.tenant }}", "{{ params.environment }}"


def of_task(retries: int = 3) -> dict[str, Any]:
    """What every task is made with."""
    once_more = {"retries": retries, "retry_delay": timedelta(minutes=1), "retry_policy": by_error()}
    return {"tenant_id": TENANT, **once_more}


with DAG(
    "canvas_undo",
    description="Takes back what one import did, once an approver has seen what that is",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    max_active_runs=1,
    tags=["roster", "canvas", "undo"],
    on_failure_callback=[RosterNotifier()],
) as canvas_undo:
    settle = UndoSettleOperator(task_id="settle", environment=ENVIRONMENT, **of_task())  # type: ignore[arg-type]
    show = ShowOperator(task_id="show", environment=ENVIRONMENT, settled=settle.output, **of_task())
    sign_off = UndoSignOffOperator(
        task_id="sign_off",
        subject=f"{TENANT}: undo an import in {ENVIRONMENT}?",
        environment=ENVIRONMENT,
        asked=show.output,
        approvers=(),
        **of_task(retries=1),
    )
    decide = UndoDecideOperator(
        task_id="decide", settled=settle.output, shown=show.output, reply=sign_off.output, **of_task()
    )
    restore = RestoreOperator(task_id="restore", environment=ENVIRONMENT, shown=show.output, **of_task())
    again = UndoAgainOperator(
        task_id="again", settled=settle.output, shown=show.output, trigger_rule="all_done", **of_task()
    )
    load = UndoLoadOperator(task_id="load", environment=ENVIRONMENT, plan=again.output, **of_task())
    verdict = UndoVerdictOperator(
        task_id="verdict", environment=ENVIRONMENT, trigger_rule="all_done", **of_task(retries=0)
    )
    decide >> restore >> again
    load >> verdict
canvas_undo.params.update(canvas_undo_params([tenant_id for tenant_id, _ in tenant_files()]))
