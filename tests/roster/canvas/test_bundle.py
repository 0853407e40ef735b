from __future__ import annotations

import zipfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roster.canvas.bundle import read_zip, to_csv, write_zip
from roster.canvas.strict import records, value
from roster.errors import CanvasRefused

SECTIONS = ("section_id", "course_id", "name", "status")
ANY_TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from('",\r\n \t\0;\ufeff\u2028é'), max_size=12)


def _sections(*rows: tuple[str | None, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(SECTIONS, pl.String), orient="row")


@given(st.lists(st.tuples(*(st.none() | ANY_TEXT for _ in SECTIONS)), max_size=8))
def test_any_text_survives_and_every_row_keeps_its_number(rows: list[tuple[str | None, ...]]) -> None:
    found = records("sections.csv", to_csv("sections.csv", _sections(*rows)))

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


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'a,b\n1,"2\n', "never closed"),
        (b'a,b\n1,2"3\n', "without quotes"),
        (b'a,b\n1, "2"\n', "without quotes"),
        (b'a,b\n1,"2" \n', "after a closing quote"),
        (b"a,b\r\n1,2\n3,4\r\n", "line-end"),
        (b"a,b\n1,2\r\n", "line-end"),
        (b'a,b\n1,"2"\r\n', "after a closing quote"),
        (b"a,b\n1,\xff\n", "not UTF-8"),
    ],
)
def test_what_canvas_refuses_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(CanvasRefused, match=why):
        records("users.csv", content)


def test_a_refusal_names_file_and_record() -> None:
    with pytest.raises(CanvasRefused, match=r"users\.csv:3"):
        records("users.csv", b'a,b\n"1\n2",3\n4,"5\n')


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", []),
        (b"\n\n", []),
        (b"\xef\xbb\xbfa,b\n1,2", [["a", "b"], ["1", "2"]]),
        (b"a,b\r\n\r\n1,\r\n", [["a", "b"], ["1", ""]]),
        (b'a,b\r"1\n""2""",""\r', [["a", "b"], ['1\n"2"', ""]]),
        (b"a,b\n ,\t\n,", [["a", "b"], [" ", "\t"], ["", ""]]),
    ],
)
def test_what_canvas_takes_is_taken(content: bytes, found: list[list[str]]) -> None:
    assert records("x.csv", content) == found


def test_columns_are_lower_cased_and_of_two_the_first_counts(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as bundle:
        bundle.writestr("x.csv", "A,b,a,,\n 1 ,2,3,4\n\u3000,x\n")

    assert read_zip(tmp_path / "x.zip") == {"x.csv": [{"a": "1", "b": "2"}, {"a": "", "b": "x"}]}
