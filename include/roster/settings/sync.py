"""What is synced, and how it is named: the `sync` part of a tenant file."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from roster.settings.grammar import Settings

Kind = Literal["student", "staff", "guardian"]
KINDS: tuple[Kind, ...] = ("student", "staff", "guardian")

ROLES = {"student": "student", "teacher": "teacher", "aide": "ta"}
"""The source's roles that have enrolments, and Canvas's, beside what `sync.roles` says."""
USER_FIELDS = ("sourced_id", "kind", "identifier", "username", "email", "email_name", "school_id", "sis_id")
SECTION_FIELDS = ("class_id", "school_id", "session_id", "sis_id")
COURSE_FIELDS = ("course_id", "class_id", "school_id", "session_id", "code", "sis_id")
ACCOUNT_FIELDS = ("org_id", "sis_id")
NAME_FIELDS = ("course", "course_code", "class", "class_code", "period", "term", "teacher", "school")


def _every_kind(value: str | dict[Kind, str]) -> str | dict[Kind, str]:
    """A kind without a template would have no ids, and so seem to be gone."""
    return value if isinstance(value, str) else {**dict.fromkeys(KINDS, "{sourced_id}"), **value}


def _template(fields: tuple[str, ...]) -> AfterValidator:
    def check(value: str) -> str:
        try:
            named = [name for _, name, spec, conversion in string.Formatter().parse(value) if name is not None]
        except ValueError as fault:
            message = f"is not a template: {fault}"
            raise ValueError(message) from None
        if wrong := [name for name in named if name not in fields]:
            message = f"names {{{wrong[0]}}}; allowed are {', '.join(f'{{{field}}}' for field in fields)}"
            raise ValueError(message)
        if not named:
            message = f"must name at least one of {', '.join(f'{{{field}}}' for field in fields)}"
            raise ValueError(message)
        return value

    return AfterValidator(check)


def _listed_once(value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """A section is in one course."""
    sections = [section for listed in value.values() for section in listed]
    if twice := sorted({section for section in sections if sections.count(section) > 1}):
        message = f"lists section {twice[0]} more than once; a section can be taught in one course only"
        raise ValueError(message)
    return value


def _suffix(value: str) -> str:
    if not re.fullmatch(r"[!-~]{1,50}", value):
        message = "must be 1 to 50 letters, digits or signs without blanks, such as -google"
        raise ValueError(message)
    return value


def _suffixes_differ(value: tuple[FurtherLogin, ...]) -> tuple[FurtherLogin, ...]:
    """Two log-ins of one person would have one SIS id."""
    suffixes = [one.suffix for one in value]
    if len(set(suffixes)) < len(suffixes):
        message = "have one suffix more than once; each needs its own"
        raise ValueError(message)
    return value


def _login(value: str) -> str:
    return value if "{" in value else "{" + value + "}"


UserTemplate = Annotated[str, _template(USER_FIELDS)]
LoginTemplate = Annotated[str, AfterValidator(_login), _template(USER_FIELDS)]


class OrgFilter(Settings):
    """Which schools are synced, by id or name, with * and ?."""

    include: tuple[str, ...] = ("*",)
    """Schools that are synced. One taken off the list is left as it is in Canvas."""
    exclude: tuple[str, ...] = ()
    """Schools that are not, although the list above has them."""


class Exclusions(Settings):
    """What is left out, with * and ?: classes by id, title or code, users by id."""

    classes: tuple[str, ...] = ()
    """Classes by id, title or code."""
    users: tuple[str, ...] = ()
    """Users by id."""


class CourseSettings(Settings):
    """What a Canvas course is."""

    per: Literal["section", "school_term_course"] = "section"
    """A course for each section, or one for each school, term and course of the source."""
    create: Literal["unpublished", "published"] = "unpublished"
    """Whether pupils see a new course at once; a course that exists is left as it is."""
    short_name: Annotated[str, _template(NAME_FIELDS)] | None = None
    """Template; left out: {class} for a course per section, {course_code} else."""
    long_name: Annotated[str, _template(NAME_FIELDS)] | None = None
    """Template; left out: {class} for a course per section, {course} else."""


class IdTemplates(Settings):
    """How Canvas's SIS ids are made from the source's."""

    user: Annotated[UserTemplate | dict[Kind, UserTemplate], AfterValidator(_every_kind)] = "{sourced_id}"
    """One template, or one for each kind (student, staff, guardian); a kind left out: {sourced_id}."""
    section: Annotated[str, _template(SECTION_FIELDS)] = "{class_id}"
    """Fields: {class_id}, {school_id}, {session_id}, {sis_id}."""
    course: Annotated[str, _template(COURSE_FIELDS)] | None = None
    """Left out: {class_id} for a course per section, {school_id}-{session_id}-{course_id} else."""
    account: Annotated[str, _template(ACCOUNT_FIELDS)] = "{org_id}"
    """Fields: {org_id}, {sis_id}."""
    term: Annotated[str, _template(("session_id",))] = "{session_id}"
    """Field: {session_id}."""


class ObserverSettings(Settings):
    """Which contacts become observers: none unless listed."""

    relationships: tuple[str, ...] = ()
    """The source's words, in any case, such as Mother, Father, Guardian."""
    staff: Literal["separate", "same_email"] = "separate"
    """A guardian with a staff member's e-mail: a user of their own, or links of the staff user."""


class FurtherLogin(Settings):
    """One log-in more that people have in Canvas, beside the one of sync.login_id."""

    suffix: Annotated[str, AfterValidator(_suffix)]
    """What its SIS id has behind that of the person, such as -google; to change it changes ids."""
    login_id: LoginTemplate | dict[Kind, LoginTemplate]
    """As sync.login_id; with a map by kind, kinds that it leaves out have none."""
    authentication_provider: str | None = None
    """Canvas's type (google, saml, …) or number; left out: Canvas's own log-in."""


class DropPolicy(Settings):
    """The status that a row gets when its record is gone."""

    users: Literal["suspended", "deleted"] = "suspended"
    """Of a person who is gone."""
    enrollments: Literal["inactive", "deleted", "completed"] = "inactive"
    """Of an enrolment that is gone."""
    sections: Literal["keep", "deleted"] = "keep"
    """Of a section that is gone; what it holds goes with it."""
    courses: Literal["keep", "completed", "deleted"] = "keep"
    """Of a course that is gone; what it holds goes with it."""


class SyncSettings(Settings):
    """What is synced and what it is called in Canvas."""

    people: bool = True
    """Users and observer links; off: no rows and no drops of them."""
    course_memberships: bool = True
    """Courses, sections and enrolments; off: no rows and no drops of them."""
    orgs: OrgFilter = OrgFilter()
    exclude: Exclusions = Exclusions()
    login_id: LoginTemplate | dict[Kind, LoginTemplate] = "{email}"
    """email, username, identifier, sourced_id or a template; or one for each kind."""
    authentication_provider: str | dict[Kind, str] | None = None
    """Canvas's type (saml, google, …) or number; left out: none, and an import takes away what Canvas has."""
    logins: Annotated[tuple[FurtherLogin, ...], AfterValidator(_suffixes_differ)] = ()
    """Further log-ins that people have; one that is taken off the list ends as a person's does who has left."""
    ids: IdTemplates = IdTemplates()
    courses: CourseSettings = CourseSettings()
    section_name: Annotated[str, _template(NAME_FIELDS)] = "{class}"
    """Template of a section's name."""
    cross_list: Annotated[dict[str, tuple[str, ...]], AfterValidator(_listed_once)] | None = None
    """SIS id of a course to those of the sections that are taught in it too; left out: cross-lists are let alone."""
    names: Literal["preferred", "legal"] = "preferred"
    """Which of two names Canvas shows, where the source has both."""
    roles: dict[str, str] = Field(default_factory=dict)
    """The source's role to Canvas's, beside student, teacher and aide (→ ta)."""
    admins: dict[str, tuple[str, ...]] | None = None
    """Canvas's role to the SIS ids of staff who have it in their school's account; left out: rights are let alone."""
    observers: ObserverSettings = ObserverSettings()
    placeholders: tuple[str, ...] = ("TBA*", "*Placeholder*", "Vacant*", "Unassigned*", "To Be Announced*")
    """Names (given family, or family alone) of teachers who are not people, with * and ?."""
    term_opens: Annotated[int, Field(ge=0, le=365)] = 14
    """Days before its start from which a term is synced."""
    on_drop: DropPolicy = DropPolicy()


def by_kind(setting: str | Mapping[Kind, str] | None) -> dict[Kind, str | None]:
    """A setting that may be one value or a map by kind, as a map of all kinds."""
    if setting is None or isinstance(setting, str):
        return dict.fromkeys(KINDS, setting)
    return {kind: setting.get(kind) for kind in KINDS}
