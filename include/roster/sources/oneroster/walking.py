"""All lists into raw tables: those of the provider, or those of each school. What shifts is read again, whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pyarrow.parquet as pq

from roster.errors import SourceIncomplete
from roster.settings import OneRoster
from roster.sources.oneroster.objects import LISTINGS, Org, Row, User, roles, text
from roster.sources.oneroster.paging import Pages, Shifted
from roster.sources.oneroster.service import Service
from roster.sources.oneroster_tables import GONE, SCHEMAS, frame

WALKS = 3
"""How often everything is read before what shifts is given up."""
BULK = ("orgs", "academicSessions", "courses", "classes", "users", "enrollments")
OF_ALL = ("orgs", "academicSessions")
OF_A_SCHOOL = ("courses", "classes", "students", "teachers", "enrollments")


@dataclass
class Walked:
    """What came of a walk. counted: every list came with its total; doubts: why the end of one can't be told."""

    counted: bool = True
    doubts: list[str] = field(default_factory=list)


def walk(service: Service, settings: OneRoster, folder: Path) -> Walked:
    """Every list into `<table>.parquet` of the folder. Raises SourceFault.

    What does not fit together is read again; the last time without comparing pages where they meet, since a provider
    may not be able to begin a page anywhere.
    """
    for last in (False,) * (WALKS - 1) + (True,):
        try:
            with _Tables(folder) as tables:
                walked = _walk_once(service, settings, tables, strict=not last)
            if settings.endpoints == "schools":
                _once_each(folder)
        except Shifted as shifted:
            reason = str(shifted)
        else:
            return walked
    message = (
        f"{settings.name}: {reason}, and everything was read {WALKS} times: the provider changes its data while they "
        "are read, or does not page as OneRoster says; move the schedule, or ask its support"
    )
    raise SourceIncomplete(message)


def _walk_once(service: Service, settings: OneRoster, tables: _Tables, *, strict: bool) -> Walked:
    walked = Walked()

    def read(name: str, path: str) -> Iterator[Any]:
        pages = Pages(LISTINGS[name], path, settings.limit, strict)
        for new in pages.read(service):
            tables.add(name, new)
            yield from new
        walked.counted &= pages.total is not None
        walked.doubts += [doubt for doubt in pages.doubts if doubt not in walked.doubts]

    schools: list[str] = []
    for name in BULK if settings.endpoints == "bulk" else OF_ALL:
        for one in read(name, f"/{name}"):
            if isinstance(one, Org) and _is_school(one):
                schools.append(str(text(one.sourced_id)))
    if settings.endpoints == "schools":
        for name in OF_A_SCHOOL:
            for school in schools:
                for _ in read(name, f"/schools/{quote(school, safe='')}/{name}"):
                    pass
    return walked


def _is_school(org: Org) -> bool:
    return str(text(org.type)).lower() == "school" and str(text(org.status)).lower() not in GONE


class _Tables:
    """Rows into Parquet files, one for each raw table, a row group for each page."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: dict[str, int] = {}
        self._files = ExitStack()
        self._writers: Mapping[str, pq.ParquetWriter] = {}

    def __enter__(self) -> _Tables:
        self._writers = {
            name: self._files.enter_context(
                pq.ParquetWriter(self._folder / f"{name}.parquet", _arrow(frame(name, [])).schema, compression="zstd")
            )
            for name in SCHEMAS
        }
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def add(self, name: str, page: Sequence[Any]) -> None:
        """The objects of a page of that list, and the roles of users."""
        listing, first = LISTINGS[name], self._rows.get(name, 0) + 1
        placed = [(one, {"file": name, "row": first + number}) for number, one in enumerate(page)]
        self._rows[name] = self._rows.get(name, 0) + len(page)
        self._write(listing.table, [listing.row(one) | place for one, place in placed])
        self._write("roles", [row | place for one, place in placed if isinstance(one, User) for row in roles(one)])

    def _write(self, table: str, rows: list[Row]) -> None:
        if rows:
            self._writers[table].write_table(_arrow(frame(table, rows)))


def _arrow(rows: pl.DataFrame) -> Any:
    return rows.to_arrow(compat_level=pl.CompatLevel.oldest())


def _once_each(folder: Path) -> None:
    """Keep each record once: a person or a course of several schools is in the lists of each.

    Whose agents they are goes too: in the lists of schools there are no agents.
    """
    for name in SCHEMAS:
        file = folder / f"{name}.parquet"
        rows = pl.read_parquet(file)
        same = [column for column in rows.columns if column not in ("file", "row")] if name == "roles" else "sourced_id"
        once = rows.unique(same, keep="first", maintain_order=True)
        if name == "users":
            once = once.with_columns(agent_ids=pl.lit(None, dtype=pl.List(pl.String)))
        once.write_parquet(file)
