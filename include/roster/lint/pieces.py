"""A file of any size as frames of some megabytes, read as strictly as `exact` reads it.

The bytes are checked first: numpy finds each quote and line-end and whether it stands where it may. What is proper is
then read by Polars, which alone would forgive all of it; records over several lines, and empty lines beside quotes,
go through `exact`, piece by piece.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

import numpy as np
import polars as pl

from roster.lint.exact import BOM, Spoiled, decoded, line_end, parsed

PIECE = 1 << 24
LONGEST_FIELD = 1 << 26
_LF, _CR, _COMMA, _QUOTE = b'\n\r,"'


class Reader:
    """header: as written. bom: whether a byte order mark was dropped. frames(): the records below the header.

    A frame has a column per field by position ("0", "1", …), one more for what a row has beyond its header, and
    `record` and `line`: Canvas's number of the record (the header is 1) and the physical line. Fields are untrimmed
    text; blank may be null or empty. Raises Spoiled where Canvas refuses the file, at the latest when all frames have
    been read.
    """

    def __init__(self, stream: IO[bytes], piece: int = PIECE) -> None:
        self._stream, self._size = stream, piece
        first = self._start()
        self.bom = first.startswith(BOM)
        self._buffer = first.removeprefix(BOM)
        self._pieces = self._cut()
        self._record, self._line = 2, 1
        self.header: list[str] = []
        self._rest = b""
        for content in self._pieces:
            found = next(parsed(decoded(content, self._end, self._line), self._end.decode(), self._line), None)
            if found is None:  # empty lines only
                self._line += content.count(self._end)
                continue
            self.header = found.fields
            self._rest = self._without(content, found.line + found.lines - self._line)
            self._line = found.line + found.lines
            break

    def frames(self) -> Iterator[pl.DataFrame]:
        """The records in their order."""
        content: bytes | None = self._rest
        while content is not None:
            if content:
                frame = self._frame(content)
                if frame.height:
                    yield frame
            content = next(self._pieces, None)

    def _start(self) -> bytes:
        """Enough of the file to know its line-end."""
        content = self._stream.read(self._size)
        while (end := line_end(content)) is None or (end == b"\r" and content.endswith(b"\r")):
            more = self._stream.read(self._size)
            if not more:
                break
            content += more
        self._end = end or b"\n"
        return content

    def _cut(self) -> Iterator[bytes]:
        """The file in pieces that end where a record does."""
        buffer = self._buffer
        while True:
            more = self._stream.read(self._size)
            if not more or len(buffer) > LONGEST_FIELD:
                break
            at = _last_record_end(buffer, self._end)
            if at:
                yield buffer[:at]
            buffer = buffer[at:] + more
        buffer += more
        if buffer:
            yield buffer

    def _without(self, content: bytes, lines: int) -> bytes:
        """What comes after that many lines."""
        at = 0
        for _ in range(lines):
            found = content.find(self._end, at)
            if found < 0:
                return b""
            at = found + len(self._end)
        return content[at:]

    def _frame(self, content: bytes) -> pl.DataFrame:
        if not content.isascii():
            decoded(content, self._end, self._line)
        plain = self._plain(content)
        lines = content.count(self._end) + (not content.endswith(self._end))
        if plain is None:
            frame = self._exactly(content)
        else:
            frame, offsets = self._quickly(plain)
            if frame.height != offsets.len():  # Polars and we do not count alike: never guess
                frame = self._exactly(content)
            else:
                frame = frame.with_columns(line=offsets + self._line)
        numbers = pl.int_range(self._record, self._record + frame.height, dtype=pl.UInt32, eager=True)
        self._record += frame.height
        self._line += lines
        return frame.with_columns(record=numbers)

    def _plain(self, content: bytes) -> bytes | None:
        """The piece with LF at each record's end and nowhere else; None where it is not that simple.

        Spoiled where a quote or line-end stands where none may.
        """
        quotes = b'"' in content
        if quotes:
            embedded = self._embeds_line_ends(content)
            if embedded is None:
                self._complain(content)
            if embedded or content.startswith(self._end) or self._end * 2 in content:
                return None
        elif not self._one_line_end(content):
            self._complain(content)
        return content if self._end == b"\n" else content.replace(self._end, b"\n")

    def _one_line_end(self, content: bytes) -> bool:
        if self._end == b"\n":
            return b"\r" not in content
        if self._end == b"\r":
            return b"\n" not in content
        return content.count(b"\r\n") == content.count(b"\r") == content.count(b"\n")

    def _embeds_line_ends(self, content: bytes) -> bool | None:
        """Whether a quoted field holds a line-end; None where a quote or a line-end stands where none may."""
        text = np.frombuffer(content, dtype=np.uint8)
        quotes = np.flatnonzero(text == _QUOTE)
        if len(quotes) % 2:
            return None
        opening, closing = quotes[::2], quotes[1::2]
        doubled = np.append(closing[:-1] + 1 == opening[1:], False)  # this close and the next open are one quote
        before, after = text[opening - 1], text[np.minimum(closing + 1, len(text) - 1)]
        may_open = (opening == 0) | np.isin(before, (_COMMA, _LF, _CR)) | np.insert(doubled[:-1], 0, False)
        may_close = (closing == len(text) - 1) | np.isin(after, (_COMMA, _LF, _CR)) | doubled
        if not (may_open.all() and may_close.all()):
            return None
        breaks = np.flatnonzero((text == _LF) | (text == _CR))
        inside = np.searchsorted(quotes, breaks) % 2 == 1
        outside = breaks[~inside]
        if not self._proper(text, outside):
            return None
        return bool(inside.any())

    def _proper(self, text: np.ndarray, breaks: np.ndarray) -> bool:
        """Whether the line-ends outside of quotes are all of the file's kind."""
        if len(self._end) == 1:
            return bool((text[breaks] == self._end[0]).all())
        firsts, seconds = breaks[::2], breaks[1::2]
        if len(firsts) != len(seconds):
            return False
        return bool((text[firsts] == _CR).all() and (text[seconds] == _LF).all() and (firsts + 1 == seconds).all())

    def _complain(self, content: bytes) -> None:
        """Raise Spoiled with the line of the first fault."""
        for _ in parsed(decoded(content, self._end, self._line), self._end.decode(), self._line):
            pass
        raise Spoiled(self._line, "line-ends-mixed")  # a record end that only the bytes show

    def _quickly(self, plain: bytes) -> tuple[pl.DataFrame, pl.Series]:
        """The records, and by how many lines each is below the first of the piece."""
        lines = plain.count(b"\n") + (not plain.endswith(b"\n"))
        offsets = pl.int_range(lines, dtype=pl.UInt32, eager=True)
        if plain.startswith(b"\n") or b"\n\n" in plain:
            ends = np.flatnonzero(np.frombuffer(plain, dtype=np.uint8) == _LF)
            lengths = np.diff(ends, prepend=-1)
            full = np.append(lengths > 1, not plain.endswith(b"\n")) if len(ends) < lines else lengths > 1
            offsets = offsets.filter(pl.Series(full))
            plain = re.sub(rb"\n{2,}", b"\n", plain.lstrip(b"\n"))
        return self._by_polars(plain), offsets

    def _by_polars(self, plain: bytes) -> pl.DataFrame:
        names = [str(position) for position in range(len(self.header) + 1)]
        if not plain:
            return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
        return pl.read_csv(
            plain,
            has_header=False,
            schema=dict.fromkeys(names, pl.String),
            quote_char='"' if b'"' in plain else None,
            truncate_ragged_lines=True,
            missing_columns="insert",
            extra_columns="ignore",
        )

    def _exactly(self, content: bytes) -> pl.DataFrame:
        width = len(self.header) + 1
        text = decoded(content, self._end, self._line)
        found = list(parsed(text, self._end.decode(), self._line))
        rows = [[*record.fields[:width], *[None] * (width - len(record.fields)), record.line] for record in found]
        schema = {**{str(position): pl.String for position in range(width)}, "line": pl.UInt32}
        return pl.DataFrame(rows, schema=schema, orient="row")


def _last_record_end(content: bytes, end: bytes) -> int:
    """Where the last whole record ends: after the last line-end that is outside of quotes; 0 if there is none."""
    at = content.rfind(end, 0, len(content) - 1)  # a CR that comes last may be half of a line-end
    if at < 0:
        return 0
    odd = content.count(b'"', 0, at) % 2
    while odd:
        before = content.rfind(end, 0, at)
        if before < 0:
            return 0
        odd = (odd + content.count(b'"', before, at)) % 2
        at = before
    return at + len(end)
