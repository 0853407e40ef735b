"""The server: in a thread for tests, or in a process of its own."""

from __future__ import annotations

import json
import logging
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from roster_sandbox.oneroster.app import OneRosterApp
from roster_sandbox.oneroster.settings import Settings
from roster_sandbox.oneroster.shelf import BASES
from roster_sandbox.serving import LOOPBACK, listening_socket, quiet_server


@dataclass(frozen=True)
class OneRosterControl:
    """What can be made of a stand-in that runs somewhere."""

    url: str

    def fault(self, name: str, **options: object) -> None:
        """Set a fault; see `faults` for names and options."""
        self._ask("POST", {"name": name, **options})

    def clear_faults(self) -> None:
        """Forget all faults."""
        self._ask("DELETE")

    def _ask(self, method: str, content: object = None) -> None:
        body = json.dumps(content).encode() if content is not None else None
        request = urllib.request.Request(f"{self.url}/sandbox/faults", body, method=method)  # noqa: S310 - our own
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30):
            pass


@dataclass(frozen=True)
class OneRosterServer(OneRosterControl):
    """A running stand-in as a test holds it."""

    app: OneRosterApp

    def connection(self, auth: str = "oauth2", **extra: object) -> str:
        """An Airflow connection, as JSON. auth: oauth1 or oauth2."""
        self.app.shelf.refresh()
        settings = self.app.settings
        more = {"token_url": f"{self.url}/token"} if auth == "oauth2" else {}
        content = {
            "conn_type": "oneroster",
            "host": self.url + BASES[self.app.shelf.version],
            "login": settings.client_id,
            "password": settings.client_secret,
            "extra": {"auth": auth, **more, **extra},
        }
        return json.dumps(content)


@contextmanager
def running_oneroster(folder: Path, settings: Settings | None = None, *, port: int = 0) -> Iterator[OneRosterServer]:
    """A stand-in in a thread of this process, on a free loopback port; stopped at the end of the block."""
    app = OneRosterApp(folder, settings or Settings())
    with listening_socket(port) as listening:
        server = quiet_server(app)
        listening.listen(128)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="oneroster", daemon=True)
        thread.start()
        try:
            yield OneRosterServer(f"http://{LOOPBACK}:{listening.getsockname()[1]}", app)
        finally:
            server.should_exit = True
            thread.join(timeout=30)


def serve(folder: Path, settings: Settings, *, port: int, host: str = LOOPBACK) -> None:
    """Run until interrupted, after one line that tells the address."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    app = OneRosterApp(folder, settings)
    app.shelf.refresh()
    with listening_socket(port, host) as listening:
        address = f"http://{host}:{listening.getsockname()[1]}{BASES[app.shelf.version]}"
        print(f"OneRoster {app.shelf.version} listens at {address}", flush=True)
        quiet_server(app).run(sockets=[listening])
