"""`make run` as a person starts it: from nothing, with an empty home that can't be written to, ended by a signal."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

COMMAND = [sys.executable, "-m", "roster_sandbox.demo"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@contextmanager
def make_run(work: Path, home: Path, repository: Path, **more: str) -> Iterator[subprocess.Popen[str]]:
    home.mkdir(mode=0o500, exist_ok=True)
    environment = {
        "HOME": str(home),
        "PATH": os.defpath,
        "PYTHONPATH": str(repository / "include"),
        "ROSTER_DEMO": str(work),
        **more,
    }
    with subprocess.Popen(
        COMMAND, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        try:
            yield process
        finally:
            process.terminate()
            if not process.stdout.closed:
                process.stdout.read()
    assert list(home.iterdir()) == []
    assert of_folder(work) == []


def of_folder(work: Path) -> list[str]:
    """Processes that work in that folder, wherever they were started from."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and (
                str(work) in " ".join(process.cmdline()) or str(work) in process.environ().get("AIRFLOW_HOME", "")
            ):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def lines_until(process: subprocess.Popen[str], pattern: str) -> str:
    """What it says up to and including the first line that holds the pattern."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if re.search(pattern, line):
            return said
    raise AssertionError(said)


def test_once_from_nothing_and_once_again(tmp_path: Path, repository: Path) -> None:
    work, home = tmp_path / "work", tmp_path / "home"
    for nights in (["Night 1", "Night 2"], ["Night 3"]):
        began = time.monotonic()
        with make_run(work, home, repository, ONCE="1") as process:
            said, _ = process.communicate()
        print(f"{nights}: {time.monotonic() - began:.0f} seconds")
        assert process.returncode == 0, said
        assert re.findall(r"^Night \d+", said, re.MULTILINE) == nights
        assert said.count("Canvas holds exactly what the district implies") == len(nights)
        assert "Traceback" not in said
        assert "\033" not in said
    assert [file for file in work.rglob("*") if not file.is_symlink() and file.stat().st_mode & 0o077] == []
    assert len(json.loads((work / "nights.json").read_text(encoding="utf-8"))) == 3


def test_it_stays_up_until_it_is_ended_and_then_nothing_is_left(tmp_path: Path, repository: Path) -> None:
    with make_run(tmp_path / "work", tmp_path / "home", repository) as process:
        said = lines_until(process, "Ctrl-C stops everything")
        assert re.search(r"Airflow's UI   http://127\.0\.0\.1:\d+", said)
        assert re.search(r"log in as    admin / \S{12,}", said)
        assert len(of_folder(tmp_path / "work")) > 4
        told = {"ROSTER_DEMO": str(tmp_path / "work"), "PYTHONPATH": str(repository / "include")}
        second = subprocess.run(COMMAND, env=told, capture_output=True, text=True, check=False, timeout=60)
        assert second.returncode == 1
        assert second.stderr.startswith("make run: another make run is at work in")
        assert "Traceback" not in second.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_ended_while_it_starts_it_leaves_nothing(tmp_path: Path, repository: Path) -> None:
    for seconds in (0, 0.3, 4, 12):
        with make_run(tmp_path / "work", tmp_path / "home", repository, ONCE="1") as process:
            lines_until(process, "Airflow starts")
            time.sleep(seconds)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) != 0


def test_a_start_that_fails_names_what_and_where(tmp_path: Path, repository: Path) -> None:
    work, home = tmp_path / "work", tmp_path / "home"
    with make_run(work, home, repository) as process:
        lines_until(process, "Airflow starts")
    port = json.loads((work / "keys.json").read_text(encoding="utf-8"))["test_port"]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with make_run(work, home, repository) as process:
            said, _ = process.communicate()
    assert process.returncode == 1
    assert f"port {port} is taken" in said
    assert "Traceback" not in said

    (work / "airflow" / "airflow.db").unlink(missing_ok=True)
    (work / "airflow" / "airflow.db").mkdir()
    with make_run(work, home, repository) as process:
        said, _ = process.communicate()
    assert process.returncode == 1
    assert f"see {work}/logs/airflow.log" in said
    assert "Traceback" not in said
