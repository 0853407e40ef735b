"""Where fields begin and end, held against Python's own csv module."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from roster.sources import delimited
from roster.sources.delimited import read
from roster.sources.structure import structure

COLUMNS = ("one", "two", "three")
VALUES = st.text(st.sampled_from('abé😀,"\n\r x'), max_size=6).map(str.strip)


def values_of(text: str, path: Path, encoding: str = "utf-8") -> tuple[list[tuple[str | None, ...]], list[int]]:
    """What is read, and the rows that are not."""
    path.write_bytes(text.encode(encoding))
    table = read(path, "a.csv", COLUMNS, COLUMNS, encoding)
    return table.frame.select(COLUMNS).rows(), table.unreadable["row"].to_list()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("structure") / "a.csv"


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(VALUES, VALUES, VALUES).filter(any), max_size=8),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    pieces=st.sampled_from([1, 5, 40, 1 << 16]),
)
def test_whatever_python_writes_is_read_back(
    path: Path, rows: list[tuple[str, str, str]], line_end: str, quoting: int, pieces: int
) -> None:
    # Before 3.13 csv leaves a CR or LF without marks where it does not end lines itself.
    assume(quoting == csv.QUOTE_ALL or not any(mark in value for row in rows for value in row for mark in "\r\n"))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=line_end, quoting=quoting)
    writer.writerows([COLUMNS, *rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "FIRST_PIECE", pieces)
        patch.setattr(delimited, "PIECE", pieces)
        read_back = values_of(text.getvalue(), path)
    assert read_back == ([tuple(value or None for value in row) for row in rows], [])


@settings(max_examples=150, deadline=None)
@given(text=st.text(st.sampled_from('ab,"\n\r'), max_size=60), pieces=st.sampled_from([1, 3, 1 << 16]))
def test_any_text_is_read_the_same_in_whatever_pieces_it_comes(path: Path, text: str, pieces: int) -> None:
    text = "one,two,three\n" + text
    whole = values_of(text, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "FIRST_PIECE", pieces)
        patch.setattr(delimited, "PIECE", pieces)
        assert values_of(text, path) == whole


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('5" pipe,b,c', ('5" pipe', "b", "c")),
        ('Bob "Bobby" Ode,b,c', ('Bob "Bobby" Ode', "b", "c")),
        ('"say ""hi""",b,c', ('say "hi"', "b", "c")),
        ('"""",b,c', ('"', "b", "c")),
        ('"","b",c', (None, "b", "c")),
        ('" a ",b,c', ("a", "b", "c")),
        ('"Ode, Ann","b\r\nb",c', ("Ode, Ann", "b\r\nb", "c")),
        ('a "b,"x, y",c', ('a "b', "x, y", "c")),
    ],
)
@pytest.mark.parametrize("irregular", ["", 'q"q,q,q\n'])
def test_a_mark_quotes_where_a_field_begins_and_is_text_elsewhere(
    path: Path, line: str, said: tuple[str | None, ...], irregular: str
) -> None:
    rows, unreadable = values_of(f"one,two,three\n{irregular}{line}\nlast,b,c", path)
    assert rows[-2:] == [said, ("last", "b", "c")]
    assert not unreadable


@pytest.mark.parametrize(
    "line",
    [
        '"Ode,b,c',  # never closed
        '"Ode" Ann,b,c',  # closed too early
        'a,"b,c',
        'a,b,"c',
        "Ode, Ann,b,c",
        "a,b",
        '"a,b",c',
    ],
)
@pytest.mark.parametrize("rest", ["x,y,z\n", '"x","y","z"\n', '"x\nx",y,z\n', 'x"x,y,z\n'])
def test_a_broken_line_costs_itself_and_nothing_after_it(path: Path, line: str, rest: str) -> None:
    rows, unreadable = values_of(f"one,two,three\na,b,c\n{line}\n{rest * 3}", path)
    assert len(rows) == 4
    assert unreadable == [3]


def test_a_mark_left_open_costs_one_row_even_when_no_other_mark_follows_for_long(path: Path) -> None:
    rest = "x,y,z\n" * 300_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "PIECE", 1 << 19)
        rows, unreadable = values_of(f'one,two,three\n"a,b,c\n{rest}', path)
    assert (len(rows), unreadable) == (300_000, [2])


def test_an_empty_text_has_no_records() -> None:
    assert structure(b"", 2, final=False).consumed == 0
    assert structure(b"a,b", 2, final=False).consumed == 0
