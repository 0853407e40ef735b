"""What every source that is delivered as files asks of a delivery: each name once, settled, of one time, readable."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from roster.errors import SourceIncomplete, SourceUnreadable
from roster.settings.grammar import FileSource
from roster.sources import DeliveredFile, Delivery
from roster.sources.delimited import Table

ONE_DELIVERY = timedelta(hours=2)
"""Files whose times lie further apart are not of one delivery."""
SET_ASIDE_SHARE, SET_ASIDE_ROWS = 0.01, 10
"""More unreadable rows than both of these in one file, and the file is not read at all."""

Looked: TypeAlias = Mapping[str, tuple[str, DeliveredFile]]
"""What a file is to its source → its name there, and its state."""


def look(delivery: Delivery, expected: Mapping[str, str]) -> Looked:
    """The files that are there of those expected (name in lower case → what it is), whatever their case."""
    there: dict[str, tuple[str, DeliveredFile]] = {}
    for name, delivered in delivery.files().items():
        file = expected.get(name.lower())
        if file is None:
            continue
        if file in there:
            message = f"{name.lower()} is there twice, in upper and lower case: leave the one that is delivered"
            raise SourceUnreadable(message)
        there[file] = (name, delivered)
    return there


def require_quiet(looked: Looked, settings: FileSource, now: datetime) -> None:
    """Raises SourceIncomplete where a file changed so recently that it may still be written."""
    changing = {
        name: abs((now - delivered.modified).total_seconds())
        for name, delivered in looked.values()
        if abs(now - delivered.modified) < settings.quiet
    }
    if changing:
        message = (
            f"{settings.name}: {', '.join(sorted(changing))} changed {min(changing.values()):.0f} s ago and may "
            f"still be written (quiet: {settings.quiet.total_seconds():.0f} s): asked for again; if this stays, let "
            "the export end earlier"
        )
        raise SourceIncomplete(message)


def require_same(before: Looked, after: Looked, copies: Mapping[str, Path]) -> None:
    """Raises SourceIncomplete where what was copied is not what lay there before and lies there now."""
    moved = [
        name
        for file, (name, delivered) in before.items()
        if file not in after or after[file][1] != delivered or copies[file].stat().st_size != delivered.size
    ]
    moved += [name for file, (name, _) in after.items() if file not in before]
    if moved:
        message = f"{', '.join(sorted(moved))} changed while it was read: the delivery is asked for again"
        raise SourceIncomplete(message)


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


def digest(files: Mapping[str, DeliveredFile]) -> str:
    """Differs whenever a file was delivered anew."""
    lines = (f"{name} {one.size} {one.modified.astimezone(UTC).isoformat()}\n" for name, one in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def spread(files: Mapping[str, DeliveredFile]) -> Iterator[str]:
    """The reason why these are no one delivery, if they are none."""
    times: list[datetime] = [one.modified for one in files.values()]
    if (apart := max(times) - min(times)) > ONE_DELIVERY:
        yield f"its files are not of one delivery, their times lie {apart / timedelta(hours=1):.1f} hours apart"
