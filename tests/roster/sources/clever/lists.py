"""Clever's API without a socket: lists in memory, answered as the real one answers, and what a test makes of that."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = dict[str, Any]
Spoil = Callable[[str, Answer], Answer | bytes]
"""(path, answer) → what is answered instead."""

DISTRICT = {"id": "d" * 24, "state": "running", "last_sync": "2026-03-01T20:00:00.000Z"}


@dataclass
class Lists:
    """An `Api`. counts: whether it heeds count=true; spoil: what it does to its answers; asked: every path so far."""

    objects: dict[str, list[dict[str, Any]]]
    counts: bool = True
    spoil: Spoil = lambda _path, answer: answer
    asked: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, district: dict[str, Any] | None = None, **lists: Iterable[dict[str, Any]]) -> Lists:
        objects = {name: list(given) for name, given in lists.items()}
        return cls({"districts": [district or DISTRICT]} | objects)

    @classmethod
    def read(cls, folder: Path) -> Lists:
        """Those that `write_api` wrote."""
        return cls(json.loads((folder / "objects.json").read_bytes()))

    def get(self, path: str) -> bytes:
        self.asked.append(path)
        spoiled = self.spoil(path, self._answer(path))
        return spoiled if isinstance(spoiled, bytes) else json.dumps(spoiled, ensure_ascii=False).encode()

    def find(self, path: str) -> bytes | None:
        self.asked.append(path)
        kind, wanted = path.removeprefix("/v3.1/").split("/")
        found = [one for one in self.objects[kind] if one["id"] == wanted]
        return json.dumps({"data": found[0], "links": []}).encode() if found else None

    def _answer(self, path: str) -> Answer:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        kind, role = parts.path.removeprefix("/v3.1/"), query.get("role")
        records = sorted(self.objects.get(kind, []), key=lambda one: str(one["id"]))
        if role:
            records = [one for one in records if one["roles"].get(role) is not None]
        later = [one for one in records if one["id"] > query.get("starting_after", "")]
        page = later[: int(query.get("limit", 100))]
        links = [{"rel": "self", "uri": path}]
        if len(page) < len(later):
            more = f"&role={role}" if role else ""
            uri = f"{parts.path}?starting_after={page[-1]['id']}&limit={query['limit']}{more}"
            links.append({"rel": "next", "uri": uri})
        answer: Answer = {"data": [{"data": one, "uri": f"{parts.path}/{one['id']}"} for one in page], "links": links}
        return answer | ({"count": len(records)} if self.counts and query.get("count") == "true" else {})
