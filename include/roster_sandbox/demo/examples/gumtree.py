"""Clever over its API, and TASS for the parents; a pupil has one code in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from roster_sandbox.clever import write_api as write_clever_api
from roster_sandbox.demo.examples import banksia, karri
from roster_sandbox.demo.keys import Keys
from roster_sandbox.demo.places import Places
from roster_sandbox.demo.stand_ins import StandIn, sandbox
from roster_sandbox.district import District, ImpliedCanvas, implied
from roster_sandbox.district.implied import term_slug
from roster_sandbox.tass import IdTable, carried, write_api

KEYS = ("clever", "tass")
UNPROVEN = ("people", "guardians")
"""Whether a user is gone TASS has to prove as well; a place in a class is proven by Clever alone."""


def stand_ins(places: Places, keys: Keys) -> Sequence[StandIn]:
    """Clever's and TASS's."""
    return [
        sandbox("Clever", "clever", places.delivery / "clever", keys.sources["clever"]),
        sandbox("TASS", "tass", places.delivery / "tass", keys.sources["tass"]),
    ]


def connections(places: Places, keys: Keys) -> Mapping[str, Mapping[str, Any]]:
    """Of both."""
    return {**banksia.connections(places, keys), **karri.connections(places, keys)}


def serve(places: Places, district: District) -> None:
    """Have both give it."""
    write_clever_api(district, places.delivery / "clever", synced=datetime.now(UTC) - banksia.SYNCED)
    write_api(district, places.delivery / "tass", own_codes=False)


def implied_canvas(places: Places, district: District, day: date) -> ImpliedCanvas:
    """The school system's own ids, and of parents TASS's numbers."""
    contacts, numbers = carried(district, IdTable.read(places.delivery / "tass"))
    return implied(
        replace(district, contacts=contacts),
        today=day,
        guardian_id=lambda one: f"P{numbers[one]}",
        term_id=term_slug,
    )
