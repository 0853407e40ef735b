"""OneRoster 1.2 as CSV files, delivered by SFTP."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from roster_sandbox.demo.examples.wattle import KEYS, connections, stand_ins
from roster_sandbox.demo.places import Places
from roster_sandbox.district import District, ImpliedCanvas
from roster_sandbox.oneroster.export_csv import ids_of, write_set
from roster_sandbox.oneroster.implied import implied_by

__all__ = ["KEYS", "UNPROVEN", "connections", "implied_canvas", "serve", "stand_ins"]

UNPROVEN = ()
WRITTEN = timedelta(minutes=10)
"""How long ago the set was written."""


def serve(places: Places, district: District) -> None:
    """Deliver the set, with a control file."""
    write_set(district, places.delivery, delivered=datetime.now(UTC) - WRITTEN, version="1.2", control=True)


def implied_canvas(_places: Places, district: District, day: date) -> ImpliedCanvas:
    """OneRoster's ids."""
    return implied_by(district, ids_of(district), day)
