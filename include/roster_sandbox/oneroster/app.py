"""What answers: faults first, then credentials, then lists and single objects."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

from pydantic import ValidationError

from roster_sandbox.oneroster.faults import Fault, Faults
from roster_sandbox.oneroster.gate import Gate
from roster_sandbox.oneroster.settings import Settings
from roster_sandbox.oneroster.shelf import BASES, LISTS, OF_A_SCHOOL, Shelf
from roster_sandbox.serving import Receive, Scope, Send

_PAGE = b"<!DOCTYPE html><html><head><title>Portal</title></head><body><h1>Sign in</h1></body></html>"
_SAID = {
    "unauthorised": (401, "unauthorisedrequest"),
    "forbidden": (403, "forbidden"),
    "not_found": (404, "unknownobject"),
    "bad_request": (400, "invaliddata"),
    "too_large": (413, "invaliddata"),
}
_SINGLE = {"classes": "class", "demographics": "demographics"}
Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Query:
    """What a list is asked for. path: as it was asked, for links."""

    path: str
    name: str
    school: str | None
    limit: int
    offset: int
    in_order: bool

    def link(self, rel: str, offset: int) -> str:
        """A link of a page, relative to the host."""
        order = {"sort": "sourcedId", "orderBy": "asc"} if self.in_order else {}
        return f'<{self.path}?{urlencode({"limit": self.limit, "offset": offset} | order)}>; rel="{rel}"'


class OneRosterApp:
    """One stand-in, as an ASGI application. asked: path and query of each request of the service so far."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.settings = settings
        self.shelf = Shelf(folder)
        self.faults = Faults()
        self.gate = Gate(settings)
        self.asked: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        path, query = scope["path"], scope["query_string"].decode("latin-1")
        self.shelf.refresh()
        base = BASES[self.shelf.version]
        if path == "/sandbox/faults":
            await self._control(scope, receive, send)
        elif path == "/token" and scope["method"] == "POST":
            body = (await _read(receive)).decode("latin-1")
            fault = self.faults.of(path)
            if fault is None or not await self._suffer(fault, path, scope, receive, send):
                await _json(send, *self.gate.token(_header(scope, b"authorization"), body))
        elif path.startswith(f"{base}/"):
            self.asked.append(f"{path}?{query}" if query else path)
            await self._service(scope, path, query, receive, send)
        else:
            await self._refuse(send, 404, "unknownobject")

    async def _control(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            try:
                self.faults.add(Fault.model_validate_json(await _read(receive)))
            except ValidationError as wrong:
                await _json(send, 422, {"message": str(wrong)})
                return
        else:
            self.faults.clear()
        await _json(send, 200, {})

    async def _service(self, scope: Scope, path: str, query: str, receive: Receive, send: Send) -> None:
        fault = self.faults.of(f"{path}?{query}" if query else path)
        if fault is not None and await self._suffer(fault, path, scope, receive, send):
            return
        url = f"{scope.get('scheme', 'http')}://{_header(scope, b'host')}{path}"
        if scope["method"] != "GET" or not self.gate.admits("GET", url, query, _header(scope, b"authorization")):
            await self._refuse(send, 401, "unauthorisedrequest")
            return
        asked = self._asked(path, query)
        if isinstance(asked, tuple):
            await self._refuse(send, *asked)
        elif isinstance(asked, Query):
            await self._list(asked, fault, scope, receive, send)
        else:
            await _json(send, 200, asked)

    async def _suffer(self, fault: Fault, path: str, scope: Scope, receive: Receive, send: Send) -> bool:
        """Whether the fault was the answer; one that changes what is answered is left to `_list`."""
        if fault.name == "rate_limited":
            await self._refuse(send, 429, "server_busy", [("retry-after", str(fault.seconds))])
        elif fault.name == "server_error":
            await self._refuse(send, fault.status, "internal_server_error")
        elif fault.name == "cut":
            await _drop(scope, receive)
        elif fault.name == "html":
            await _answer(send, 200, _PAGE, kind="text/html; charset=utf-8")
        elif fault.name == "not_json":
            await _answer(send, 200, b'{"users":[}')
        elif fault.name == "not_agreed":
            await _json(send, 200, {name: [{"sourcedId": {}}] for name in LISTS})
        elif fault.name in _SAID:
            await self._refuse(send, *_SAID[fault.name])
        else:
            await self._change(fault, path.rpartition("/")[2])
            return False
        return True

    async def _change(self, fault: Fault, name: str) -> None:
        """What happens to the district, the tokens or the time before the answer."""
        if fault.name == "slow":
            await asyncio.sleep(fault.seconds)
        elif fault.name == "tokens_gone":
            self.gate.expire()
        elif name in LISTS and fault.name == "deleted":
            self.shelf.replace(name, fault.records, 0, "")
        elif name in LISTS and fault.name == "created":
            self.shelf.replace(name, 0, fault.records, "!")
        elif name in LISTS and fault.name == "replaced":
            self.shelf.replace(name, fault.records, fault.records, "~")

    def _asked(self, path: str, query: str) -> Query | tuple[int, str] | Any:
        """The list that is asked for, an object, or a status with its code where it is neither."""
        parts = path.removeprefix(f"{BASES[self.shelf.version]}/").split("/")
        given = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
        school = parts[1] if len(parts) == 3 and parts[0] == "schools" and parts[2] in OF_A_SCHOOL else None
        if school is None and (len(parts) > 2 or parts[0] not in LISTS):
            return 404, "unknownobject"
        if school is not None and school not in {one["sourcedId"] for one in self._whole("schools")}:
            return 404, "unknownobject"
        if len(parts) == 2:
            found = [one for one in self._whole(parts[0]) if one["sourcedId"] == parts[1]]
            kind = LISTS[parts[0]].kind
            return {_SINGLE.get(kind, kind[:-1]): found[0]} if found else (404, "unknownobject")
        return self._query(path, parts[-1], school, given)

    def _query(self, path: str, name: str, school: str | None, given: dict[str, str]) -> Query | tuple[int, str]:
        limit, offset = given.get("limit", str(self.settings.usual)), given.get("offset", given.get("cursor", "0"))
        if "sort" in given and (not self.settings.sorts or given["sort"] != "sourcedId"):
            return 400, "invalid_sort_field"
        if "filter" in given or "fields" in given:
            return 400, "invalid_selection_field"
        if not limit.isdecimal() or not offset.isdecimal() or not int(limit):
            return 400, "invaliddata"
        return Query(path, name, school, int(limit), int(offset), "sort" in given)

    def _whole(self, name: str) -> list[Any]:
        return self.shelf.list(name, None, in_order=False)

    async def _list(self, query: Query, fault: Fault | None, scope: Scope, receive: Receive, send: Send) -> None:
        name, records = (fault.name, fault.records) if fault else ("", 0)
        whole = self.shelf.list(query.name, query.school, in_order=query.in_order)
        offset = 0 if name == "repeated" else query.offset + (records if name == "skipped" else 0)
        most = min(query.limit, self.settings.most, records if name == "capped" else query.limit)
        page = [] if name == "empty" else whole[offset : offset + most]
        body = json.dumps({LISTS[query.name].kind: page}, ensure_ascii=False).encode()
        headers: Headers = []
        if self.settings.totals and name != "no_total":
            headers.append(("x-total-count", str(len(whole) + (records if name == "wrong_total" else 0))))
        if self.settings.links and name not in ("no_next", "empty"):
            headers.append(("link", ", ".join(_links(query, len(whole), len(page), name))))
        if name == "cut_body":
            await _answer(send, 200, body[: len(body) // 2], headers, length=len(body))
            await _drop(scope, receive)
        else:
            await _answer(send, 200, body[: len(body) // 2] if name == "truncated" else body, headers)

    async def _refuse(self, send: Send, status: int, minor: str, headers: Headers | None = None) -> None:
        key = "imsx_CodeMinor" if self.shelf.version == "1.2" else "imsx_codeMinor"
        field = {"imsx_codeMinorFieldName": "TargetEndSystem", "imsx_codeMinorFieldValue": minor}
        content = {
            "imsx_codeMajor": "failure",
            "imsx_severity": "error",
            "imsx_description": f"Sandbox: {minor}",
            key: {"imsx_codeMinorField": [field]},
        }
        await _answer(send, status, json.dumps(content).encode(), headers)


def _links(query: Query, total: int, count: int, fault: str) -> list[str]:
    """The links of a page of `count` records. The next one begins where this one ended."""
    links = [query.link("first", 0), query.link("last", max(0, total - query.limit))]
    if query.offset:
        links.append(query.link("prev", max(0, query.offset - query.limit)))
    if fault == "circle":
        links.append(query.link("next", query.offset))
    elif fault == "elsewhere":
        links.append('<https://elsewhere.example/ims/oneroster/v1p1/users?limit=1>; rel="next"')
    elif fault == "by_cursor" and query.offset + count < total:
        links.append(f'<{query.path}?cursor={query.offset + count}&limit={query.limit}&sort=sourcedId>; rel="next"')
    elif query.offset + count < total:
        links.append(query.link("next", query.offset + count))
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


async def _json(send: Send, status: int, content: Any) -> None:
    await _answer(send, status, json.dumps(content, ensure_ascii=False).encode())


async def _answer(
    send: Send,
    status: int,
    body: bytes,
    headers: Headers | None = None,
    *,
    kind: str = "application/json; charset=utf-8",
    length: int | None = None,
) -> None:
    """An answer; with a length that is more than the body's it is left unfinished."""
    lines = [("content-type", kind), ("content-length", str(len(body) if length is None else length)), *(headers or [])]
    encoded = [(name.encode(), value.encode()) for name, value in lines]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body, "more_body": length is not None})
