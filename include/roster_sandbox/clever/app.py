"""What answers: tokens and the rate of requests first, then faults, then lists and single objects."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from pydantic import ValidationError

from roster_sandbox.clever.faults import Fault, Faults
from roster_sandbox.clever.settings import Settings
from roster_sandbox.clever.shelf import VERSION, Query, Record, Shelf, listed, record
from roster_sandbox.serving import Receive, Scope, Send

KINDS = ("districts", "schools", "users", "sections", "courses", "terms")
_PAGE = b"<!DOCTYPE html><html><head><title>Clever</title></head><body><h1>Log in with Clever</h1></body></html>"
_SAID = {
    "not_found": (404, "Resource not found"),
    "bad_request": (400, "Bad request"),
    "too_large": (413, "Request entity too large"),
}


class CleverApp:
    """One stand-in, as an ASGI application. asked: how many requests of the API it has seen, by path."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.settings = settings
        self.shelf = Shelf(folder)
        self.faults = Faults()
        self.token = settings.token
        self.asked: dict[str, int] = {}
        self._rotations = 0
        self._window: tuple[int, dict[str, int]] = (0, {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        path, query = scope["path"], scope["query_string"].decode("latin-1")
        self.shelf.refresh()
        if path.startswith("/sandbox/"):
            await self._control(scope, path, receive, send)
        elif path == "/oauth/tokens":
            await _json(send, *self._tokens(scope, query))
        elif path.startswith(f"{VERSION}/"):
            self.asked[path] = self.asked.get(path, 0) + 1
            await self._api(scope, path, query, receive, send)
        else:
            await _said(send, 404, "Not found")

    async def _control(self, scope: Scope, path: str, receive: Receive, send: Send) -> None:
        if path != "/sandbox/faults":
            await _said(send, 404, "Not found")
            return
        if scope["method"] == "POST":
            try:
                self.faults.add(Fault.model_validate_json(await _read(receive)))
            except ValidationError as wrong:
                await _said(send, 422, str(wrong))
                return
        else:
            self.faults.clear()
        await _json(send, 200, {})

    def _tokens(self, scope: Scope, query: str) -> tuple[int, Any]:
        """The token list, for the app's client id and secret."""
        pair = f"{self.settings.client_id}:{self.settings.client_secret}"
        if _header(scope, b"authorization") != "Basic " + base64.b64encode(pair.encode()).decode():
            return 401, {"message": "Unauthorized"}
        district = self.shelf.lists["districts"][0].id
        wanted = parse_qs(query)
        row = {
            "id": f"{district[:-1]}f",
            "created": "2026-01-01T00:00:00.000Z",
            "owner": {"type": "district", "id": district},
            "access_token": self.token,
            "scopes": ["read:district_admins", "read:students", "read:teachers"],
        }
        return 200, {"data": [row] if wanted.get("district", [district]) == [district] else []}

    async def _api(self, scope: Scope, path: str, query: str, receive: Receive, send: Send) -> None:
        fault = self.faults.of(f"{path}?{query}" if query else path)
        if fault is not None and await self._suffer(fault, path, scope, receive, send):
            return
        token = _header(scope, b"authorization").removeprefix("Bearer ")
        if token == self.settings.user_token:
            await _answer(send, 404, _PAGE, b"text/html; charset=utf-8")
        elif token != self.token:
            await _said(send, 401, "Unauthorized")
        elif (reset := self._over(token)) is not None:
            await _said(send, 429, "Too many requests", [(b"x-ratelimit-reset", str(reset).encode())])
        else:
            await self._get(path, query, fault, scope, receive, send)

    async def _suffer(self, fault: Fault, path: str, scope: Scope, receive: Receive, send: Send) -> bool:
        """Whether the fault was the answer; one that changes what is answered is left to `_get`."""
        if fault.name == "rate_limited":
            reset = str(int(time.time() + fault.seconds)).encode()
            await _said(send, 429, "Too many requests", [(b"x-ratelimit-reset", reset)])
        elif fault.name == "server_error":
            await _said(send, fault.status, "Internal error")
        elif fault.name == "cut":
            await _drop(scope, receive)
        elif fault.name == "html":
            await _answer(send, 200, _PAGE, b"text/html; charset=utf-8")
        elif fault.name == "not_json":
            await _answer(send, 200, b'{"data":[}')
        elif fault.name == "not_agreed":
            await _json(send, 200, {"data": [{"data": {"id": 7}}]})
        elif fault.name in _SAID:
            await _said(send, *_SAID[fault.name])
        else:
            await self._change(fault, path)
            return False
        return True

    async def _change(self, fault: Fault, path: str) -> None:
        """What happens to the district, the token or the time before the answer."""
        kind = path.removeprefix(f"{VERSION}/")
        if fault.name == "slow":
            await asyncio.sleep(fault.seconds)
        elif fault.name == "token_rotated":
            self._rotations += 1
            self.token = f"{self.settings.token}-{self._rotations}"
        elif fault.name == "synced":
            district = json.loads(self.shelf.lists["districts"][0].body)
            self.shelf.lists["districts"] = [record(district | {"last_sync": datetime.now(UTC).isoformat()})]
        elif fault.name == "deleted":
            for one in self.shelf.lists[kind][: fault.records]:
                self.shelf.take(kind, one.id)
        elif fault.name == "created":
            for number in range(fault.records):
                last = self.shelf.lists[kind][-1]
                content = json.loads(last.body) | {"id": f"f{number:023x}"}
                self.shelf.put(kind, record(content))

    async def _get(
        self, path: str, query: str, fault: Fault | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        kind, _, record_id = path.removeprefix(f"{VERSION}/").partition("/")
        if kind not in KINDS:
            await _said(send, 404, "Resource not found")
        elif record_id:
            found = self.shelf.find(kind, record_id)
            if found is None:
                await _said(send, 404, "Resource not found")
            else:
                await _answer(send, 200, b'{"data":' + found.body + b',"links":[]}')
        else:
            asked = self._asked(kind, query)
            if isinstance(asked, str):
                await _said(send, 413 if asked == "limit" else 400, asked)
            else:
                await self._list(asked, fault, scope, receive, send)

    def _asked(self, kind: str, query: str) -> Query | str:
        given = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
        limit = given.get("limit", str(self.settings.usual))
        if not limit.isdecimal() or not int(limit):
            return "limit must be a number"
        if int(limit) > self.settings.most:
            return "limit"
        return Query(
            kind,
            int(limit),
            given.get("role") if kind == "users" else None,
            given.get("starting_after"),
            given.get("ending_before"),
            given.get("count") == "true" and self.settings.counts,
        )

    async def _list(self, query: Query, fault: Fault | None, scope: Scope, receive: Receive, send: Send) -> None:
        name = fault.name if fault else None
        back = fault.records if fault and name == "repeated" and query.starting_after else 0
        records, page = self.shelf.page(query, back)
        if name == "empty":
            page = []
        links = _links(query, records, page, name)
        body = listed(query, page, links, len(records) if query.count else None)
        if name == "truncated":
            await _answer(send, 200, body[: len(body) // 2])
        elif name == "cut_body":
            await _answer(send, 200, body[: len(body) // 2], length=len(body))
            await _drop(scope, receive)
        else:
            await _answer(send, 200, body)

    def _over(self, token: str) -> int | None:
        """When the token may ask again, in seconds since 1970; None while it has requests left. Counts this one."""
        number = int(time.time() // self.settings.window)
        if number != self._window[0]:
            self._window = (number, {})
        counts = self._window[1]
        counts[token] = counts.get(token, 0) + 1
        return int((number + 1) * self.settings.window + 1) if counts[token] > self.settings.requests else None


def _links(query: Query, records: list[Record], page: list[Record], fault: str | None) -> list[dict[str, str]]:
    here = {"starting_after": query.starting_after} if query.starting_after else {}
    links = [query.link("self", **here)]
    if page and page[0] is not records[0]:
        links.append(query.link("prev", ending_before=page[0].id))
    if fault == "circle":
        links.append(query.link("next", **here))
    elif fault == "elsewhere":
        links.append({"rel": "next", "uri": "https://elsewhere.example/v3.1/users?limit=1"})
    elif page and page[-1] is not records[-1] and fault not in ("no_next", "empty"):
        links.append(replace(query).link("next", starting_after=page[-1].id))
    return links


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


async def _drop(scope: Scope, receive: Receive) -> None:
    """Close the connection under the client, and wait until the server has noticed."""
    scope["state"]["transport"].abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _said(send: Send, status: int, message: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    await _answer(send, status, json.dumps({"message": message}).encode(), headers=headers)


async def _json(send: Send, status: int, content: Any) -> None:
    await _answer(send, status, json.dumps(content).encode())


async def _answer(
    send: Send,
    status: int,
    body: bytes,
    kind: bytes = b"application/json; charset=utf-8",
    *,
    length: int | None = None,
    headers: list[tuple[bytes, bytes]] | None = None,
) -> None:
    """An answer; with a length that is more than the body's it is left unfinished."""
    size = str(len(body) if length is None else length).encode()
    lines = [(b"content-type", kind), (b"content-length", size), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body, "more_body": length is not None})
