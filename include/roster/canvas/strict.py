"""Reading CSV as strictly as Canvas does, to know before it is sent that a file will be taken.

The rules of Ruby's CSV: one kind of line-end (the first in the file, be it inside quotes), quotes around whole fields
or not at all, a quote within quotes doubled. One fault anywhere and the whole file is refused.
"""

from __future__ import annotations

import re

from roster.errors import CanvasRefused

_BOM = b"\xef\xbb\xbf"
_TRIMMED = " \t\n\v\f\r\0"


def table(name: str, content: bytes) -> list[dict[str, str]]:
    """The file's records by lower-cased column; CanvasRefused naming file and record where Canvas refuses it."""
    header, *lines = records(name, content) or [[]]
    columns = [column.lower() for column in header]
    found = []
    for line in lines:
        values = dict.fromkeys((column for column in columns if column), "")
        for column, field in reversed(list(zip(columns, line, strict=False))):  # of two columns the first counts
            if column:
                values[column] = value(field)
        found.append(values)
    return found


def value(field: str) -> str:
    """The field as Canvas keeps it; empty where that is null."""
    return field.strip(_TRIMMED) if field.strip() else ""


def records(name: str, content: bytes) -> list[list[str]]:
    """The fields of each record, header first, untrimmed; empty lines are no records."""
    try:
        text = content.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError:
        raise _refused(name, 0, "a byte is not UTF-8") from None
    first = re.search(r"\r\n|\r|\n", text)
    end = first.group() if first else "\n"
    lines = text.split(end)
    if lines[-1] == "":
        lines.pop()
    found: list[list[str]] = []
    at = 0
    while at < len(lines):
        line, at = lines[at], at + 1
        # An odd number of quotes: the record goes on in the next line.
        while line.count('"') % 2 and at < len(lines):
            line, at = line + end + lines[at], at + 1
        if line:
            found.append(_fields(name, len(found) + 1, line))
    return found


def _fields(name: str, record: int, line: str) -> list[str]:
    if '"' not in line:
        if "\r" in line or "\n" in line:
            raise _refused(name, record, "two kinds of line-end")
        return line.split(",")
    fields, at = [], 0
    while True:
        if line.startswith('"', at):
            field, at = _quoted(name, record, line, at + 1)
        else:
            stop = line.find(",", at)
            stop = len(line) if stop < 0 else stop
            field, at = line[at:stop], stop
            if not set('"\r\n').isdisjoint(field):
                raise _refused(name, record, "a quote or line-end in a field without quotes")
        fields.append(field)
        if at == len(line):
            return fields
        if line[at] != ",":
            raise _refused(name, record, "text after a closing quote")
        at += 1


def _quoted(name: str, record: int, line: str, start: int) -> tuple[str, int]:
    """The field whose opening quote is just before start, and where the line goes on."""
    at = start
    while (at := line.find('"', at)) >= 0:
        if not line.startswith('""', at):
            return line[start:at].replace('""', '"'), at + 1
        at += 2
    raise _refused(name, record, "a quote that is never closed")


def _refused(name: str, record: int, why: str) -> CanvasRefused:
    return CanvasRefused(f"Canvas would refuse the file {name}:{record}: {why}")
