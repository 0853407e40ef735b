"""The district's contacts as TASS has them: families of two persons, some of them split into two households."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from roster_sandbox.district.implied import guardian_key
from roster_sandbox.district.model import Contact, District, Guardian
from roster_sandbox.district.people import OBSERVING
from roster_sandbox.tass.ids import IdTable

PERSONS = 2
SPLIT_EVERY = 3
"""Of families with two parents, every third is split."""


@dataclass(frozen=True)
class Family:
    """Pupils with the same adults."""

    adults: tuple[Contact, ...]
    students: tuple[str, ...]


def families(district: District, students: Iterable[str]) -> list[Family]:
    """Families of these pupils. TASS has place for two parents: who else is a contact is left out."""
    adults: dict[str, list[Contact]] = {student: [] for student in students}
    for contact in district.contacts:
        told = adults.get(contact.student_id)
        if told is not None and contact.relationship in OBSERVING and len(told) < PERSONS:
            told.append(contact)
    grouped: dict[tuple[object, ...], list[str]] = {}
    for student, contacts in adults.items():
        if contacts:
            grouped.setdefault(tuple((one.relationship, one.guardian) for one in contacts), []).append(student)
    return [Family(tuple(adults[members[0]]), tuple(members)) for members in grouped.values()]


def carried(district: District, ids: IdTable) -> tuple[tuple[Contact, ...], dict[Guardian, str]]:
    """The contacts that TASS has, and the number of each adult."""
    found = families(district, (student.id for student in district.students))
    numbers = {one.guardian: ids.of("persons", _key(one)) for family in found for one in family.adults}
    contacts = tuple(
        replace(one, student_id=student) for family in found for student in family.students for one in family.adults
    )
    return contacts, numbers


def parents(district: District, students: Iterable[str], ids: IdTable) -> list[dict[str, Any]]:
    """What IdM's getParents lists: an object of one key for each family, whose value is a list if it is split."""
    listed = []
    for number, family in enumerate(families(district, students), start=1):
        code = ids.of("families", "+".join(_key(one) for one in family.adults))
        persons = {f"person{place}": _person(one, place, ids) for place, one in enumerate(family.adults, start=1)}
        pupils = [ids.of("students", student) for student in family.students]
        households = [1, 2] if len(persons) == PERSONS and number % SPLIT_EVERY == 0 else [""]
        told = [_household(code, place, persons, pupils) for place in households]
        listed.append({code: told if len(told) > 1 else told[0]})
    return listed


def _household(code: str, place: int | str, persons: dict[str, Any], pupils: list[str]) -> dict[str, Any]:
    return {
        "web_access": True,
        "user_code": code,
        "username": f"family{code}{place}",
        "sfa_num": place,
        "address": {"1": {"person_posn": place, "par_name": "", "email1": "", "email2": ""}},
        "students": pupils,
        **persons,
    }


def _person(contact: Contact, place: int, ids: IdTable) -> dict[str, Any]:
    adult = contact.guardian
    return {
        "initials": "",
        "suffix": "",
        "title": "",
        "surname": adult.family,
        "first_name": adult.given,
        "other_name": "",
        "preferred_name": "",
        "e_mail": adult.email,
        "person_num": ids.of("persons", _key(contact)),
        "person_posn": place,
        "description": contact.relationship,
        "deceased_flg": "N",
    }


def _key(contact: Contact) -> str:
    return guardian_key(contact.guardian) or f"?{contact.student_id}:{contact.guardian.name}"
