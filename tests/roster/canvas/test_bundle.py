from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roster.canvas.bundle import linted, read_zip, to_csv, write_zip
from roster.errors import CanvasRefused
from roster.lint.exact import records, value

SECTIONS = ("section_id", "course_id", "name", "status")
ANY_TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from('",\r\n \t\0;\ufeff\u2028é'), max_size=12)


def _sections(*rows: tuple[str | None, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(SECTIONS, pl.String), orient="row")


@given(st.lists(st.tuples(*(st.none() | ANY_TEXT for _ in SECTIONS)), max_size=8))
def test_any_text_survives_and_every_row_keeps_its_number(rows: list[tuple[str | None, ...]]) -> None:
    found = records(to_csv("sections.csv", _sections(*rows)))

    expected = [[(field or "").replace("\0", "") for field in row] for row in rows]
    assert found == [list(SECTIONS), *expected]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(*(st.none() | ANY_TEXT for _ in SECTIONS)), min_size=1, max_size=5))
def test_a_zip_is_read_back_as_canvas_keeps_it(tmp_path: Path, rows: list[tuple[str | None, ...]]) -> None:
    write_zip({"sections.csv": _sections(*rows)}, tmp_path / "import.zip")

    expected = [
        {column: value((field or "").replace("\0", "")) for column, field in zip(SECTIONS, row, strict=True)}
        for row in rows
    ]
    assert read_zip(tmp_path / "import.zip") == {"sections.csv": expected}


def test_files_come_in_the_order_given_and_an_empty_one_stays_out(tmp_path: Path) -> None:
    rows = _sections(("s", "c", "n", "active"))
    users = pl.DataFrame({"user_id": ["u"], "login_id": ["l"], "first_name": ["f"], "last_name": ["a"]})
    users = users.with_columns(email=pl.lit("e"), status=pl.lit("active"), key=pl.lit("not Canvas's"))
    write_zip({"users.csv": users, "sections.csv": rows, "terms.csv": rows.clear()}, tmp_path / "import.zip")

    with zipfile.ZipFile(tmp_path / "import.zip") as bundle:
        assert bundle.namelist() == ["users.csv", "sections.csv"]
        assert bundle.read("users.csv") == b"user_id,login_id,first_name,last_name,email,status\nu,l,f,a,e,active\n"


def test_the_provider_is_sent_where_the_rows_have_it() -> None:
    users = pl.DataFrame({"status": ["x"], "authentication_provider_id": ["x"], "user_id": ["x"]})
    users = users.with_columns(login_id=pl.lit("l"), first_name=pl.lit("f"), last_name=pl.lit("a"), email=pl.lit(None))

    assert to_csv("users.csv", users).split(b"\n")[0] == (
        b"user_id,login_id,authentication_provider_id,first_name,last_name,email,status"
    )


def test_a_missing_column_is_never_left_out_silently() -> None:
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        to_csv("sections.csv", pl.DataFrame({"section_id": ["s"]}))


def test_the_same_rows_make_the_same_zip(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_zip({"sections.csv": _sections(("s", "c", "n", "active"))}, tmp_path / name)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("rows", [5, 50_000])
def test_no_zip_unpacks_to_eighty_times_its_size(tmp_path: Path, rows: int) -> None:
    write_zip({"sections.csv": _sections(*[("s", "c", "n" * 200, "active")] * rows)}, tmp_path / "import.zip")

    with zipfile.ZipFile(tmp_path / "import.zip") as bundle:
        unpacked = sum(member.file_size for member in bundle.infolist())
    assert unpacked < 80 * (tmp_path / "import.zip").stat().st_size


def _zip_of(folder: Path, name: str, content: str) -> Path:
    with zipfile.ZipFile(folder / "x.zip", "w") as bundle:
        bundle.writestr(name, content)
    return folder / "x.zip"


@pytest.mark.parametrize("read", [linted, read_zip])
def test_what_canvas_would_refuse_whole_is_refused_by_file_and_line(read: Any, tmp_path: Path) -> None:
    path = _zip_of(tmp_path, "users.csv", 'user_id,login_id,status\nu,l,active\nu"2,m,active\n')
    with pytest.raises(CanvasRefused, match=r"users\.csv.*(:3|line 3)"):
        read(path)


def test_rows_that_canvas_would_refuse_are_counted_by_rule(tmp_path: Path) -> None:
    path = _zip_of(tmp_path, "users.csv", "user_id,login_id,status\nu,l,active\nu2,m,there\nu3,,active\n")
    assert linted(path) == ({"users.csv": 3}, {"required-blank": 1, "status-improper": 1})
