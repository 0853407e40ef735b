"""Which bytes of a delimited text are structure: ends of records, separators and quotation marks (RFC 4180).

Works on positions alone and never takes a value out of the text, so that a column nobody asked for stays bytes in a
buffer. Ends of lines may be LF, CR or CRLF. A quotation mark quotes only where a field begins; elsewhere it is text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
Flags: TypeAlias = npt.NDArray[np.bool_]
Positions: TypeAlias = npt.NDArray[np.int64]

LF, CR, COMMA, QUOTE = b'\n\r,"'
LONGEST_RECORD = 1 << 20  # bytes; a quotation mark open for longer was never meant to be closed

_FIELD = re.compile(rb'"(?:[^"]++|"")*+"(?=[,\r\n])|[^",\r\n][^,\r\n]*+|(?=[,\r\n])')
_LINE_END = re.compile(rb"[\r\n]")


@dataclass(frozen=True)
class Structure:
    """The records of a piece of text, whole ones only.

    starts, ends: of each record (end: the byte of its line end). separators: all of them, ascending. counts: separators
    in each record. broken: a quotation mark in the record is not closed as it should be. marks: quotation marks that
    are no text. consumed: bytes of the text that the records cover.
    """

    starts: Positions
    ends: Positions
    separators: Positions
    counts: Positions
    broken: Flags
    marks: Positions
    consumed: int


@dataclass(frozen=True)
class _Quotes:
    inside: Flags | None  # per byte: between quotation marks
    marks: Positions
    broken: Positions  # where broken lines start


_NONE = np.empty(0, dtype=np.int64)


def structure(data: bytes, separators: int | None, *, final: bool) -> Structure:
    """The structure of the text, which begins where a record begins.

    separators: how many a record should have, None where that is not known. final: the text ends here, with a line
    end; else what comes after the last whole record is left to the next piece.
    A line with a broken quotation mark, or that would run over several lines and then have too few or too many fields,
    ends where the line ends, so that one stray mark costs one row and not the rest of the file.
    """
    text = np.frombuffer(data, dtype=np.uint8)
    quotes = _by_parity(data, text, final=final)
    if quotes is not None:
        found = _records(text, quotes, final=final)
        if separators is None or quotes.inside is None or not _spans_lines(text, quotes.inside, found, separators):
            return found
    return _records(text, _by_walking(data, separators, final=final), final=final)


def _by_parity(data: bytes, text: Bytes, *, final: bool) -> _Quotes | None:
    """Every second quotation mark closes: all at once, and right if each stands where such a mark may; else None."""
    if b'"' not in data:
        return _Quotes(None, _NONE, _NONE)
    marks = np.flatnonzero(text == QUOTE)
    opening, closing = marks[0::2], marks[1::2]
    if len(opening) > len(closing) and (final or len(text) - opening[-1] > LONGEST_RECORD):
        return None
    before = text[np.maximum(opening - 1, 0)]
    doubled = np.zeros(len(opening), dtype=np.bool_)
    doubled[1:] = opening[1:] - 1 == closing[: len(opening) - 1]
    begins = (opening == 0) | (before == COMMA) | (before == LF) | (before == CR) | doubled
    after = text[np.minimum(closing + 1, len(text) - 1)]
    stops = (closing == len(text) - 1) | (after == COMMA) | (after == LF) | (after == CR) | (after == QUOTE)
    if not (begins.all() and stops.all()):
        return None
    return _Quotes(_between(len(text), opening, closing), np.concatenate([opening[~doubled], closing]), _NONE)


def _by_walking(data: bytes, separators: int | None, *, final: bool) -> _Quotes:
    """Line by line through those that hold a quotation mark."""
    opening: list[int] = []
    closing: list[int] = []
    doubled: list[int] = []
    broken: list[int] = []
    start, mark = 0, data.find(b'"')
    while mark >= 0:
        start = max(start, data.rfind(b"\n", start, mark) + 1, data.rfind(b"\r", start, mark) + 1)
        end, fields, quoted = _walk_record(data, start)
        line_end = _line_end(data, start)
        if end is None and not final and len(data) - start < LONGEST_RECORD and _may_go_on(data, start, line_end):
            opening.append(start)
            break
        if end is None or (separators is not None and fields != separators + 1 and end > line_end):
            broken.append(start)
            end = line_end
        else:
            for first, last in quoted:
                opening.append(first)
                closing.append(last)
                doubled += _doubled(data, first, last)
        start = end
        mark = data.find(b'"', end)
    inside = _between(len(data), np.array(opening, dtype=np.int64), np.array(closing, dtype=np.int64))
    marks = np.array([*opening[: len(closing)], *closing, *doubled], dtype=np.int64)
    return _Quotes(inside, marks, np.array(broken, dtype=np.int64))


def _walk_record(data: bytes, start: int) -> tuple[int | None, int, list[tuple[int, int]]]:
    """(where the record ends, its fields, first and last mark of the quoted ones); None where a mark is not closed."""
    at, fields, quoted = start, 0, []
    while field := _FIELD.match(data, at):
        fields += 1
        if data[at] == QUOTE:
            quoted.append((at, field.end() - 1))
        at = field.end()
        if at >= len(data):
            break
        if data[at] != COMMA:
            return at, fields, quoted
        at += 1
    return None, fields, quoted


def _may_go_on(data: bytes, start: int, line_end: int) -> bool:
    """True if what is wrong with the record may be only that the text is cut in it."""
    if line_end == len(data):
        return True
    at = start
    while (field := _FIELD.match(data, at)) and field.end() < len(data):
        at = field.end() + 1
    mark = data.find(b'"', at + 1)
    while mark >= 0 and data[mark + 1 : mark + 2] == b'"':
        mark = data.find(b'"', mark + 2)
    return mark < 0 or mark == len(data) - 1


def _doubled(data: bytes, first: int, last: int) -> list[int]:
    """Of each two marks that stand for one in the quoted field, the second."""
    found = []
    at = data.find(b'""', first + 1, last)
    while at >= 0:
        found.append(at + 1)
        at = data.find(b'""', at + 2, last)
    return found


def _line_end(data: bytes, start: int) -> int:
    found = _LINE_END.search(data, start)
    return found.start() if found else len(data)


def _between(length: int, opening: Positions, closing: Positions) -> Flags:
    steps = np.zeros(length, dtype=np.int8)
    steps[opening] = 1
    steps[closing] -= 1
    return np.cumsum(steps, dtype=np.int8).astype(np.bool_)


def _records(text: Bytes, quotes: _Quotes, *, final: bool) -> Structure:
    line_ends, commas = (text == CR) | (text == LF), text == COMMA
    if quotes.inside is not None:
        line_ends &= ~quotes.inside
        commas &= ~quotes.inside
    second = np.zeros(len(text) + 1, dtype=np.bool_)  # the LF of a CRLF
    second[1:-1] = line_ends[:-1] & (text[:-1] == CR) & (text[1:] == LF)
    ends = np.flatnonzero(line_ends & ~second[:-1])
    if not final and len(ends) and ends[-1] == len(text) - 1 and text[-1] == CR:
        ends = ends[:-1]  # its LF may be the first byte of the next piece
    follow = ends + 1
    follow += second[follow]
    starts = np.concatenate([_NONE, [0], follow[:-1]]) if len(ends) else _NONE
    separators = np.flatnonzero(commas)
    counts = np.diff(np.searchsorted(separators, ends), prepend=0)
    consumed = int(follow[-1]) if len(ends) else 0
    broken = np.isin(starts, quotes.broken) if len(quotes.broken) else np.zeros(len(starts), dtype=np.bool_)
    return Structure(starts, ends, separators[: int(counts.sum())], counts, broken, quotes.marks, consumed)


def _spans_lines(text: Bytes, inside: Flags, found: Structure, separators: int) -> bool:
    """True if a record with a wrong number of fields runs over several lines."""
    wrong = found.counts != separators
    if not wrong.any():
        return False
    breaks = np.flatnonzero(inside & ((text == LF) | (text == CR)))
    breaks = breaks[breaks < found.consumed]
    return bool(wrong[np.searchsorted(found.ends, breaks)].any())
