"""Processes that are started here, each in a session of its own, and that end with all their children."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # its stubs are no part of it

PATIENCE = 20.0
"""Seconds that a session gets to end by itself."""


class StartFailed(Exception):
    """Something could not be started; the text says what, and where its log is."""


class Process:
    """A process, its children, and the log they write."""

    def __init__(self, name: str, command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
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
        """All that live of its session, whatever groups they have made; zombies are none."""
        found = []
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == self.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def stop(self, patience: float = PATIENCE) -> None:
        """Ask all of its session to end, then make them."""
        until = time.monotonic() + patience
        _signal(self.members(), signal.SIGTERM)
        while time.monotonic() < until and self._alive():
            time.sleep(0.1)
        while self._alive():
            _signal(self.members(), signal.SIGKILL)
            time.sleep(0.05)

    def _alive(self) -> bool:
        self._popen.poll()  # or it stays as a zombie
        return bool(self.members())


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.Error:
            continue
