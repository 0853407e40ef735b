"""Every flaw is in the data as declared, and nothing else is wrong with it."""

from __future__ import annotations

import unicodedata
from collections import Counter

from roster_sandbox.district import District

RULES = {
    "username-shared": "students",
    "email-shared": "students",
    "email-refused": "students",
    "email-blank": "students",
    "name-replacement-character": "students",
    "name-control-character": "teachers",
    "section-without-teacher": "sections",
    "placeholder-teacher": "teachers",
    "teacher-named-twice": "sections",
    "section-without-students": "sections",
    "enrollment-unknown-user": "enrollments",
    "enrollment-repeated": "enrollments",
    "contact-without-key": "students",
    "login-shared-by-guardians": "students",
    "login-shared-with-pupil": "students",
}


def test_the_list_of_flaws(district: District) -> None:
    assert {flaw.rule: flaw.table for flaw in district.flaws} == RULES


def test_shared_and_bad_addresses_are_as_declared(district: District) -> None:
    pupils = district.students
    usernames = Counter(pupil.username.casefold() for pupil in pupils)
    assert {p.id for p in pupils if usernames[p.username.casefold()] > 1} == district.flawed("username-shared")
    emails = Counter(pupil.email.casefold() for pupil in pupils)
    assert {p.id for p in pupils if emails[p.email.casefold()] > 1} == district.flawed("email-shared")
    assert {p.id for p in pupils if p.email and "@" not in p.email} == district.flawed("email-refused")
    assert {p.id for p in pupils if not p.email} == district.flawed("email-blank")
    shared = [p for p in pupils if p.id in district.flawed("username-shared")]
    assert shared[0].username != shared[1].username


def test_bad_names_are_as_declared(district: District) -> None:
    people = (*district.students, *district.teachers, *district.staff)
    controlled = {p.id for p in people if any(unicodedata.category(c) == "Cc" for c in p.given + p.middle + p.family)}
    assert controlled == district.flawed("name-control-character")
    assert {p.id for p in people if "\ufffd" in p.given + p.family} == district.flawed("name-replacement-character")
    assert {p.id for p in people if p.given == "TBA"} == district.flawed("placeholder-teacher") == {"e9990001"}


def test_bad_classes_are_as_declared(district: District) -> None:
    attended = {enrollment.section_id for enrollment in district.enrollments}
    without = {section.id for section in district.sections if section.id not in attended}
    assert without == district.flawed("section-without-students")
    assert {s.id for s in district.sections if not s.teacher_ids} == district.flawed("section-without-teacher")
    twice = {s.id for s in district.sections if len(set(s.teacher_ids)) < len(s.teacher_ids)}
    assert twice == district.flawed("teacher-named-twice")
    places = Counter((enrollment.section_id, enrollment.student_id) for enrollment in district.enrollments)
    assert {i for place in places for i in place if places[place] > 1} == district.flawed("enrollment-repeated")
    known = {student.id for student in district.students}
    assert {i for place in places for i in place if place[1] not in known} == district.flawed("enrollment-unknown-user")
    employed = {teacher.id for teacher in district.teachers}
    assert {teacher_id for section in district.sections for teacher_id in section.teacher_ids} <= employed


def test_bad_contacts_are_as_declared(district: District) -> None:
    keyless = {c.student_id for c in district.contacts if not c.guardian.email and not c.guardian.sis_id}
    assert keyless == district.flawed("contact-without-key")
    addresses = Counter(guardian.email.casefold() for guardian in district.guardians())
    shared = {c.student_id for c in district.contacts if addresses[c.guardian.email.casefold()] > 1}
    assert shared == district.flawed("login-shared-by-guardians")
    pupils = {student.email.casefold() for student in district.students if student.email}
    borrowed = {c.student_id for c in district.contacts if c.guardian.email.casefold() in pupils}
    assert borrowed == district.flawed("login-shared-with-pupil")
