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

from roster_sandbox.clever.app import CleverApp
from roster_sandbox.clever.settings import Settings
from roster_sandbox.serving import LOOPBACK, listening_socket, quiet_server


@dataclass(frozen=True)
class CleverControl:
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
class CleverServer(CleverControl):
    """A running stand-in as a test holds it."""

    app: CleverApp

    def connection(self, **more: object) -> str:
        """An Airflow connection with the district's token, as JSON."""
        return json.dumps({"conn_type": "clever", "host": self.url, "password": self.app.settings.token, **more})

    def app_connection(self) -> str:
        """An Airflow connection with the app's client id and secret, as JSON."""
        self.app.shelf.refresh()
        extra = {"district": self.app.shelf.lists["districts"][0].id, "oauth_host": self.url}
        settings = self.app.settings
        return self.connection(login=settings.client_id, password=settings.client_secret, extra=extra)


@contextmanager
def running_clever(folder: Path, settings: Settings | None = None, *, port: int = 0) -> Iterator[CleverServer]:
    """A stand-in in a thread of this process, on a free loopback port; stopped at the end of the block."""
    app = CleverApp(folder, settings or Settings())
    with listening_socket(port) as listening:
        server = quiet_server(app)
        listening.listen(128)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="clever", daemon=True)
        thread.start()
        try:
            yield CleverServer(f"http://{LOOPBACK}:{listening.getsockname()[1]}", app)
        finally:
            server.should_exit = True
            thread.join(timeout=30)


def serve(folder: Path, settings: Settings, *, port: int, host: str = LOOPBACK) -> None:
    """Run until interrupted, after one line that tells the address."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    with listening_socket(port, host) as listening:
        print(f"Clever listens at http://{host}:{listening.getsockname()[1]}", flush=True)
        quiet_server(CleverApp(folder, settings)).run(sockets=[listening])
