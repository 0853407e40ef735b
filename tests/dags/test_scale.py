"""What two hundred tenants cost whoever parses the DAG file, beside as many empty DAGs with as many tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.parsing import COPIES, NIGHT, PRODUCTION, RELEASE, measure


@pytest.mark.parametrize(
    ("production", "dags", "tasks"), [(False, 1, NIGHT), (True, 3, NIGHT + PRODUCTION + RELEASE)], ids=["test", "both"]
)
def test_parsing_takes_at_most_twice_what_empty_dags_take(
    tmp_path: Path, production: bool, dags: int, tasks: int
) -> None:
    found = measure(tmp_path, repeats=5, production=production)
    assert found.dags == found.empty_dags == dags * COPIES
    assert found.tasks == found.empty_tasks == tasks * COPIES
    assert found.ratio <= 2, f"{found.seconds:.2f} s of processor time, empty DAGs {found.empty_seconds:.2f} s"
