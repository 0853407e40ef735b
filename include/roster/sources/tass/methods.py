"""The methods of TASS that this source may ask: none of them writes, and no other leaves here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from roster.errors import SourceFault

READS = frozenset(
    {
        *(("lms", name) for name in ("getCampuses", "getStudents", "getTeachers")),
        *(("lms", name) for name in ("getStudentSubjects", "getTeacherSubjects", "getTimetables")),
        *(("idm", name) for name in ("getStudents", "getEmployees", "getParents")),
        ("student_details", "getStudentsDetails"),
        ("employee_hr", "getEmployeesDetails"),
    }
)
"""API product and method. TASS has set, add and delete methods beside these in the same products."""


class Gateway(Protocol):
    """What the hook supplies: a method of an API product, asked for one company."""

    def ask(self, company: str, product: str, method: str, parameters: Mapping[str, str]) -> bytes:
        """The reply. What is busy or away is asked again in here; what then still fails is SourceFault."""
        ...


def ask(gateway: Gateway, company: str, product: str, method: str, parameters: Mapping[str, str]) -> bytes:
    """The reply to a reading method; SourceFault for any other, before anything is sent."""
    if (product, method) not in READS:
        message = f"{method} is not one of the reading methods of TASS: it is never asked"
        raise SourceFault(message)
    return gateway.ask(company, product, method, parameters)
