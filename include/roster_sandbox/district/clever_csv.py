"""The district as Clever's upload format: six CSV files and, where the tenant has one, a control file."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from random import Random

from roster_sandbox.district.model import Contact, District, Student

Table = tuple[list[str], list[list[str]]]

CONTROL = "control.csv"
"""Its columns: File, Rows (records without the header), Delivered (one ISO instant for all)."""

_TEACHER_COLUMNS = ["Teacher_id", *(f"Teacher_{place}_id" for place in range(2, 11))]


def write_clever(
    district: District,
    folder: Path,
    *,
    delivered: datetime,
    control: bool = True,
    line_end: str = "\r\n",
    bom: bool = False,
    encoding: str = "utf-8",
    shuffle_columns: int | None = None,
) -> None:
    """Write one delivery: each file aside and then renamed, dated `delivered`, the control file last.

    `shuffle_columns` is the seed of another order of columns. Fields are quoted only where needed; dates are
    MM/DD/YYYY. Raises ValueError for a `delivered` without zone, UnicodeEncodeError where the encoding lacks a letter.
    """
    if delivered.tzinfo is None:
        message = "a delivery's instant needs a zone"
        raise ValueError(message)
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: table(district) for name, table in TABLES.items()}
    if control:
        counts = [[name, str(len(rows)), delivered.isoformat()] for name, (_, rows) in files.items()]
        files[CONTROL] = (["File", "Rows", "Delivered"], counts)
    else:
        (folder / CONTROL).unlink(missing_ok=True)
    for name, written in files.items():
        table = written if shuffle_columns is None or name == CONTROL else _shuffled(written, shuffle_columns)
        text = ("\ufeff" if bom else "") + _text(table, line_end)
        _put(folder / name, text.encode(encoding), delivered)


def schools(district: District) -> Table:
    """schools.csv: one row per school."""
    leaders = {member.id: member for member in district.staff}
    header = [
        "School_id", "School_name", "School_number", "State_id", "Low_grade", "High_grade", "Principal",
        "Principal_email", "School_address", "School_city", "School_state", "School_zip", "School_phone",
    ]  # fmt: skip
    rows = []
    for place, school in enumerate(district.schools):
        principal = leaders[school.principal_id]
        rows.append([
            school.id, school.name, school.number, f"NY{place + 1:04d}", school.grades[0], school.grades[-1],
            f"{principal.given} {principal.family}", principal.email,
            f"{place + 1} Sandbox Road", "Sandbox", "NY", "00501", "",
        ])  # fmt: skip
    return header, rows


def students(district: District) -> Table:
    """students.csv: one row per contact of a pupil, one for a pupil without."""
    header = [
        "School_id", "Student_id", "Student_number", "State_id", "Last_name", "Middle_name", "First_name", "Grade",
        "Gender", "Graduation_year", "DOB", "Race", "Hispanic_Latino", "Home_language", "Ell_status", "Frl_status",
        "IEP_status", "Student_street", "Student_city", "Student_state", "Student_zip", "Student_email",
        "Contact_relationship", "Contact_type", "Contact_name", "Contact_phone", "Contact_email", "Contact_sis_id",
        "Username", "Password",
    ]  # fmt: skip
    contacts: dict[str, list[Contact | None]] = {}
    for contact in district.contacts:
        contacts.setdefault(contact.student_id, []).append(contact)
    rows = [_student(s, contact) for s in district.students for contact in contacts.get(s.id, [None])]
    return header, rows


def teachers(district: District) -> Table:
    """teachers.csv: one row per teacher and school."""
    header = [
        "School_id", "Teacher_id", "Teacher_number", "State_teacher_id", "Teacher_email", "First_name",
        "Middle_name", "Last_name", "Title", "Username", "Password",
    ]  # fmt: skip
    rows = [
        [school_id, t.id, t.number, t.state_id, t.email, t.given, t.middle, t.family, t.title, t.username, t.password]
        for t in district.teachers
        for school_id in t.school_ids
    ]
    return header, rows


def sections(district: District) -> Table:
    """sections.csv: one row per class, up to ten teachers."""
    header = [
        "School_id", "Section_id", *_TEACHER_COLUMNS, "Name", "Section_number", "Grade", "Course_name",
        "Course_number", "Course_description", "Period", "Subject", "Term_name", "Term_start", "Term_end",
    ]  # fmt: skip
    rows = []
    for s in district.sections:
        team = [*s.teacher_ids, *[""] * (len(_TEACHER_COLUMNS) - len(s.teacher_ids))]
        rows.append([
            s.school_id, s.id, *team, s.name, s.number, s.grade, s.course_name, s.course_number, "",
            s.period, s.subject, s.term.name, _us(s.term.start), _us(s.term.end),
        ])  # fmt: skip
    return header, rows


def enrollments(district: District) -> Table:
    """enrollments.csv: one row per place in a class."""
    rows = [[e.school_id, e.section_id, e.student_id] for e in district.enrollments]
    return ["School_id", "Section_id", "Student_id"], rows


def staff(district: District) -> Table:
    """staff.csv: one row per member of staff."""
    header = [
        "School_id", "Staff_id", "Staff_email", "First_name", "Last_name", "Department", "Title", "Username",
        "Password", "Role",
    ]  # fmt: skip
    rows = [
        [m.school_id, m.id, m.email, m.given, m.family, m.department, m.title, m.username, m.password, m.role]
        for m in district.staff
    ]
    return header, rows


TABLES: dict[str, Callable[[District], Table]] = {
    "schools.csv": schools,
    "students.csv": students,
    "teachers.csv": teachers,
    "sections.csv": sections,
    "enrollments.csv": enrollments,
    "staff.csv": staff,
}


def _student(student: Student, contact: Contact | None) -> list[str]:
    contact_cells = [""] * 6
    if contact is not None:
        adult = contact.guardian
        contact_cells = [contact.relationship, contact.type, adult.name, adult.phone, adult.email, adult.sis_id]
    return [
        student.school_id, student.id, student.number, student.state_id, student.family, student.middle, student.given,
        student.grade, student.gender, str(student.birth.year + 18), _us(student.birth), "", "", "", "", "", "",
        student.street, "Sandbox", "NY", "00501", student.email, *contact_cells, student.username, student.password,
    ]  # fmt: skip


def _us(day: date) -> str:
    return f"{day:%m/%d/%Y}"


def _shuffled(table: Table, seed: int) -> Table:
    header, rows = table
    order = list(range(len(header)))
    Random(seed).shuffle(order)
    return [header[place] for place in order], [[row[place] for place in order] for row in rows]


def _text(table: Table, line_end: str) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator=line_end).writerows(_lines(table))
    return buffer.getvalue()


def _lines(table: Table) -> Iterator[Iterable[str]]:
    yield table[0]
    yield from table[1]


def _put(path: Path, content: bytes, delivered: datetime) -> None:
    """Readable by the owner only, and whole at every moment under its own name."""
    aside = path.with_name(f".{path.name}.part")
    aside.touch(mode=0o600)
    aside.write_bytes(content)
    os.utime(aside, (delivered.timestamp(), delivered.timestamp()))
    aside.replace(path)
