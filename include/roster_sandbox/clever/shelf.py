"""The lists that are served, read anew whenever the folder's objects are replaced, and their pages."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from roster_sandbox.clever.export import OBJECTS

VERSION = "/v3.1"


@dataclass(frozen=True)
class Record:
    """An object, ready to be sent."""

    id: str
    roles: frozenset[str]
    body: bytes


@dataclass
class Query:
    """What a list is asked for."""

    kind: str
    limit: int
    role: str | None = None
    starting_after: str | None = None
    ending_before: str | None = None
    count: bool = False

    def link(self, rel: str, **cursor: str) -> dict[str, str]:
        """A link of a page, relative to the host."""
        query = {**({"role": self.role} if self.role else {}), **cursor, "limit": str(self.limit)}
        return {"rel": rel, "uri": f"{VERSION}/{self.kind}?{urlencode(query)}"}


@dataclass
class Shelf:
    """Every list, sorted by id."""

    folder: Path
    lists: dict[str, list[Record]] = field(default_factory=dict)
    _read: tuple[int, int] | None = None

    def refresh(self) -> None:
        """Read the folder anew if its objects are others."""
        try:
            state = (self.folder / OBJECTS).stat()
        except FileNotFoundError:
            return
        if (found := (state.st_mtime_ns, state.st_ino)) != self._read:
            content = json.loads((self.folder / OBJECTS).read_bytes())
            self.lists = {kind: sorted(map(record, objects), key=_id) for kind, objects in content.items()}
            self._read = found

    def find(self, kind: str, record_id: str) -> Record | None:
        """One record."""
        records = self.lists.get(kind, [])
        place = bisect_left(records, record_id, key=_id)
        return records[place] if place < len(records) and records[place].id == record_id else None

    def page(self, query: Query, back: int = 0) -> tuple[list[Record], list[Record]]:
        """(the whole list with that role, its page); back: so many records before the cursor come once more."""
        records = [one for one in self.lists.get(query.kind, []) if query.role is None or query.role in one.roles]
        if query.ending_before is not None:
            end = len(records) if query.ending_before == "last" else bisect_left(records, query.ending_before, key=_id)
            return records, records[max(0, end - query.limit) : end]
        start = bisect_right(records, query.starting_after, key=_id) if query.starting_after else 0
        start = max(0, start - back)
        return records, records[start : start + query.limit]

    def put(self, kind: str, one: Record) -> None:
        """Add a record in its place."""
        records = self.lists[kind]
        records.insert(bisect_left(records, one.id, key=_id), one)

    def take(self, kind: str, record_id: str) -> None:
        """Take a record away."""
        self.lists[kind] = [one for one in self.lists[kind] if one.id != record_id]


def record(content: dict[str, Any]) -> Record:
    """The object as it is kept."""
    return Record(content["id"], frozenset(content.get("roles", ())), json.dumps(content).encode())


def listed(query: Query, page: list[Record], links: list[dict[str, str]], count: int | None) -> bytes:
    """The body of a page."""
    items = b",".join(b'{"data":' + one.body + f',"uri":"{VERSION}/{query.kind}/{one.id}"}}'.encode() for one in page)
    told = f',"count":{count}' if count is not None else ""
    return b'{"data":[' + items + b'],"links":' + json.dumps(links).encode() + told.encode() + b"}"


def _id(one: Record) -> str:
    return one.id
