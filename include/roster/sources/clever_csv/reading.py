"""From a delivery to raw tables: `<table>.parquet` per file, `unreadable.parquet`, and what they prove."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

import polars as pl

from roster.evidence import Evidence
from roster.settings import CleverCsv
from roster.sources import DeliveredFile, Delivery, Good
from roster.sources.clever_csv import proof
from roster.sources.clever_csv.columns import FILES
from roster.sources.delimited import UNREADABLE, read
from roster.sources.deliveries import Looked, named, require_there, taken
from roster.sources.wholeness import read_control, require_readable


def extract(
    delivery: Delivery, settings: CleverCsv, folder: Path, *, last_good: Good | None, now: datetime
) -> Evidence:
    """Read the delivery into folder: raw tables, and unreadable.parquet (file, row, reason).

    Raises SourceIncomplete (a file is missing, empty, not settled or changed while it was read: asked again) and
    SourceUnreadable (not what was agreed: file:row and what to do).
    """
    unreadable = [pl.DataFrame(schema={"file": pl.String, **UNREADABLE})]
    records: dict[str, int] = {}
    with taken(delivery, settings, partial(_chosen, settings=settings), folder, now) as (looked, copies):
        said = read_control(copies["control"], settings.control, settings.encoding) if settings.control else None
        for stem, layout in FILES.items():
            if stem not in copies:
                continue
            table = read(copies[stem], f"{stem}.csv", layout.wanted, layout.required, settings.encoding)
            require_readable(f"{stem}.csv", table)
            table.frame.write_parquet(folder / f"{stem}.parquet")
            unreadable.append(table.unreadable.select(pl.lit(f"{stem}.csv").alias("file"), "row", "reason"))
            records[stem] = table.records
            copies[stem].unlink()
    aside = pl.concat(unreadable)
    aside.write_parquet(folder / "unreadable.parquet")
    files = {file: delivered for file, (_, delivered) in looked.items()}
    good = last_good.evidence if last_good else None
    return proof.prove(folder, settings, files, records, aside.height, said, good)


def _chosen(there: Mapping[str, DeliveredFile], settings: CleverCsv) -> Looked:
    """The files of the export by table (and `control`)."""
    expected = {f"{stem}.csv": stem for stem in FILES}
    if settings.control:
        expected[settings.control.lower()] = "control"
    looked = named(there, expected)
    needed = {name: file for name, file in expected.items() if file == "control" or not FILES[file].may_be_absent}
    require_there(looked, needed, settings)
    return looked
