"""The server: the application put together, and run in a thread for tests or in a process of its own."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from roster_sandbox.canvas import api_imports, api_reading, api_reports, api_restoring, by_hand, control, oauth
from roster_sandbox.canvas.gate import Gate
from roster_sandbox.canvas.options import Refused
from roster_sandbox.canvas.paging import NOT_FOUND
from roster_sandbox.canvas.sandbox import Sandbox
from roster_sandbox.canvas.settings import Settings
from roster_sandbox.serving import LOOPBACK, listening_socket, quiet_server


@cache
def _routes() -> FastAPI:
    """What answers requests; it belongs to no stand-in, since the gate hands each request its own."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for router in (
        api_imports.router,
        api_imports.files,
        api_reading.router,
        oauth.router,
        control.router,
        by_hand.router,
        api_restoring.router,
        api_reports.router,
        api_reports.files,
    ):
        app.include_router(router)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _not_there)
    return app


def _refused(_request: Request, refusal: Exception) -> JSONResponse:
    assert isinstance(refusal, Refused)  # noqa: S101 - registered for nothing else
    headers = {"WWW-Authenticate": "Canvas OAuth 2.0"} if refusal.authenticate else None
    return JSONResponse(refusal.body, refusal.status, headers)


def _not_there(_request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, HTTPException) and error.status_code == 400:  # a multipart body that is none
        return JSONResponse({"errors": [{"message": "The body cannot be read"}]}, 400)
    return JSONResponse(NOT_FOUND, 404)


def uvicorn_server(sandbox: Sandbox) -> uvicorn.Server:
    """The server of one stand-in."""
    return quiet_server(Gate(_routes(), sandbox))


def serve(folder: Path, settings: Settings, *, port: int, host: str = LOOPBACK) -> None:
    """Run until interrupted, after one line that tells the address."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    sandbox = Sandbox(folder, settings)
    with listening_socket(port, host) as listening:
        sandbox.start()
        listening.listen(128)  # who reads the line may connect at once
        try:
            print(f"{settings.name} listens at http://{host}:{listening.getsockname()[1]}", flush=True)
            uvicorn_server(sandbox).run(sockets=[listening])
        finally:
            sandbox.stop()


class Canvas:
    """A running stand-in as a test holds it: its address and token, and what `/sandbox/…` offers."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token

    def state(self) -> dict[str, list[dict[str, Any]]]:
        """Everything there is, live and deleted."""
        found: dict[str, list[dict[str, Any]]] = self._call("GET", "/sandbox/state").json()
        return found

    def imports(self) -> list[dict[str, Any]]:
        """Every import that was taken, oldest first."""
        found: list[dict[str, Any]] = self._call("GET", "/sandbox/imports").json()["imports"]
        return found

    def posts_by_identifier(self) -> dict[str, int]:
        """How many imports were taken per data-set identifier."""
        found: dict[str, int] = self._call("GET", "/sandbox/imports").json()["posts_by_identifier"]
        return found

    def upload(self, import_id: int) -> bytes:
        """The bytes that were posted."""
        return self._call("GET", f"/sandbox/imports/{import_id}/upload").content

    def fault(self, name: str, **options: object) -> None:
        """Set a fault; see `faults` for names and options."""
        self._call("POST", "/sandbox/faults", {"name": name, **options})

    def clear_faults(self) -> None:
        """Forget all faults and let stuck imports go on."""
        self._call("DELETE", "/sandbox/faults")

    def edit(self, kind: str, sis_id: str, **fields: str | None) -> None:
        """Somebody changes fields of a thing in Canvas's pages; they become sticky."""
        self._call("POST", "/sandbox/edit", {"kind": kind, "sis_id": sis_id, "fields": fields})

    def by_hand(self, action: str, **fields: object) -> int:
        """Somebody does more than change a field; see `by_hand` for actions and fields. Canvas's number of it."""
        return int(self._call("POST", "/sandbox/by-hand", {"action": action, **fields}).json()["id"])

    def change_key(self, client_id: str, **changes: object) -> None:
        """Somebody changes a developer key: `is_on`, or its `scopes`."""
        self._call("POST", "/sandbox/keys", {"client_id": client_id, **changes})

    def oauth_tokens(self) -> list[dict[str, Any]]:
        """The tokens that developer keys were given, without the tokens: client_id, scopes, refreshes."""
        found: list[dict[str, Any]] = self._call("GET", "/sandbox/keys").json()["tokens"]
        return found

    def end_access(self) -> None:
        """The hour of every access token is over; refresh tokens go on."""
        self._call("POST", "/sandbox/keys", {"end_access": True})

    def refresh_from(self, other: Canvas) -> None:
        """Canvas writes another environment over this one: it keeps its address and name, nothing else."""
        self._call("POST", "/sandbox/refresh", {"source": other.url})

    def _call(self, method: str, path: str, body: object = None) -> httpx.Response:
        no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used, and costs nothing to make
        with httpx.Client(timeout=30, trust_env=False, verify=no_tls) as client:
            response = client.request(method, self.url + path, json=body)
        response.raise_for_status()
        return response


@contextmanager
def running_canvas(
    state: Path,
    *,
    tokens: Mapping[str, str] | None = None,
    port: int = 0,
    root_account_id: int = 1,
    name: str = "Sandbox Canvas",
    **more: Any,
) -> Iterator[Canvas]:
    """A stand-in in a thread of this process, on a free loopback port; stopped at the end of the block.

    `more` are further fields of Settings. Here the queue does not rest after an abort, unless told to.
    """
    if tokens:
        more["tokens"] = dict(tokens)
    settings = Settings(name=name, root_account_id=root_account_id, **{"pause_after_abort": 0.0, **more})
    sandbox = Sandbox(state, settings)
    with listening_socket(port) as listening:
        sandbox.start()
        server = uvicorn_server(sandbox)
        listening.listen(128)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="canvas", daemon=True)
        thread.start()
        try:
            yield Canvas(f"http://{LOOPBACK}:{listening.getsockname()[1]}", next(iter(settings.tokens)))
        finally:
            server.should_exit = True
            thread.join(timeout=30)
            sandbox.stop()
