"""The lists that are served, read anew whenever the folder's objects are replaced, and their pages."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from roster_sandbox.district.model import District
from roster_sandbox.oneroster.export import Object, Version, objects
from roster_sandbox.oneroster.ids import IdTable

OBJECTS, IDS = "objects.json", "ids.json"
BASES = {"1.1": "/ims/oneroster/v1p1", "1.2": "/ims/oneroster/rostering/v1p2"}


@dataclass(frozen=True)
class List:
    """A list of the service: what it is made of, and which of that is in it."""

    kind: str
    types: tuple[str, ...] = ()

    def has(self, one: Object, school: str | None) -> bool:
        """Whether the object is in the list, or in that of the school."""
        words = {one.get("type"), one.get("role"), *(role["role"] for role in one.get("roles", ()))}
        return (not self.types or not words.isdisjoint(self.types)) and (school is None or school in _schools(one))


LISTS = {
    **{name: List(name) for name in ("orgs", "academicSessions", "courses", "classes", "users", "enrollments")},
    "demographics": List("demographics"),
    "schools": List("orgs", ("school",)),
    "terms": List("academicSessions", ("term", "semester", "schoolYear")),
    "gradingPeriods": List("academicSessions", ("gradingPeriod",)),
    "students": List("users", ("student",)),
    "teachers": List("users", ("teacher",)),
}
OF_A_SCHOOL = ("courses", "classes", "enrollments", "students", "teachers", "terms")


def write_rest(district: District, folder: Path, *, version: Version = "1.1", modified: datetime) -> IdTable:
    """Put the district into the folder, whole at every moment; answers its table of ids, which is kept there too."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = IdTable()
    content = {"version": version, "lists": objects(district, ids, version, modified)}
    for name, value in ((IDS, ids.ids), (OBJECTS, content)):
        aside = folder / f".{name}.part"
        aside.touch(mode=0o600)
        aside.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        aside.replace(folder / name)
    return ids


@dataclass
class Shelf:
    """Every list, in the order of the export."""

    folder: Path
    version: str = "1.1"
    lists: dict[str, list[Object]] = field(default_factory=dict)
    _read: tuple[int, int] | None = None

    def refresh(self) -> None:
        """Read the folder anew if its objects are others."""
        try:
            state = (self.folder / OBJECTS).stat()
        except FileNotFoundError:
            return
        if (found := (state.st_mtime_ns, state.st_ino)) != self._read:
            content = json.loads((self.folder / OBJECTS).read_bytes())
            self.version, self.lists, self._read = content["version"], content["lists"], found

    def list(self, name: str, school: str | None, *, in_order: bool) -> list[Any]:
        """A whole list. in_order: of the ids; else it is in that of the export."""
        of = LISTS[name]
        found = [one for one in self.lists.get(of.kind, ()) if of.has(one, school)]
        return sorted(found, key=_id) if in_order else found

    def replace(self, name: str, gone: int, made: int, at: str) -> None:
        """Take the first `gone` of a list away and make `made` new ones, whose ids begin with `at`."""
        kind = LISTS[name].kind
        first = sorted((one for one in self.lists[kind] if LISTS[name].has(one, None)), key=_id)
        taken = {one["sourcedId"] for one in first[:gone]}
        new = [first[-1] | {"sourcedId": f"{at}{len(self.lists[kind]) + number:08d}"} for number in range(made)]
        self.lists[kind] = [*new, *(one for one in self.lists[kind] if one["sourcedId"] not in taken)]


def _id(one: Object) -> str:
    return str(one["sourcedId"])


def _schools(one: Object) -> set[str]:
    """The orgs that the object is of."""
    refs = [one.get("school"), one.get("org"), *one.get("orgs", ()), *(role["org"] for role in one.get("roles", ()))]
    return {ref["sourcedId"] for ref in refs if ref}
