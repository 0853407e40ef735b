"""Canvas's strict reading, record by record, and the same in pieces of any size."""

from __future__ import annotations

import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from roster.lint.exact import Spoiled, line_end, parsed, records, table
from roster.lint.pieces import Reader

PIECES = ('"', '""', ",", "\n", "\n", "\r\n", "\r", " ", "\0", "é", "a", '"b"', '"c,d"', '"e\nf"', '"g\r\nh"', 'i""j')


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b'a,b\n1,"2\n', "quote-not-closed"),
        (b'a,b\n1,2"3\n', "quote-inside-field"),
        (b'a,b\n1, "2"\n', "quote-inside-field"),
        (b'a,b\n1,"2" \n', "text-after-quote"),
        (b"a,b\r\n1,2\n3,4\r\n", "line-ends-mixed"),
        (b"a,b\n1,2\r\n", "line-ends-mixed"),
        (b'a,b\n1,"2"\r\n', "line-ends-mixed"),
        (b"a,b\n1,\xff\n", "encoding-not-utf-8"),
    ],
)
def test_what_canvas_refuses_is_refused(content: bytes, rule: str) -> None:
    with pytest.raises(Spoiled) as fault:
        records(content)
    assert (fault.value.rule, fault.value.line) == (rule, 2)


def test_a_refusal_names_the_physical_line() -> None:
    with pytest.raises(Spoiled) as fault:
        records(b'a,b\n\n"1\n2",3\n4,"5\n')
    assert fault.value.line == 5


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
    assert records(content) == found


def test_columns_are_lower_cased_and_of_two_the_first_counts() -> None:
    assert table("A,b,a,,\n 1 ,2,3,4\n\u3000,x\n".encode()) == [{"a": "1", "b": "2"}, {"a": "", "b": "x"}]


def whole(content: bytes) -> list[tuple[int, int, list[str]]] | None:
    """Line, number and fields of every record below the header, as wide as it and one more; None if refused."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    end = (line_end(content) or b"\n").decode()
    try:
        header, *rest = list(parsed(content.decode(), end, 1)) or [None]
    except (Spoiled, UnicodeDecodeError):
        return None
    if header is None:
        return []
    width = len(header.fields) + 1
    return [(one.line, number, [*one.fields, *[""] * width][:width]) for number, one in enumerate(rest, start=2)]


def piecewise(content: bytes, size: int) -> list[tuple[int, int, list[str]]] | None:
    try:
        found = []
        for frame in Reader(io.BytesIO(content), size).frames():
            fields = [name for name in frame.columns if name.isdecimal()]
            for row in frame.iter_rows(named=True):
                found.append((row["line"], row["record"], [row[name] or "" for name in fields]))
    except Spoiled:
        return None
    return found


@settings(max_examples=1200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=18).map(lambda texts: "".join(texts).encode()), st.integers(2, 9))
@example(b'a,"b\r\n",c\nd', 3)
@example(b"a\r\n1\r\n", 2)
@example(b"a\r\n1\r\n\n", 4)
@example(b'"a\n"', 2)
@example(b"\n\na\n\n\n1\n\n2", 5)
def test_pieces_of_any_size_hold_the_same_records(content: bytes, size: int) -> None:
    assert piecewise(content, size) == whole(content)


@given(st.binary(max_size=12), st.integers(2, 9))
def test_any_bytes_are_read_alike(content: bytes, size: int) -> None:
    assert piecewise(content, size) == whole(content)
