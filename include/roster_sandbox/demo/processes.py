"""Processes that are started here, each in a session of its own, and that end with all their children."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # its stubs are no part of it

PATIENCE = 20.0
"""Seconds that a session gets to end by itself."""


ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""Signals by which somebody ends us."""


class StartFailed(Exception):
    """Something could not be started; the text says what, and where its log is."""


class Process:
    """A process, its children, and the log they write."""

    def __init__(self, name: str, command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self.began = time.time()
        log.touch(mode=0o600)
        with log.open("ab") as out:
            self._popen = subprocess.Popen(
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Of the first process; its session has the same number."""
        return self._popen.pid

    def require_running(self) -> None:
        """Raise StartFailed if it has ended."""
        if (code := self._popen.poll()) is not None:
            message = f"{self.name} ended by itself (exit code {code}): see {self.log}"
            raise StartFailed(message)

    def members(self) -> list[psutil.Process]:
        """All that live of its session."""
        return members(self.pid)

    def stop(self) -> None:
        """Ask all of its session to end, then make them."""
        end(self.pid)
        self._popen.wait()


@contextmanager
def undisturbed() -> Iterator[None]:
    """What is started in the block is written down in it as well: a signal that would end us waits for its end."""
    before = {number: signal.getsignal(number) for number in ENDING}
    caught: list[int] = []
    for number in ENDING:
        signal.signal(number, lambda number, _: caught.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            signal.raise_signal(caught[0])


def members(session: int) -> list[psutil.Process]:
    """All that live of a session, whatever groups they have made; zombies are none."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def end(session: int, patience: float = PATIENCE) -> None:
    """Ask all of a session to end, and make those who have not when patience, in seconds, is over."""
    until = time.monotonic() + patience
    _signal(members(session), signal.SIGTERM)
    while time.monotonic() < until and members(session):
        time.sleep(0.1)
    while left := members(session):
        _signal(left, signal.SIGKILL)
        time.sleep(0.05)


def end_left_over(record: Path) -> int:
    """End what an earlier run could not, because it was killed itself; how many processes that were.

    record: what `keep` wrote. A session that began at another time than it says is somebody else's.
    """
    if not record.exists():
        return 0
    ended = 0
    for session, began in json.loads(record.read_text(encoding="utf-8")).items():
        left = members(int(session))
        if left and min(process.create_time() for process in left) >= began - 1 and _is_first(int(session), began):
            ended += len(left)
            end(int(session))
    record.unlink()
    return ended


def keep(record: Path, processes: Sequence[Process]) -> None:
    """Write down the sessions that are there, and when they began."""
    record.write_text(json.dumps({str(one.pid): one.began for one in processes}), encoding="utf-8")


def _is_first(session: int, began: float) -> bool:
    try:
        return bool(abs(psutil.Process(session).create_time() - began) < 1)
    except psutil.Error:
        return True  # its first process has ended; as long as others live, nobody else gets its number


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.Error:
            continue
