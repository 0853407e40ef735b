"""`airflow dags test` on a small export: connections, ROSTER_TENANTS and ROSTER_HOME are all it is told."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from roster_sandbox.canvas import running_canvas
from tests.dags.processes import REPOSITORY, run
from tests.five_pupils import PERSONAL, PUPILS, TEACHERS, changed, connections, deliver, live, tables, tenant_file

TODAY = datetime.now(UTC).date()


def dags_test(tenant: str, home: Path, variables: Mapping[str, str], *arguments: str) -> CompletedProcess[str]:
    """`airflow dags test` in a process that knows nothing else of this one's Airflow."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "ROSTER_"))}
    airflow = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": str(REPOSITORY / "include"),
    }
    command = [sys.executable, "-m", "airflow", "dags", "test", f"{tenant}_canvas_test", *arguments]
    return run(command, {**kept, **airflow, **variables}, 110)


@pytest.mark.timeout(300)
def test_a_night_and_then_another_tenant_folder_and_canvas(tmp_path: Path, airflow_db: Path) -> None:
    """One Airflow throughout: what differs between the two nights is said by environment variables alone."""
    airflow, export = tmp_path / "airflow", tables(TODAY)
    airflow.mkdir()
    with closing(sqlite3.connect(airflow_db)) as migrated:
        migrated.execute("VACUUM INTO ?", (str(airflow / "airflow.db"),))
    for tenant, place, name in (("fern", "one", "Aoife"), ("gum", "two", "Zephyrine")):
        folder = tmp_path / place
        tenant_file(folder / "tenants", tenant)
        delivered = deliver(folder / "files", changed(export, "students.csv", "p1", "First_name", name))
        with running_canvas(folder / "canvas") as canvas:
            variables = {
                "ROSTER_TENANTS": str(folder / "tenants"),
                "ROSTER_HOME": str(folder / "home"),
                **connections(canvas.url, canvas.token, delivered, tenant),
            }
            done = dags_test(tenant, airflow, variables)
            said = done.stdout + done.stderr
            assert done.returncode == 0, said[-6000:]
            state = canvas.state()
        assert live(state["users"], "user_id")[-7:] == sorted([*PUPILS, *TEACHERS])
        assert len(live(state["users"], "user_id")) == 7 + 5
        assert len([one for one in state["enrollments"] if one["type"] == "StudentEnrollment"]) == 6
        assert len(state["observer_links"]) == 5
        [first] = [one for one in state["users"] if one["user_id"] == "p1"]
        assert first["name"].startswith(name)
        [report] = (folder / "home").glob(f"runs/{tenant}/*/verdict/attempt-1/report.md")
        assert ": done" in report.read_text(encoding="utf-8")
        assert [word for word in (*PERSONAL, "Zephyrine") if word in said] == []
