"""What stands before the API: faults of requests, tokens, and the leaky bucket that throttles them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from roster_sandbox.canvas import faults
from roster_sandbox.canvas.sandbox import UNAUTHORIZED, Sandbox

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_AUTHENTICATE = [(b"www-authenticate", b'Bearer realm="canvas-lms"')]
_DEAD = {"errors": [{"message": "Invalid access token."}]}
_SCOPES = {"errors": [{"message": "Insufficient scopes on access token."}]}
_NOBODY = {"status": "unauthenticated", "errors": [{"message": "user authorization required"}]}
_DISABLED = {"errors": ["SIS imports are not enabled for this account"]}
_BROKEN = {
    "errors": [{"message": "An error occurred.", "error_code": "internal_server_error"}],
    "error_report_id": 1,
}
_THROTTLED = b"403 Forbidden (Rate Limit Exceeded)\n"
_HTML = b"<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%s</h1></body></html>"


class Leaky:
    """How full each token's bucket is: it drains by the second, and every running request holds some back."""

    def __init__(self) -> None:
        self._levels: dict[str, tuple[float, float]] = {}

    def level(self, token: str, size: faults.Bucket) -> float:
        """How full it is now."""
        level, since = self._levels.get(token, (0.0, time.monotonic()))
        return max(0.0, level - (time.monotonic() - since) * size.leak)

    def add(self, token: str, size: faults.Bucket, amount: float) -> float:
        """Pour in (or give back); returns the new level."""
        level = min(size.capacity, max(0.0, self.level(token, size) + amount))
        self._levels[token] = (level, time.monotonic())
        return level


class Gate:
    """ASGI before ASGI. Only /api/v1 is guarded; files have their signatures, /sandbox has nothing to guard."""

    def __init__(self, app: App, sandbox: Sandbox) -> None:
        self._app = app
        self._sandbox = sandbox
        self._buckets = Leaky()
        self._late: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or do to it what a fault, a dead token or a full bucket demands."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["state"]["sandbox"] = self._sandbox
        _keep_slashes(scope)
        if not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        fault = self._sandbox.faults.of_request(scope["method"], scope["path"])
        scope["state"]["fault"] = fault
        if fault is not None and await self._suffer(fault, scope, receive, send):
            return
        if isinstance(fault, faults.AnswerLost):
            await self._enter(scope, receive, _swallow)
            await _drop(scope, receive)
            return
        await self._enter(scope, receive, send)

    async def _suffer(self, fault: faults.RequestFault, scope: Scope, receive: Receive, send: Send) -> bool:
        """Whether the fault was the answer."""
        if isinstance(fault, faults.CutUpload):
            await _read(receive, fault.bytes)
            await _drop(scope, receive)
            return True
        if isinstance(fault, faults.LatePost):
            body = await _read(receive)
            await _drop(scope, receive)
            self._later(fault.seconds, scope, body)
            return True
        if isinstance(fault, faults.SlowAnswer):
            body = await _read(receive)  # so that it is carried out even if the client has gone by then
            await asyncio.sleep(fault.seconds)
            await self._enter(scope, _replay(body), send)
            return True
        answer = _answer(fault)
        if answer is None:
            return False
        await _read(receive)
        await _reply(send, *answer)
        return True

    def _later(self, seconds: float, scope: Scope, body: bytes) -> None:
        async def arrive() -> None:
            await asyncio.sleep(seconds)
            await self._enter(scope, _replay(body), _swallow)

        task = asyncio.get_running_loop().create_task(arrive())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = _token(scope)
        grant = self._sandbox.grant_of(token) if token is not None else None
        if grant is None:
            await _read(receive)
            await _reply(send, 401, _NOBODY if token is None else _DEAD, _AUTHENTICATE)
            return
        if not grant.lets(scope["method"], scope["path"]):
            await _read(receive)
            await _reply(send, 401, _SCOPES, [])
            return
        if grant.drops_includes:
            scope["query_string"] = _without_includes(scope["query_string"])
        scope["state"]["grant"] = grant
        size = self._sandbox.faults.bucket()
        key = str(token)
        if self._buckets.level(key, size) >= size.high_water:
            await _read(receive)
            headers = [(b"x-rate-limit-remaining", b"0.0"), (b"x-request-cost", b"0.0")]
            await _reply(send, 403, _THROTTLED, headers)
            return
        self._buckets.add(key, size, size.up_front)
        started = time.monotonic()
        poured = False

        async def counted(message: Message) -> None:
            nonlocal poured
            if message["type"] == "http.response.start":
                cost = time.monotonic() - started if size.request_cost is None else size.request_cost
                level = self._buckets.add(key, size, cost - size.up_front)
                poured = True
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-cost", str(cost).encode()),
                    (b"x-rate-limit-remaining", str(size.high_water - level).encode()),
                ]
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            if not poured:
                self._buckets.add(key, size, -size.up_front)


def _answer(fault: faults.RequestFault) -> tuple[int, Any, list[tuple[bytes, bytes]]] | None:
    if isinstance(fault, faults.Throttle):
        return (
            fault.status,
            _THROTTLED.replace(b"403 Forbidden", str(fault.status).encode()),
            [(b"x-rate-limit-remaining", b"0.0")],
        )
    if isinstance(fault, faults.ServerError):
        return 500, _BROKEN, []
    if isinstance(fault, faults.BadGateway):
        title = str(fault.status).encode()
        return fault.status, _HTML % (title, b"The server is busy"), []
    if isinstance(fault, faults.HtmlPage):
        return 200, _HTML % (b"Canvas", b"Down for maintenance"), []
    if isinstance(fault, faults.TokenDead):
        return 401, _DEAD, _AUTHENTICATE
    if isinstance(fault, faults.NoPermission):
        return fault.status, UNAUTHORIZED, []
    if isinstance(fault, faults.SisDisabled):
        return 403, _DISABLED, []
    return None


def _token(scope: Scope) -> str | None:
    headers = dict(scope["headers"])
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _keep_slashes(scope: Scope) -> None:
    """Decode the path segment by segment: an encoded slash belongs to an id and must not split it."""
    raw = bytes(scope.get("raw_path") or b"").split(b"?")[0].decode("latin-1")
    scope["written_path"] = raw
    scope["path"] = "/".join(unquote(part).replace("/", "\ue000") for part in raw.split("/"))


def _without_includes(query: bytes) -> bytes:
    """Drop `include[]` as Canvas does for a key that does not allow it: without a word. `uuid` passes."""
    named = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    passing = [(name, value) for name, value in named if name not in {"include[]", "includes[]"} or value == "uuid"]
    return query if len(passing) == len(named) else urlencode(passing).encode()


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _swallow(_message: Message) -> None:
    """Nobody listens any more."""


async def _read(receive: Receive, enough: int | None = None) -> bytes:
    """The body, or its beginning."""
    body = b""
    while enough is None or len(body) < enough:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            break
    return body


async def _drop(scope: Scope, receive: Receive) -> None:
    """Close the connection under the client, and wait until the server has noticed."""
    scope["state"]["transport"].abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _reply(send: Send, status: int, body: Any, headers: list[tuple[bytes, bytes]]) -> None:
    """A short answer: JSON, HTML, or text."""
    if isinstance(body, bytes):
        kind = b"text/html; charset=utf-8" if body.startswith(b"<") else b"text/plain; charset=utf-8"
    else:
        kind, body = b"application/json; charset=utf-8", json.dumps(body).encode()
    lines = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
