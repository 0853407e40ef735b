"""Reads a delimited file (CSV) as text columns, and of it only the columns that are asked for.

The file goes through in pieces: `structure` finds where its fields begin and end, the bytes of the wanted columns are
copied into a piece of their own, and only that is decoded and becomes a table. No other column's content is ever
decoded, held as a value or shown, whatever is wrong with its row.

Every value is trimmed and in Unicode's form NFC; blank is null. Column names lose their case.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from roster.errors import SourceIncomplete, SourceUnreadable, TenantFileWrong
from roster.sources.structure import LF, Flags, Positions, Structure, structure

FIRST_PIECE, PIECE = 1 << 16, 1 << 23  # bytes
FIELD_END, RECORD_END = 0x1F, 0x1E  # in the copied piece, where no value may hold them
UNREADABLE = pl.Schema({"row": pl.Int64, "reason": pl.String})

_WIDE = re.compile(r"utf-?(16|32)(-?[bl]e)?")
_NO_TEXT = (0, FIELD_END, RECORD_END)


@dataclass(frozen=True)
class Table:
    """What a file held.

    frame: the wanted columns the file has, in its order, all text, and `row` (1-based number of the record, header and
    blank lines counted: the row a spreadsheet shows). unreadable: UNREADABLE, the rows that are not in the frame.
    overlong: rows of the frame that had more fields than the header, blank ones at their end.
    """

    frame: pl.DataFrame
    unreadable: pl.DataFrame
    overlong: tuple[int, ...] = ()

    @property
    def records(self) -> int:
        """Records the file has below its header, readable or not; blank lines are none."""
        return self.frame.height + self.unreadable.height


def read(
    path: Path,
    file: str,
    wanted: Collection[str],
    required: Collection[str],
    encoding: str,
    *,
    blank_after: str | None = None,
) -> Table:
    """Read the file at path, called `file` in messages; wanted and required in lower case, at least two of them.

    blank_after: a column after which a row may have fields too many, if all that comes after it is blank. It is for the
    caller to see in that column whether the row is what it looks like.

    Raises SourceUnreadable (no header, a required column missing or there twice, bytes that are not of the encoding),
    SourceIncomplete (no bytes at all), TenantFileWrong (unknown encoding).
    """
    reader = _Reader(file, encoding, blank_after)
    buffer, header = b"", None
    for piece, final in _pieces(path, file, encoding):
        buffer += piece
        if header is None:
            header = _header(buffer, file, wanted, final=final)
            if header is None:
                continue
            header.require(required)
            buffer = buffer[header.length :]
        buffer = buffer[reader.take(buffer, header, final=final) :]
    if header is None:
        message = f"{file} is empty: the export failed or is still being written; have it delivered again"
        raise SourceIncomplete(message)
    return reader.table(header)


def header(path: Path, file: str, known: Collection[str], encoding: str) -> frozenset[str]:
    """Those of the known column names (in lower case) that the header has; no other field becomes a value."""
    buffer = b""
    for piece, final in _pieces(path, file, encoding):
        buffer += piece
        if found := _header(buffer, file, known, final=final):
            return frozenset(found.names.values())
    return frozenset()


@dataclass(frozen=True)
class _Header:
    """names: by position, those of the wanted columns. others: number of other columns. length: bytes."""

    file: str
    names: dict[int, str]
    width: int
    length: int

    def require(self, required: Collection[str]) -> None:
        found = list(self.names.values())
        if twice := sorted({name for name in found if found.count(name) > 1}):
            message = f"{self.file}:1: the header names {', '.join(twice)} more than once: have one column of each name"
            raise SourceUnreadable(message)
        if missing := [name for name in required if name not in found]:
            said = f"it has {', '.join(found)} and {self.width - len(found)} columns not used here"
            if not found:
                said = f"none of its {self.width} fields is a known column name, so the header itself may be missing"
            message = f"{self.file}:1: no column {', '.join(missing)}; {said}"
            raise SourceUnreadable(message)


def _header(data: bytes, file: str, wanted: Collection[str], *, final: bool) -> _Header | None:
    """The first record; None if it is not whole yet. A field becomes a value only where it is a wanted name."""
    found = structure(data, None, final=final)
    if not len(found.starts):
        return None
    if b"\0" in data[: found.ends[0]]:
        message = f"{file}:1: holds NUL bytes, as UTF-16 does: set `encoding` in the tenant file"
        raise SourceUnreadable(message)
    known = re.compile(rb'\s*"?\s*(' + b"|".join(re.escape(name.encode()) for name in wanted) + rb')\s*"?\s*', re.I)
    edges = [-1, *found.separators[: found.counts[0]].tolist(), int(found.ends[0])]
    names = {}
    for position, (left, right) in enumerate(pairwise(edges)):
        if match := known.fullmatch(data, left + 1, right):
            names[position] = match[1].decode().lower()
    length = int(found.starts[1]) if len(found.starts) > 1 else found.consumed
    return _Header(file, names, len(edges) - 1, length)


class _Reader:
    """Gathers the table piece by piece."""

    def __init__(self, file: str, encoding: str, blank_after: str | None) -> None:
        self._file = file
        self._encoding = "utf-8" if _WIDE.fullmatch(encoding.lower()) else encoding
        self._seen = 1  # records before the next piece, the header among them
        self._frames: list[pl.DataFrame] = []
        self._unreadable: list[pl.DataFrame] = []
        self._blank_after = blank_after
        self._overlong: list[int] = []

    def take(self, data: bytes, header: _Header, *, final: bool) -> int:
        """Read the whole records in data; answers how many bytes they are."""
        found = structure(data, header.width - 1, final=final)
        count = len(found.starts)
        if not count:
            return 0
        rows = np.arange(self._seen + 1, self._seen + 1 + count)
        self._seen += count
        found, overlong = _shortened(found, header, self._blank_after)
        self._overlong += rows[overlong].tolist()
        no_text = _no_text(data, found)
        blank = (found.ends - found.starts == found.counts) & ~no_text
        good = (found.counts == header.width - 1) & ~found.broken & ~no_text & ~blank
        bad = ~good & ~blank
        if bad.any():
            self._unreadable.append(
                _set_aside(rows[bad], found.counts[bad] + 1, found.broken[bad], no_text[bad], header)
            )
        if good.any():
            piece = _copy(data, found, good, sorted(header.names), header.width)
            self._frames.append(self._frame(piece, rows[good], header))
        return found.consumed

    def _frame(self, piece: bytes, rows: Positions, header: _Header) -> pl.DataFrame:
        plain = piece.isascii()
        if not plain:
            piece = self._composed(piece, rows)
        frame = pl.read_csv(
            piece,
            has_header=False,
            separator=chr(FIELD_END),
            eol_char=chr(RECORD_END),
            quote_char=None,
            schema={header.names[position]: pl.String for position in sorted(header.names)},
        )
        values = pl.all()
        if not plain or any(space in piece for space in b" \t\r\n\v\f"):
            values = values.str.strip_chars()
        return frame.with_columns(values.replace("", None)).with_columns(row=pl.Series(rows, dtype=pl.Int64))

    def _composed(self, piece: bytes, rows: Positions) -> bytes:
        """The piece in UTF-8 and NFC: neither end of field nor of record composes with what follows it."""
        text = _decoded(piece, self._encoding)
        if isinstance(text, int):
            message = (
                f"{self._file}:{rows[piece.count(RECORD_END, 0, text)]}: holds bytes that are not {self._encoding}: "
                "name the file's encoding in the tenant file, or have it exported as UTF-8"
            )
            raise SourceUnreadable(message)
        return unicodedata.normalize("NFC", text).encode()

    def table(self, header: _Header) -> Table:
        """All that was taken."""
        schema = pl.Schema({header.names[position]: pl.String for position in sorted(header.names)} | {"row": pl.Int64})
        return Table(
            pl.concat([pl.DataFrame(schema=schema), *self._frames]),
            pl.concat([pl.DataFrame(schema=UNREADABLE), *self._unreadable]),
            tuple(self._overlong),
        )


def _shortened(found: Structure, header: _Header, blank_after: str | None) -> tuple[Structure, Flags]:
    """The records without the fields too many that are blank from that column on, and which those are."""
    columns = {name: position for position, name in header.names.items()}
    long = (found.counts >= header.width) & ~found.broken
    if blank_after not in columns or not long.any():
        return found, np.zeros(len(found.counts), dtype=np.bool_)
    column, first = columns[blank_after], np.cumsum(found.counts) - found.counts
    tail = found.separators[np.where(long, first + column, 0)]
    long &= found.ends - tail == found.counts - column
    nth = np.arange(len(found.separators)) - np.repeat(first, found.counts)
    kept = ~(np.repeat(long, found.counts) & (nth >= header.width - 1))
    ends = np.where(long, found.separators[np.where(long, first + header.width - 1, 0)], found.ends)
    counts = np.where(long, header.width - 1, found.counts)
    return replace(found, separators=found.separators[kept], ends=ends, counts=counts), long


def _copy(data: bytes, found: Structure, good: Flags, columns: list[int], width: int) -> bytes:
    """The fields of these columns of the good records, ended by FIELD_END, the last of a record by RECORD_END."""
    text = np.frombuffer(data, dtype=np.uint8).copy()
    separators = found.separators[np.repeat(good, found.counts)].reshape(-1, width - 1)
    edges = np.column_stack([found.starts[good] - 1, separators, found.ends[good]])
    steps = np.zeros(len(text) + 1, dtype=np.int8)
    for column in columns:
        steps[edges[:, column] + 1] += 1
        steps[edges[:, column + 1] + 1] -= 1
        text[edges[:, column + 1]] = RECORD_END if column == columns[-1] else FIELD_END
    kept = np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_)
    kept[found.marks] = False
    return text[kept].tobytes()


def _no_text(data: bytes, found: Structure) -> Flags:
    """Records that hold a NUL or one of the two control characters that end fields and records in the copy."""
    flags = np.zeros(len(found.starts), dtype=np.bool_)
    if any(code in data for code in _NO_TEXT):
        text = np.frombuffer(data, dtype=np.uint8)[: found.consumed]
        hits = np.flatnonzero(np.isin(text, _NO_TEXT))
        flags[np.searchsorted(found.ends, hits)] = True
    return flags


def _set_aside(rows: Positions, fields: Positions, broken: Flags, no_text: Flags, header: _Header) -> pl.DataFrame:
    frame = pl.DataFrame({"row": rows, "fields": fields, "broken": broken, "no_text": no_text})
    reason = (
        pl.when("broken")
        .then(pl.lit("a quotation mark is not closed where its field ends"))
        .when("no_text")
        .then(pl.lit("holds a NUL or separator control character"))
        .otherwise(pl.format("{} fields where the header has {}", "fields", pl.lit(header.width)))
    )
    return frame.select(pl.col("row").cast(pl.Int64), reason=reason)


def _decoded(piece: bytes, encoding: str) -> str | int:
    """The text, or where the piece stops being text of that encoding. Keeps no error: it would hold the piece."""
    try:
        return piece.decode(encoding)
    except UnicodeDecodeError as fault:
        return fault.start


def _pieces(path: Path, file: str, encoding: str) -> Iterator[tuple[bytes, bool]]:
    """The file in pieces whose structure can be told by bytes, ending in a line end, without a byte order mark."""
    decoder = _wide_decoder(file, encoding)
    with path.open("rb") as content:
        piece = content.read(FIRST_PIECE)
        if decoder is None and piece.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            message = f"{file}:1: begins as UTF-16 does: set `encoding: utf-16` in the tenant file"
            raise SourceUnreadable(message)
        piece = piece.removeprefix(codecs.BOM_UTF8)
        while piece:
            following = content.read(PIECE)
            narrow = piece if decoder is None else _narrowed(decoder, piece, file, final=not following)
            if not following and not narrow.endswith((b"\n", b"\r")):
                narrow += bytes([LF])
            yield narrow.removeprefix(codecs.BOM_UTF8) if decoder else narrow, not following
            piece = following


def _wide_decoder(file: str, encoding: str) -> codecs.IncrementalDecoder | None:
    """A decoder where the encoding hides the separators of CSV (UTF-16, UTF-32); None where it keeps ASCII as it is."""
    try:
        keeps_ascii = bytes(range(128)).decode(encoding) == bytes(range(128)).decode("ascii")
    except LookupError:
        keeps_ascii = False
    except UnicodeDecodeError:
        keeps_ascii = False
    if _WIDE.fullmatch(encoding.lower()):
        return codecs.getincrementaldecoder(encoding)()
    if not keeps_ascii or "2022" in encoding or encoding.lower().replace("_", "-") in {"utf-7", "hz"}:
        message = f"encoding {encoding}: {file} can be read as utf-8, utf-16, utf-32, cp1252 and others that hold ASCII"
        raise TenantFileWrong(message)
    return None


def _narrowed(decoder: codecs.IncrementalDecoder, piece: bytes, file: str, *, final: bool) -> bytes:
    """The piece in UTF-8. It passes as one buffer; the error that could hold it is dropped."""
    try:
        return decoder.decode(piece, final).encode()
    except UnicodeError:
        pass
    message = f"{file}: holds bytes that are not of the encoding that the tenant file names"
    raise SourceUnreadable(message)
