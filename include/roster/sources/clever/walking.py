"""One list of the API, from its first page to its end, page by page into a Parquet file.

The end is never taken on trust: where a page names no next one, what follows its last id is asked for, and has to be
nothing. A walk whose pages repeat, or do not ascend by id, or hold another number of records than Clever counts, may
have missed some, so it is made again.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
import polars as pl
import pyarrow.parquet as pq

from roster.errors import SourceUnreadable
from roster.sources import Api
from roster.sources.clever.objects import Item, Page, Table

WALKS = 3
"""How often a list is read before what is wrong with its pages counts."""
ANY_ORDER = "its pages are not in the order of their ids"


@dataclass
class Walked:
    """What came of a walk. last: the last id; counted: how many records Clever says there are, if it does.

    broken: why some may be missing; doubts: why that can't be told.
    """

    rows: int = 0
    last: str = ""
    counted: int | None = None
    broken: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def walk(api: Api, table: Table, limit: int, folder: Path) -> Walked:
    """Read the list into `<table>.parquet` of the folder. Raises SourceFault."""
    for _ in range(WALKS):
        walked = _walk_once(api, table, limit, folder / f"{table.name}.parquet")
        if not walked.broken and not walked.doubts:
            break
    return walked


def _walk_once(api: Api, table: Table, limit: int, file: Path) -> Walked:
    walked = Walked()
    with _Writer(table, file) as writer:
        _read_pages(api, table, limit, walked, writer)
    walked.rows = writer.rows
    if walked.doubts and (twice := _once_each(file)):
        walked.rows -= twice
        walked.broken.append(f"{table.name}: {twice:,} records came twice, its pages moved while they were read")
    walked.counted = _count(api, table)
    if walked.counted is not None and walked.counted != walked.rows:
        walked.broken.append(f"{table.name}: {walked.rows:,} records were read, Clever counts {walked.counted:,}")
    return walked


def _read_pages(api: Api, table: Table, limit: int, walked: Walked, writer: _Writer) -> None:
    """Write the records of every page; what is wrong with the pages is written into `walked`."""
    decoder = msgspec.json.Decoder(Page[table.kept])  # type: ignore[name-defined]
    path, asked, at_end = _after(table, "", limit), set[str](), False
    while True:
        asked.add(path)
        what = f"page {len(asked)} of {table.name}"
        seen = _take(api.get(path), decoder, what, table, walked.last, writer)
        walked.last = seen.last
        if not seen.ascends:
            _note(walked.doubts, f"{table.name}: {ANY_ORDER}")
        if at_end:
            if not seen.records and seen.following is None:
                return
            _note(walked.doubts, f"{table.name}: a page named no next one, and there was one")
            if not seen.ascends:
                walked.broken.append(f"{table.name}: its last page comes again and again")
                return
        if seen.following in asked:
            walked.broken.append(f"{table.name}: its pages go round in a circle after {len(asked)}")
            return
        at_end = seen.following is None
        path = seen.following or _after(table, walked.last, limit)


class _Seen(NamedTuple):
    """What is kept in mind of a page, so that none of its records outlives it."""

    records: int
    last: str
    ascends: bool
    following: str | None


def _take(
    body: bytes, decoder: msgspec.json.Decoder[Any], what: str, table: Table, last: str, writer: _Writer
) -> _Seen:
    with _collector_resting():
        page = decoded(body, decoder, what)
        del body
        objects = [item.data for item in page.data]
        writer.write([one for one in objects if table.belongs(one)])
        following = next((link.uri for link in page.links or () if link.rel == "next" and link.uri), None)
        return _Seen(len(objects), objects[-1].id if objects else last, _ascends(objects, last), following)


def _after(table: Table, last: str, limit: int) -> str:
    query = f"limit={limit}" + (f"&starting_after={quote(last, safe='')}" if last else "")
    return f"{table.path}{'&' if '?' in table.path else '?'}{query}"


def _ascends(objects: Sequence[Any], last: str) -> bool:
    for one in objects:
        if one.id <= last:
            return False
        last = one.id
    return True


def _note(reasons: list[str], reason: str) -> None:
    if reason not in reasons:
        reasons.append(reason)


def decoded(body: bytes, decoder: msgspec.json.Decoder[Any], what: str) -> Any:
    """The kept part of an answer. Raises SourceUnreadable, which says where it is wrong and repeats nothing of it."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as fault:
        message = f"{what} is not as Clever's API 3.1 describes it: {fault}"
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = f"{what} ({len(body):,} bytes) is no whole JSON: it was cut, or something else answered for Clever"
    raise SourceUnreadable(message)


@contextmanager
def _collector_resting() -> Iterator[None]:
    """The garbage collector rests while a page is made into a table: there is nothing of it to collect."""
    resting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if resting:
            gc.enable()


class _Writer:
    """Rows into a Parquet file, a row group for each page."""

    def __init__(self, table: Table, file: Path) -> None:
        self._table = table
        self._file = file
        self.rows = 0

    def __enter__(self) -> _Writer:
        self._writer = pq.ParquetWriter(self._file, _arrow(self._table.frame([], 1)).schema, compression="zstd")
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, objects: Sequence[Any]) -> None:
        """The objects of a page."""
        if objects:
            self._writer.write_table(_arrow(self._table.frame(objects, self.rows + 1)))
            self.rows += len(objects)


def _arrow(frame: pl.DataFrame) -> Any:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


def _once_each(file: Path) -> int:
    """Keep each id once; answers how many rows went."""
    whole = pl.read_parquet(file)
    kept = whole.unique("id", keep="first", maintain_order=True)
    if gone := whole.height - kept.height:
        kept.write_parquet(file)
    return gone


class _Counts(msgspec.Struct):
    """The two places where a count may stand: how Clever answers `count=true` is not known for sure."""

    count: Any = None
    paging: Any = None


def _count(api: Api, table: Table) -> int | None:
    """How many records Clever says the list has; None where it does not say."""
    try:
        body = api.get(_after(table, "", 1) + "&count=true")
        said = decoded(body, msgspec.json.Decoder(_Counts), f"the count of {table.name}")
    except SourceUnreadable:  # a server that does not know the word
        return None
    paging = said.paging if isinstance(said.paging, dict) else {}
    for found in (said.count, paging.get("count"), paging.get("total")):
        if isinstance(found, int) and not isinstance(found, bool):
            return found
        if isinstance(found, str) and found.isdecimal():
            return int(found)
    return None


def single(body: bytes, kept: type[Any], what: str) -> Any:
    """The object that was asked for alone."""
    return decoded(body, msgspec.json.Decoder(Item[kept]), what).data  # type: ignore[valid-type]
