"""The school system's own database, an SQLite file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from roster_sandbox.demo.keys import Keys
from roster_sandbox.demo.places import Places
from roster_sandbox.demo.stand_ins import StandIn
from roster_sandbox.district import District, ImpliedCanvas, implied
from roster_sandbox.district.implied import renamed, term_slug
from roster_sandbox.sis_db import to_export, write_sqlite

KEYS = ()
UNPROVEN = ()
FILE = "sis.db"


def stand_ins(_places: Places, _keys: Keys) -> Sequence[StandIn]:
    """A file needs none."""
    return []


def connections(places: Places, _keys: Keys) -> Mapping[str, Mapping[str, Any]]:
    """The file."""
    return {"sis": {"conn_type": "sqlite", "host": str(places.delivery / FILE)}}


def serve(places: Places, district: District) -> None:
    """Put it into the database, in place of what was there."""
    write_sqlite(district, places.delivery / FILE)


def implied_canvas(_places: Places, district: District, day: date) -> ImpliedCanvas:
    """People by their numbers in the database, and the terms of each school for itself."""
    canvas = implied(district, today=day, term_id=term_slug)
    terms = {(one.account_id, one.term_id): f"{one.account_id}-{one.term_id}" for one in canvas.courses.values()}
    courses = {key: replace(one, term_id=terms[one.account_id, one.term_id]) for key, one in canvas.courses.items()}
    of_schools = {key: canvas.terms[slug] for (_, slug), key in terms.items()}
    numbers = {key: number for number, key in to_export(district).items()}
    return renamed(replace(canvas, terms=of_schools, courses=courses), users=numbers)
