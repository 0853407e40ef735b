"""A whole district out of one seed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from random import Random

from roster_sandbox.district import flaws, people, school
from roster_sandbox.district.model import District, School, Staff, Teacher
from roster_sandbox.district.people import Draw

FEWEST = 200
"""Pupils below which a district is too small for its flaws and moves."""

_PER_SCHOOL = 5


def generate(
    seed: int = 20_260_202,
    today: date = date(2026, 2, 2),
    *,
    schools: int = 3,
    pupils: int = 820,
    teachers: int = 75,
) -> District:
    """A district of about 1,500 people, the same for the same arguments in every process.

    For every four pupils there are about three guardians. Five members of staff per school: the principal, two more,
    and two who also teach. `today` places the terms; pass the date of the first night, not of each. Raises ValueError
    where it would be too small.
    """
    if schools < 2 or pupils < FEWEST or teachers < 6 * schools:
        message = f"a district needs 2 schools, {FEWEST} pupils and 6 teachers a school"
        raise ValueError(message)
    draw = Draw(Random(seed))
    founded = school.draw_schools(schools)
    employed = _teachers(draw, founded, teachers)
    staff = _staff(draw, founded, employed)
    principals = {member.school_id: member.id for member in staff if member.title == "Principal"}
    founded = tuple(replace(place, principal_id=principals[place.id]) for place in founded)
    families = people.draw_families(draw, founded, pupils, today)
    terms = school.draw_terms(today)
    sections, enrollments = school.draw_sections(draw.rng, founded, terms, families.students, employed)
    clean = District(
        today=today,
        drawn=draw.serial,
        schools=founded,
        terms=terms,
        students=tuple(families.students),
        teachers=tuple(employed),
        staff=tuple(staff),
        sections=sections,
        enrollments=enrollments,
        contacts=tuple(families.contacts),
    )
    return flaws.plant(draw, clean)


def _teachers(draw: Draw, schools: tuple[School, ...], count: int) -> list[Teacher]:
    """Teachers, school by school; the very first teaches at the first two schools."""
    found: list[Teacher] = []
    for place, of_school in enumerate(schools):
        share = count * (place + 1) // len(schools) - count * place // len(schools)
        found += [people.draw_teacher(draw, (of_school.id,)) for _ in range(share)]
    found[0] = replace(found[0], school_ids=(schools[0].id, schools[1].id))
    return found


def _staff(draw: Draw, schools: tuple[School, ...], teachers: list[Teacher]) -> list[Staff]:
    found: list[Staff] = []
    for of_school in schools:
        own = [teacher for teacher in teachers if teacher.school_ids == (of_school.id,)]
        found += [people.draw_staff(draw, of_school.id, place) for place in range(_PER_SCHOOL - 2)]
        found += [people.also_staff(own[place], place) for place in (_PER_SCHOOL - 2, _PER_SCHOOL - 1)]
    return found
