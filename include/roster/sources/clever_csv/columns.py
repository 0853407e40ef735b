"""The files of a Clever export and the columns that are read.

A column that is not named here is never decoded: Password above all, and what a roster does not need (birth dates,
phones, addresses, race, state ids). Names in lower case; files write them in any case and order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TEACHERS = ("teacher_id", *(f"teacher_{number}_id" for number in range(2, 11)))


@dataclass(frozen=True)
class ExportFile:
    """One file: the columns it must have and those that are read where it has them."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    may_be_absent: bool = False

    @property
    def wanted(self) -> tuple[str, ...]:
        """All columns that are read."""
        return self.required + self.optional


_PREFERRED = ("preferred_first_name", "preferred_last_name")

FILES: Mapping[str, ExportFile] = {
    "schools": ExportFile(required=("school_id", "school_name"), optional=("school_number", "low_grade", "high_grade")),
    "students": ExportFile(
        required=("school_id", "student_id", "last_name", "first_name"),
        optional=(
            "student_number",
            "middle_name",
            *_PREFERRED,
            "grade",
            "student_email",
            "username",
            "contact_relationship",
            "contact_type",
            "contact_name",
            "contact_email",
            "contact_sis_id",
        ),
    ),
    "teachers": ExportFile(
        required=("school_id", "teacher_id", "last_name", "first_name"),
        optional=("teacher_number", "middle_name", *_PREFERRED, "teacher_email", "title", "username"),
    ),
    "sections": ExportFile(
        required=("school_id", "section_id", "teacher_id"),
        optional=(
            *TEACHERS[1:],
            "name",
            "section_number",
            "grade",
            "course_name",
            "course_number",
            "period",
            "subject",
            "term_name",
            "term_start",
            "term_end",
        ),
    ),
    "enrollments": ExportFile(required=("section_id", "student_id"), optional=("school_id",)),
    "staff": ExportFile(
        required=("school_id", "staff_id", "last_name", "first_name"),
        optional=("middle_name", *_PREFERRED, "staff_email", "department", "title", "username", "role"),
        may_be_absent=True,
    ),
}
