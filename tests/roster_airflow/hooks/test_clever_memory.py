"""Clever over real sockets, from one process to another: memory does not grow with the district."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.benchmarks.clever import pupils

MOST = 50  # MB

WALK = """
import json, sys
from pathlib import Path
from roster.sources.clever.objects import TABLES
from roster.sources.clever.walking import walk
from roster_airflow.hooks.clever import CleverHook
from tests.benchmarks.clever import peak

walked = walk(CleverHook("clever"), TABLES["students"], 10_000, Path(sys.argv[1]))
assert not walked.broken and not walked.doubts, walked
print(json.dumps([walked.rows, peak()]))
"""


@contextmanager
def served(folder: Path, users: int) -> Iterator[str]:
    """The address of a stand-in with so many pupils."""
    folder.mkdir()
    (folder / "objects.json").write_bytes(b'{"districts":[],"users":[' + pupils(1, users) + b"]}")
    command = [sys.executable, "-m", "roster_sandbox.clever", "--state", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()


def peak(folder: Path, users: int) -> float:
    """Peak memory of a walk over so many pupils, in MB."""
    with served(folder / "served", users) as address:
        connection = {"conn_type": "clever", "host": address, "password": "clever-district-token"}
        said = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", WALK, str(folder)],
            env={**os.environ, "AIRFLOW_CONN_CLEVER": json.dumps(connection)},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=False,
        )
    assert said.returncode == 0, said.stderr
    rows, megabytes = json.loads(said.stdout.splitlines()[-1])
    assert rows == users
    return float(megabytes)


@pytest.mark.timeout(300)
def test_ten_times_the_users_take_hardly_more_memory(tmp_path: Path) -> None:
    few, many = tmp_path / "few", tmp_path / "many"
    few.mkdir()
    many.mkdir()
    grown = peak(many, 100_000) - peak(few, 10_000)
    assert grown < MOST
