"""The table of ids: what a person is called in the database, and what in the district's export.

A school's database numbers its people; the number is made of the export's id, and so the same in every night.
"""

from __future__ import annotations

import hashlib

from roster_sandbox.district.implied import guardian_key
from roster_sandbox.district.model import Contact, District


def person(key: str) -> str:
    """The person's number in the database: twelve digits, as text."""
    return f"{int(hashlib.sha256(key.encode()).hexdigest(), 16) % 10**12:012d}"


def guardian(contact: Contact) -> str:
    """The number of a contact; one without id and e-mail is a person of their own for each pupil."""
    return person(guardian_key(contact.guardian) or f"?{contact.student_id}:{contact.guardian.name}")


def to_export(district: District) -> dict[str, str]:
    """The database's id → the export's, of everybody."""
    keys = {one.id for one in (*district.students, *district.teachers, *district.staff)}
    keys |= {guardian_key(one) for one in district.guardians()} - {""}
    return {person(key): key for key in keys}
