from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from roster_sandbox.district import District, write_clever

from .conftest import NIGHT, read

NAMES = ("schools.csv", "students.csv", "teachers.csv", "sections.csv", "enrollments.csv", "staff.csv")


def test_the_files_give_back_the_district(district: District, tmp_path: Path) -> None:
    write_clever(district, tmp_path, delivered=NIGHT)
    students = read(tmp_path / "students.csv")
    assert {
        (r["Student_id"], r["Last_name"], r["First_name"], r["Student_email"], r["Username"]) for r in students
    } == {(s.id, s.family, s.given, s.email, s.username) for s in district.students}
    contacts = [(r["Student_id"], r["Contact_relationship"], r["Contact_name"], r["Contact_email"], r["Contact_sis_id"])
                for r in students if r["Contact_name"]]  # fmt: skip
    assert sorted(contacts) == sorted(
        (c.student_id, c.relationship, c.guardian.name, c.guardian.email, c.guardian.sis_id) for c in district.contacts
    )
    assert {(r["School_id"], r["Teacher_id"]) for r in read(tmp_path / "teachers.csv")} == {
        (school_id, t.id) for t in district.teachers for school_id in t.school_ids
    }
    assert [(r["School_id"], r["Section_id"], r["Student_id"]) for r in read(tmp_path / "enrollments.csv")] == [
        (e.school_id, e.section_id, e.student_id) for e in district.enrollments
    ]
    assert [r["Staff_id"] for r in read(tmp_path / "staff.csv")] == [member.id for member in district.staff]
    teams = [tuple(r[c] for c in r if c.startswith("Teacher_") and r[c]) for r in read(tmp_path / "sections.csv")]
    assert teams == [section.teacher_ids for section in district.sections]


def test_schools_name_their_principals(district: District, tmp_path: Path) -> None:
    write_clever(district, tmp_path, delivered=NIGHT)
    addresses = {member.email for member in district.staff if member.title == "Principal"}
    assert {row["Principal_email"] for row in read(tmp_path / "schools.csv")} == addresses


def test_dates_are_american_with_zeros(district: District, tmp_path: Path) -> None:
    write_clever(district, tmp_path, delivered=NIGHT)
    starts = {row["Term_start"] for row in read(tmp_path / "sections.csv")}
    assert starts == {term.start.strftime("%m/%d/%Y") for term in district.terms}
    assert "09/05/2025" in starts


def test_the_control_file_counts_records_of_one_delivery(district: District, tmp_path: Path) -> None:
    write_clever(district, tmp_path, delivered=NIGHT)
    control = read(tmp_path / "control.csv")
    assert {row["File"]: int(row["Rows"]) for row in control} == {name: len(read(tmp_path / name)) for name in NAMES}
    assert {row["Delivered"] for row in control} == {"2026-02-02T15:30:00+00:00"}
    write_clever(district, tmp_path, delivered=NIGHT, control=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)


def test_files_are_dated_by_the_delivery_and_private(district: District, tmp_path: Path) -> None:
    write_clever(district, tmp_path, delivered=NIGHT)
    for path in tmp_path.iterdir():
        assert path.stat().st_mtime == NIGHT.timestamp()
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("line_end", ["\r", "\n", "\r\n"])
def test_other_line_ends_marks_encodings_and_orders_say_the_same(
    district: District, tmp_path: Path, line_end: str
) -> None:
    write_clever(district, tmp_path / "plain", delivered=NIGHT)
    write_clever(district, tmp_path / "odd", delivered=NIGHT, line_end=line_end, encoding="utf-16-le", bom=True,
                 shuffle_columns=4)  # fmt: skip
    for name in NAMES:
        text = (tmp_path / "odd" / name).read_bytes().decode("utf-16-le")
        assert text[0] == "\ufeff"
        rows = list(csv.DictReader(io.StringIO(text[1:], newline="")))
        plain = read(tmp_path / "plain" / name)
        assert rows == plain
        assert list(rows[0]) != list(plain[0])
        assert text.endswith(line_end)


def test_fields_are_quoted_only_when_they_must_be(district: District, tmp_path: Path) -> None:
    write_clever(district, tmp_path, delivered=NIGHT, line_end="\n")
    for line in (tmp_path / "teachers.csv").read_text("utf-8").splitlines():
        assert ('"' in line) == ('NEVER-READ-7QK, "' in line)
    assert (tmp_path / "enrollments.csv").read_text("utf-8").count('"') == 0


def test_every_password_is_an_unmistakable_secret(district: District, tmp_path: Path) -> None:
    write_clever(district, tmp_path, delivered=NIGHT)
    rows = [row for name in ("students.csv", "teachers.csv", "staff.csv") for row in read(tmp_path / name)]
    assert {row["Password"] for row in rows} == district.secrets()
    assert all(secret.startswith("NEVER-READ-7QK") for secret in district.secrets())


def test_a_delivery_needs_a_zone(district: District, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="zone"):
        write_clever(district, tmp_path, delivered=datetime.now(UTC).replace(tzinfo=None))
