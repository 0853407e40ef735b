"""Drawing the people of a district: teachers, staff, and families with their pupils and guardians."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random

from roster_sandbox.district import names
from roster_sandbox.district.model import Contact, Guardian, School, Staff, Student, Teacher

OBSERVING = ("Mother", "Father", "Guardian")
"""Relationships whose contacts a tenant usually lets observe; the others are friends, relatives, emergencies."""

_OTHERS = ("Grandmother", "Uncle", "Family Friend", "Stepfather")
_OFFICES = (
    ("Administration", "Principal", "School Admin"),
    ("Support", "Counselor", "School Tech Lead"),
    ("Library", "Librarian", "School Tech Lead"),
    ("Office", "Registrar", "School Admin"),
    ("Athletics", "Coach", "School Tech Lead"),
)


@dataclass(slots=True)
class Draw:
    """The one source of chance of a district, and the count of the people it has drawn."""

    rng: Random
    serial: int = 0

    def next(self) -> int:
        """A number that no one else of this district ever gets."""
        self.serial += 1
        return self.serial


@dataclass(slots=True)
class Families:
    """Pupils and their contacts, as they are drawn."""

    students: list[Student] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)


def draw_teacher(draw: Draw, school_ids: tuple[str, ...]) -> Teacher:
    """A teacher of these schools."""
    serial, script, form = draw.next(), names.draw_script(draw.rng), names.draw_form(draw.rng)
    return Teacher(
        id=f"T{names.ID_MARK}-{serial:06d}",
        number=f"00{names.ID_MARK}T{serial:05d}",
        state_id=f"XT{names.ID_MARK}{serial:06d}",
        family=names.in_form(names.draw_family(draw.rng, script), form),
        middle="",
        given=names.in_form(names.draw_given(draw.rng, script), form),
        email=names.email(draw.rng, serial, "staff"),
        username=names.username(draw.rng, serial),
        password=names.password(draw.rng, serial),
        school_ids=school_ids,
        title="Teacher",
    )


def draw_staff(draw: Draw, school_id: str, place: int) -> Staff:
    """A member of staff who does not teach; the first of a school (place 0) is its principal."""
    return _employed(draw_teacher(draw, (school_id,)), place, "F")


def also_staff(teacher: Teacher, place: int) -> Staff:
    """The second role of a teacher: the same person, in staff.csv."""
    return _employed(teacher, place, teacher.id[0])


def _employed(teacher: Teacher, place: int, letter: str) -> Staff:
    department, title, role = _OFFICES[place % len(_OFFICES)]
    return Staff(
        id=letter + teacher.id[1:],
        number=teacher.number,
        state_id=teacher.state_id,
        family=teacher.family,
        middle="",
        given=teacher.given,
        email=teacher.email,
        username=teacher.username,
        password=teacher.password,
        school_id=teacher.school_ids[0],
        department=department,
        title=title,
        role=role,
    )


def draw_families(draw: Draw, schools: tuple[School, ...], pupils: int, today: date) -> Families:
    """Families until there are `pupils` children: one to three each, spread over the schools, one to two guardians.

    About one family in eight gives no contact, and one in sixteen a further one who is no guardian.
    """
    drawn = Families()
    while len(drawn.students) < pupils:
        children = min(draw.rng.choices((1, 2, 3), weights=(55, 30, 15))[0], pupils - len(drawn.students))
        script = names.draw_script(draw.rng)
        family = names.draw_family(draw.rng, script)
        siblings = [draw_student(draw, draw.rng.choice(schools), today, script, family) for _ in range(children)]
        drawn.students += siblings
        if draw.rng.random() < 0.12:
            continue
        adults = [(relationship, draw_guardian(draw, script, family)) for relationship in _relationships(draw.rng)]
        for child in siblings:
            drawn.contacts += [contact_of(child, relationship, guardian) for relationship, guardian in adults]
    return drawn


def draw_student(draw: Draw, school: School, today: date, script: str, family: str) -> Student:
    """A pupil of a family whose names are in `script`, in a grade of the school."""
    serial, form, grade = draw.next(), names.draw_form(draw.rng), draw.rng.choice(school.grades)
    birth = today - timedelta(days=365 * (int(grade) + 5) + draw.rng.randrange(365))
    middle = names.draw_given(draw.rng, script) if draw.rng.random() < 0.3 else ""
    return Student(
        id=f"S{names.ID_MARK}-{serial:06d}",
        number=f"00{names.ID_MARK}S{serial:05d}",
        state_id=f"XS{names.ID_MARK}{serial:06d}",
        family=names.in_form(family, form),
        middle=names.in_form(middle, form),
        given=names.in_form(names.draw_given(draw.rng, script), form),
        email=names.email(draw.rng, serial, "pupils"),
        username=names.username(draw.rng, serial),
        password=names.password(draw.rng, serial),
        school_id=school.id,
        grade=grade,
        gender=draw.rng.choice(("F", "M", "X", "")),
        birth=birth,
        street=f"{serial} {names.SCRIPTS['latin'].mark}ithar Lane",
    )


def draw_guardian(draw: Draw, script: str, family: str) -> Guardian:
    """An adult of a family; two in five have an id of their own, two in five are written `Family, Given`."""
    serial, form = draw.next(), names.draw_form(draw.rng)
    surname = names.in_form(family, form)
    given = names.in_form(names.draw_given(draw.rng, script), form)
    return Guardian(
        sis_id=f"G{names.ID_MARK}-{serial:06d}" if draw.rng.random() < 0.4 else "",
        name=f"{surname}, {given}" if draw.rng.random() < 0.4 else f"{given} {surname}",
        given=given,
        family=surname,
        email=names.email(draw.rng, serial, "home"),
        phone=names.phone(serial),
    )


def contact_of(student: Student, relationship: str, guardian: Guardian) -> Contact:
    """The contact row of a pupil's adult."""
    kind = "Parent/Guardian" if relationship in OBSERVING else "Emergency"
    return Contact(student.id, relationship, kind, guardian)


def renamed(student: Student, rng: Random) -> Student:
    """The pupil with another family name, and the same id and addresses."""
    while (family := names.in_form(names.draw_family(rng, "latin"), "NFC")) == student.family:
        pass
    return replace(student, family=family)


def _relationships(rng: Random) -> tuple[str, ...]:
    chance = rng.random()
    if chance < 0.3:
        adults: tuple[str, ...] = ("Mother", "Father")
    else:
        adults = (rng.choices(OBSERVING, weights=(50, 35, 15))[0],)
    return (*adults, rng.choice(_OTHERS)) if rng.random() < 0.06 else adults
