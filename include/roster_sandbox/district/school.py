"""Drawing what a school does: terms, courses, classes, and who is in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random

from roster_sandbox.district.model import Enrollment, School, Section, Student, Teacher, Term

_LEVELS = (
    ("Primary School", ("1", "2", "3", "4")),
    ("Middle School", ("5", "6", "7", "8")),
    ("High School", ("9", "10", "11", "12")),
)
_PLACES = ("Rockwallaby", "Bilby Creek", "Ironbark", "Saltbush", "Wattle Hill", "Lyrebird")
_COURSES = (
    ("Mathematics", "MAT", "math", "year"),
    ("English", "ENG", "english/language arts", "year"),
    ("Science", "SCI", "science", "year"),
    ("Social Studies, Civics", "SOC", "social studies", "year"),
    ("Español", "ESP", "language", "year"),
    ("Homeroom", "HOM", "homeroom/advisory", "year"),
    ('Art "Open Studio"', "ART", "arts and music", "half"),
    ("Physical Education", "PED", "PE and health", "half"),
)
_FORM_SIZE = 24


def draw_schools(count: int) -> tuple[School, ...]:
    """Schools with ids that begin with zeros, levels in turn; their principals are named later."""
    return tuple(
        School(
            id=f"{71 + place:04d}",
            name=f"{_PLACES[place % len(_PLACES)]} {_LEVELS[place % len(_LEVELS)][0]}",
            number=f"0{171 + place}",
            grades=_LEVELS[place % len(_LEVELS)][1],
            principal_id="",
        )
        for place in range(count)
    )


def draw_terms(today: date) -> tuple[Term, ...]:
    """The whole year and the running half, then the half that has ended and the summer that is to come.

    The ended one has been over for three weeks, the coming one starts in two months: neither comes into a window of
    fourteen days for weeks of nights.
    """

    def day(offset: int) -> date:
        return today + timedelta(days=offset)

    year = f"{day(-150).year}-{day(150).year % 100:02d}"
    return (
        Term(f"Year {year}", day(-150), day(150)),
        Term(f"Second Half {year}", day(-20), day(55)),
        Term(f"First Half {year}", day(-150), day(-21)),
        Term(f"Summer {day(60).year}", day(60), day(90)),
    )


def draw_sections(
    rng: Random, schools: tuple[School, ...], terms: tuple[Term, ...], students: list[Student], teachers: list[Teacher]
) -> tuple[tuple[Section, ...], tuple[Enrollment, ...]]:
    """Classes and places: every form of a grade has every course; a few classes more in the ended and coming term.

    The last teacher of each school has no class. One class in ten has two to four teachers, and the second school's
    first class is taught by a teacher of the first school who has no row there.
    """
    sections: list[Section] = []
    places: list[Enrollment] = []
    for school in schools:
        employed = [teacher for teacher in teachers if school.id in teacher.school_ids][:-1]
        for section, members in _classes(rng, school, terms, [s for s in students if s.school_id == school.id]):
            lead = len(sections) % len(employed)
            others = rng.choices((0, 1, 2, 3), weights=(90, 6, 3, 1))[0]
            team = tuple(employed[(lead + step) % len(employed)].id for step in range(min(others + 1, len(employed))))
            number = f"{len(sections) + 1:04d}"
            sections.append(replace(section, id=f"C-{school.id}-{number}", number=number, teacher_ids=team))
            places += [Enrollment(school.id, sections[-1].id, student.id) for student in members]
    visited = next(place for place, section in enumerate(sections) if section.school_id == schools[1].id)
    visitor = next(teacher for teacher in teachers if teacher.school_ids == (schools[0].id,))
    sections[visited] = replace(sections[visited], teacher_ids=(visitor.id,))
    return tuple(sections), tuple(places)


def _classes(
    rng: Random, school: School, terms: tuple[Term, ...], pupils: list[Student]
) -> list[tuple[Section, list[Student]]]:
    year, half, ended, coming = terms
    found: list[tuple[Section, list[Student]]] = []
    for grade in school.grades:
        of_grade = [pupil for pupil in pupils if pupil.grade == grade]
        rng.shuffle(of_grade)
        forms = max(2, round(len(of_grade) / _FORM_SIZE))
        for form in range(forms):
            for period, course in enumerate(_COURSES, start=1):
                term = year if course[3] == "year" else half
                found.append((_section(school, grade, "ABCDEFGH"[form], period, course, term), of_grade[form::forms]))
    for term, size in ((ended, 20), (coming, 15)):
        for course in _COURSES[-2:]:
            members = rng.sample(pupils, min(size, len(pupils)))
            found.append((_section(school, school.grades[-1], "Z", 0, course, term), members))
    return found


def _section(
    school: School, grade: str, form: str, period: int, course: tuple[str, str, str, str], term: Term
) -> Section:
    name, code, subject, _ = course
    return Section(
        id="",
        school_id=school.id,
        teacher_ids=(),
        name=f"{name} {grade}{form} - Period {period}",
        number="",
        grade=grade,
        course_name=f"{name} {grade}",
        course_number=f"{code}{int(grade):02d}",
        period=str(period),
        subject=subject,
        term=term,
    )
