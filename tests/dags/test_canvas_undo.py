"""The DAG that undoes: its graph and its form."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

from roster_airflow.retries import by_error
from roster_airflow.undoing import WHOSE
from tests.dags.processes import REPOSITORY
from tests.five_pupils import tenant_file


@pytest.fixture
def dag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DAG:
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path))
    for tenant in ("fern", "gum"):
        tenant_file(tmp_path, tenant)
    found = runpy.run_path(str(REPOSITORY / "dags" / "canvas_undo.py"))["canvas_undo"]
    assert isinstance(found, DAG)
    return found


def test_its_tasks_in_their_order(dag: DAG) -> None:
    order = ["settle", "show", "sign_off", "decide", "restore", "again", "load", "verdict"]
    assert [task.task_id for task in dag.topological_sort()] == order
    assert [task.task_id for task in dag.leaves] == ["verdict"]
    rules = {task.task_id: task.trigger_rule for task in dag.tasks if task.trigger_rule != "all_success"}
    assert rules == {"again": "all_done", "verdict": "all_done"}
    policies = {task.task_id: task.retry_policy.serialize() for task in dag.tasks if task.retry_policy}
    assert policies == dict.fromkeys(order, by_error().serialize())
    assert {task.task_id: task.retries for task in dag.tasks}["verdict"] == 0


def test_whose_canvas_it_is_comes_from_the_form(dag: DAG) -> None:
    for task in dag.tasks:
        assert "tenant_id" in task.template_fields, task.task_id
        assert hasattr(task, "environment") == ("environment" in task.template_fields), task.task_id


def test_params_are_rendered_into_every_task_also_as_the_scheduler_keeps_them(dag: DAG) -> None:
    kept = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
    assert kept.task_ids == dag.task_ids
    context = {"params": {"tenant": "gum", "environment": "production"}}
    for task in dag.tasks:
        whose = [task.render_template(getattr(task, name), context) for name in WHOSE if name in task.template_fields]
        assert whose == ["gum", "production"][: len(whose)], task.task_id


def test_its_form(dag: DAG) -> None:
    assert (dag.schedule, dag.max_active_runs) == (None, 1)
    given = {"tenant": "gum", "import": "12", "environment": "production", "later": "undo"}
    for name, value in given.items():
        assert dag.params.get_param(name).resolve(value) == value
    for name, value in {"tenant": "elm", "import": "4711x", "environment": "beta", "later": "ask"}.items():
        with pytest.raises(ParamValidationError):
            dag.params.get_param(name).resolve(value)
