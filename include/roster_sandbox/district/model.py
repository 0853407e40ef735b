"""The district as values: what its student information system knows on one day."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class School:
    """A school; the principal is a member of staff."""

    id: str
    name: str
    number: str
    grades: tuple[str, ...]
    principal_id: str


@dataclass(frozen=True, slots=True)
class Term:
    """A term, from its first to its last day, both included."""

    name: str
    start: date
    end: date

    def contains(self, day: date) -> bool:
        """Whether the term runs on `day`."""
        return self.start <= day <= self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What pupils, teachers and staff have in common; names are in the person's own Unicode form."""

    id: str
    number: str
    state_id: str
    family: str
    middle: str
    given: str
    email: str
    username: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Student(Person):
    """A pupil, of one school."""

    school_id: str
    grade: str
    gender: str
    birth: date
    street: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher(Person):
    """A teacher; the first school is the primary one, each further one repeats the row."""

    school_ids: tuple[str, ...]
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff(Person):
    """A member of staff; one who also teaches is a `Teacher` too, with the same id, names and addresses."""

    school_id: str
    department: str
    title: str
    role: str


@dataclass(frozen=True, slots=True)
class Guardian:
    """An adult of a family. `name` is as the file has it (`Given Family` or `Family, Given`); `sis_id` may be blank."""

    sis_id: str
    name: str
    given: str
    family: str
    email: str
    phone: str


@dataclass(frozen=True, slots=True)
class Contact:
    """A guardian of one pupil: one row of students.csv. Siblings have equal guardians."""

    student_id: str
    relationship: str
    type: str
    guardian: Guardian


@dataclass(frozen=True, slots=True)
class Section:
    """A class. `teacher_ids` in the order of the columns; the first is the primary teacher."""

    id: str
    school_id: str
    teacher_ids: tuple[str, ...]
    name: str
    number: str
    grade: str
    course_name: str
    course_number: str
    period: str
    subject: str
    term: Term


@dataclass(frozen=True, slots=True)
class Enrollment:
    """A pupil's place in a class; the school is the class's."""

    school_id: str
    section_id: str
    student_id: str


@dataclass(frozen=True, slots=True)
class Flaw:
    """A fault put into the data on purpose: what is wrong, in which file, and the ids of the records it touches."""

    rule: str
    table: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class District:
    """All that one day's export says. `drawn` counts the people ever drawn, so that an id is never used twice."""

    today: date
    drawn: int
    schools: tuple[School, ...]
    terms: tuple[Term, ...]
    students: tuple[Student, ...]
    teachers: tuple[Teacher, ...]
    staff: tuple[Staff, ...]
    sections: tuple[Section, ...]
    enrollments: tuple[Enrollment, ...]
    contacts: tuple[Contact, ...]
    flaws: tuple[Flaw, ...] = ()

    def guardians(self) -> tuple[Guardian, ...]:
        """Every guardian once, in the order of their first contact row."""
        return tuple(dict.fromkeys(contact.guardian for contact in self.contacts))

    def people(self) -> int:
        """How many different people there are; staff who also teach count once."""
        ids = {person.id for person in (*self.students, *self.teachers, *self.staff)}
        return len(ids) + len(self.guardians())

    def flawed(self, *rules: str) -> frozenset[str]:
        """The ids of the records that a flaw touches, of the given rules or of all."""
        return frozenset(i for flaw in self.flaws if not rules or flaw.rule in rules for i in flaw.ids)

    def secrets(self) -> frozenset[str]:
        """Every password: nothing may so much as read one."""
        return frozenset(person.password for person in (*self.students, *self.teachers, *self.staff))

    def personal_values(self) -> frozenset[str]:
        """Every log-in, e-mail, id, telephone number, street and name of a person.

        Each is given as written, without control characters and U+FFFD, in NFC and in NFD; addresses also casefolded.
        Only of this day's people: for several nights, unite the districts. The placeholder's name is nobody's.
        """
        found: set[str] = set()
        for value in self._written():
            clean = "".join(c for c in value if c.isprintable() and c != "\ufffd")
            for form in (value, clean):
                found |= {form, unicodedata.normalize("NFC", form), unicodedata.normalize("NFD", form)}
        return frozenset(found - {""})

    def _written(self) -> Iterator[str]:
        placeholders = self.flawed("placeholder-teacher")
        for person in (*self.students, *self.teachers, *self.staff):
            yield from (person.email, person.email.casefold(), person.username, person.username.casefold())
            if person.id in placeholders:
                continue
            yield from (person.id, person.number, person.state_id, person.family, person.middle, person.given)
            yield from (f"{person.given} {person.family}", f"{person.family}, {person.given}")
            if isinstance(person, Student):
                yield person.street
        for guardian in self.guardians():
            yield from (guardian.sis_id, guardian.name, guardian.given, guardian.family, guardian.phone)
            yield from (guardian.email, guardian.email.casefold())
            yield from (f"{guardian.given} {guardian.family}", f"{guardian.family}, {guardian.given}")
        yield from (enrollment.student_id for enrollment in self.enrollments)
