"""The DAG that removes what is old."""

from __future__ import annotations

import json
import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.sdk import DAG

from roster.errors import RosterError
from roster.runs import Run, run_name
from roster.store import Store
from roster_airflow.retention import prune
from tests.dags.processes import REPOSITORY
from tests.five_pupils import tenant_file


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path / "tenants"))
    return Store.home()


def old_run(store: Store, tenant: str, days: int) -> Run:
    run = Run(store, tenant, run_name(datetime.now(UTC) - timedelta(days=days), "x"))
    with run.write("check") as step:
        (step.folder / "check.json").write_text(json.dumps({}), encoding="utf-8")
    return run


def test_one_task_once_a_day() -> None:
    dag = runpy.run_path(str(REPOSITORY / "dags" / "housekeeping.py"))["housekeeping"]
    assert isinstance(dag, DAG)
    assert (dag.dag_id, dag.task_ids, dag.catchup) == ("roster_housekeeping", ["back_up", "prune"], False)


def test_every_tenant_is_pruned_by_its_own_retention(tmp_path: Path, home: Store) -> None:
    tenant_file(tmp_path / "tenants", retention="10 days")
    tenant_file(tmp_path / "tenants", "gum", retention="20 days")
    runs = [old_run(home, tenant, days) for tenant in ("fern", "gum") for days in (5, 15, 25)]
    removed = prune.function()
    assert {tenant: counts["runs"] for tenant, counts in removed.items()} == {"fern": 2, "gum": 1}
    assert [home.exists(run.path) for run in runs] == [True, False, False, True, True, False]


def test_a_tenant_whose_file_is_wrong_keeps_its_runs_and_fails_the_task_after_the_others(
    tmp_path: Path, home: Store
) -> None:
    tenant_file(tmp_path / "tenants", "gum")
    (tmp_path / "tenants" / "fern.yaml").write_text("id: fern\n", encoding="utf-8")
    kept, gone = old_run(home, "fern", 90), old_run(home, "gum", 90)
    with pytest.raises(RosterError, match=r"fern\.yaml:1: name: is missing"):
        prune.function()
    assert home.exists(kept.path)
    assert not home.exists(gone.path)
