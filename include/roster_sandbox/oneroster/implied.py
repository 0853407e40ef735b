"""What a Canvas has to hold after a night over the district as OneRoster tells it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from roster_sandbox.district import District, ImpliedCanvas, implied, renamed
from roster_sandbox.district.implied import guardian_key, term_key
from roster_sandbox.oneroster.export import ADULTS, adult_key
from roster_sandbox.oneroster.ids import IdTable


def implied_by(district: District, ids: IdTable, day: date) -> ImpliedCanvas:
    """Under OneRoster's ids, with parents and guardians as observers.

    An adult has one role for all pupils, where the district has a word for each: that of the first. Whom only a
    sourcedId tells from others has no log-in either, and so no user.
    """
    first: dict[str, str] = {}
    for contact in district.contacts:
        first.setdefault(adult_key(contact), contact.relationship)
    told = tuple(replace(contact, relationship=first[adult_key(contact)]) for contact in district.contacts)
    canvas = implied(
        replace(district, contacts=told),
        today=day,
        observers=tuple(ADULTS),
        guardian_id=lambda one: ids.ids["guardians"].get(guardian_key(one), ""),
        term_id=lambda term: ids.ids["sessions"][term_key(term)],
    )
    classes = ids.ids["classes"]
    people = ids.ids["students"] | ids.ids["staff"]
    return renamed(canvas, accounts=ids.ids["orgs"], courses=classes, sections=classes, users=people)
