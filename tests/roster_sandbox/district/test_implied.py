from __future__ import annotations

import dataclasses
import unicodedata
from collections import Counter
from datetime import timedelta

import pytest

from roster_sandbox.district import District, ImpliedCanvas, after, implied, moved, renamed
from roster_sandbox.district.implied import guardian_key


@pytest.fixture(scope="module")
def canvas(district: District) -> ImpliedCanvas:
    return implied(district, today=district.today)


def _contacts_of(district: District, rule: str) -> set[str]:
    touched = district.flawed(rule)
    return {guardian_key(contact.guardian) for contact in district.contacts if contact.student_id in touched}


def test_everybody_is_a_user_once_or_in_quarantine(district: District, canvas: ImpliedCanvas) -> None:
    listed = {c.guardian for c in district.contacts if c.relationship in ("Mother", "Father", "Guardian")}
    expected = {person.id for person in (*district.students, *district.teachers, *district.staff)}
    expected |= {guardian_key(guardian) for guardian in listed} - {""}
    assert canvas.users.keys() | canvas.quarantined.keys() == expected
    assert canvas.users.keys().isdisjoint(canvas.quarantined)
    assert Counter(user.kind for user in canvas.users.values())["staff"] == 9


def test_quarantine_by_email(district: District, canvas: ImpliedCanvas) -> None:
    reasons: dict[str, set[str]] = {}
    for key, reason in canvas.quarantined.items():
        reasons.setdefault(reason, set()).add(key)
    assert reasons["placeholder"] == {"e9990001"}
    assert reasons["name"] == district.flawed("name-control-character", "name-replacement-character")
    assert reasons["login-blank"] == district.flawed("email-blank", "email-refused")
    guardians = reasons["login-shared"] - district.flawed("email-shared")
    assert district.flawed("email-shared") <= reasons["login-shared"]
    assert len(guardians) == 3
    assert _contacts_of(district, "login-shared-by-guardians") < guardians
    assert len(guardians & _contacts_of(district, "login-shared-with-pupil")) == 1
    assert district.flawed("username-shared", "login-shared-with-pupil") <= canvas.users.keys()


def test_quarantine_by_username(district: District) -> None:
    by_name = implied(district, today=district.today, login="username")
    shared = {key for key in by_name.quarantined if by_name.quarantined[key] == "login-shared"}
    assert shared == district.flawed("username-shared") | _contacts_of(district, "login-shared-by-guardians")
    (refused,) = district.flawed("email-refused")
    assert (by_name.users[refused].email, by_name.users[refused].login.startswith("zqx")) == ("", True)


def test_places_of_people_in_quarantine_wait(district: District, canvas: ImpliedCanvas) -> None:
    assert {user for _, user, _ in canvas.waiting} == canvas.quarantined.keys() & {
        *(student.id for student in district.students),
        *(teacher.id for teacher in district.teachers),
    }
    assert canvas.enrollments.keys().isdisjoint(canvas.waiting)
    assert {role for _, _, role in canvas.enrollments} == {"student", "teacher"}


def test_every_place_in_a_running_class_is_accounted_for(district: District, canvas: ImpliedCanvas) -> None:
    running = {section.id: section for section in district.sections if section.term.contains(district.today)}
    assert canvas.sections.keys() == canvas.courses.keys() == running.keys()
    rows = [e for e in district.enrollments if e.section_id in running]
    teams = sum(len(section.teacher_ids) for section in running.values())
    placed = len(canvas.enrollments) + len(canvas.waiting)
    assert placed == len(rows) + teams - canvas.refused["repeated"] - canvas.refused["unknown"]
    assert (canvas.refused["repeated"], canvas.refused["unknown"]) == (2, 1)
    assert canvas.refused["window"] == len(district.enrollments) - len(rows)
    (empty,) = district.flawed("section-without-students")
    assert {role for section, _, role in canvas.enrollments if section == empty} == {"teacher"}


def test_the_window_opens_before_a_term_and_closes_after_its_last_day(district: District) -> None:
    _, half, _, coming = district.terms
    for term, day, inside in (
        (coming, coming.start - timedelta(days=15), False),
        (coming, coming.start - timedelta(days=14), True),
        (half, half.end, True),
        (half, half.end + timedelta(days=1), False),
    ):
        names = {found.name for found in implied(district, today=day).terms.values()}
        assert (term.name in names) is inside


def test_links_are_of_listed_relationships_between_people_who_are_there(
    district: District, canvas: ImpliedCanvas
) -> None:
    assert len(canvas.links) + len(canvas.waiting_links) == len(district.contacts) - (
        canvas.refused["relationship"] + canvas.refused["key"]
    )
    assert canvas.refused["key"] == 1
    assert canvas.refused["relationship"] > 20
    assert {i for link in canvas.links for i in link} <= canvas.users.keys()
    (blank,) = district.flawed("email-blank")
    assert blank in {student for _, student in canvas.waiting_links}
    assert implied(district, today=district.today, observers=()).links == {}


def test_names_are_composed(canvas: ImpliedCanvas) -> None:
    names = [user.full_name + user.given + user.family for user in canvas.users.values()]
    assert all(unicodedata.is_normalized("NFC", name) for name in names)


def test_ids_are_the_callers(district: District) -> None:
    canvas = implied(
        district,
        today=district.today,
        guardian_id=lambda guardian: f"parent {guardian.phone}",
        term_id=lambda term: term.name,
        course_id=lambda section: f"{section.school_id} {section.course_number}",
    )
    assert len(canvas.courses) < len(canvas.sections)
    assert {section.course_id for section in canvas.sections.values()} == canvas.courses.keys()
    assert (
        {course.term_id for course in canvas.courses.values()}
        == canvas.terms.keys()
        == {term.name for term in district.terms[:2]}
    )
    assert {observer[:7] for observer, _ in canvas.links} == {"parent "}


def test_the_night_after_suspends_and_ends_what_the_moves_took_away(district: District, canvas: ImpliedCanvas) -> None:
    next_day, moves = moved(district, 2)
    now = implied(next_day, today=district.today + timedelta(days=1))
    then = after(canvas, now)
    running = canvas.sections.keys()
    left = {(s, move.person_id, "student") for move in moves for s in move.left if s in running}
    joined = {(s, move.person_id, "student") for move in moves for s in move.joined if s in running}
    assert {place for place, state in then.enrollments.items() if state == "inactive"} == left
    assert then.enrollments.keys() - canvas.enrollments.keys() == joined
    (gone,) = [move.person_id for move in moves if move.kind == "leaves"]
    suspended = {key for key, user in then.users.items() if user.state == "suspended"}
    assert gone in suspended
    assert {canvas.users[key].kind for key in suspended - {gone}} <= {"observer"}
    assert all(student == gone for (_, student), state in then.links.items() if state == "deleted")


def test_quarantine_freezes_what_was_there(district: District, canvas: ImpliedCanvas) -> None:
    pupil = next(s for s in district.students if s.id in canvas.users and s.id in {link[1] for link in canvas.links})
    spoilt = dataclasses.replace(
        district,
        students=tuple(dataclasses.replace(s, email="") if s is pupil else s for s in district.students),
    )
    then = after(canvas, implied(spoilt, today=district.today))
    assert then.users == canvas.users
    assert then.enrollments == canvas.enrollments
    assert then.links == canvas.links


def test_places_of_a_term_that_ended_stay_as_they_were(district: District, canvas: ImpliedCanvas) -> None:
    half = district.terms[1]
    now = implied(district, today=half.end + timedelta(days=1))
    then = after(canvas, now)
    assert canvas.enrollments.keys() - now.enrollments.keys()
    assert canvas.enrollments.items() <= then.enrollments.items()
    assert canvas.sections.items() <= then.sections.items()


def test_the_same_canvas_under_other_ids(canvas: ImpliedCanvas) -> None:
    assert renamed(canvas) == canvas
    ids = [*canvas.accounts, *canvas.courses, *canvas.sections, *canvas.users, *canvas.quarantined]
    there, back = {key: f"new-{key}" for key in ids}, {f"new-{key}": key for key in ids}
    other = renamed(canvas, accounts=there, courses=there, sections=there, users=there)
    keys = [*other.accounts, *other.courses, *other.sections, *other.users, *other.quarantined]
    keys += [course.account_id for course in other.courses.values()]
    keys += [section.course_id for section in other.sections.values()]
    keys += [key for place in (*other.enrollments, *other.waiting) for key in place[:2]]
    keys += [key for link in (*other.links, *other.waiting_links) for key in link]
    assert [key for key in keys if not key.startswith("new-")] == []
    assert renamed(other, accounts=back, courses=back, sections=back, users=back) == canvas


def test_what_is_gone_without_proof_stays_until_it_was_gone_in_an_earlier_night_too(
    district: District, canvas: ImpliedCanvas
) -> None:
    now = implied(moved(district, 3)[0], today=district.today)
    gone = after(canvas, now)
    assert after(canvas, now, unproven=("people", "guardians", "enrollments"), earlier=now) == gone
    stays = after(canvas, now, unproven=("people", "guardians", "enrollments"))
    assert (stays.users, stays.enrollments, stays.links) == (
        {**canvas.users, **now.users},
        {**canvas.enrollments, **now.enrollments},
        {**canvas.links, **now.links},
    )
    some = after(canvas, now, unproven=("enrollments",))
    assert (some.users, some.enrollments, some.links) == (gone.users, stays.enrollments, gone.links)
