"""Clever, over its API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from roster_sandbox.clever import RELATIONSHIPS, IdTable, write_api
from roster_sandbox.demo.keys import Keys
from roster_sandbox.demo.places import Places
from roster_sandbox.demo.stand_ins import StandIn, sandbox
from roster_sandbox.district import District, ImpliedCanvas, implied
from roster_sandbox.district.implied import guardian_key, term_slug

KEYS = ("clever",)
UNPROVEN = ()
SYNCED = timedelta(minutes=10)
"""How long ago Clever has synced the district."""
OBSERVERS = tuple(word for word, theirs in RELATIONSHIPS.items() if theirs in ("Parent", ""))
"""The export's words that are a parent or guardian by Clever's."""


def stand_ins(places: Places, keys: Keys) -> Sequence[StandIn]:
    """Clever's."""
    return [sandbox("Clever", "clever", places.delivery, keys.sources["clever"])]


def connections(_places: Places, keys: Keys) -> Mapping[str, Mapping[str, Any]]:
    """Clever's, with the district's token."""
    key = keys.sources["clever"]
    return {"clever": {"conn_type": "clever", "host": key.url, "password": key.secret}}


def serve(places: Places, district: District) -> None:
    """Have Clever serve it, as synced a while ago."""
    write_api(district, places.delivery, synced=datetime.now(UTC) - SYNCED)


def implied_canvas(places: Places, district: District, day: date) -> ImpliedCanvas:
    """The school system's own ids, but for guardians: of those Clever knows only its own."""
    known = IdTable.read(places.delivery).ids["contacts"]
    return implied(
        district,
        today=day,
        observers=OBSERVERS,
        guardian_id=lambda one: known.get(guardian_key(one), ""),
        term_id=term_slug,
    )
