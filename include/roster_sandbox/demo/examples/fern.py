"""Clever's CSV export, delivered to a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from roster_sandbox.demo.keys import Keys
from roster_sandbox.demo.places import Places
from roster_sandbox.demo.stand_ins import StandIn
from roster_sandbox.district import District, ImpliedCanvas, implied, write_clever
from roster_sandbox.district.implied import term_slug

KEYS = ()
UNPROVEN = ()
WRITTEN = timedelta(minutes=10)
"""How long ago the export was written."""


def stand_ins(_places: Places, _keys: Keys) -> Sequence[StandIn]:
    """A folder needs none."""
    return []


def connections(places: Places, _keys: Keys) -> Mapping[str, Mapping[str, Any]]:
    """The folder."""
    return {"export": {"conn_type": "fs", "extra": {"path": str(places.delivery)}}}


def serve(places: Places, district: District) -> None:
    """Deliver the export, with a control file."""
    write_clever(district, places.delivery, delivered=datetime.now(UTC) - WRITTEN)


def implied_canvas(_places: Places, district: District, day: date) -> ImpliedCanvas:
    """The district's own ids."""
    return implied(district, today=day, term_id=term_slug)
