"""Looks for people in whatever a night left: as written, URL-, JSON- and base64-encoded, in both Unicode forms."""

from __future__ import annotations

import base64
import json
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, quote_plus

import polars as pl

SHORTEST, SHORTEST_BASE64 = 5, 7
"""Characters, and bytes, that a value needs to be looked for; below, chance alone would find it."""


class Traces:
    """All spellings of many values, looked for at once."""

    def __init__(self, values: Iterable[str]) -> None:
        self._spelt: dict[str, str] = {}
        for value in values:
            if len(value) >= SHORTEST:
                for spelling in spellings(value):
                    self._spelt.setdefault(spelling.decode("latin-1"), value)
        self._patterns = pl.Series(list(self._spelt), dtype=pl.String).implode()

    def __len__(self) -> int:
        return len(self._spelt)

    def found(self, places: Iterable[tuple[str, bytes]]) -> dict[str, list[str]]:
        """Place → the values that are there; places: names with contents. Empty if nobody is found."""
        names, contents = [], []
        for name, content in places:
            names.append(name)
            contents.append(content.decode("latin-1"))
        hits = pl.Series(contents, dtype=pl.String).str.extract_many(self._patterns).to_list()
        return {
            name: sorted({self._spelt[hit] for hit in hit_list})
            for name, hit_list in zip(names, hits, strict=True)
            if hit_list
        }


def spellings(value: str) -> set[bytes]:
    """The ways to write a value that are looked for."""
    found: set[bytes] = set()
    for form in {value, unicodedata.normalize("NFC", value), unicodedata.normalize("NFD", value)}:
        escaped = json.dumps(form)[1:-1]
        written = {form, escaped, escaped.replace("\\", "\\\\"), ascii(form)[1:-1]}
        for url in (quote(form), quote(form, safe=""), quote_plus(form)):
            written |= {url, _lower_hex(url)}
        found |= {text.encode() for text in written}
        if len(data := form.encode()) >= SHORTEST_BASE64:
            found |= set(_base64(data))
    return found


def _base64(data: bytes) -> Iterator[bytes]:
    """What is the same in any base64 that holds the bytes, for each of the three places they can begin at."""
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(b"\0" * before + data)
            yield whole[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]


def _lower_hex(url: str) -> str:
    head, *parts = url.split("%")
    return head + "".join("%" + part[:2].lower() + part[2:] for part in parts)


def files_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder by its path in it."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield str(file.relative_to(folder)), file.read_bytes()


def cells(database: Path) -> Iterator[tuple[str, bytes]]:
    """Every column of every table of an SQLite database: a value may lie across pages of the file."""
    with closing(sqlite3.connect(database)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            cursor = db.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
            for place, column in enumerate(columns):
                yield f"{table}.{column}", b"\n".join(_bytes(row[place]) for row in rows)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
