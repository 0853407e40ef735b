"""Pages as Canvas hands them out: a Link header with bookmarks that mean nothing to anyone else, and no last page."""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from fastapi import Request

from roster_sandbox.canvas.options import Refused

SMALLEST, LARGEST = 10, 100
NOT_FOUND = {"errors": [{"message": "The specified resource does not exist."}]}


def page(
    request: Request, db: sqlite3.Connection, query: str, parameters: Sequence[Any], *, newest_first: bool = False
) -> tuple[list[sqlite3.Row], dict[str, str]]:
    """One page of a query that has an `id` column, and its Link header."""
    size = _size(request.query_params.get("per_page"))
    mark = _read(request.query_params.get("page"))
    compare, order = ("<", "DESC") if newest_first else (">", "ASC")
    where = f"WHERE id {compare} ?" if mark is not None else ""
    rows = db.execute(
        f"SELECT * FROM ({query}) {where} ORDER BY id {order} LIMIT ?",  # noqa: S608 - all parts are ours
        (*parameters, *(() if mark is None else (mark,)), size + 1),
    ).fetchall()
    more = len(rows) > size
    rows = rows[:size]
    links = [_link(request, request.query_params.get("page") or "first", size, "current")]
    if more:
        links.append(_link(request, _written(int(rows[-1]["id"])), size, "next"))
    links.append(_link(request, "first", size, "first"))
    return rows, {"Link": ",".join(links)}


def _size(given: str | None) -> int:
    if given is None or not given.isdecimal() or int(given) == 0:
        return SMALLEST
    return min(int(given), LARGEST)


def _link(request: Request, mark: str, size: int, relation: str) -> str:
    others = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in {"page", "per_page", "access_token"}
    ]
    path = request.scope.get("written_path", request.url.path)
    address = f"{request.url.scheme}://{request.url.netloc}{path}"
    return f'<{address}?{urlencode([*others, ("page", mark), ("per_page", str(size))])}>; rel="{relation}"'


def _written(last: int) -> str:
    return "bookmark:" + base64.urlsafe_b64encode(json.dumps([last]).encode()).decode().rstrip("=")


def _read(mark: str | None) -> int | None:
    if mark in {None, "first", "1"}:
        return None
    try:
        text = str(mark).removeprefix("bookmark:")
        if text == mark:
            raise Refused(404, NOT_FOUND)
        return int(json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))[0])
    except (ValueError, TypeError, KeyError, IndexError, binascii.Error) as error:
        raise Refused(404, NOT_FOUND) from error
