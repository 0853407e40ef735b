"""Faults put into a clean district on purpose, so that a night has something to find. Each is listed in its flaws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from roster_sandbox.district import names
from roster_sandbox.district.model import (
    Contact,
    District,
    Enrollment,
    Flaw,
    Guardian,
    Section,
    Student,
    Teacher,
)
from roster_sandbox.district.people import OBSERVING, Draw, contact_of


@dataclass(slots=True)
class _Bench:
    """The district in parts that can be exchanged, and the pupils that no flaw has touched yet."""

    students: dict[str, Student]
    teachers: dict[str, Teacher]
    sections: dict[str, Section]
    enrollments: list[Enrollment]
    contacts: list[Contact]
    alone: list[str]
    siblings: list[str]
    pairs: list[tuple[Guardian, Guardian]]
    flaws: list[Flaw]

    def declare(self, rule: str, table: str, *ids: str) -> None:
        self.flaws.append(Flaw(rule, table, ids))


def plant(draw: Draw, district: District) -> District:
    """The district with its flaws."""
    bench = _bench(draw.rng, district)
    _addresses(bench)
    _names(bench, district)
    _classes(bench, district, draw)
    _contacts(bench, draw)
    return replace(
        district,
        drawn=draw.serial,
        students=tuple(bench.students.values()),
        teachers=tuple(bench.teachers.values()),
        sections=tuple(bench.sections.values()),
        enrollments=tuple(bench.enrollments),
        contacts=tuple(bench.contacts),
        flaws=tuple(bench.flaws),
    )


def _bench(rng: Random, district: District) -> _Bench:
    children: dict[Guardian, list[str]] = {}
    adults: dict[str, list[Guardian]] = {}
    for contact in district.contacts:
        children.setdefault(contact.guardian, []).append(contact.student_id)
        adults.setdefault(contact.student_id, []).append(contact.guardian)
    alone = [student.id for student in district.students if student.id not in adults]
    parents = [
        (contact.guardian, following.guardian)
        for contact, following in zip(district.contacts, district.contacts[1:], strict=False)
        if (contact.relationship, following.relationship) == ("Mother", "Father")
        and contact.student_id == following.student_id
        and contact.guardian.given != following.guardian.given
        and len(children[contact.guardian]) == 1
        and len(adults[contact.student_id]) == 2
    ]
    siblings = list(dict.fromkeys(ids[-1] for ids in children.values() if len(ids) > 1))
    for pool in (alone, siblings):
        rng.shuffle(pool)
    rng.shuffle(parents)
    return _Bench(
        students={student.id: student for student in district.students},
        teachers={teacher.id: teacher for teacher in district.teachers},
        sections={section.id: section for section in district.sections},
        enrollments=list(district.enrollments),
        contacts=list(district.contacts),
        alone=alone,
        siblings=siblings,
        pairs=parents,
        flaws=[],
    )


def _addresses(bench: _Bench) -> None:
    """Flaws of pupils without contacts, but for the blank address: that pupil's guardians have another child."""
    one, two, three, four, five = (bench.students[bench.alone.pop()] for _ in range(5))
    bench.students[two.id] = replace(two, username=one.username.upper())
    bench.declare("username-shared", "students", one.id, two.id)
    bench.students[four.id] = replace(four, email=three.email.swapcase())
    bench.declare("email-shared", "students", three.id, four.id)
    bench.students[five.id] = replace(five, email=five.email.replace("@", " at "))
    bench.declare("email-refused", "students", five.id)
    blank = bench.siblings.pop()
    bench.students[blank] = replace(bench.students[blank], email="")
    bench.declare("email-blank", "students", blank)


def _names(bench: _Bench, district: District) -> None:
    """A pupil whose guardians have another child, and a teacher who has a class and no second role."""
    broken = bench.siblings.pop()
    bench.students[broken] = replace(bench.students[broken], family=bench.students[broken].family + "\ufffd")
    bench.declare("name-replacement-character", "students", broken)
    employed = {member.id for member in district.staff}
    leading = {section.teacher_ids[0] for section in district.sections if section.school_id == district.schools[-1].id}
    teacher = next(t for t in district.teachers if t.id in leading - employed and len(t.school_ids) == 1)
    bench.teachers[teacher.id] = replace(teacher, given=f"{teacher.given}\x07")
    bench.declare("name-control-character", "teachers", teacher.id)


def _classes(bench: _Bench, district: District, draw: Draw) -> None:
    school = district.schools[0]
    running = [s for s in bench.sections.values() if s.school_id == school.id and s.term.contains(district.today)]
    untaught, substitute, doubled, pattern = (running[place] for place in (3, 11, 13, 5))
    bench.sections[untaught.id] = replace(untaught, teacher_ids=())
    bench.declare("section-without-teacher", "sections", untaught.id)

    placeholder = _placeholder(draw.next(), school.id)
    bench.teachers[placeholder.id] = placeholder
    bench.sections[substitute.id] = replace(substitute, teacher_ids=(placeholder.id,))
    bench.declare("placeholder-teacher", "teachers", placeholder.id)

    bench.sections[doubled.id] = replace(doubled, teacher_ids=(doubled.teacher_ids[0], doubled.teacher_ids[0]))
    bench.declare("teacher-named-twice", "sections", doubled.id)

    empty = replace(pattern, id=f"C-{school.id}-E001", number="E001", name=f"{pattern.course_name} (empty)")
    bench.sections[empty.id] = empty
    bench.declare("section-without-students", "sections", empty.id)

    nobody = f"S{names.ID_MARK}-{draw.next():06d}"
    bench.enrollments.append(Enrollment(school.id, pattern.id, nobody))
    bench.declare("enrollment-unknown-user", "enrollments", pattern.id, nobody)

    again = next(e for e in bench.enrollments if e.section_id == pattern.id and e.student_id not in _touched(bench))
    bench.enrollments.append(again)
    bench.declare("enrollment-repeated", "enrollments", again.section_id, again.student_id)


def _contacts(bench: _Bench, draw: Draw) -> None:
    child = bench.students[bench.alone.pop()]
    given, family = f"{names.SCRIPTS['latin'].mark}ithardor", f"{names.SCRIPTS['latin'].mark}oplenbeck"
    keyless = Guardian("", f"{given} {family}", given, family, "", names.phone(draw.next()))
    bench.contacts.append(contact_of(child, OBSERVING[0], keyless))
    bench.declare("contact-without-key", "students", child.id)

    mother, father = bench.pairs.pop()
    touched = _exchange(bench, father, replace(father, email=mother.email))
    bench.declare("login-shared-by-guardians", "students", *touched)

    mother, father = bench.pairs.pop()
    pupil = next(contact.student_id for contact in bench.contacts if contact.guardian == mother)
    touched = _exchange(bench, mother, replace(mother, email=bench.students[pupil].email))
    bench.declare("login-shared-with-pupil", "students", *touched)


def _exchange(bench: _Bench, old: Guardian, new: Guardian) -> list[str]:
    touched = [contact.student_id for contact in bench.contacts if contact.guardian == old]
    bench.contacts = [replace(c, guardian=new) if c.guardian == old else c for c in bench.contacts]
    return touched


def _touched(bench: _Bench) -> set[str]:
    return {identifier for flaw in bench.flaws for identifier in flaw.ids}


def _placeholder(serial: int, school_id: str) -> Teacher:
    return Teacher(
        id="e9990001",
        number="e9990001",
        state_id="",
        family="Staff",
        middle="",
        given="TBA",
        email=f"tba.{names.ADDRESS_MARK}{serial:05d}@staff.zqx.example",
        username=f"{names.ADDRESS_MARK}tba{serial:05d}",
        password=f"{names.SECRET_MARK}-{serial:05d}",
        school_ids=(school_id,),
        title="Placeholder",
    )
