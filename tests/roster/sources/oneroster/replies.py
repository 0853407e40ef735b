"""A small provider without a socket: lists in memory, answered page by page, and what a test makes of that."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from roster.errors import SourceUnreadable
from roster.settings import OneRoster
from roster.sources.oneroster.objects import LISTINGS
from roster.sources.oneroster.service import Answer

Object = dict[str, Any]
Spoil = Callable[[int, str, Answer], Answer]
"""(number of the request, path, answer) → what is answered instead."""

STAMP = {"status": "active", "dateLastModified": "2026-01-31T05:06:07.000Z"}


def ref(kind: str, sourced_id: str) -> Object:
    return {"href": f"https://sis.example/{kind}s/{sourced_id}", "sourcedId": sourced_id, "type": kind}


def thing(sourced_id: str, **more: Any) -> Object:
    return {"sourcedId": sourced_id, **STAMP, **more}


# Every value is another one, so that a swapped field shows.
LISTS: Mapping[str, list[Object]] = {
    "orgs": [
        thing("o-d", name="Wattle Group", type="district", identifier="D9", children=[ref("org", "o-1")]),
        thing("o-1", name="Fern Hill", type="school", identifier="0171", parent=ref("org", "o-d")),
        thing(
            "o-2", name="Gum Creek", type="school", identifier="0172", parent=ref("org", "o-d"), status="tobedeleted"
        ),
    ],
    "academicSessions": [
        thing("s-y", title="Year 2026", startDate="2025-10-01", endDate="2026-06-30", type="schoolYear"),
        thing(
            "s-1",
            title="Autumn",
            startDate="2025-10-02",
            endDate="2026-01-31",
            type="term",
            parent=ref("academicSession", "s-y"),
        ),
        thing(
            "s-2",
            title="Spring",
            startDate="2026-02-01",
            endDate="2026-06-29",
            type="term",
            parent=ref("academicSession", "s-y"),
        ),
    ],
    "courses": [
        thing("c-m", title="Mathematics", courseCode="MAT7", org=ref("org", "o-1"), grades=["07"], subjects=["math"]),
        thing("c-a", title="Art", courseCode="ART8", org=ref("org", "o-1")),
    ],
    "classes": [
        thing(
            "k-1",
            title="Maths 7A",
            classCode="7A",
            classType="scheduled",
            location="R12",
            course=ref("course", "c-m"),
            school=ref("org", "o-1"),
            terms=[ref("academicSession", "s-1"), ref("academicSession", "s-2")],
            periods=["3"],
        ),
        thing(
            "k-2",
            title="Art 8B",
            classCode="8B",
            classType="scheduled",
            course=ref("course", "c-a"),
            school=ref("org", "o-1"),
            terms=[ref("academicSession", "s-2")],
        ),
    ],
    "users": [
        thing(
            "u-ann",
            username="anno",
            enabledUser="true",
            givenName="Ann",
            middleName="Quill",
            familyName="Ode",
            role="student",
            identifier="0041",
            email="ann@pupils.example",
            orgs=[ref("org", "o-1")],
            agents=[ref("user", "u-mia")],
            userIds=[{"type": "LDAP", "identifier": "ldap-ann"}],
            password="pw-ann",
            phone="555-1",
            grades=["07"],
        ),
        thing(
            "u-bo",
            username="bob",
            enabledUser="true",
            givenName="Bo",
            familyName="Bell",
            role="student",
            identifier="0042",
            email="bo@pupils.example",
            orgs=[ref("org", "o-1")],
        ),
        thing(
            "u-tess",
            username="tessv",
            enabledUser="true",
            givenName="Tess",
            familyName="Vaux",
            role="teacher",
            identifier="T1",
            email="tess@staff.example",
            orgs=[ref("org", "o-1")],
        ),
        thing(
            "u-mia",
            username="miao",
            enabledUser="true",
            givenName="Mia",
            familyName="Osei",
            role="parent",
            identifier="G1",
            email="mia@home.example",
            orgs=[ref("org", "o-1")],
            agents=[ref("user", "u-ann")],
        ),
        thing(
            "u-old",
            username="oldo",
            enabledUser="false",
            givenName="Old",
            familyName="Orr",
            role="student",
            identifier="0043",
            email="old@pupils.example",
            orgs=[ref("org", "o-1")],
            status="tobedeleted",
        ),
    ],
    "enrollments": [
        thing(
            "e-1",
            user=ref("user", "u-ann"),
            **{"class": ref("class", "k-1")},
            school=ref("org", "o-1"),
            role="student",
            beginDate="2025-10-03",
            endDate="2026-06-28",
        ),
        thing(
            "e-2", user=ref("user", "u-bo"), **{"class": ref("class", "k-2")}, school=ref("org", "o-1"), role="student"
        ),
        thing(
            "e-3",
            user=ref("user", "u-tess"),
            **{"class": ref("class", "k-1")},
            school=ref("org", "o-1"),
            role="teacher",
            primary="true",
        ),
        thing(
            "e-4",
            user=ref("user", "u-ann"),
            **{"class": ref("class", "k-2")},
            school=ref("org", "o-1"),
            role="student",
            status="tobedeleted",
        ),
    ],
}


def as_1_2(user: Object) -> Object:
    """A user of 1.1 in the words of 1.2."""
    kept = {name: value for name, value in user.items() if name not in ("role", "orgs")}
    words = {"roleType": "primary", "role": user["role"]}
    return kept | {"roles": [words | {"org": org} for org in user["orgs"]], "primaryOrg": user["orgs"][0]}


@dataclass
class Provider:
    """A `Service`. most: records of a page; totals, links: what it tells; spoil: what it does to its answers.

    asked: every path so far.
    """

    lists: Mapping[str, list[Object]] = field(default_factory=lambda: LISTS)
    most: int = 1000
    totals: bool = True
    links: bool = True
    spoil: Spoil = lambda _number, _path, answer: answer
    asked: list[str] = field(default_factory=list)

    def get(self, path: str) -> Answer:
        self.asked.append(path)
        return self.spoil(len(self.asked), path, self._answer(path))

    def _answer(self, path: str) -> Answer:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        *school, name = parts.path.removeprefix("/").split("/")
        kind = {"students": "users", "teachers": "users"}.get(name, name)
        if kind not in self.lists:
            message = f"no list {name}"
            raise SourceUnreadable(message)
        records = [one for one in self.lists[kind] if not school or _is_of(one, name, school[1])]
        if "sort" in query:
            records = sorted(records, key=lambda one: str(one["sourcedId"]))
        limit, offset = int(query.get("limit", 100)), int(query.get("offset", 0))
        page = records[offset : offset + min(limit, self.most)]
        more = offset + len(page) < len(records)
        following = f"{parts.path}?limit={limit}&offset={offset + limit}" if more and self.links else None
        return Answer(body(kind, page), len(records) if self.totals else None, following)


def _is_of(one: Object, name: str, school: str) -> bool:
    if name in ("students", "teachers") and one["role"] != name.removesuffix("s"):
        return False
    refs = [one.get("school"), one.get("org"), *one.get("orgs", ())]
    return school in {ref["sourcedId"] for ref in refs if ref}


def body(name: str, page: list[Object]) -> bytes:
    return json.dumps({LISTINGS[name].envelopes[0]: page}, ensure_ascii=False).encode()


def settings(**more: Any) -> OneRoster:
    return OneRoster.model_validate({"name": "sis", "system": "oneroster", "connection": "sis", **more})
