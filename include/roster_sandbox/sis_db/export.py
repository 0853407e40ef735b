"""The district as rows of the database's tables, each with its columns, in an order that foreign keys take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time
from typing import Any

from roster_sandbox.district.implied import term_slug
from roster_sandbox.district.model import District, Person, Section, Term
from roster_sandbox.sis_db import ids

Row = Mapping[str, Any]


def tables(district: District) -> Iterator[tuple[str, list[Row]]]:
    """(table, rows)"""
    for name, rows in (
        ("school", _schools(district)),
        ("term", _terms(district)),
        ("person", _people(district)),
        ("student", _students(district)),
        ("staff", _staff(district)),
        ("course", _courses(district)),
        ("section", _sections(district)),
        ("section_staff", _teaching(district)),
        ("roster", _places(district)),
        ("guardian", _guardians(district)),
    ):
        yield name, list(rows)


def _stamp(district: District) -> datetime:
    return datetime.combine(district.today, time(1), UTC)


def _schools(district: District) -> Iterator[Row]:
    for school in district.schools:
        yield {"school_id": school.id, "name": school.name, "parent_id": None, "active": True}


def _term_id(school_id: str, term: Term) -> str:
    return f"{school_id}-{term_slug(term)}"


def _terms(district: District) -> Iterator[Row]:
    """Every term once in each school that has a class in it."""
    for school_id, term in dict.fromkeys((section.school_id, section.term) for section in district.sections):
        yield {
            "term_id": _term_id(school_id, term),
            "school_id": school_id,
            "name": term.name,
            "kind": "year" if term.name.startswith("Year") else "term",
            "first_day": term.start,
            "last_day": term.end,
            "school_year": term.start.year,
        }


def _people(district: District) -> Iterator[Row]:
    updated = {"updated_at": _stamp(district)}
    everyone = {one.id: one for one in (*district.staff, *district.teachers, *district.students)}
    for one in everyone.values():
        yield _person(one) | updated
    for contact in {ids.guardian(contact): contact for contact in district.contacts}.values():
        adult = contact.guardian
        yield {
            "person_id": ids.guardian(contact),
            "external_no": adult.sis_id or None,
            "username": None,
            "email": adult.email or None,
            "legal_first": adult.given,
            "legal_last": adult.family,
            "middle": None,
        } | updated


def _person(one: Person) -> dict[str, Any]:
    return {
        "person_id": ids.person(one.id),
        "external_no": one.number,
        "username": one.username,
        "email": one.email or None,
        "legal_first": one.given,
        "legal_last": one.family,
        "middle": one.middle or None,
    }


def _students(district: District) -> Iterator[Row]:
    for student in district.students:
        yield {
            "person_id": ids.person(student.id),
            "school_id": student.school_id,
            "grade_level": student.grade,
            "enroll_status": 0,
        }


def _staff(district: District) -> Iterator[Row]:
    """Teachers at each of their schools, and staff at theirs; who is both has one row for a school."""
    numbers = {one.id: one.number for one in (*district.staff, *district.teachers)}
    places = [(one.id, school) for one in district.teachers for school in one.school_ids]
    places += [(one.id, one.school_id) for one in district.staff]
    for id_, school in dict.fromkeys(places):
        yield {"person_id": ids.person(id_), "school_id": school, "staff_no": numbers[id_], "status": "active"}


def _courses(district: District) -> Iterator[Row]:
    for section in {(one.school_id, one.course_number): one for one in reversed(district.sections)}.values():
        yield {
            "course_no": section.course_number,
            "school_id": section.school_id,
            "name": section.course_name,
            "dept": section.subject,
            "active": True,
        }


def _sections(district: District) -> Iterator[Row]:
    for section in district.sections:
        yield {
            "section_id": section.id,
            "course_no": section.course_number,
            "school_id": section.school_id,
            "term_id": _term_id(section.school_id, section.term),
            "section_no": section.number,
            "title": section.name,
            "period_expr": section.period,
            "status": "active",
        }


def _teaching(district: District) -> Iterator[Row]:
    for section in district.sections:
        for place, teacher in enumerate(dict.fromkeys(section.teacher_ids)):
            yield {
                "section_id": section.id,
                "person_id": ids.person(teacher),
                "role": "co" if place else "primary",
                "start_date": section.term.start,
            }


def _places(district: District) -> Iterator[Row]:
    known = {student.id for student in district.students}
    sections: dict[str, Section] = {section.id: section for section in district.sections}
    stays: dict[tuple[str, str], int] = {}
    for place in district.enrollments:
        pair = (place.section_id, place.student_id)
        if place.student_id not in known or place.section_id not in sections:
            continue
        stays[pair] = stays.get(pair, 0) + 1
        yield {
            "roster_id": ids.person(f"{place.section_id}:{place.student_id}:{stays[pair]}"),
            "section_id": place.section_id,
            "person_id": ids.person(place.student_id),
            "start_date": sections[place.section_id].term.start,
            "dropped": False,
            "updated_at": _stamp(district),
        }


def _guardians(district: District) -> Iterator[Row]:
    for contact in {(ids.guardian(one), one.student_id): one for one in district.contacts}.values():
        yield {
            "guardian_id": ids.guardian(contact),
            "student_id": ids.person(contact.student_id),
            "email": contact.guardian.email or None,
            "relationship": contact.relationship,
            "has_custody": contact.relationship in ("Mother", "Father"),
            "portal_access": True,
        }
