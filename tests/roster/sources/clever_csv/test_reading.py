"""From a delivery to raw tables and evidence."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from roster.errors import SourceIncomplete, SourceUnreadable
from roster.sources import DeliveredFile, system
from roster.sources.files import Folder
from tests.roster.sources.exports import FILES, NOW, SETTINGS, extract, touch, write

HOUR = timedelta(hours=1)
CONTROL = SETTINGS.model_copy(update={"control": "control.csv"})
SAID = "File,Rows,Delivered\nschools.csv,2,x\nstudents.csv,2,x\nteachers.csv,2,x\nsections,2,x\nEnrollments.csv,2,x\n"


def test_raw_tables_hold_the_columns_that_are_read_and_their_rows(tmp_path: Path) -> None:
    raw, _ = extract(write(tmp_path / "export"))
    tables = {file.name: pl.read_parquet(file) for file in raw.glob("*.parquet")}
    assert {name: frame.height for name, frame in tables.items()} == {
        "schools.parquet": 2,
        "students.parquet": 2,
        "teachers.parquet": 2,
        "sections.parquet": 2,
        "enrollments.parquet": 2,
        "unreadable.parquet": 0,
    }
    assert tables["enrollments.parquet"].rows() == [("007", "S1", "0041", 2), ("008", "S2", "0042", 3)]
    assert not {"password", "dob"} & set(tables["students.parquet"].columns)


def test_a_password_is_in_no_raw_table(tmp_path: Path) -> None:
    broken = FILES["students.csv"] + "007,43,N43,Ode, Cy,,Cy,cy@example.org,cy,,,,,,pw-cy\n"
    raw, _ = extract(write(tmp_path / "export", students=broken))
    assert pl.read_parquet(raw / "unreadable.parquet").height == 1
    for file in raw.iterdir():
        assert b"pw-" not in file.read_bytes()
        if file.suffix == ".parquet":
            assert "pw-" not in pl.read_parquet(file).write_csv()


def test_a_whole_delivery_without_control_file_is_proven_by_closed_references(tmp_path: Path) -> None:
    _, evidence = extract(write(tmp_path / "export"))
    assert (evidence.complete, evidence.proven, evidence.reasons) == (True, True, ())
    assert evidence.rows == {"schools": 2, "students": 2, "teachers": 2, "sections": 2, "enrollments": 2}
    assert evidence.delivered == NOW - HOUR


@pytest.mark.parametrize(
    ("stem", "line", "reason"),
    [
        ("enrollments", "007,S9,0041", "1 rows of enrollments.csv name a section"),
        ("enrollments", "007,S1,9", "1 rows of enrollments.csv name a student"),
        ("sections", "007,S3,T9,,,,,,,,,", "1 rows of sections.csv name a teacher in teacher_id"),
        ("sections", "007,S3,T1,T9,,,,,,,,", "1 rows of sections.csv name a teacher in teacher_2_id"),
        ("sections", "009,S3,T1,,,,,,,,,", "1 rows of sections.csv name a school"),
        ("teachers", "009,T3,,,,,,,", "1 rows of teachers.csv name a school"),
    ],
)
def test_open_references_prove_nothing(tmp_path: Path, stem: str, line: str, reason: str) -> None:
    _, evidence = extract(write(tmp_path / "export", **{stem: FILES[f"{stem}.csv"] + line + "\n"}))
    assert (evidence.complete, evidence.proven) == (True, False)
    assert len(evidence.reasons) == 1
    assert reason in evidence.reasons[0]


def test_a_teacher_may_be_in_staff_csv_and_a_blank_reference_is_none(tmp_path: Path) -> None:
    staff = "School_id,Staff_id,Last_name,First_name\n007,T9,Reed,Rae\n"
    sections = FILES["sections.csv"] + "007,S3,T9,,,,,,,,,\n007,S4,,,,,,,,,,\n"
    _, evidence = extract(write(tmp_path / "export", staff=staff, sections=sections))
    assert evidence.proven
    assert evidence.rows["staff"] == 1


def test_a_control_file_that_agrees_proves_even_open_references(tmp_path: Path) -> None:
    enrollments = "Section_id,Student_id\nS1,0041\nS9,0042\n"
    _, evidence = extract(write(tmp_path / "export", control=SAID, enrollments=enrollments), CONTROL)
    assert (evidence.complete, evidence.proven, evidence.reasons) == (True, True, ())


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            SAID.replace("students.csv,2", 'students.csv,"1,004"'),
            "students.csv has 2 rows, the control file says 1,004",
        ),
        (SAID.replace("students.csv,2,x\n", ""), "the control file does not count students.csv"),
        (SAID + "staff.csv,3,x\n", "staff.csv is not there, the control file says 3 rows"),
    ],
)
def test_a_control_file_that_does_not_agree_makes_the_delivery_incomplete(
    tmp_path: Path, said: str, reason: str
) -> None:
    _, evidence = extract(write(tmp_path / "export", control=said), CONTROL)
    assert (evidence.complete, evidence.proven) == (False, False)
    assert [reason in said for said in evidence.reasons] == [True]


@pytest.mark.parametrize("said", ["File,Rows\nschools.csv,many\n", "File,Rows\n,2\n", "File,Rows\nschools.csv,2,3\n"])
def test_a_control_file_that_can_not_be_read_is_named_by_row(tmp_path: Path, said: str) -> None:
    with pytest.raises(SourceUnreadable, match=r"control\.csv:2: must be"):
        extract(write(tmp_path / "export", control=said), CONTROL)


def test_shrinkage_against_the_last_good_night_proves_nothing(tmp_path: Path) -> None:
    _, good = extract(write(tmp_path / "export"))
    before = good.model_copy(update={"rows": {**good.rows, "students": 3, "enrollments": 2}})
    _, evidence = extract(write(tmp_path / "export"), last_good=before)
    assert (evidence.complete, evidence.proven) == (True, False)
    assert evidence.reasons == (
        "clever: students.csv has 1 of 3 rows less than the last good delivery (33.3%; 2% is allowed)",
    )
    roomy = SETTINGS.model_copy(update={"shrink": 0.4})
    assert extract(write(tmp_path / "export"), roomy, last_good=before)[1].proven


def test_a_table_that_is_empty_or_gone_makes_the_delivery_incomplete(tmp_path: Path) -> None:
    _, good = extract(write(tmp_path / "export"))
    before = good.model_copy(update={"rows": {**good.rows, "staff": 4}})
    _, evidence = extract(write(tmp_path / "export", enrollments="Section_id,Student_id\n"), SETTINGS, last_good=before)
    assert not evidence.complete
    assert "clever: enrollments.csv has no rows" in evidence.reasons
    assert any("staff.csv is not there, the last good delivery had 4 rows" in reason for reason in evidence.reasons)


def test_files_of_two_deliveries_are_none(tmp_path: Path) -> None:
    export = write(tmp_path / "export")
    touch(export / "sections.csv", NOW - 4 * HOUR)
    _, evidence = extract(export)
    assert (evidence.complete, evidence.proven) == (False, False)
    assert "3.0 hours apart" in evidence.reasons[0]


def test_the_digest_changes_with_every_delivery_and_with_nothing_else(tmp_path: Path) -> None:
    export = write(tmp_path / "export")
    first, again = extract(export)[1].delivery, extract(export, now=NOW + HOUR)[1].delivery
    later = extract(write(export, modified=NOW - 2 * HOUR))[1].delivery
    assert first == again != later
    (export / "Readme.txt").write_text("not part of it")
    assert extract(export)[1].delivery == later


def test_a_few_unreadable_rows_are_set_aside_and_prove_nothing(tmp_path: Path) -> None:
    students = FILES["students.csv"] + "007,43,N43,Ode, Ann,,Cy,,,,,,,,\n" * 10
    raw, evidence = extract(write(tmp_path / "export", students=students))
    assert pl.read_parquet(raw / "unreadable.parquet").row(0) == (
        "students.csv",
        4,
        "15 fields where the header has 14",
    )
    assert (evidence.complete, evidence.proven, evidence.rows["students"]) == (False, False, 2)
    assert evidence.reasons == ("clever: 10 rows could not be read",)


def test_many_unreadable_rows_make_the_file_unreadable(tmp_path: Path) -> None:
    students = FILES["students.csv"] + "007,43,N43,Ode, Ann,,Cy,,,,,,,,\n" * 11
    with pytest.raises(SourceUnreadable, match=r"students\.csv: 11 of 13 rows .*students\.csv:4 \(15 fields.*4, 5, 6"):
        extract(write(tmp_path / "export", students=students))


def test_one_percent_of_a_large_file_may_be_unreadable(tmp_path: Path) -> None:
    good = "".join(f"S1,{number}\n" for number in range(1089))
    enrollments = f"Section_id,Student_id\n{good}" + "S1\n" * 11
    raw, _ = extract(write(tmp_path / "export", enrollments=enrollments))
    assert pl.read_parquet(raw / "unreadable.parquet").height == 11
    with pytest.raises(SourceUnreadable, match=r"12 of 1,101 rows"):
        extract(write(tmp_path / "export", enrollments=enrollments + "S1\n"))


def test_a_file_of_which_no_row_is_readable_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=r"schools\.csv: 1 of 1 rows"):
        extract(write(tmp_path / "export", schools="School_id,School_name\n007,Fern, Hill\n"))


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceIncomplete, match=r"no teachers\.csv, enrollments\.csv in the delivery"):
        extract(write(tmp_path / "export", teachers=None, enrollments=None))
    with pytest.raises(SourceIncomplete, match=r"no control\.csv in the delivery"):
        extract(write(tmp_path / "other"), CONTROL)


def test_file_names_may_be_in_any_case_but_not_in_two(tmp_path: Path) -> None:
    export = write(tmp_path / "export")
    (export / "students.csv").rename(export / "Students.CSV")
    assert extract(export)[1].proven
    if not (export / "STUDENTS.csv").exists():
        shutil.copy2(export / "Students.CSV", export / "STUDENTS.csv")
        with pytest.raises(SourceUnreadable, match=r"students\.csv is there twice"):
            extract(export)


@pytest.mark.parametrize("age", [timedelta(seconds=30), timedelta(seconds=-30)])
def test_a_file_that_has_just_changed_is_not_read(tmp_path: Path, age: timedelta) -> None:
    export = write(tmp_path / "export")
    touch(export / "sections.csv", NOW - age)
    with pytest.raises(SourceIncomplete, match=r"sections\.csv changed 30 s ago.*quiet: 60 s"):
        extract(export)
    assert extract(export, SETTINGS.model_copy(update={"quiet": timedelta(seconds=20)}))[1].complete


class Changing(Folder):
    """A folder in which something happens while it is read."""

    def __init__(self, folder: Path, happens: Callable[[], object]) -> None:
        super().__init__(folder)
        self._happens = happens

    def fetch(self, name: str, folder: Path) -> Path:
        copy = super().fetch(name, folder)
        if name == "enrollments.csv":
            self._happens()
        return copy


@pytest.mark.parametrize(
    "happens",
    [
        lambda export: touch(export / "students.csv", NOW - 2 * HOUR),
        lambda export: (export / "students.csv").unlink(),
        lambda export: (export / "staff.csv").write_text("x"),
    ],
)
def test_a_delivery_that_changes_while_it_is_read_is_asked_for_again(
    tmp_path: Path, happens: Callable[[Path], object]
) -> None:
    export = write(tmp_path / "export")
    with pytest.raises(SourceIncomplete, match=r"(students|staff)\.csv"):
        system("clever_csv").extract(
            Changing(export, lambda: happens(export)), SETTINGS, tmp_path, last_good=None, now=NOW
        )
    assert not list(tmp_path.glob("*.parquet"))


def test_a_copy_of_another_size_than_was_seen_is_asked_for_again(tmp_path: Path) -> None:
    class Cut(Folder):
        def files(self) -> Mapping[str, DeliveredFile]:
            found = dict(super().files())
            found["students.csv"] = DeliveredFile(found["students.csv"].size + 1, found["students.csv"].modified)
            return found

    with pytest.raises(SourceIncomplete, match=r"students\.csv changed while it was read"):
        system("clever_csv").extract(Cut(write(tmp_path / "export")), SETTINGS, tmp_path, last_good=None, now=NOW)


def test_another_encoding_is_read_as_declared(tmp_path: Path) -> None:
    changed = {stem: FILES[f"{stem}.csv"].replace("Ann", "Zoë").encode("utf-16") for stem in ("schools", "students")}
    changed |= {stem: FILES[f"{stem}.csv"].encode("utf-16") for stem in ("teachers", "sections", "enrollments")}
    raw, _ = extract(write(tmp_path / "export", **changed), SETTINGS.model_copy(update={"encoding": "utf-16"}))
    assert pl.read_parquet(raw / "students.parquet")["first_name"].to_list() == ["Zoë", "Bo"]
