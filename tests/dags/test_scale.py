"""What two hundred tenants cost whoever parses the DAG file, beside as many empty DAGs with as many tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.parsing import COPIES, NIGHT, PRODUCTION, RELEASE, measure


@pytest.mark.parametrize(
    ("production", "dags", "tasks"), [(False, 1, NIGHT), (True, 3, NIGHT + PRODUCTION + RELEASE)], ids=["test", "both"]
)
def test_parsing_makes_hardly_more_calls_than_empty_dags_make(
    tmp_path: Path, production: bool, dags: int, tasks: int
) -> None:
    """Calls rather than seconds, which `make bench` prints: they are the same however busy the machine is."""
    found = measure(tmp_path, repeats=0, production=production)
    assert found.dags == found.empty_dags == dags * COPIES
    assert found.tasks == found.empty_tasks == tasks * COPIES
    assert found.ratio_of_calls <= 1.75, f"{found.calls:,} calls, empty DAGs {found.empty_calls:,}"
