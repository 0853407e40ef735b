"""What kind of SIS file a header makes: tried in the order of processing, and the first that fits wins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Headers = frozenset[str]


@dataclass(frozen=True)
class Kind:
    """A type of SIS file: its name in `supplied_batches`, its name in `counts`, and the test of its header."""

    name: str
    count: str
    fits: Callable[[Headers], bool]


def _all(*columns: str) -> Callable[[Headers], bool]:
    return lambda headers: headers.issuperset(columns)


def _any(*columns: str) -> Callable[[Headers], bool]:
    return lambda headers: not headers.isdisjoint(columns)


_EXISTING = ("existing_user_id", "existing_integration_id", "existing_canvas_user_id")


def _abstract_course(headers: Headers) -> bool:
    return _all("abstract_course_id", "short_name")(headers) and "course_id" not in headers


def _user(headers: Headers) -> bool:
    return _all("user_id", "login_id")(headers) and not _any(*_EXISTING)(headers)


def _enrollment(headers: Headers) -> bool:
    return _any("course_id", "section_id")(headers) and _any("user_id", "user_integration_id")(headers)


KINDS = (
    Kind("change_sis_id", "change_sis_ids", _any("old_id", "old_integration_id")),
    Kind("account", "accounts", _all("account_id", "parent_account_id")),
    Kind("term", "terms", _all("term_id", "name")),
    Kind("abstract_course", "abstract_courses", _abstract_course),
    Kind("course", "courses", _all("course_id", "short_name")),
    Kind("section", "sections", _all("section_id", "name")),
    Kind("xlist", "xlists", _all("xlist_course_id", "section_id")),
    Kind("user", "users", _user),
    Kind("login", "logins", _any(*_EXISTING)),
    Kind("enrollment", "enrollments", _enrollment),
    Kind("admin", "admins", _all("user_id", "account_id")),
    Kind("group_category", "group_categories", _all("group_category_id", "category_name")),
    Kind("group", "groups", _all("group_id", "name")),
    Kind("group_membership", "group_memberships", _all("group_id", "user_id")),
    Kind("grade_publishing_results", "grade_publishing_results", _all("enrollment_id", "grade_publishing_status")),
    Kind("user_observer", "user_observers", _all("observer_id", "student_id")),
)
COUNTS = (
    *("accounts", "terms", "abstract_courses", "courses", "sections", "xlists", "users", "logins", "enrollments"),
    *("admins", "group_categories", "groups", "group_memberships", "grade_publishing_results", "user_observers"),
    *("change_sis_ids", "error_count", "warning_count"),
    *("batch_courses_deleted", "batch_sections_deleted", "batch_enrollments_deleted"),
)


def kind_of(header: list[str]) -> Kind | None:
    """The kind of a file with this header; names are compared trimmed and lower-cased."""
    headers = frozenset(name.strip().lower() for name in header)
    return next((kind for kind in KINDS if kind.fits(headers)), None)
