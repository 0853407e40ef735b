"""TASS, over its API Gateway: LMS Integration and IdM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from roster_sandbox.demo.keys import Keys
from roster_sandbox.demo.places import Places
from roster_sandbox.demo.stand_ins import StandIn, sandbox
from roster_sandbox.district import District, ImpliedCanvas, implied, renamed
from roster_sandbox.district.implied import ImpliedTerm, term_key
from roster_sandbox.district.model import Section
from roster_sandbox.tass import IdTable, Settings, apps, carried, connection, keys_of, write_api

KEYS = ("tass",)
UNPROVEN = ("people", "guardians", "enrollments")
"""One place of the district names nobody, and TASS has nothing but closed references for proof."""
NAMES = ("Year", "Second Half", "First Half", "Summer")
"""The terms, as the tenant file calls them."""


def stand_ins(places: Places, keys: Keys) -> Sequence[StandIn]:
    """TASS's."""
    return [sandbox("TASS", "tass", places.delivery, keys.sources["tass"])]


def connections(_places: Places, keys: Keys) -> Mapping[str, Mapping[str, Any]]:
    """TASS's, with the app codes and token keys of all products."""
    key = keys.sources["tass"]
    return {"tass": connection(key.url, Settings(apps=apps(keys=keys_of(key.secret))))}


def serve(places: Places, district: District) -> None:
    """Have TASS answer with it."""
    write_api(district, places.delivery)


def implied_canvas(places: Places, district: District, day: date) -> ImpliedCanvas:
    """TASS's codes for people, and keys made of what a class is."""
    ids = IdTable.read(places.delivery)
    contacts, numbers = carried(district, ids)
    sections = tuple(replace(one, name=_name(one)) for one in district.sections)
    canvas = implied(
        replace(district, contacts=contacts, sections=sections),
        today=day,
        guardian_id=lambda one: f"P{numbers[one]}",
        term_id=lambda term: ids.ids["terms"][term_key(term)],
    )
    names = {ids.ids["terms"][term_key(term)]: name for term, name in zip(district.terms, NAMES, strict=True)}
    terms = {key: ImpliedTerm(names[key], term.start, term.end) for key, term in canvas.terms.items()}
    classes, people = ids.ids["sections"], ids.ids["students"] | ids.ids["employees"]
    return renamed(replace(canvas, terms=terms), courses=classes, sections=classes, users=people)


def _name(section: Section) -> str:
    """A class has none in TASS: subject, year group and class."""
    return f"{section.course_name} {section.grade} {section.number}"
