"""What is started beside Airflow: a stand-in as a process that listens at a port of loopback."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from roster_sandbox.demo.keys import LOOPBACK, Key, is_free
from roster_sandbox.demo.places import REPOSITORY, Places
from roster_sandbox.demo.processes import Process, StartFailed


@dataclass(frozen=True)
class StandIn:
    """A stand-in that is to be started. of: for what, as a person reads it; name: of its log."""

    of: str
    name: str
    command: Sequence[str]
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    scheme: str = "http"

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"{self.scheme}://{LOOPBACK}:{self.port}"

    def start(self, places: Places) -> Process:
        """Start it; raises StartFailed where its port is taken."""
        if not is_free(self.port):
            message = (
                f"port {self.port} is taken, where {self.of} has been since it was set up: end what listens there "
                f"(left over from an earlier run?), or remove {places.work} and begin anew"
            )
            raise StartFailed(message)
        return Process(
            f"{self.of}'s stand-in",
            self.command,
            environment={"PYTHONPATH": str(REPOSITORY / "include"), **self.environment},
            log=places.logs / f"{self.name}.log",
        )

    def answers(self) -> bool:
        """Whether somebody listens at its port."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.settimeout(5)
            return probe.connect_ex((LOOPBACK, self.port)) == 0


def sandbox(of: str, package: str, state: Path, key: Key, *options: str, scheme: str = "http") -> StandIn:
    """A stand-in of roster_sandbox that is started with `--state` and `--port`. options: further ones.

    The secret goes by environment: an argument could be read by everybody on the machine.
    """
    started = [sys.executable, "-m", f"roster_sandbox.{package}", "--state", str(state), "--port", str(key.port)]
    environment = {"ROSTER_SANDBOX_TOKENS": key.secret}
    return StandIn(of, state.name, [*started, *options], key.port, environment, scheme)
