"""The second host: where files lie. It knows signatures only, and turns away whoever shows it a token of Canvas."""

from __future__ import annotations

import secrets
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

from roster_sandbox.serving import Message, Receive, Scope, Send, listening_socket, quiet_server


@dataclass(frozen=True)
class Stored:
    """A file, whether its signature has expired, and whether the connection is cut in the middle of it."""

    path: Path
    expired: bool = False
    cut: bool = False


class FilesHost:
    """An address of its own, from the first file on."""

    def __init__(self) -> None:
        self._files: dict[str, Stored] = {}
        self._running = ExitStack()
        self._port: int | None = None
        self._lock = threading.Lock()

    def offer(self, host: str, stored: Stored) -> str:
        """An address at which the file can be had. host: the name by which Canvas itself is reached."""
        signature = secrets.token_urlsafe(24)
        self._files[signature] = stored
        with self._lock:
            if self._port is None:
                self._port = self._start(host)
        return f"http://{host}:{self._port}/files/{stored.path.name}?signature={signature}"

    def stop(self) -> None:
        """Close it, if it was ever opened."""
        with self._lock:
            self._running.close()
            self._port = None

    def _start(self, host: str) -> int:
        listening = self._running.enter_context(listening_socket(0, host))
        server = quiet_server(self)
        listening.listen(128)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="files", daemon=True)
        thread.start()

        def stop() -> None:
            server.should_exit = True
            thread.join(timeout=30)

        self._running.callback(stop)
        return int(listening.getsockname()[1])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand out the bytes, as an object store does."""
        if scope["type"] != "http":
            return
        stored = self._files.get(parse_qs(scope["query_string"].decode()).get("signature", [""])[0])
        if any(name == b"authorization" for name, _ in scope["headers"]):
            await _answer(send, 400, b"<Error><Code>InvalidArgument</Code></Error>")
        elif stored is None or stored.expired:
            await _answer(send, 403, b"<Error><Code>AccessDenied</Code></Error>")
        elif stored.cut:
            content = stored.path.read_bytes()
            await send(_start_of(200, len(content)))
            await send({"type": "http.response.body", "body": content[: len(content) // 2], "more_body": True})
            scope["state"]["transport"].close()
            await receive()
        else:
            await _answer(send, 200, stored.path.read_bytes())


async def _answer(send: Send, status: int, content: bytes) -> None:
    await send(_start_of(status, len(content)))
    await send({"type": "http.response.body", "body": content})


def _start_of(status: int, length: int) -> Message:
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", str(length).encode())]
    return {"type": "http.response.start", "status": status, "headers": headers}
