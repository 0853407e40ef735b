"""Airflow's own API server, in this process, with a stand-in for Canvas and a tenant that names it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn

from roster.canvas_scopes import all_scopes
from roster_sandbox.canvas import Canvas, running_canvas
from roster_sandbox.canvas.keys import DeveloperKey
from roster_sandbox.serving import listening_socket

CLIENT_ID, SECRET = "10000000000007", "Secr3t-of-the-page"
CONNECTION = "canvas_of_the_page"


@dataclass(frozen=True)
class Place:
    """Where both are."""

    url: str
    canvas: Canvas

    @contextmanager
    def client(self, user: str | None) -> Iterator[httpx.Client]:
        """As one of Airflow's users, with the cookie that its log-in page sets; nobody where there is none."""
        with httpx.Client(base_url=self.url, trust_env=False, timeout=30) as http:
            if user is not None:
                http.cookies.set("_token", self.token(user))
            yield http

    def token(self, user: str) -> str:
        """The log-in of one of Airflow's users."""
        said = httpx.post(f"{self.url}/auth/token", json={"username": user, "password": user}, trust_env=False)
        return str(said.raise_for_status().json()["access_token"])


@pytest.fixture(scope="session")
def api_server(airflow_db: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Airflow's API server, on a free port."""
    folder = tmp_path_factory.mktemp("api")
    passwords = folder / "passwords.json"
    passwords.write_text(json.dumps({name: name for name in ("admin", "viewer")}))
    with listening_socket(0) as listening, pytest.MonkeyPatch.context() as patch:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        patch.setenv("AIRFLOW__API__BASE_URL", url)
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "admin:admin,viewer:viewer")
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(passwords))
        from airflow.api_fastapi.app import create_app, purge_cached_app

        server = uvicorn.Server(
            uvicorn.Config(create_app(apps="core"), log_config=None, access_log=False, lifespan="on", ws="none")
        )
        listening.listen(128)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield url
        finally:
            server.should_exit = True
            thread.join(timeout=30)
            purge_cached_app()


@pytest.fixture
def place(api_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A stand-in whose key enforces the scopes, and a tenant that names one connection to it."""
    key = DeveloperKey(CLIENT_ID, SECRET, (f"{api_server}/roster/canvas/authorize",), frozenset(all_scopes()))
    with running_canvas(tmp_path / "canvas", keys=(key,), name="Banksia Schools") as canvas:
        host = canvas.url.removeprefix("http://")
        tenants = tmp_path / "tenants"
        tenants.mkdir()
        (tenants / "banksia.yaml").write_text(
            "id: banksia\nname: Banksia\ntimezone: Australia/Brisbane\nschedule: '0 2 * * *'\n"
            "sources: [{name: clever, system: clever, connection: clever_banksia}]\n"
            f"canvas: {{test: {{connection: {CONNECTION}, hosts: ['{host}']}}}}\n"
        )
        monkeypatch.setenv("ROSTER_TENANTS", str(tenants))
        monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
        _forget()
        yield Place(api_server, canvas)
        _forget()


def _forget() -> None:
    from airflow.models.connection import Connection  # noqa: TID251 - as Airflow keeps it
    from airflow.utils.session import create_session

    with create_session() as session:
        session.query(Connection).filter_by(conn_id=CONNECTION).delete()
    os.environ.pop(f"AIRFLOW_CONN_{CONNECTION.upper()}", None)
