"""Twelve moves: what changes in a district between two nights; and a school that seems to lose many pupils at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from roster_sandbox.district import names
from roster_sandbox.district.model import District, Enrollment, Section, Student
from roster_sandbox.district.people import OBSERVING, Draw, contact_of, draw_guardian, draw_student, renamed

Kind = Literal["class", "school", "leaves", "comes", "name"]

EACH: dict[Kind, int] = {"class": 6, "school": 3, "leaves": 1, "comes": 1, "name": 1}
"""How many pupils make each move: twelve in all."""


@dataclass(frozen=True, slots=True)
class Move:
    """One pupil's move: the classes left and joined, and for a school or a family name the old and new one.

    Holds personal data: show the kind, never the move.
    """

    kind: Kind
    person_id: str
    left: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    old: str = ""
    new: str = ""


class _Day:
    """The district while it changes, with pupils and classes at hand."""

    def __init__(self, district: District, seed: int, apart: str | None = None) -> None:
        self.district = district
        self.draw = Draw(Random(seed), district.drawn)
        self.students = {student.id: student for student in district.students}
        self.sections = {section.id: section for section in district.sections}
        self.enrollments = list(district.enrollments)
        self.contacts = list(district.contacts)
        self.classes: dict[str, list[str]] = {}
        for enrollment in self.enrollments:
            self.classes.setdefault(enrollment.student_id, []).append(enrollment.section_id)
        self.schools = [school.id for school in district.schools if school.id != apart]
        self.clean = self._clean(apart)

    def _clean(self, apart: str | None) -> list[str]:
        """Pupils that no flaw touches: not themselves, not through a class or a guardian. apart: of no such school."""
        flawed = self.district.flawed()
        near = {contact.guardian for contact in self.contacts if contact.student_id in flawed}
        flawed |= {contact.student_id for contact in self.contacts if contact.guardian in near}
        clean = (i for i in self.students if i not in flawed and flawed.isdisjoint(self.classes.get(i, [""])))
        return [i for i in clean if self.students[i].school_id != apart]

    def change_places(self, student_id: str, left: tuple[str, ...], joined: tuple[str, ...]) -> None:
        gone = {(section_id, student_id) for section_id in left}
        self.enrollments = [e for e in self.enrollments if (e.section_id, e.student_id) not in gone]
        self.enrollments += [Enrollment(self.sections[i].school_id, i, student_id) for i in joined]

    def timetable_of(self, school_id: str, avoiding: set[str]) -> tuple[Student, tuple[str, ...]]:
        """A clean pupil of the school who stays, and that pupil's classes: a timetable to join."""
        staying = [self.students[i] for i in self.clean if i not in avoiding]
        model = self.draw.rng.choice([student for student in staying if student.school_id == school_id])
        return model, tuple(self.classes[model.id])

    def closed(self) -> District:
        return replace(
            self.district,
            drawn=self.draw.serial,
            students=tuple(self.students.values()),
            enrollments=tuple(self.enrollments),
            contacts=tuple(self.contacts),
        )


def moved(district: District, seed: int, *, apart: str | None = None) -> tuple[District, list[Move]]:
    """The district a day later, and the twelve moves that made it so, of twelve different clean pupils.

    Six change one running class for another of the same school and term; three change school, and all their classes
    with it; one leaves, and with that pupil any guardian who has no other child; one comes, with a guardian; one
    changes family name. May be repeated with another seed for each further night. apart: a school that none of it
    touches.
    """
    day = _Day(district, seed, apart)
    chosen = day.draw.rng.sample(day.clean, sum(EACH.values()) - EACH["comes"])
    kinds = [kind for kind, count in EACH.items() if kind != "comes" for _ in range(count)]
    moving = set(chosen)
    done: list[Move] = []
    for kind, student_id in zip(kinds, chosen, strict=True):
        if kind == "class":
            done.append(_change_class(day, student_id))
        elif kind == "school":
            done.append(_change_school(day, student_id, moving))
        elif kind == "leaves":
            done.append(_leave(day, student_id))
        else:
            done.append(_change_name(day, student_id))
    done.append(_come(day, moving))
    return day.closed(), done


def thinned(district: District, school_id: str, *, one_in: int = 5) -> District:
    """The district as it looks if every fifth clean pupil of a school is missing from the export: with classes,
    contacts, and guardians who have no other child.
    """
    day = _Day(district, 0)
    pupils = [i for i, student in day.students.items() if student.school_id == school_id]
    clean = [i for i in day.clean if i in set(pupils)]
    for student_id in clean[: len(pupils) // one_in]:
        _leave(day, student_id)
    return day.closed()


def _change_class(day: _Day, student_id: str) -> Move:
    flawed = day.district.flawed()
    own = [day.sections[i] for i in day.classes[student_id] if day.sections[i].term.contains(day.district.today)]
    left = day.draw.rng.choice(own)

    def joinable(section: Section) -> bool:
        same = (section.school_id, section.term) == (left.school_id, left.term)
        return same and section.id not in flawed and section.id not in day.classes[student_id]

    others = [section for section in day.sections.values() if joinable(section)]
    parallel = [section for section in others if section.course_number == left.course_number]
    joined = day.draw.rng.choice(parallel or others)
    day.change_places(student_id, (left.id,), (joined.id,))
    return Move("class", student_id, (left.id,), (joined.id,))


def _change_school(day: _Day, student_id: str, moving: set[str]) -> Move:
    student = day.students[student_id]
    school_id = day.draw.rng.choice([school for school in day.schools if school != student.school_id])
    model, joined = day.timetable_of(school_id, moving)
    left = tuple(day.classes[student_id])
    day.students[student_id] = replace(student, school_id=school_id, grade=model.grade)
    day.change_places(student_id, left, joined)
    return Move("school", student_id, left, joined, student.school_id, school_id)


def _leave(day: _Day, student_id: str) -> Move:
    del day.students[student_id]
    left = tuple(day.classes[student_id])
    day.change_places(student_id, left, ())
    day.contacts = [contact for contact in day.contacts if contact.student_id != student_id]
    return Move("leaves", student_id, left)


def _change_name(day: _Day, student_id: str) -> Move:
    student = day.students[student_id]
    day.students[student_id] = renamed(student, day.draw.rng)
    return Move("name", student_id, old=student.family, new=day.students[student_id].family)


def _come(day: _Day, moving: set[str]) -> Move:
    school = day.draw.rng.choice([school for school in day.district.schools if school.id in day.schools])
    model, joined = day.timetable_of(school.id, moving)
    script = names.draw_script(day.draw.rng)
    family = names.draw_family(day.draw.rng, script)
    student = replace(draw_student(day.draw, school, day.district.today, script, family), grade=model.grade)
    day.students[student.id] = student
    day.change_places(student.id, (), joined)
    guardian = draw_guardian(day.draw, script, family)
    day.contacts.append(contact_of(student, day.draw.rng.choice(OBSERVING), guardian))
    return Move("comes", student.id, (), joined, new=school.id)
