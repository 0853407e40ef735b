"""A district of a few people, so that every request of a walk over it can be spoiled in turn."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache

from roster_sandbox.district import District, generate

TODAY = date(2026, 2, 2)


@cache
def few(pupils: int = 7) -> District:
    """Two schools, and of each the first classes of a drawn district with the first pupils in them; no flaws."""
    drawn = generate(today=TODAY, schools=2, pupils=200, teachers=12)
    flawed = drawn.flawed()
    taught = {place.section_id for place in drawn.enrollments}
    sections = [
        next(
            s for s in drawn.sections if s.school_id == school.id and s.id in taught - flawed and s.term.contains(TODAY)
        )
        for school in drawn.schools
    ]
    chosen = {section.id for section in sections}
    places = [place for place in drawn.enrollments if place.section_id in chosen and place.student_id not in flawed]
    names = set(
        list(dict.fromkeys(place.student_id for place in places if place.section_id == sections[0].id))[:pupils]
    )
    names |= set(
        list(dict.fromkeys(place.student_id for place in places if place.section_id == sections[1].id))[:pupils]
    )
    teachers = {teacher for section in sections for teacher in section.teacher_ids}
    leaders = {school.principal_id for school in drawn.schools}
    return replace(
        drawn,
        students=tuple(student for student in drawn.students if student.id in names),
        teachers=tuple(teacher for teacher in drawn.teachers if teacher.id in teachers),
        staff=tuple(member for member in drawn.staff if member.id in leaders),
        sections=tuple(sections),
        enrollments=tuple(place for place in places if place.student_id in names),
        contacts=tuple(contact for contact in drawn.contacts if contact.student_id in names),
        flaws=(),
    )
