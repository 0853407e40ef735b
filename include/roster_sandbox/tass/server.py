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
from typing import Any

from roster_sandbox.serving import LOOPBACK, listening_socket, quiet_server
from roster_sandbox.tass.app import TassApp
from roster_sandbox.tass.settings import App, Settings


@dataclass(frozen=True)
class TassControl:
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
class TassServer(TassControl):
    """A running stand-in as a test holds it."""

    app: TassApp

    def connection(self, **more: object) -> str:
        """An Airflow connection with the app codes and token keys of its apps, as JSON; more: other fields."""
        return json.dumps(connection(self.url, self.app.settings) | more)


def connection(url: str, settings: Settings) -> dict[str, Any]:
    """The fields of an Airflow connection to a stand-in."""
    by_product: dict[str, tuple[str, App]] = {app.product: (code, app) for code, app in settings.apps.items()}
    code, lms = by_product.pop("lms")
    extra = {"company": "10", "lms_version": lms.version}
    for product, (app_code, app) in by_product.items():
        extra |= {
            f"{product}_app_code": app_code,
            f"{product}_token_key": app.key,
            f"{product}_version": app.version,
        }
    host = f"{url}/tassweb/api/"
    return {"conn_type": "tass", "host": host, "login": code, "password": lms.key, "extra": extra}


@contextmanager
def running_tass(folder: Path, settings: Settings | None = None, *, port: int = 0) -> Iterator[TassServer]:
    """A stand-in in a thread of this process, on a free loopback port; stopped at the end of the block."""
    app = TassApp(folder, settings or Settings())
    with listening_socket(port) as listening:
        server = quiet_server(app)
        listening.listen(128)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="tass", daemon=True)
        thread.start()
        try:
            yield TassServer(f"http://{LOOPBACK}:{listening.getsockname()[1]}", app)
        finally:
            server.should_exit = True
            thread.join(timeout=30)


def serve(folder: Path, settings: Settings, *, port: int, host: str = LOOPBACK) -> None:
    """Run until interrupted, after one line that tells the address."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    with listening_socket(port, host) as listening:
        print(f"TASS listens at http://{host}:{listening.getsockname()[1]}", flush=True)
        quiet_server(TassApp(folder, settings)).run(sockets=[listening])
