"""The DAG that compares every Canvas with its ledger."""

from __future__ import annotations

import runpy

from airflow.sdk import DAG

from tests.dags.processes import REPOSITORY


def test_every_week_it_reports_and_one_canvas_does_not_stop_another() -> None:
    dag = runpy.run_path(str(REPOSITORY / "dags" / "canvas_reconcile.py"))["canvas_reconcile"]
    assert isinstance(dag, DAG)
    assert (dag.dag_id, dag.task_ids, dag.catchup) == ("canvas_reconcile", ["targets", "reconcile"], False)
    assert dag.params.dump() == {"tenant": None, "environment": "both", "then": "report"}
    assert dag.get_task("reconcile").is_mapped
