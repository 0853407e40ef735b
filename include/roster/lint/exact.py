"""Reading CSV record by record as Canvas does: the rules of Ruby's CSV.

One kind of line-end (the first in the file, be it inside quotes), quotes around whole fields or not at all, a quote
within quotes doubled. One fault anywhere and the whole file is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

BOM = b"\xef\xbb\xbf"
TRIMMED = " \t\n\v\f\r\0"
_LINE_END = re.compile(rb"\r\n|\r|\n")


class Spoiled(ValueError):
    """Canvas refuses the whole file: by which rule, and at which physical line."""

    def __init__(self, line: int, rule: str) -> None:
        super().__init__(f"{rule} at line {line}")
        self.rule = rule
        self.line = line


class Record(NamedTuple):
    """line: the physical line it begins on, from 1. lines: how many it covers."""

    line: int
    lines: int
    fields: list[str]


def line_end(content: bytes) -> bytes | None:
    """The first line-end, which all others must be; None where there is none."""
    first = _LINE_END.search(content)
    return first.group() if first else None


def value(field: str) -> str:
    """The field as Canvas keeps it; empty where that is null."""
    return field.strip(TRIMMED) if field.strip() else ""


def table(content: bytes) -> list[dict[str, str]]:
    """The file's records by lower-cased column; Spoiled where Canvas refuses it."""
    header, *lines = records(content) or [[]]
    columns = [column.lower() for column in header]
    found = []
    for line in lines:
        values = dict.fromkeys((column for column in columns if column), "")
        for column, field in reversed(list(zip(columns, line, strict=False))):  # of two columns the first counts
            if column:
                values[column] = value(field)
        found.append(values)
    return found


def records(content: bytes) -> list[list[str]]:
    """The fields of each record, header first, untrimmed; empty lines are no records."""
    content = content.removeprefix(BOM)
    end = line_end(content) or b"\n"
    return [record.fields for record in parsed(decoded(content, end, 1), end.decode(), 1)]


def decoded(content: bytes, end: bytes, line: int) -> str:
    """The text of a part of a file that begins on that line."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as fault:
        at = line + content.count(end, 0, fault.start)
    raise Spoiled(at, "encoding-not-utf-8")


def parsed(text: str, end: str, first: int) -> Iterator[Record]:
    """The records of a text whose first line has that number."""
    lines = text.split(end)
    if lines[-1] == "":
        lines.pop()
    at = 0
    while at < len(lines):
        began, parts = at, [lines[at]]
        odd, at = lines[at].count('"') % 2, at + 1
        while odd and at < len(lines):  # the record goes on in the next line
            parts.append(lines[at])
            odd, at = (odd + lines[at].count('"')) % 2, at + 1
        if line := end.join(parts):
            yield Record(first + began, at - began, _fields(line, first + began))


def _fields(line: str, number: int) -> list[str]:
    if '"' not in line:
        if "\r" in line or "\n" in line:
            raise Spoiled(number, "line-ends-mixed")
        return line.split(",")
    fields, at = [], 0
    while True:
        if line.startswith('"', at):
            field, at = _quoted(line, at + 1, number)
        else:
            stop = line.find(",", at)
            stop = len(line) if stop < 0 else stop
            field, at = line[at:stop], stop
            if '"' in field:
                raise Spoiled(number, "quote-inside-field")
            if "\r" in field or "\n" in field:
                raise Spoiled(number, "line-ends-mixed")
        fields.append(field)
        if at == len(line):
            return fields
        if line[at] != ",":
            raise Spoiled(number, "line-ends-mixed" if line[at] in "\r\n" else "text-after-quote")
        at += 1


def _quoted(line: str, start: int, number: int) -> tuple[str, int]:
    """The field whose opening quote is just before start, and where the line goes on."""
    at = start
    while (at := line.find('"', at)) >= 0:
        if not line.startswith('""', at):
            return line[start:at].replace('""', '"'), at + 1
        at += 2
    raise Spoiled(number, "quote-not-closed")
