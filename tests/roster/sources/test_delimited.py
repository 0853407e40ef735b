"""Headers, encodings, line ends, and what makes a file or a row unreadable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from roster.errors import SourceIncomplete, SourceUnreadable, TenantFileWrong
from roster.sources import delimited
from roster.sources.delimited import Table, read

WANTED = ("id", "name", "note")


def table(folder: Path, content: str | bytes, encoding: str = "utf-8") -> Table:
    path = folder / "a.csv"
    path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
    return read(path, "a.csv", WANTED, ("id", "name"), encoding)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "end"])
def test_any_line_end_and_none_at_the_end(tmp_path: Path, line_end: str, last: str) -> None:
    text = line_end.join(["id,name", "1,Ann", "2,Bo"]) + (line_end if last else "")
    assert table(tmp_path, text).frame.rows() == [("1", "Ann", 2), ("2", "Bo", 3)]


def test_columns_come_in_the_files_order_and_lower_case_and_others_do_not_come(tmp_path: Path) -> None:
    found = table(tmp_path, 'Zip, NAME ,"Id",Fax\n10,Ann,01,5\n')
    assert found.frame.columns == ["name", "id", "row"]
    assert found.frame.rows() == [("Ann", "01", 2)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "latin-1"])
def test_encodings_and_byte_order_marks(tmp_path: Path, encoding: str) -> None:
    text = 'id,name\n1,"Zoë, Ødé"\n' + "".join(f"{number},é\n" for number in range(40_000))
    found = table(tmp_path, text, encoding)
    assert found.frame.row(0) == ("1", "Zoë, Ødé", 2)
    assert found.frame.height == 40_001


def test_a_byte_order_mark_of_utf_8_is_dropped_whatever_was_declared(tmp_path: Path) -> None:
    assert table(tmp_path, b"\xef\xbb\xbfid,name\n1,Ann\n", "cp1252").frame.columns == ["id", "name", "row"]


def test_double_byte_encodings_hide_no_separator(tmp_path: Path) -> None:
    assert table(tmp_path, "id,name\n1,表ソ\n", "shift_jis").frame.rows() == [("1", "表ソ", 2)]


@pytest.mark.parametrize("encoding", ["klingon", "utf-7", "iso2022_jp", "cp037", "rot13", "base64"])
def test_an_encoding_that_can_not_be_read_names_the_setting(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,name\n")
    with pytest.raises(TenantFileWrong, match=f"encoding {encoding}"):
        read(tmp_path / "a.csv", "a.csv", WANTED, ("id", "name"), encoding)


def test_bytes_of_another_encoding_are_named_by_row(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=r"a\.csv:4: holds bytes that are not utf-8.*encoding"):
        table(tmp_path, b"id,name,note\n1,Ann,\n\n2,Zo\xeb,\n")


def test_bytes_of_another_encoding_in_a_column_nobody_asked_for_do_not_matter(tmp_path: Path) -> None:
    assert table(tmp_path, b"id,name,pin\n1,Ann,\xff\xfe\n").frame.rows() == [("1", "Ann", 2)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32-le"])
def test_broken_wide_encodings_are_unreadable(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(SourceUnreadable, match=r"a\.csv: holds bytes that are not of the encoding"):
        table(tmp_path, "id,name\n1,Ann\n".encode(encoding) + b"\xd8", encoding)


@pytest.mark.parametrize("content", ["id,name\n1,Ann\n".encode("utf-16"), "id,name\n1,Ann\n".encode("utf-16-le")])
def test_utf_16_that_was_not_declared_says_so(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SourceUnreadable, match=r"a\.csv:1.*UTF-16"):
        table(tmp_path, content)


def test_no_bytes_at_all(tmp_path: Path) -> None:
    with pytest.raises(SourceIncomplete, match=r"a\.csv is empty"):
        table(tmp_path, b"")


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    found = table(tmp_path, "name,id")
    assert (found.frame.columns, found.frame.height, found.records) == (["name", "id", "row"], 0, 0)


def test_a_missing_column_is_named_with_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=r"a\.csv:1: no column name; it has id and 2 columns not used here"):
        table(tmp_path, "Id,Nick,Fax\n1,Ann,5\n")


def test_a_file_without_header_shows_nothing_of_its_first_row(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=r"a\.csv:1: no column id, name; none of its 2 fields") as caught:
        table(tmp_path, "1,Ann\n2,Bo\n")
    assert "Ann" not in str(caught.value)


def test_a_column_that_is_there_twice_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=r"a\.csv:1: the header names id more than once"):
        table(tmp_path, "Id,name,ID\n1,Ann,2\n")


def test_a_column_nobody_asked_for_may_be_there_twice(tmp_path: Path) -> None:
    assert table(tmp_path, "id,fax,name,fax\n1,5,Ann,6\n").frame.rows() == [("1", "Ann", 2)]


def test_values_are_trimmed_composed_and_null_when_blank(tmp_path: Path) -> None:
    found = table(tmp_path, "id,name,note\n 007 ,Zoe\u0308,\u00a0\n,\tBo ,  \n")
    assert found.frame.rows() == [("007", "Zo\u00eb", None, 2), (None, "Bo", None, 3)]


def test_blank_lines_are_no_records_and_are_counted_as_rows(tmp_path: Path) -> None:
    found = table(tmp_path, "id,name\n\n1,Ann\n,\n2,Bo\n\n")
    assert found.frame.rows() == [("1", "Ann", 3), ("2", "Bo", 5)]
    assert found.records == 2


def test_unreadable_rows_are_set_aside_with_their_reason(tmp_path: Path) -> None:
    found = table(tmp_path, 'id,name\n1,Ode, Ann\n2\n3,"Bo\n4,C\0y\n5,D\x1fy\n6,Eve\n')
    assert found.frame.rows() == [("6", "Eve", 7)]
    assert found.unreadable.rows() == [
        (2, "3 fields where the header has 2"),
        (3, "1 fields where the header has 2"),
        (4, "a quotation mark is not closed where its field ends"),
        (5, "holds a NUL or separator control character"),
        (6, "holds a NUL or separator control character"),
    ]
    assert found.records == 6


def test_rows_are_numbered_across_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "FIRST_PIECE", 16)
    monkeypatch.setattr(delimited, "PIECE", 16)
    found = table(tmp_path, "id,name\r\n" + "".join(f"{number},n{number}\r\n" for number in range(2, 200)))
    assert found.frame["row"].to_list() == list(range(2, 200))
    assert found.frame["name"].to_list() == [f"n{number}" for number in range(2, 200)]


SECRET = "Xq7-unmistakable-Sécret"

HEADERS = {
    "id,name,password,note": "1,Ann,{},x",
    "PASSWORD,id,name,note": "{},1,Ann,x",
    "id,name,note,Password": "1,Ann,x,{}",
}


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("secret", [SECRET, f'"{SECRET}, ""{SECRET}"""'])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_column_nobody_asked_for_never_becomes_a_value(
    tmp_path: Path, header: str, secret: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    copy = delimited._copy
    monkeypatch.setattr(delimited, "_copy", lambda *given: seen.append(copy(*given)) or seen[-1])
    line = HEADERS[header].format(secret)
    wrong = [f"{line},more", f'"{line}', f"{line}\0", line.replace("Ann", "Ode, Ann")]
    found = table(tmp_path, "\n".join([header, line, *wrong, line]), encoding)
    assert found.frame["name"].to_list() == ["Ann", "Ann"]
    assert found.unreadable.height == 4
    assert seen
    assert not any(SECRET.encode(encoding) in piece for piece in seen)
    assert SECRET not in found.frame.write_csv() + found.unreadable.write_csv()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("id,password\n1,{0}\n", SourceUnreadable),  # a column missing
        ("1,Ann,{0}\n", SourceUnreadable),  # no header
        ("id,id,name,{0}\n1,1,Ann,{0}\n", SourceUnreadable),
        ("id,name,password\n1,Ann\x81,{0}\n", SourceUnreadable),
    ],
)
def test_no_error_shows_or_holds_it(tmp_path: Path, content: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        table(tmp_path, content.format("s3cr3t").encode("latin-1"))
    chain: list[BaseException | None] = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert not re.search("s3cr3t|Ann", "".join(repr(fault) + str(vars(fault)) for fault in chain if fault))
