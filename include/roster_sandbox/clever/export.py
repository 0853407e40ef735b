"""The district as the objects of Clever's API, in a folder that the stand-in serves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from roster_sandbox.clever.ids import IdTable
from roster_sandbox.district.implied import guardian_key, term_key
from roster_sandbox.district.model import Contact, District, Person, Section, Staff, Teacher

Object = dict[str, Any]
OBJECTS = "objects.json"
RELATIONSHIPS = {
    "Mother": "Parent",
    "Father": "Parent",
    "Stepfather": "Parent",
    "Guardian": "",
    "Grandmother": "Grandparent",
    "Uncle": "Aunt/Uncle",
}
"""Clever's word for a relationship of the export (else `Other`). It has none for a guardian, whom only `type` tells."""


def write_api(
    district: District,
    folder: Path,
    *,
    synced: datetime,
    state: str = "running",
    paused: tuple[date, date] | None = None,
    recreated: bool = False,
) -> IdTable:
    """Put the district into the folder, whole at every moment; answers its table of ids, which is kept there too.

    A record that was there before keeps its id. synced: the district's last_sync. recreated: terms and courses get new
    ids, as in Clever they do now and then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ids = IdTable.read(folder)
    if recreated:
        ids.forget("terms", "courses")
    objects = {
        "districts": [_district(ids, synced, state, paused)],
        "schools": [_school(ids, school, district) for school in district.schools],
        "users": [*_students(ids, district), *_employed(ids, district), *_contacts(ids, district)],
        "terms": [_term(ids, section) for section in _each(district, _term_key)],
        "courses": [_course(ids, section) for section in _each(district, _course_key)],
        "sections": [_section(ids, section, district) for section in _enrolled(district)],
    }
    ids.write(folder)
    aside = folder / f".{OBJECTS}.part"
    aside.touch(mode=0o600)
    aside.write_text(json.dumps(objects, ensure_ascii=False), encoding="utf-8")
    aside.replace(folder / OBJECTS)
    return ids


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _district(ids: IdTable, synced: datetime, state: str, paused: tuple[date, date] | None) -> Object:
    begins, ends = paused or (None, None)
    return {
        "id": ids.of("district", "district"),
        "name": "Sandbox District",
        "state": state,
        "last_sync": _stamp(synced),
        "pause_start": begins and begins.isoformat(),
        "pause_end": ends and ends.isoformat(),
    }


def _school(ids: IdTable, school: Any, district: District) -> Object:
    leader = next(member for member in district.staff if member.id == school.principal_id)
    return {
        "id": ids.of("schools", school.id),
        "district": ids.of("district", "district"),
        "name": school.name,
        "sis_id": school.id,
        "school_number": school.number,
        "principal": {"name": f"{leader.given} {leader.family}", "email": leader.email},
    }


def _user(ids: IdTable, kind: str, person: Person, roles: Object) -> Object:
    return {
        "id": ids.of(kind, person.id),
        "district": ids.of("district", "district"),
        "email": person.email,
        "name": {"first": person.given, "middle": person.middle, "last": person.family},
        "roles": roles,
    }


def _students(ids: IdTable, district: District) -> Iterator[Object]:
    for student in district.students:
        school = ids.of("schools", student.school_id)
        role = {
            "sis_id": student.id,
            "student_number": student.number,
            "state_id": student.state_id,
            "school": school,
            "schools": [school],
            "grade": student.grade,
            "dob": student.birth.isoformat(),
            "gender": student.gender,
            "location": {"address": student.street, "city": "Sandbox", "state": "NY", "zip": "00501"},
            "credentials": {"district_username": student.username},
            "ext": {},
        }
        yield _user(ids, "students", student, {"student": role})


def _employed(ids: IdTable, district: District) -> Iterator[Object]:
    """Teachers and staff; one who is both is one user."""
    staff = {member.id: member for member in district.staff}
    for teacher in district.teachers:
        roles = {"teacher": _teacher(ids, teacher)}
        if teacher.id in staff:
            roles["staff"] = _staff(ids, staff.pop(teacher.id))
        yield _user(ids, "staff", teacher, roles)
    for member in staff.values():
        yield _user(ids, "staff", member, {"staff": _staff(ids, member)})


def _teacher(ids: IdTable, teacher: Teacher) -> Object:
    schools = [ids.of("schools", school_id) for school_id in teacher.school_ids]
    return {
        "sis_id": teacher.id,
        "teacher_number": teacher.number,
        "state_id": teacher.state_id,
        "school": schools[0],
        "schools": schools,
        "title": teacher.title,
        "credentials": {"district_username": teacher.username},
    }


def _staff(ids: IdTable, member: Staff) -> Object:
    return {
        "staff_id": member.id,
        "department": member.department,
        "title": member.title,
        "roles": [member.role],
        "schools": [ids.of("schools", member.school_id)],
        "credentials": {"district_username": member.username},
    }


def _contacts(ids: IdTable, district: District) -> Iterator[Object]:
    """A contact once, with every pupil of theirs; who has neither id nor e-mail is one for each pupil."""
    grouped: dict[str, list[Contact]] = {}
    for contact in district.contacts:
        key = guardian_key(contact.guardian) or f"?{contact.student_id}:{contact.guardian.name}"
        grouped.setdefault(key, []).append(contact)
    for key, contacts in grouped.items():
        adult = contacts[0].guardian
        told_apart = "," in adult.name
        yield {
            "id": ids.of("contacts", key),
            "district": ids.of("district", "district"),
            "email": adult.email,
            "name": {
                "first": adult.given if told_apart else "",
                "middle": "",
                "last": adult.family if told_apart else adult.name,
            },
            "roles": {
                "contact": {
                    "sis_id": adult.sis_id or None,
                    "phone": adult.phone,
                    "phone_type": "Cell",
                    "student_relationships": [_relationship(ids, contact) for contact in contacts],
                }
            },
        }


def _relationship(ids: IdTable, contact: Contact) -> Object:
    return {
        "student": ids.of("students", contact.student_id),
        "relationship": RELATIONSHIPS.get(contact.relationship, "Other"),
        "type": contact.type,
    }


def _term_key(section: Section) -> str:
    return term_key(section.term)


def _course_key(section: Section) -> str:
    return f"{section.course_number} {section.course_name}"


def _each(district: District, key: Any) -> list[Section]:
    """One section for each key."""
    return list({key(section): section for section in reversed(district.sections)}.values())[::-1]


def _term(ids: IdTable, section: Section) -> Object:
    return {
        "id": ids.of("terms", _term_key(section)),
        "district": ids.of("district", "district"),
        "name": section.term.name,
        "start_date": section.term.start.isoformat(),
        "end_date": section.term.end.isoformat(),
    }


def _course(ids: IdTable, section: Section) -> Object:
    return {
        "id": ids.of("courses", _course_key(section)),
        "district": ids.of("district", "district"),
        "name": section.course_name,
        "number": section.course_number,
    }


def _enrolled(district: District) -> Iterator[tuple[Section, list[str]]]:
    pupils: dict[str, dict[str, None]] = {}
    for place in district.enrollments:
        pupils.setdefault(place.section_id, {})[place.student_id] = None
    for section in district.sections:
        yield section, list(pupils.get(section.id, ()))


def _section(ids: IdTable, enrolled: tuple[Section, list[str]], district: District) -> Object:
    section, pupils = enrolled
    teachers = [ids.of("staff", teacher) for teacher in dict.fromkeys(section.teacher_ids)]
    return {
        "id": ids.of("sections", section.id),
        "district": ids.of("district", "district"),
        "school": ids.of("schools", section.school_id),
        "course": ids.of("courses", _course_key(section)),
        "term_id": ids.of("terms", _term_key(section)),
        "name": section.name,
        "sis_id": section.id,
        "section_number": section.number,
        "period": section.period,
        "grade": section.grade,
        "subject": section.subject,
        "students": [ids.of("students", pupil) for pupil in pupils],
        "teacher": teachers[0] if teachers else None,
        "teachers": teachers,
        "ext": {},
    }
