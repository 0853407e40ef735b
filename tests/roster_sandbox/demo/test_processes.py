from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from roster_sandbox.demo.processes import Process, StartFailed, end_left_over, keep, members

# A parent that hardly listens, with a child in a process group of its own that does not listen at all.
STUBBORN = """
import os, signal, sys, time
if os.fork() == 0:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""


def started(tmp_path: Path, code: str) -> Process:
    return Process("a process", [sys.executable, "-c", code], environment=dict(os.environ), log=tmp_path / "log")


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_all_of_a_session_ends_whatever_groups_it_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roster_sandbox.demo.processes.end.__defaults__", (0.3,))
    process = started(tmp_path, STUBBORN)
    until(lambda: (tmp_path / "log").read_text(encoding="utf-8").count("up") == 2)
    assert len({os.getpgid(one.pid) for one in process.members()}) == 2
    process.stop()
    assert process.members() == []


def test_a_process_that_ended_is_told_with_its_log(tmp_path: Path) -> None:
    process = started(tmp_path, "print('no room'); raise SystemExit(3)")
    until(lambda: process.members() == [])
    with pytest.raises(StartFailed, match=rf"a process ended by itself \(exit code 3\): see {tmp_path}/log"):
        process.require_running()
    process.stop()


def test_the_log_is_the_owners(tmp_path: Path) -> None:
    process = started(tmp_path, "print('said')")
    until(lambda: process.members() == [])
    process.stop()
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0
    assert (tmp_path / "log").read_text(encoding="utf-8") == "said\n"


def test_the_next_run_ends_what_a_killed_one_left_over(tmp_path: Path) -> None:
    process = started(tmp_path, "import time; time.sleep(600)")
    record = tmp_path / "sessions.json"
    keep(record, [process])
    until(lambda: len(process.members()) == 1)
    assert end_left_over(record) == 1
    assert members(process.pid) == []
    assert not record.exists()
    assert end_left_over(record) == 0
    process.stop()


def test_a_session_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    process = started(tmp_path, "import time; time.sleep(600)")
    record = tmp_path / "sessions.json"
    record.write_text(json.dumps({str(process.pid): process.began - 3600}), encoding="utf-8")
    until(lambda: len(process.members()) == 1)
    assert end_left_over(record) == 0
    assert len(process.members()) == 1
    process.stop()
