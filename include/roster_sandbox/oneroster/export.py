"""The district as OneRoster objects, 1.1 or 1.2: what the REST stand-in serves, and what a CSV set is written from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Literal

from roster_sandbox.district.implied import guardian_key, term_key
from roster_sandbox.district.model import Contact, District, Guardian, Person, School, Section, Staff, Student, Term
from roster_sandbox.oneroster.ids import IdTable

Object = dict[str, Any]
Version = Literal["1.1", "1.2"]
LISTS = ("orgs", "academicSessions", "courses", "classes", "users", "enrollments", "demographics")
ADULTS = {"Mother": "parent", "Father": "parent", "Stepfather": "parent", "Guardian": "guardian"}
"""OneRoster's role for a relationship of the district; else `relative`, since it has no word for a friend."""
STAFF = {"1.1": "administrator", "1.2": "siteAdministrator"}


def objects(district: District, ids: IdTable, version: Version, modified: datetime) -> dict[str, list[Object]]:
    """Every list of the district. modified: dateLastModified of all of it.

    A class of the whole year names the year, or (every third one) all the other terms within it that have begun, which
    no smaller session spans. A pupil's agents are their guardians, a guardian's the pupils.
    """
    made = {
        "orgs": [_district(ids, district), *(_school(ids, school) for school in district.schools)],
        "academicSessions": [_session(ids, term, district) for term in district.terms],
        "courses": list(_courses(ids, district)),
        "classes": [_class(ids, section, district) for section in district.sections],
        "users": [
            *_students(ids, district, version),
            *_employed(ids, district, version),
            *_guardians(ids, district, version),
        ],
        "enrollments": list(_enrollments(ids, district)),
        "demographics": [_demographics(ids, student) for student in district.students],
    }
    stamp = f"{modified:%Y-%m-%dT%H:%M:%S}.000Z"
    return {
        name: [{"sourcedId": one["sourcedId"], "status": "active", "dateLastModified": stamp} | one for one in found]
        for name, found in made.items()
    }


def ref(kind: str, sourced_id: str) -> Object:
    """A reference to an object; kind: `org`, `user`, `class`, …"""
    plural = kind + ("es" if kind.endswith("s") else "s")
    return {"href": f"{plural}/{sourced_id}", "sourcedId": sourced_id, "type": kind}


def _district(ids: IdTable, district: District) -> Object:
    schools = [ref("org", ids.of("orgs", school.id)) for school in district.schools]
    return {
        "sourcedId": ids.of("orgs", "district"),
        "name": "Sandbox District",
        "type": "district",
        "identifier": "D1",
        "children": schools,
    }


def _school(ids: IdTable, school: School) -> Object:
    return {
        "sourcedId": ids.of("orgs", school.id),
        "name": school.name,
        "type": "school",
        "identifier": school.number,
        "parent": ref("org", ids.of("orgs", "district")),
    }


def _session(ids: IdTable, term: Term, district: District) -> Object:
    year = district.terms[0]
    session = {
        "sourcedId": ids.of("sessions", term_key(term)),
        "title": term.name,
        "startDate": term.start.isoformat(),
        "endDate": term.end.isoformat(),
        "type": "schoolYear" if term == year else "semester" if "Half" in term.name else "term",
        "schoolYear": str(year.end.year),
    }
    return session if term == year else session | {"parent": ref("academicSession", _session_id(ids, year))}


def _session_id(ids: IdTable, term: Term) -> str:
    return ids.of("sessions", term_key(term))


def course_key(section: Section) -> str:
    """The key of a section's course in the table of ids."""
    return f"{section.school_id}|{section.course_number}|{section.course_name}"


def _courses(ids: IdTable, district: District) -> Iterator[Object]:
    for key, section in {course_key(section): section for section in district.sections}.items():
        yield {
            "sourcedId": ids.of("courses", key),
            "title": section.course_name,
            "courseCode": section.course_number,
            "schoolYear": ref("academicSession", _session_id(ids, district.terms[0])),
            "grades": [section.grade.zfill(2)],
            "subjects": [section.subject],
            "org": ref("org", ids.of("orgs", section.school_id)),
        }


def _class(ids: IdTable, section: Section, district: District) -> Object:
    return {
        "sourcedId": ids.of("classes", section.id),
        "title": section.name,
        "classCode": section.number,
        "classType": "homeroom" if "Homeroom" in section.course_name else "scheduled",
        "location": f"Room {section.period}",
        "grades": [section.grade.zfill(2)],
        "subjects": [section.subject],
        "course": ref("course", ids.of("courses", course_key(section))),
        "school": ref("org", ids.of("orgs", section.school_id)),
        "terms": [ref("academicSession", _session_id(ids, term)) for term in _terms(section, district)],
        "periods": [section.period],
    }


def _terms(section: Section, district: District) -> tuple[Term, ...]:
    year, *others = district.terms
    if section.term != year or int(section.number[-3:]) % 3:
        return (section.term,)
    return tuple(term for term in others if year.start <= term.start <= district.today)


def _user(sourced_id: str, person: Person) -> Object:
    return {
        "sourcedId": sourced_id,
        "username": person.username,
        "enabledUser": "true",
        "givenName": person.given,
        "middleName": person.middle,
        "familyName": person.family,
        "identifier": person.number,
        "email": person.email,
        "userIds": [{"type": "State", "identifier": person.state_id}],
        "password": person.password,
    }


def _roles(roles: list[tuple[str, str]], version: Version) -> Object:
    """roles: (role, sourcedId of the org), the primary one first. 1.1 has one role, and all orgs."""
    if version == "1.1":
        orgs = dict.fromkeys(org for _, org in roles)
        return {"role": roles[0][0], "orgs": [ref("org", org) for org in orgs]}
    words = ["primary", *["secondary"] * (len(roles) - 1)]
    return {
        "roles": [
            {"roleType": word, "role": role, "org": ref("org", org)}
            for word, (role, org) in zip(words, roles, strict=True)
        ],
        "primaryOrg": ref("org", roles[0][1]),
    }


def _students(ids: IdTable, district: District, version: Version) -> Iterator[Object]:
    adults: dict[str, dict[str, None]] = {}
    for contact in district.contacts:
        adults.setdefault(contact.student_id, {})[ids.of("guardians", adult_key(contact))] = None
    for student in district.students:
        user = _user(ids.of("students", student.id), student)
        user |= _roles([("student", ids.of("orgs", student.school_id))], version)
        agents = [ref("user", adult) for adult in adults.get(student.id, ())]
        yield user | {"grades": [student.grade.zfill(2)], "agents": agents}


def _employed(ids: IdTable, district: District, version: Version) -> Iterator[Object]:
    """Teachers and staff; one who is both is one user, a teacher first."""
    staff = {member.id: member for member in district.staff}
    for teacher in district.teachers:
        roles = [("teacher", ids.of("orgs", school)) for school in teacher.school_ids]
        if member := staff.pop(teacher.id, None):
            roles.append(_post(ids, member, version))
        yield _user(ids.of("staff", teacher.id), teacher) | _roles(roles, version)
    for member in staff.values():
        yield _user(ids.of("staff", member.id), member) | _roles([_post(ids, member, version)], version)


def _post(ids: IdTable, member: Staff, version: Version) -> tuple[str, str]:
    return STAFF[version], ids.of("orgs", member.school_id)


def adult_key(contact: Contact) -> str:
    """The key of a pupil's adult in the table of ids."""
    return guardian_key(contact.guardian) or f"?{contact.student_id}:{contact.guardian.name}"


def _guardians(ids: IdTable, district: District, version: Version) -> Iterator[Object]:
    """An adult once, with every pupil of theirs, and one role: that of the first."""
    schools = {student.id: student.school_id for student in district.students}
    grouped: dict[str, list[Contact]] = {}
    for contact in district.contacts:
        grouped.setdefault(adult_key(contact), []).append(contact)
    for key, contacts in grouped.items():
        role = ADULTS.get(contacts[0].relationship, "relative")
        orgs = dict.fromkeys(ids.of("orgs", schools[contact.student_id]) for contact in contacts)
        pupils = dict.fromkeys(ids.of("students", contact.student_id) for contact in contacts)
        user = _adult(ids.of("guardians", key), contacts[0].guardian)
        yield user | _roles([(role, org) for org in orgs], version) | {"agents": [ref("user", one) for one in pupils]}


def _adult(sourced_id: str, adult: Guardian) -> Object:
    return {
        "sourcedId": sourced_id,
        "username": adult.email,
        "enabledUser": "true",
        "givenName": adult.given,
        "familyName": adult.family,
        "identifier": adult.sis_id,
        "email": adult.email,
        "phone": adult.phone,
    }


def _enrollments(ids: IdTable, district: District) -> Iterator[Object]:
    """Each place once, with the dates of its term."""
    sections = {section.id: section for section in district.sections}
    for section in district.sections:
        for teacher in dict.fromkeys(section.teacher_ids):
            primary = {"primary": "true" if teacher == section.teacher_ids[0] else "false"}
            yield _place(ids, section, ("staff", teacher), "teacher") | primary
    for section_id, student in dict.fromkeys((place.section_id, place.student_id) for place in district.enrollments):
        yield _place(ids, sections[section_id], ("students", student), "student")


def _place(ids: IdTable, section: Section, user: tuple[str, str], role: str) -> Object:
    return {
        "sourcedId": ids.of("enrollments", f"{section.id}|{user[1]}|{role}"),
        "user": ref("user", ids.of(*user)),
        "class": ref("class", ids.of("classes", section.id)),
        "school": ref("org", ids.of("orgs", section.school_id)),
        "role": role,
        "beginDate": _day(section.term.start),
        "endDate": _day(section.term.end),
    }


def _day(day: date) -> str:
    return day.isoformat()


def _demographics(ids: IdTable, student: Student) -> Object:
    return {
        "sourcedId": ids.of("students", student.id),
        "birthDate": _day(student.birth),
        "sex": {"F": "female", "M": "male"}.get(student.gender, "unspecified"),
    }
