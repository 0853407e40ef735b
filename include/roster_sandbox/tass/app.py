"""What answers: app, company, version and token first, then faults, then the method."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from pydantic import ValidationError

from roster_sandbox.serving import Receive, Scope, Send
from roster_sandbox.tass.cipher import Unreadable, decrypted
from roster_sandbox.tass.export import RECORDS
from roster_sandbox.tass.faults import Fault, Faults
from roster_sandbox.tass.replies import answered, cropped, missing
from roster_sandbox.tass.settings import App, Settings

PATHS = ("/tassweb/api/", "/tassweb/api/index.cfm")
_PAGE = b"<!DOCTYPE html><html><head><title>500 - Internal server error.</title></head><body></body></html>"
_OTHER_KEY = "ABEiM0RVZneImaq7zN3u/w=="


class TassApp:
    """One stand-in, as an ASGI application.

    asked: `product.method` of every request that came as far as its token, in lower case; urls, headers: of each.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.settings = settings
        self.folder = folder
        self.apps = dict(settings.apps)
        self.faults = Faults()
        self.asked: list[str] = []
        self.urls: list[str] = []
        self.headers: list[list[tuple[bytes, bytes]]] = []
        self._read: tuple[int, int] | None = None
        self._records: dict[str, dict[str, Any]] = {}

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """By company, then product.method → records, read anew whenever the folder's are replaced."""
        state = (self.folder / RECORDS).stat()
        if (found := (state.st_mtime_ns, state.st_ino)) != self._read:
            self._records, self._read = json.loads((self.folder / RECORDS).read_bytes()), found
        return self._records

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        path, query = scope["path"], scope["query_string"].decode("latin-1")
        if path == "/sandbox/faults":
            await self._control(scope, receive, send)
        elif path not in PATHS:
            await _answer(send, 404, _PAGE, b"text/html; charset=utf-8")
        else:
            self.urls.append(f"{path}?{query}" if query else path)
            self.headers.append([(name, value) for name, value in scope["headers"]])
            body = (await _body(receive)).decode("latin-1") if scope["method"] == "POST" else ""
            await self._api(dict(parse_qsl(query) + parse_qsl(body)), scope, receive, send)

    async def _control(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            try:
                self.faults.add(Fault.model_validate_json(await _body(receive)))
            except ValidationError as wrong:
                await _json(send, 422, {"message": str(wrong)})
                return
        else:
            self.faults.clear()
        await _json(send, 200, {})

    async def _api(self, fields: dict[str, str], scope: Scope, receive: Receive, send: Send) -> None:
        app = self.apps.get(fields.get("appcode", ""))
        if app is None or fields.get("v") != app.version or not self._serves(app, fields.get("company", "")):
            await _json(send, 401, {"__msg": "NOT AUTHORISED"})
            return
        method = f"{app.product}.{fields.get('method', '').lower()}"
        try:
            parameters = decrypted(fields.get("token", ""), app.key)
        except Unreadable:
            await _answer(send, 500, _PAGE, b"text/html; charset=utf-8")
            return
        self.asked.append(method)
        fault = self.faults.of(method)
        if fault is None or not await self._suffer(fault, fields["appcode"], scope, receive, send):
            await self._reply(method, fields["company"], parameters, app.version, fault, (scope, receive, send))

    def _serves(self, app: App, company: str) -> bool:
        return company in self.records and (not app.companies or company in app.companies)

    async def _suffer(self, fault: Fault, code: str, scope: Scope, receive: Receive, send: Send) -> bool:
        """Whether the fault was the answer; one that changes what is answered is left to `_reply`."""
        said: dict[str, Any] = {
            "invalid": {"__invalid": {"currentstatus": "Value is not a valid status.", "code": "Invalid Student Code"}},
            "msg": {"__msg": "'codeonly' IS REQUIRED", "__tassversion": "01.060.2.100"},
            "error": {"error": "invalid_request", "error_description": "Ms Personal Data is not known"},
            "not_agreed": {name: [{"general_details": ["x"]}] for name in ("students", "campuses", "employees")}
            | {"teachers": [[]], "parents": [{"1": 7}], "timetables": [3], "T1": [5]},
        }
        if fault.name == "server_error":
            await _answer(send, fault.status, _PAGE, b"text/html; charset=utf-8")
        elif fault.name == "cut":
            await _drop(scope, receive)
        elif fault.name == "html":
            await _answer(send, 200 if fault.status == 503 else fault.status, _PAGE, b"text/html; charset=utf-8")
        elif fault.name == "not_json":
            await _answer(send, 200, b'{"students":[}')
        elif fault.name == "huge":
            await _answer(send, 200, b'{"students":["' + b"x" * fault.bytes + b'"]}')
        elif fault.name in said:
            await _json(send, self.settings.invalid_status, said[fault.name])
        else:
            if fault.name == "slow":
                await asyncio.sleep(fault.seconds)
            elif fault.name == "key_changed":
                self.apps[code] = replace(self.apps[code], key=_OTHER_KEY)
            return False
        return True

    async def _reply(
        self,
        method: str,
        company: str,
        parameters: dict[str, Any],
        version: str,
        fault: Fault | None,
        asgi: tuple[Scope, Receive, Send],
    ) -> None:
        scope, receive, send = asgi
        name = fault.name if fault else None
        if method.split(".")[1].startswith(("set", "add", "delete")):
            await _json(send, 200, {"__status": "success", "__invalid": {}})
            return
        if method not in self.records[company]:
            await _json(send, 200, {"__msg": "METHOD IS NOT KNOWN"})
            return
        if invalid := missing(method, parameters):
            await _json(send, self.settings.invalid_status, {"__invalid": invalid})
            return
        reply = answered(method, self.records[company][method], parameters, version)
        if fault and name in ("filtered", "empty"):
            reply = cropped(method, reply, fault.records if name == "filtered" else 1_000_000)
        if name == "other":
            reply["token"] = dict.fromkeys(reply["token"], "other")
        body = json.dumps(reply, ensure_ascii=False).encode()
        if fault and name == "truncated":
            await _answer(send, 200, body[: fault.bytes])
        elif name == "cut_body":
            await _answer(send, 200, body[: len(body) // 2], length=len(body))
            await _drop(scope, receive)
        else:
            await _answer(send, 200, body, self.settings.content_type.encode())


async def _body(receive: Receive) -> bytes:
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


async def _json(send: Send, status: int, content: Any) -> None:
    await _answer(send, status, json.dumps(content).encode())


async def _answer(
    send: Send, status: int, body: bytes, kind: bytes = b"application/json; charset=utf-8", *, length: int | None = None
) -> None:
    """An answer; with a length that is more than the body's it is left unfinished."""
    size = str(len(body) if length is None else length).encode()
    lines = [(b"content-type", kind), (b"content-length", size)]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body, "more_body": length is not None})
