"""From a delivery to raw tables: `<table>.parquet` per file, `unreadable.parquet`, and what they prove."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import polars as pl

from roster.errors import SourceIncomplete, SourceUnreadable
from roster.evidence import Evidence
from roster.settings import CleverCsv
from roster.sources import DeliveredFile, Delivery, Good
from roster.sources.clever_csv import proof
from roster.sources.clever_csv.columns import FILES
from roster.sources.delimited import UNREADABLE, Table, read

SET_ASIDE_SHARE, SET_ASIDE_ROWS = 0.01, 10
"""More unreadable rows than both of these in one file, and the file is not read at all."""


def extract(
    delivery: Delivery, settings: CleverCsv, folder: Path, *, last_good: Good | None, now: datetime
) -> Evidence:
    """Read the delivery into folder: raw tables, and unreadable.parquet (file, row, reason).

    Raises SourceIncomplete (a file is missing, empty, changed within `quiet` or while it was read: asked again) and
    SourceUnreadable (not what was agreed: file:row and what to do).
    """
    looked = _look(delivery, settings)
    _require_quiet(looked, settings, now)
    unreadable = [pl.DataFrame(schema={"file": pl.String, **UNREADABLE})]
    records: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="roster-") as scratch:
        copies = {file: delivery.fetch(name, Path(scratch)) for file, (name, _) in looked.items()}
        _require_same(looked, _look(delivery, settings), copies)
        said = proof.read_control(copies["control"], settings) if settings.control else None
        for stem, layout in FILES.items():
            if stem not in copies:
                continue
            table = read(copies[stem], f"{stem}.csv", layout.wanted, layout.required, settings.encoding)
            _require_readable(f"{stem}.csv", table)
            table.frame.write_parquet(folder / f"{stem}.parquet")
            unreadable.append(table.unreadable.select(pl.lit(f"{stem}.csv").alias("file"), "row", "reason"))
            records[stem] = table.records
            copies[stem].unlink()
    aside = pl.concat(unreadable)
    aside.write_parquet(folder / "unreadable.parquet")
    files = {file: delivered for file, (_, delivered) in looked.items()}
    good = last_good.evidence if last_good else None
    return proof.prove(folder, settings, files, records, aside.height, said, good)


_Looked = Mapping[str, tuple[str, DeliveredFile]]


def _look(delivery: Delivery, settings: CleverCsv) -> _Looked:
    """The files of the export by table (and `control`): their names there, whatever the case, and state."""
    there: dict[str, tuple[str, DeliveredFile]] = {}
    expected = {f"{stem}.csv": stem for stem in FILES}
    if settings.control:
        expected[settings.control.lower()] = "control"
    for name, delivered in delivery.files().items():
        file = expected.get(name.lower())
        if file is None:
            continue
        if file in there:
            message = f"{name.lower()} is there twice, in upper and lower case: leave the one that is delivered"
            raise SourceUnreadable(message)
        there[file] = (name, delivered)
    needed = {name: file for name, file in expected.items() if file == "control" or not FILES[file].may_be_absent}
    if missing := [name for name, file in needed.items() if file not in there]:
        message = f"{settings.name}: no {', '.join(missing)} in the delivery: have the whole export delivered again"
        raise SourceIncomplete(message)
    return there


def _require_quiet(looked: _Looked, settings: CleverCsv, now: datetime) -> None:
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


def _require_same(before: _Looked, after: _Looked, copies: Mapping[str, Path]) -> None:
    moved = [
        name
        for file, (name, delivered) in before.items()
        if file not in after or after[file][1] != delivered or copies[file].stat().st_size != delivered.size
    ]
    moved += [name for file, (name, _) in after.items() if file not in before]
    if moved:
        message = f"{', '.join(sorted(moved))} changed while it was read: the delivery is asked for again"
        raise SourceIncomplete(message)


def _require_readable(file: str, table: Table) -> None:
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
