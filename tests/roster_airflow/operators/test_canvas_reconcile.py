"""The task that compares a Canvas with its ledger: started, deferred, resumed, told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk.exceptions import TaskDeferred

from roster.errors import CanvasRefused, CanvasTokenDead, TenantFileWrong
from roster.ledger import Ledger
from roster.runs import read_step
from roster.store import Store
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.operators.canvas_reconcile import CanvasReconcileOperator, targets
from roster_sandbox.canvas import Canvas, running_canvas
from tests.five_pupils import tenant_file

AT = datetime(2016, 2, 6, 13, tzinfo=UTC)
BOTH = {
    "canvas": {
        "test": {"connection": "canvas_test", "hosts": ["127.0.0.1"]},
        "production": {"connection": "canvas_production"},
    },
    "rollout": {"approvers": ["registrar"]},
}


@pytest.fixture
def canvas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canvas]:
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path / "tenants"))
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(CanvasHook, "retry_delays", ())
    tenant_file(tmp_path / "tenants", **BOTH)
    with running_canvas(tmp_path / "canvas") as running:
        connection = {"conn_type": "canvas", "host": running.url, "password": running.token}
        monkeypatch.setenv("AIRFLOW_CONN_CANVAS_TEST", json.dumps(connection))
        yield running


def context(task: Any, **params: Any) -> Any:
    run = SimpleNamespace(run_id="manual", run_after=AT, logical_date=AT)
    ti = SimpleNamespace(start_date=None)
    shown = SimpleNamespace(task_id="reconcile", dag_id="canvas_reconcile")
    return {
        "dag_run": run,
        "run_id": "manual",
        "params": {"then": "report", **params},
        "task": shown,
        "ti": ti,
    }


def test_it_defers_until_canvas_has_made_its_report(canvas: Canvas, caplog: pytest.LogCaptureFixture) -> None:
    canvas.by_hand("make", kind="user", name="Ottoline Quux", sis_id="s-4711", login_id="quux@x.org")
    canvas.fault("slow_report", seconds=0.1)
    task = CanvasReconcileOperator(task_id="reconcile", target={"tenant": "fern", "environment": "test"}, poll=0.01)
    with pytest.raises(TaskDeferred) as deferral:
        task.execute(context(task))
    assert isinstance(deferral.value.trigger, DateTimeTrigger)
    assert (deferral.value.method_name, deferral.value.kwargs) == ("resume", None)
    done = None
    while done is None:
        with suppress(TaskDeferred):
            done = task.resume(context(task), datetime.now(UTC))
    assert done["counts"]["extra"] == 1
    assert read_step(Store.home(), done["path"], "reconcile.json")["environment"] == "test"
    assert "Canvas differs from its ledger in 1 rows (test)" in caplog.text
    assert not any(word in caplog.text for word in ("s-4711", "Quux", "quux", "signature", "verifier"))


def test_what_fails_is_told(canvas: Canvas, caplog: pytest.LogCaptureFixture) -> None:
    canvas.fault("report_ends", state="error", times=1)
    task = CanvasReconcileOperator(task_id="reconcile", target={"tenant": "fern", "environment": "test"})
    with pytest.raises(CanvasRefused):
        task.execute(context(task))
    assert "canvas_reconcile failed; test: Canvas ended its report as error" in caplog.text
    canvas.fault("token_dead", times=1)
    with pytest.raises(CanvasTokenDead):
        task.execute(context(task))


def test_adopting_makes_a_ledger(canvas: Canvas) -> None:
    canvas.by_hand("make", kind="user", name="Ottoline Quux", sis_id="s-4711", login_id="quux@x.org")
    task = CanvasReconcileOperator(task_id="reconcile", target={"tenant": "fern", "environment": "test"})
    done = task.execute(context(task, then="adopt"))
    assert done["counts"]["ledger_changed"]
    _, _, rows = Ledger(Store.home(), canvas.url.removeprefix("http://"), "1").current()
    assert rows["key"].to_list() == ["s-4711"]


def test_which_canvases_are_looked_at(tmp_path: Path, canvas: Canvas) -> None:
    tenant_file(tmp_path / "tenants", "gum")
    (tmp_path / "tenants" / "fir.yaml").write_text("id: fir\n", encoding="utf-8")

    def asked(tenant: str | None, environment: str) -> list[str]:
        return [" ".join(one.values()) for one in targets({"tenant": tenant, "environment": environment})]

    assert asked(None, "both") == ["fern test", "fern production", "gum test"]
    assert asked("fern", "production") == ["fern production"]
    with pytest.raises(TenantFileWrong, match=r"fir\.yaml:1"):
        asked("fir", "both")
    with pytest.raises(TenantFileWrong, match="roster tenants"):
        asked("nobody", "both")
