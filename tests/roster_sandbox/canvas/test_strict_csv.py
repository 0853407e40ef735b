"""What Canvas's strict reader takes and what it throws away, as the reference states it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roster_sandbox.canvas.strict_csv import InvalidEncoding, Malformed, read, trimmed


@pytest.mark.parametrize(
    ("text", "records"),
    [
        ("a,b\n1,2\n", [["1", "2"]]),
        ("a,b\r\n1,2\r\n", [["1", "2"]]),
        ("a,b\r1,2\r", [["1", "2"]]),
        ("a,b\n1,2", [["1", "2"]]),
        ("a,b\n1,", [["1", ""]]),
        ("a,b\n,\n", [["", ""]]),
        ('a,b\n"1, one","say ""hi"""\n', [["1, one", 'say "hi"']]),
        ('a,b\n"two\nlines",2\n', [["two\nlines", "2"]]),
        ('a,b\n"two\r\nlines",2\n', [["two\r\nlines", "2"]]),
        ('a,b\n"",2\n', [["", "2"]]),
        ("a,b\n1\n1,2,3\n", [["1"], ["1", "2", "3"]]),
        ("\ufeffa,b\n1,2\n", [["1", "2"]]),
        ("a,b\n1, 2 \n", [["1", " 2 "]]),
        ("a,b\n", []),
        ("", []),
    ],
)
def test_a_proper_file_is_read(text: str, records: list[list[str]]) -> None:
    table = read(text.encode())
    assert [fields for _, fields in table.records] == records
    assert table.header in (["a", "b"], [])


@pytest.mark.parametrize(
    "text",
    [
        'a,b\n"1,2\n',
        'a,b\n1"2,3\n',
        'a,b\n1, "2"\n',
        'a,b\n"1" ,2\n',
        'a,b\n"1"2,3\n',
        "a,b\r\n1,2\n",
        "a,b\n1,2\r\n",
        "a,b\r1,2\n",
        'a,b\n1,2\n3,4\n5,"6\n',
        '"a\nb",c\r\n1,2\r\n',
    ],
)
def test_one_fault_anywhere_spoils_the_whole_file(text: str) -> None:
    with pytest.raises(Malformed):
        read(text.encode())


@pytest.mark.parametrize("data", [b"a,b\n1,\xff\n", "a\n\u00e9".encode("latin-1"), "a".encode("utf-16")])
def test_a_byte_that_is_not_utf8_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidEncoding):
        read(data)


def test_numbers_count_records_and_not_lines() -> None:
    table = read(b'a,b\n\n1,"x\ny"\n\n , \n2,z\n')
    assert [(number, fields[0]) for number, fields in table.records] == [(2, "1"), (3, " "), (4, "2")]


@pytest.mark.parametrize(
    ("field", "value"),
    [(" x ", "x"), ("\tx\v", "x"), ("", None), ("  ", None), ("\u00a0", None), ("\u00a0x", "\u00a0x")],
)
def test_values_are_trimmed_and_blanks_are_null(field: str, value: str | None) -> None:
    assert trimmed(field) == value


_CELL = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)


@given(st.lists(st.lists(_CELL, min_size=2, max_size=2), min_size=1, max_size=8))
def test_what_is_quoted_throughout_comes_back_as_it_was(rows: list[list[str]]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([["a", "b"], *rows])
    assert [fields for _, fields in read(buffer.getvalue().encode()).records] == rows
