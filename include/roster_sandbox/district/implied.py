"""What a Canvas has to hold after a night over the district: reckoned here with plain dicts, by nobody's other code."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal

from roster_sandbox.district.model import Contact, District, Guardian, Person, Section, Teacher, Term

Place = tuple[str, str, str]
"""An enrolment's key: section id, user id, role (`student` or `teacher`)."""

Link = tuple[str, str]
"""An observer link's key: observer's user id, pupil's user id."""

_ADDRESS = re.compile(r"[!-?A-~]+@[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
_RANKS = {"teacher": 0, "staff": 0, "student": 1, "observer": 2}


@dataclass(frozen=True, slots=True)
class ImpliedTerm:
    """A term of terms.csv; first and last day in the tenant's zone."""

    name: str
    start: date
    end: date


@dataclass(frozen=True, slots=True)
class ImpliedCourse:
    """A course, in the sub-account of its school."""

    account_id: str
    term_id: str
    course_name: str
    course_number: str


@dataclass(frozen=True, slots=True)
class ImpliedSection:
    """A section."""

    course_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ImpliedUser:
    """A user; names in NFC. A guardian's `full_name` is the contact name as the file has it."""

    kind: str
    login: str
    email: str
    given: str
    family: str
    full_name: str
    state: str = "active"


@dataclass(frozen=True, slots=True)
class ImpliedCanvas:
    """The contents of a Canvas, by SIS id, and what the night kept back.

    `enrollments` and `links` map a key to its state. `quarantined` maps a user id to the reason; `waiting` and
    `waiting_links` are what waits with those people. `refused` counts rows by reason: contacts by `relationship` or
    `key`, enrolments by `unknown`, `repeated` or `window`.
    """

    accounts: dict[str, str] = field(default_factory=dict)
    terms: dict[str, ImpliedTerm] = field(default_factory=dict)
    courses: dict[str, ImpliedCourse] = field(default_factory=dict)
    sections: dict[str, ImpliedSection] = field(default_factory=dict)
    users: dict[str, ImpliedUser] = field(default_factory=dict)
    enrollments: dict[Place, str] = field(default_factory=dict)
    links: dict[Link, str] = field(default_factory=dict)
    quarantined: dict[str, str] = field(default_factory=dict)
    waiting: set[Place] = field(default_factory=set)
    waiting_links: set[Link] = field(default_factory=set)
    refused: dict[str, int] = field(default_factory=dict)

    def refuse(self, reason: str) -> None:
        """Count one row that does not go on."""
        self.refused[reason] = self.refused.get(reason, 0) + 1


def guardian_key(guardian: Guardian) -> str:
    """The contact's own id, else a hash of casefolded address and name in NFC; blank where there is neither."""
    if guardian.sis_id or not guardian.email:
        return guardian.sis_id
    text = "\x1f".join(_nfc(_nfc(part).casefold()) for part in (guardian.email, guardian.name))
    return "g-" + hashlib.sha256(text.encode()).hexdigest()[:20]


def term_key(term: Term) -> str:
    """Name, first and last day."""
    return f"{term.name}-{term.start:%Y%m%d}-{term.end:%Y%m%d}"


def term_slug(term: Term) -> str:
    """The same in lower case, with a hyphen for whatever is neither letter nor digit."""
    return re.sub(r"[^a-z0-9]+", "-", term_key(term).lower()).strip("-")


def section_course(section: Section) -> str:
    """A course per section."""
    return section.id


def implied(
    district: District,
    *,
    today: date,
    login: Literal["email", "username"] = "email",
    observers: Sequence[str] = ("Mother", "Father", "Guardian"),
    days_before: int = 14,
    guardian_id: Callable[[Guardian], str] = guardian_key,
    term_id: Callable[[Term], str] = term_key,
    course_id: Callable[[Section], str] = section_course,
) -> ImpliedCanvas:
    """What an empty Canvas holds after a night on `today`, where no limit holds anything back.

    Ids are the district's own (School_id, Student_id, Teacher_id, Staff_id, Section_id) but for those that the three
    functions give. No observers: pass none. A term is in the window from `days_before` its start to its last day.
    """
    canvas = ImpliedCanvas(accounts={school.id: school.name for school in district.schools})
    adults = list(_listed(canvas, district.contacts, observers, guardian_id))
    _people(canvas, district, login, {key: contact.guardian for key, contact in adults})
    current = [s for s in district.sections if s.term.start - timedelta(days=days_before) <= today <= s.term.end]
    for section in current:
        term, course = term_id(section.term), course_id(section)
        canvas.terms[term] = ImpliedTerm(section.term.name, section.term.start, section.term.end)
        canvas.courses.setdefault(
            course, ImpliedCourse(section.school_id, term, section.course_name, section.course_number)
        )
        canvas.sections[section.id] = ImpliedSection(course, section.name)
    _places(canvas, district, current)
    for key, contact in adults:
        if key in canvas.users and contact.student_id in canvas.users:
            canvas.links[key, contact.student_id] = "active"
        else:
            canvas.waiting_links.add((key, contact.student_id))
    return canvas


def renamed(
    canvas: ImpliedCanvas,
    *,
    accounts: Mapping[str, str] | None = None,
    courses: Mapping[str, str] | None = None,
    sections: Mapping[str, str] | None = None,
    users: Mapping[str, str] | None = None,
) -> ImpliedCanvas:
    """The same under other ids: the district's own → the tenant's. What a mapping does not name keeps its id."""
    account, course, section, user = (_names(ids) for ids in (accounts, courses, sections, users))
    return replace(
        canvas,
        accounts={account(key): name for key, name in canvas.accounts.items()},
        courses={course(k): replace(one, account_id=account(one.account_id)) for k, one in canvas.courses.items()},
        sections={section(k): replace(one, course_id=course(one.course_id)) for k, one in canvas.sections.items()},
        users={user(key): one for key, one in canvas.users.items()},
        enrollments={(section(s), user(u), role): state for (s, u, role), state in canvas.enrollments.items()},
        links={(user(observer), user(pupil)): state for (observer, pupil), state in canvas.links.items()},
        quarantined={user(key): reason for key, reason in canvas.quarantined.items()},
        waiting={(section(s), user(u), role) for s, u, role in canvas.waiting},
        waiting_links={(user(observer), user(pupil)) for observer, pupil in canvas.waiting_links},
    )


def _names(ids: Mapping[str, str] | None) -> Callable[[str], str]:
    return lambda key: (ids or {}).get(key, key)


def after(
    before: ImpliedCanvas,
    now: ImpliedCanvas,
    *,
    unproven: Collection[str] = (),
    earlier: ImpliedCanvas | None = None,
) -> ImpliedCanvas:
    """What a Canvas that held `before` holds after the night of `now`, where every drop was earned and none held.

    People gone are suspended, places gone inactive, links gone deleted; who is in quarantine, and what waits with
    them, stays as it was; so does a place in a class outside the window. Accounts, terms, courses, sections stay.
    unproven: whose absence proves nothing by itself, of `people`, `guardians` (links too) and `enrollments`; what is
    gone of them goes if it was absent in `earlier` as well, the first of two nights; None if there was none.
    """
    first = earlier if earlier is not None else before
    users = dict(now.users)
    for key, user in before.users.items():
        if key not in users:
            kind = "guardians" if user.kind == "observer" else "people"
            stays = key in now.quarantined or (kind in unproven and key in first.users)
            users[key] = user if stays else replace(user, state="suspended")
    enrollments = dict(now.enrollments)
    for place, state in before.enrollments.items():
        if place not in enrollments:
            frozen = place in now.waiting or place[0] not in now.sections or place[1] in now.quarantined
            stays = frozen or ("enrollments" in unproven and place in first.enrollments)
            enrollments[place] = state if stays else "inactive"
    links = dict(now.links)
    for link, state in before.links.items():
        if link not in links:
            frozen = link in now.waiting_links or not now.quarantined.keys().isdisjoint(link)
            stays = frozen or ("guardians" in unproven and link in first.links)
            links[link] = state if stays else "deleted"
    return replace(
        now,
        accounts=before.accounts | now.accounts,
        terms=before.terms | now.terms,
        courses=before.courses | now.courses,
        sections=before.sections | now.sections,
        users=users,
        enrollments=enrollments,
        links=links,
    )


def _listed(
    canvas: ImpliedCanvas, contacts: Sequence[Contact], observers: Sequence[str], key: Callable[[Guardian], str]
) -> Iterator[tuple[str, Contact]]:
    wanted = {relationship.casefold() for relationship in observers}
    for contact in contacts:
        if contact.relationship.casefold() not in wanted:
            canvas.refuse("relationship")
        elif not (guardian := key(contact.guardian)):
            canvas.refuse("key")
        else:
            yield guardian, contact


def _people(canvas: ImpliedCanvas, district: District, login: str, guardians: dict[str, Guardian]) -> None:
    everyone: dict[str, ImpliedUser] = {}
    for person in (*district.teachers, *district.staff):
        everyone.setdefault(person.id, _user(person, "teacher" if isinstance(person, Teacher) else "staff", login))
    everyone |= {student.id: _user(student, "student", login) for student in district.students}
    for key, guardian in guardians.items():
        address = guardian.email if _ADDRESS.fullmatch(guardian.email) else ""
        everyone[key] = ImpliedUser(
            "observer", address, address, _nfc(guardian.given), _nfc(guardian.family), _nfc(guardian.name)
        )
    holders: dict[str, list[str]] = {}
    for key, user in everyone.items():
        holders.setdefault(user.login.casefold(), []).append(key)
    for key, user in everyone.items():
        reason = _fault(key, user) or _clash(key, [(i, everyone[i]) for i in holders[user.login.casefold()]])
        if reason:
            canvas.quarantined[key] = reason
        else:
            canvas.users[key] = user


def _user(person: Person, kind: str, login: str) -> ImpliedUser:
    email = person.email if _ADDRESS.fullmatch(person.email) else ""
    given, family = _nfc(person.given), _nfc(person.family)
    name = email if login == "email" else person.username
    return ImpliedUser(kind, name, email, given, family, f"{given} {family}")


def _fault(key: str, user: ImpliedUser) -> str:
    if key.casefold().startswith("e999"):
        return "placeholder"
    if any(unicodedata.category(c) == "Cc" or c == "\ufffd" for c in user.given + user.family + user.full_name):
        return "name"
    return "" if user.login else "login-blank"


def _clash(key: str, holders: list[tuple[str, ImpliedUser]]) -> str:
    """Of several on one log-in, the only one of the highest rank keeps it."""
    best = min(_RANKS[user.kind] for _, user in holders)
    first = [i for i, user in holders if _RANKS[user.kind] == best]
    return "" if first == [key] else "login-shared"


def _places(canvas: ImpliedCanvas, district: District, current: Sequence[Section]) -> None:
    running = {section.id for section in current}
    wanted: list[Place] = [(s.id, teacher, "teacher") for s in current for teacher in s.teacher_ids]
    for enrollment in district.enrollments:
        if enrollment.section_id in running:
            wanted.append((enrollment.section_id, enrollment.student_id, "student"))
        else:
            canvas.refuse("window")
    for place in wanted:
        if place in canvas.enrollments or place in canvas.waiting:
            canvas.refuse("repeated")
        elif place[1] in canvas.users:
            canvas.enrollments[place] = "active"
        elif place[1] in canvas.quarantined:
            canvas.waiting.add(place)
        else:
            canvas.refuse("unknown")


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
