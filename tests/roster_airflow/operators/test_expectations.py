"""The check of a night as an operator, over a run folder of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from roster.errors import StoppedByRule
from roster.evidence import Evidence
from roster.runs import Run
from roster.sources.clever_csv.columns import FILES
from roster.store import Store
from roster_airflow.operators.expectations import STOPPED, ExpectationsOperator

TENANT = """
id: banksia
name: Banksia Schools
timezone: Australia/Brisbane
sources: [{name: clever, system: clever_csv, connection: clever_banksia}]
canvas: {test: {connection: canvas_banksia_test}}
rules: {no-current-term: stop}
"""
NIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)
ROWS: Mapping[str, Mapping[str, str]] = {
    "schools": {"school_id": "north", "school_name": "North"},
    "students": {
        "school_id": "north",
        "student_id": "ada",
        "last_name": "Lee",
        "first_name": "Ada",
        "student_email": "ada@mail.example",
    },
    "teachers": {"school_id": "north", "teacher_id": "tom", "last_name": "Ray", "first_name": "Tom"},
    "sections": {
        "school_id": "north",
        "section_id": "maths",
        "teacher_id": "tom",
        "name": "Maths",
        "course_name": "Mathematics",
        "term_name": "T1",
        "term_start": "1/26/2026",
        "term_end": "6/26/2026",
    },
    "enrollments": {"section_id": "maths", "student_id": "ada"},
}


class Pushed:
    """A task instance that keeps what is pushed."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


@pytest.fixture
def extract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the extract of a small export answered; its tenant and its store are the environment's."""
    (tmp_path / "tenants").mkdir()
    (tmp_path / "tenants" / "banksia.yaml").write_text(TENANT, encoding="utf-8")
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path / "tenants"))
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    with Run(Store.home(), "banksia", "an-earlier-run").write("extract.clever") as step:
        for stem, row in ROWS.items():
            wanted = {name: row.get(name) for name in FILES[stem].wanted}
            pl.DataFrame(
                [wanted | {"row": 2}], schema=dict.fromkeys(wanted, pl.String) | {"row": pl.Int64}
            ).write_parquet(step.folder / f"{stem}.parquet")
        evidence = Evidence(
            source="clever", system="clever_csv", delivery="d", delivered=NIGHT, rows={}, complete=True, proven=True
        )
        (step.folder / "evidence.json").write_text(evidence.model_dump_json(), encoding="utf-8")
    return {"path": step.path, "counts": {}}


def _execute(extract: dict[str, Any], pushed: Pushed, night: datetime) -> Any:
    operator = ExpectationsOperator(task_id="check", tenant_id="banksia", extracts={"clever": extract})
    run = SimpleNamespace(run_after=night, run_id="manual", logical_date=night)
    context: Any = {"dag_run": run, "params": {}, "task": operator, "ti": pushed}
    return operator.execute(context)


def test_it_answers_with_folder_and_counts_and_no_rows(extract: dict[str, Any]) -> None:
    pushed = Pushed()
    done = _execute(extract, pushed, NIGHT)
    assert done["counts"]["findings"] == {"user-login-missing": 1}
    assert done["counts"]["quarantined"] == 1
    assert pushed.pushed == {}
    folder = Store.home().local_path(done["path"])
    assert (folder / "docs" / "index.html").is_file()
    assert pl.read_parquet(folder / "quarantine.parquet").rows() == [("users", "tom")]
    assert not any(word in str(done) for word in ("tom", "ada", "Lee", "mail.example"))


def test_a_stop_fails_the_task_after_its_answer_was_pushed(extract: dict[str, Any]) -> None:
    pushed = Pushed()
    with pytest.raises(StoppedByRule, match="stopped by no-current-term"):
        _execute(extract, pushed, datetime(2026, 9, 1, 16, tzinfo=UTC))
    assert pushed.pushed[STOPPED]["counts"]["stops"] == ["no-current-term"]


def test_parsing_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, roster_airflow.operators.expectations\n"
        "print([name for name in ('polars', 'pandas', 'great_expectations') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip().splitlines()[-1] == "[]"
