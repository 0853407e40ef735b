"""`canvas_reconcile`: what does Canvas really have, against what the ledger says that it has.

    targets ─ reconcile (once for each Canvas of each tenant)

Every week it reports. Run by hand it may also adopt (Canvas is right) or repair (the source is right: the next night
plans the difference). docs/reconciling.md says when to do which.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param, get_current_context, task

from roster_airflow.operators.canvas_reconcile import CanvasReconcileOperator, targets

with DAG(
    "canvas_reconcile",
    description="Compares every Canvas with its ledger; adopts or repairs when asked to",
    doc_md=__doc__,
    schedule="0 13 * * 6",
    catchup=False,
    max_active_runs=1,
    tags=["roster", "canvas", "reconcile"],
    params={
        "tenant": Param(
            None,
            type=["null", "string"],
            pattern=r"^[A-Za-z0-9_.-]{0,64}$",
            title="Tenant",
            description="Name of its file, without .yaml. Empty: all tenants.",
        ),
        "environment": Param(
            "both", type="string", enum=["both", "test", "production"], title="Environment", description="Which Canvas."
        ),
        "then": Param(
            "report",
            type="string",
            enum=["report", "adopt", "repair"],
            title="Then",
            description=(
                "report: change nothing. adopt: Canvas is right, its values stay until the source says something else. "
                "repair: the source is right, the next night plans the difference."
            ),
        ),
    },
) as canvas_reconcile:

    @task(retries=0, task_id="targets")
    def asked() -> list[dict[str, str]]:
        """The Canvases to look at."""
        return targets(get_current_context()["params"])

    CanvasReconcileOperator.partial(task_id="reconcile", retries=0).expand(target=asked())
