"""What a night has to send, derived from the exports of two nights with the csv module and nothing of the project.

It takes no notice of what is in quarantine: that does not change from one night to the next, so it is in no difference.
"""

from __future__ import annotations

import csv
import hashlib
import io
import unicodedata
import zipfile
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

Row = dict[str, str]
Tables = dict[str, dict[tuple[str, ...], Row]]
"""File → key → row as Canvas is to get it."""

OBSERVING = {"mother", "father", "guardian", "stepfather"}
"""The export's words; Clever calls a stepfather a parent too."""
GONE = {"users.csv": "suspended", "enrollments.csv": "inactive", "user_observers.csv": "deleted"}
KEYS = {
    "users.csv": ("user_id",),
    "enrollments.csv": ("section_id", "user_id", "role"),
    "user_observers.csv": ("observer_id", "student_id"),
}


def sent_between(before: Path, now: Path, day: date, contacts: Mapping[str, str]) -> Tables:
    """The rows that lead from the export in one folder to that in the other, on a day.

    contacts: what Clever calls a contact, by their id in the export.
    """
    old, new = (tables(folder, day, contacts) for folder in (before, now))
    changed: Tables = {}
    for file, status in GONE.items():
        rows = {key: row for key, row in new[file].items() if old[file].get(key) != row}
        rows |= {key: {**row, "status": status} for key, row in old[file].items() if key not in new[file]}
        if rows:
            changed[file] = rows
    return changed


def tables(folder: Path, day: date, contacts: Mapping[str, str]) -> Tables:
    """People, enrolments and links of an export, contacts by Clever's ids."""
    students, teachers, staff = (read(folder / f"{name}.csv") for name in ("students", "teachers", "staff"))
    users: dict[tuple[str, ...], Row] = {}
    for rows, kind in ((students, "Student"), (teachers, "Teacher"), (staff, "Staff")):
        for row in rows:
            key = row[f"{kind}_id"]
            users.setdefault((key,), _user(key, row["First_name"], row["Last_name"], row[f"{kind}_email"]))
    links: dict[tuple[str, ...], Row] = {}
    for row in students:
        key = contacts.get(guardian(row), "")
        if row["Contact_relationship"].lower() in OBSERVING and key:
            given, family = _parts(row["Contact_name"])
            users.setdefault((key,), _user(key, given, family, row["Contact_email"]))
            pair = (key, row["Student_id"])
            links[pair] = {"observer_id": key, "student_id": row["Student_id"], "status": "active"}
    return {"users.csv": users, "enrollments.csv": _enrollments(folder, day), "user_observers.csv": links}


def read(file: Path) -> list[Row]:
    """The records of one file."""
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, strict=True))


def guardian(contact: Row) -> str:
    """The id of a contact: its own, else from address and name."""
    if contact["Contact_sis_id"] or not contact["Contact_email"]:
        return contact["Contact_sis_id"]
    folded = [nfc(nfc(contact[column]).casefold()) for column in ("Contact_email", "Contact_name")]
    return "g-" + hashlib.sha256("\x1f".join(folded).encode()).hexdigest()[:20]


def nfc(text: str) -> str:
    """Composed."""
    return unicodedata.normalize("NFC", text)


def unzipped(upload: bytes) -> tuple[Tables, int]:
    """The rows of an import by key, and how many there were."""
    found: Tables = {}
    count = 0
    with zipfile.ZipFile(io.BytesIO(upload)) as archive:
        for name in archive.namelist():
            rows = list(csv.DictReader(io.StringIO(archive.read(name).decode()), strict=True))
            found[name] = {tuple(row[column] for column in KEYS.get(name, tuple(row)[:1])): row for row in rows}
            count += len(rows)
    return found, count


def _user(key: str, given: str, family: str, email: str) -> Row:
    return {
        "user_id": key,
        "login_id": email,
        "first_name": nfc(given),
        "last_name": nfc(family),
        "email": email,
        "status": "active",
    }


def _parts(name: str) -> tuple[str, str]:
    if "," in name:
        family, given = name.split(",", 1)
        return given.strip(), family.strip()
    given, _, family = name.rpartition(" ")
    return given, family


def _enrollments(folder: Path, day: date) -> dict[tuple[str, ...], Row]:
    current = [row for row in read(folder / "sections.csv") if _runs(row, day)]
    teams = [f"Teacher_{place}_id" for place in range(2, 11)]
    places = [
        (row["Section_id"], row[column], "teacher")
        for row in current
        for column in ("Teacher_id", *teams)
        if row[column]
    ]
    running = {row["Section_id"] for row in current}
    places += [
        (row["Section_id"], row["Student_id"], "student")
        for row in read(folder / "enrollments.csv")
        if row["Section_id"] in running
    ]
    return {
        place: {"section_id": place[0], "user_id": place[1], "role": place[2], "status": "active"} for place in places
    }


def _runs(section: Row, day: date) -> bool:
    start, end = (_day(section[column]) for column in ("Term_start", "Term_end"))
    return start - timedelta(days=14) <= day <= end


def _day(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y").date()  # noqa: DTZ007
