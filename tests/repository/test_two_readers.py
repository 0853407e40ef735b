"""The linter's reader and the stand-in's parser, written apart, agree on what is taken and on every value."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from roster.lint import exact
from roster_sandbox.canvas import strict_csv

PIECES = ('"', '""', ",", "\n", "\r\n", "\r", " ", "\t", "\0", "\ufeff", "\u3000", "\x1c", "a", "é", '"b"', '"c,d"')


def _ours(content: bytes) -> list[list[str]] | None:
    try:
        return exact.records(content)
    except exact.Spoiled:
        return None


def _theirs(content: bytes) -> list[list[str]] | None:
    try:
        table = strict_csv.read(content)
    except (strict_csv.InvalidEncoding, strict_csv.Malformed):
        return None
    return [table.header, *(fields for _, fields in table.records)] if table.header or table.records else []


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map(lambda pieces: "".join(pieces).encode()))
@example(b'a,"b\r\n",c\nd')
@example(b'"a\n"')
@example(b'"a",')
@example(b',\n,"\n')
def test_they_take_and_refuse_the_same_files(content: bytes) -> None:
    assert _ours(content) == _theirs(content)


@given(st.binary(max_size=12))
def test_they_refuse_the_same_bytes(content: bytes) -> None:
    assert _ours(content) == _theirs(content)


@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
def test_they_keep_the_same_value(field: str) -> None:
    assert exact.value(field) == (strict_csv.trimmed(field) or "")
