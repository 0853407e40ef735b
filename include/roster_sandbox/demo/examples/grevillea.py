"""A OneRoster 1.2 provider, over its REST service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from roster_sandbox.demo.keys import Keys
from roster_sandbox.demo.places import Places
from roster_sandbox.demo.stand_ins import StandIn, sandbox
from roster_sandbox.district import District, ImpliedCanvas, implied
from roster_sandbox.district.implied import guardian_key, renamed, term_key
from roster_sandbox.oneroster import Settings, write_rest
from roster_sandbox.oneroster.export import ADULTS
from roster_sandbox.oneroster.ids import IdTable
from roster_sandbox.oneroster.shelf import BASES

KEYS = ("oneroster",)
UNPROVEN = ()


def stand_ins(places: Places, keys: Keys) -> Sequence[StandIn]:
    """The provider's."""
    return [sandbox("The OneRoster provider", "oneroster", places.delivery, keys.sources["oneroster"])]


def connections(_places: Places, keys: Keys) -> Mapping[str, Mapping[str, Any]]:
    """The provider's, by client credentials."""
    key = keys.sources["oneroster"]
    extra = {"auth": "oauth2", "token_url": f"{key.url}/token"}
    login = {"login": Settings.client_id, "password": key.secret}
    return {"oneroster": {"conn_type": "oneroster", "host": key.url + BASES["1.2"], **login, "extra": extra}}


def serve(places: Places, district: District) -> None:
    """Have the provider serve it."""
    write_rest(district, places.delivery, version="1.2", modified=datetime.now(UTC))


def implied_canvas(_places: Places, district: District, day: date) -> ImpliedCanvas:
    """Under sourcedIds, which follow from the district's own ids."""
    ids = IdTable()
    canvas = implied(
        district,
        today=day,
        observers=tuple(ADULTS),
        guardian_id=lambda one: ids.of("guardians", key) if (key := guardian_key(one)) else "",
        term_id=lambda term: ids.of("sessions", term_key(term)),
    )
    sections = {section.id: ids.of("classes", section.id) for section in district.sections}
    people = {one.id: ids.of("staff", one.id) for one in (*district.teachers, *district.staff)}
    return renamed(
        canvas,
        accounts={school.id: ids.of("orgs", school.id) for school in district.schools},
        courses=sections,
        sections=sections,
        users=people | {one.id: ids.of("students", one.id) for one in district.students},
    )
