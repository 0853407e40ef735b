"""The table of ids: what a record is called in the district's own system, and its OneRoster sourcedId."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid5

KINDS = ("orgs", "sessions", "courses", "classes", "students", "staff", "guardians", "enrollments")
"""Teachers and staff are one kind: one person, one id."""

_SPACE = UUID("5b0a2f5e-7d1c-4c58-9a64-0d6c0f3f7a11")


@dataclass
class IdTable:
    """kind → the district's key → sourcedId. A sourcedId follows from kind and key, so it is the same on every night.

    Keys: a school's, person's or section's own id; `district`; a term's `term_key`; `school|number|name` of a course;
    `section|user|role` of an enrolment; a guardian's `guardian_key`, or `?student:name` where there is none.
    """

    ids: dict[str, dict[str, str]] = field(default_factory=lambda: {kind: {} for kind in KINDS})

    def of(self, kind: str, key: str) -> str:
        """The sourcedId."""
        return self.ids[kind].setdefault(key, str(uuid5(_SPACE, f"{kind} {key}")))

    def to_export(self) -> dict[str, str]:
        """The district's key by sourcedId, for all kinds at once."""
        return {theirs: ours for known in self.ids.values() for ours, theirs in known.items()}
