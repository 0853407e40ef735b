"""The stand-in as a process of its own: one line, and what a kill leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from roster_sandbox.canvas.command import token_and_right
from roster_sandbox.cli import app

ROOT = Path(__file__).parents[3]
HEADERS = {"Authorization": "Bearer my-token"}


@contextmanager
def process(state: Path, *, entry: tuple[str, ...]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", *entry, "--state", str(state), "--token", "my-token", "--name", "Little Canvas"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "include")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        try:
            assert run.stdout is not None
            line = run.stdout.readline()
            assert line.startswith("Little Canvas listens at http://127.0.0.1:"), line
            yield run, line.split()[-1]
        finally:
            run.kill()


def test_a_kill_in_the_middle_leaves_a_failed_import_and_what_was_applied(tmp_path: Path) -> None:
    rows = "user_id,login_id,status\n" + "".join(f"u{n},u{n},active\n" for n in range(400))
    with (
        process(tmp_path, entry=("roster_sandbox.canvas",)) as (run, url),
        httpx.Client(base_url=f"{url}/api/v1/accounts/1", headers=HEADERS, trust_env=False) as http,
    ):
        http.post(f"{url}/sandbox/faults", json={"name": "slow_import", "seconds": 2})
        number = http.post("/sis_imports", files={"attachment": ("u.csv", rows)}).json()["id"]
        while http.get(f"/sis_imports/{number}").json()["progress"] == 0:
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
    with process(tmp_path, entry=("roster_sandbox", "canvas")) as (run, url):
        base = f"{url}/api/v1/accounts/1"
        found = httpx.get(f"{base}/sis_imports/{number}", headers=HEADERS, trust_env=False).json()
        assert (found["workflow_state"], found["progress"] < 100) == ("failed", True)
        users = httpx.get(f"{url}/sandbox/state", trust_env=False).json()["users"]
        assert len(users) - 1 in {100, 200, 300}
        httpx.get(f"{base}/users", params={"search_term": "secret"}, headers=HEADERS, trust_env=False)
        run.send_signal(signal.SIGTERM)
        assert run.stdout is not None
        assert "secret" not in run.stdout.read()
        assert run.wait(timeout=10) in {0, -signal.SIGTERM}


def test_help_names_the_options() -> None:
    found = CliRunner().invoke(app, ["canvas", "--help"], env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"})
    assert [option for option in ("--state", "--port", "--token", "--name") if option not in found.output] == []


@pytest.mark.parametrize(
    ("given", "right"), [("a", ("a", "admin")), ("a=read", ("a", "read")), ("a=b", ("a=b", "admin"))]
)
def test_a_token_may_carry_its_right(given: str, right: tuple[str, str]) -> None:
    assert token_and_right(given) == right
