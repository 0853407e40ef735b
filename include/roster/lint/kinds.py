"""The types of SIS files: how a header makes one, in Canvas's order, and what its columns hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

ONOFF = ("active", "deleted")


@dataclass(frozen=True)
class Kind:
    """A type of file.

    has: columns its header has, of each group one; without: columns it does not have. required: likewise, of each
    group one in every row. exact: the status is compared whole, else by how it begins; in any case. texts: at most 255
    characters. words: what a column allows. refers: column → type it points into. key: what makes two rows the same.
    """

    name: str
    file: str
    has: tuple[tuple[str, ...], ...]
    required: tuple[tuple[str, ...], ...]
    key: tuple[str, ...]
    other: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ONOFF
    exact: bool = False
    texts: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    booleans: tuple[str, ...] = ()
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refers: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is known of the type."""
        groups = [name for group in (*self.has, *self.required) for name in group]
        named = (*groups, *self.key, *self.texts, *self.dates, *self.booleans, *self.words, *self.refers, *self.other)
        status = ("status",) if self.statuses else ()
        return tuple(dict.fromkeys((*named, *status)))

    def fits(self, header: Collection[str]) -> bool:
        """Whether a header, trimmed and lower-cased, is of this type."""
        return all(any(name in header for name in group) for group in self.has) and not any(
            name in header for name in self.without
        )


def _one(*names: str) -> tuple[tuple[str, ...], ...]:
    return tuple((name,) for name in names)


_DATES = ("start_date", "end_date")
_EXISTING = ("existing_user_id", "existing_integration_id", "existing_canvas_user_id")
_USER = ("user_id", "user_integration_id")
KINDS = (
    Kind("change_sis_id", "change_sis_id", (("old_id", "old_integration_id"),),
         (("old_id", "old_integration_id"), ("new_id", "new_integration_id"), ("type",)), ("type", "old_id"),
         statuses=(), words={"type": ("account", "term", "course", "section", "group", "group_category", "user")}),
    Kind("account", "accounts", _one("account_id", "parent_account_id"), _one("account_id", "name"), ("account_id",),
         ("integration_id",), texts=("name",)),
    Kind("term", "terms", _one("term_id", "name"), _one("term_id"), ("term_id", "date_override_enrollment_type"),
         ("integration_id",), texts=("name",), dates=_DATES, words={"date_override_enrollment_type": (
             "StudentEnrollment", "TeacherEnrollment", "TaEnrollment", "DesignerEnrollment")}),
    Kind("abstract_course", "abstract_courses", _one("abstract_course_id", "short_name"),
         _one("abstract_course_id", "short_name", "long_name"), ("abstract_course_id",), without=("course_id",),
         texts=("short_name", "long_name"), refers={"account_id": "account", "fallback_account_id": "account"},
         other=("term_id",)),
    Kind("course", "courses", _one("course_id", "short_name"), _one("course_id", "short_name", "long_name"),
         ("course_id",), ("integration_id", "fallback_account_id", "blueprint_course_id", "friendly_name",
                          "abstract_course_id"),
         statuses=("active", "unpublished", "published", "completed", "deleted"), texts=("short_name", "long_name"),
         dates=_DATES, booleans=("homeroom_course",),
         words={"course_format": ("on_campus", "online", "blended", "not_set"),
                "grade_passback_setting": ("nightly_sync", "disabled", "not_set")},
         refers={"account_id": "account", "term_id": "term"}),
    Kind("section", "sections", _one("section_id", "name"), _one("section_id", "course_id", "name"), ("section_id",),
         ("integration_id",), texts=("name",), dates=_DATES, refers={"course_id": "course"}),
    Kind("xlist", "xlists", _one("xlist_course_id", "section_id"), _one("xlist_course_id", "section_id"),
         ("section_id",), exact=True, refers={"section_id": "section"}),
    Kind("user", "users", _one("user_id", "login_id"), _one("user_id", "login_id"), ("user_id",),
         ("integration_id", "password", "ssha_password", "authentication_provider_id", "email", "pronouns",
          "declared_user_type", "home_account"), without=_EXISTING, statuses=("active", "suspended", "deleted"),
         texts=("first_name", "last_name", "full_name", "sortable_name", "short_name"),
         booleans=("canvas_password_notification",)),
    Kind("login", "logins", (_EXISTING,), (("user_id",), ("login_id",), _EXISTING), ("user_id",),
         ("integration_id", "password", "ssha_password", "email", "authentication_provider_id", "root_account"),
         statuses=(), refers={"existing_user_id": "user"}),
    Kind("enrollment", "enrollments", (("course_id", "section_id"), _USER),
         (("course_id", "section_id"), _USER, ("role", "role_id")),
         ("section_id", "course_id", "user_id", "user_integration_id", "role", "role_id", "associated_user_id"),
         ("root_account", "temporary_enrollment_source_user_id"),
         statuses=("active", "deleted", "completed", "inactive", "deleted_last_completed"), dates=_DATES,
         booleans=("limit_section_privileges", "notify"),
         refers={"user_id": "user", "section_id": "section", "course_id": "course", "associated_user_id": "user"}),
    Kind("admin", "admins", _one("user_id", "account_id"), (("user_id",), ("role", "role_id")),
         ("user_id", "account_id", "role", "role_id"), ("root_account",), exact=True,
         refers={"user_id": "user", "account_id": "account"}),
    Kind("group_category", "group_categories", _one("group_category_id", "category_name"),
         _one("group_category_id", "category_name"), ("group_category_id",), texts=("category_name",),
         refers={"account_id": "account", "course_id": "course"}),
    Kind("group", "groups", _one("group_id", "name"), _one("group_id", "name"), ("group_id",), texts=("name",),
         statuses=("available", "closed", "completed", "deleted"),
         refers={"group_category_id": "group_category", "account_id": "account", "course_id": "course"}),
    Kind("group_membership", "groups_membership", _one("group_id", "user_id"), _one("group_id", "user_id"),
         ("group_id", "user_id"), statuses=("accepted", "deleted"),
         refers={"group_id": "group", "user_id": "user"}),
    Kind("grade_publishing_results", "grade_publishing_results", _one("enrollment_id", "grade_publishing_status"),
         _one("enrollment_id", "grade_publishing_status"), ("enrollment_id",), ("message",), statuses=(),
         words={"grade_publishing_status": ("published", "error")}),
    Kind("user_observer", "user_observers", _one("observer_id", "student_id"), _one("observer_id", "student_id"),
         ("observer_id", "student_id"), exact=True, refers={"observer_id": "user", "student_id": "user"}),
    Kind("differentiation_tag_set", "differentiation_tag_sets", _one("tag_set_id", "set_name"),
         _one("tag_set_id", "course_id", "set_name"), ("tag_set_id",), refers={"course_id": "course"}),
    Kind("differentiation_tag", "differentiation_tags", _one("tag_id", "name"), _one("tag_id", "name"), ("tag_id",),
         texts=("name",), refers={"tag_set_id": "differentiation_tag_set", "course_id": "course"}),
    Kind("differentiation_tag_membership", "differentiation_tag_membership", _one("tag_id", "user_id"),
         _one("tag_id", "user_id"), ("tag_id", "user_id"), refers={"tag_id": "differentiation_tag", "user_id": "user"}),
)  # fmt: skip
NAMES = {kind.file: kind for kind in KINDS}


def kind_of(header: list[str]) -> Kind | None:
    """The type of a file with this header: names are compared trimmed and lower-cased, and the first that fits wins."""
    names = frozenset(name.strip().lower() for name in header)
    return next((kind for kind in KINDS if kind.fits(names)), None)
