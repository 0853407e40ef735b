"""What two hundred tenants cost whoever parses the DAG file, beside as many empty DAGs with as many tasks."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.parsing import COPIES, measure


def test_parsing_takes_at_most_twice_what_empty_dags_take(tmp_path: Path) -> None:
    found = measure(tmp_path, repeats=5)
    assert (found.dags, found.empty_dags) == (COPIES, COPIES)
    assert found.tasks == found.empty_tasks == 8 * COPIES
    assert found.ratio <= 2, f"{found.seconds:.2f} s of processor time, empty DAGs {found.empty_seconds:.2f} s"
