"""The CSV that Canvas reads: UTF-8, one kind of line-end, quotes only around whole fields; one bad row spoils the file.

Written from the rules of Ruby's strict reader and on purpose independent of Python's `csv`, which forgives most of
what is refused here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

BOM = b"\xef\xbb\xbf"
_ASCII_BLANKS = " \t\n\v\f\r\0"
_LINE_END = re.compile(r"\r\n|\n|\r")


class InvalidEncoding(ValueError):
    """Some byte of the file is not UTF-8."""


class Malformed(ValueError):
    """The file breaks a rule of quoting or line-ends; it is dropped whole, wherever the fault is."""


@dataclass(frozen=True)
class Table:
    """A file's header as written, and its records.

    A record is (number, fields): the header is number 1, empty lines are not counted, a record of blanks is. So
    numbers drift from physical lines where a file has empty lines or fields of several lines.
    """

    header: list[str]
    records: list[tuple[int, list[str]]]


def read(data: bytes) -> Table:
    """Read a whole file or raise; an optional byte order mark is dropped."""
    try:
        text = data.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        message = "a byte is not UTF-8"
        raise InvalidEncoding(message) from error
    lines = _records(text)
    if not lines:
        return Table([], [])
    return Table(lines[0], list(enumerate(lines[1:], start=2)))


def trimmed(field: str) -> str | None:
    """The value Canvas sees: ASCII blanks trimmed, nothing but blanks (of any kind) is null."""
    return field.strip(_ASCII_BLANKS) if field.strip() else None


def _records(text: str) -> list[list[str]]:
    end = _line_end(text)
    field = re.compile(rf'(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|{re.escape(end)}|\Z)')
    records: list[list[str]] = []
    record: list[str] = []
    position, length = 0, len(text)
    while position < length:
        if not record and text.startswith(end, position):  # an empty line is no record
            position += len(end)
            continue
        match = field.match(text, position)
        if match is None:
            message = f"record {len(records) + 1}"
            raise Malformed(message)
        quoted, plain, separator = match.groups()
        record.append(plain if quoted is None else quoted.replace('""', '"'))
        position = match.end()
        if separator != ",":
            records.append(record)
            record = []
        elif position == length:  # the file ends in a comma: one more, empty field
            records.append([*record, ""])
    return records


def _line_end(text: str) -> str:
    """The first line-end anywhere, inside quotes too, is the one all others must be."""
    match = _LINE_END.search(text)
    return match.group() if match else "\n"
