"""What every source of files looks at in them: of one time, readable, as many as a control file says."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from roster.errors import SourceUnreadable
from roster.sources import DeliveredFile
from roster.sources.delimited import Table, read

ONE_DELIVERY = timedelta(hours=2)
"""Files whose times lie further apart are not of one delivery."""
SET_ASIDE_SHARE, SET_ASIDE_ROWS = 0.01, 10
"""More unreadable rows than both of these in one file, and the file is not read at all."""


def require_readable(file: str, table: Table) -> None:
    """A few bad rows are set aside; a file of which more is bad is not what was agreed."""
    bad = table.unreadable.height
    if bad <= max(SET_ASIDE_ROWS, SET_ASIDE_SHARE * table.records) and (not bad or table.frame.height):
        return
    rows = ", ".join(f"{row}" for row in table.unreadable["row"].head(5))
    message = (
        f"{file}: {bad:,} of {table.records:,} rows can't be read, first {file}:{table.unreadable['row'][0]} "
        f"({table.unreadable['reason'][0]}; rows {rows}): have the export put fields with commas, quotation marks or "
        "line ends in quotation marks"
    )
    raise SourceUnreadable(message)


def read_control(path: Path, file: str, encoding: str) -> dict[str, int]:
    """Rows by table in lower case, as the control file says (columns File and Rows; students.csv or students)."""
    table = read(path, file, ("file", "rows"), ("file", "rows"), encoding)
    counts = table.frame.with_columns(number=pl.col("rows").str.replace_all(",", "").cast(pl.UInt32, strict=False))
    wrong = counts.filter(pl.col("file").is_null() | pl.col("number").is_null())["row"].to_list()
    if wrong := sorted(wrong + table.unreadable["row"].to_list()):
        message = f"{file}:{wrong[0]}: must be a file name and its number of rows"
        raise SourceUnreadable(message)
    stems = counts["file"].str.to_lowercase().str.strip_suffix(".csv")
    return dict(zip(stems, counts["number"], strict=True))


def miscounts(records: Mapping[str, int], said: Mapping[str, int], stems: Collection[str]) -> Iterator[str]:
    """Where the records of the files that were read are not as the control file says. stems: all that are read."""
    for stem, count in records.items():
        if stem.lower() not in said:
            yield f"the control file does not count {stem}.csv"
        elif said[stem.lower()] != count:
            yield f"{stem}.csv has {count:,} rows, the control file says {said[stem.lower()]:,}"
    for stem in stems:
        if stem not in records and said.get(stem.lower()):
            yield f"{stem}.csv is not there, the control file says {said[stem.lower()]:,} rows"


def digest(files: Mapping[str, DeliveredFile]) -> str:
    """Differs whenever a file was delivered anew."""
    lines = (f"{name} {one.size} {one.modified.astimezone(UTC).isoformat()}\n" for name, one in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def spread(files: Mapping[str, DeliveredFile]) -> Iterator[str]:
    """The reason why these are no one delivery, if they are none."""
    times: list[datetime] = [one.modified for one in files.values()]
    if (apart := max(times) - min(times)) > ONE_DELIVERY:
        yield f"its files are not of one delivery, their times lie {apart / timedelta(hours=1):.1f} hours apart"
