"""From a set to raw tables: `<table>.parquet` each, `unreadable.parquet`, and what they prove."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import polars as pl

from roster.errors import RunFolderBroken, SourceIncomplete, SourceUnreadable
from roster.evidence import Evidence
from roster.settings import OneRosterCsv
from roster.sources import DeliveredFile, Delivery, Good
from roster.sources.delimited import UNREADABLE, Table, header, read
from roster.sources.deliveries import Looked, named, require_there, taken
from roster.sources.oneroster_csv.columns import FILES, MANIFEST, required, wanted
from roster.sources.oneroster_csv.deltas import carried, laid_over, require_marked
from roster.sources.oneroster_csv.manifest import Manifest, read_manifest, require_agreement
from roster.sources.oneroster_csv.proof import prove
from roster.sources.oneroster_tables import SCHEMAS
from roster.sources.wholeness import read_control, require_readable

_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def extract(
    delivery: Delivery,
    settings: OneRosterCsv,
    folder: Path,
    *,
    last_good: Good | None,
    latest: Good | None = None,
    now: datetime,
) -> Evidence:
    """Read the set into folder: raw tables, and unreadable.parquet (file, row, reason).

    latest: what was read last, which a delta is laid over. Raises SourceIncomplete (a file is missing, empty, changed
    within `quiet` or while it was read, a delta without what it changes: asked again) and SourceUnreadable (the set
    contradicts its manifest, or is not what was agreed: file:row and what to do).
    """
    with taken(delivery, settings, partial(_chosen, settings=settings), folder, now) as (looked, copies):
        _require_manifest(copies, settings)
        manifest = read_manifest(copies[MANIFEST], settings.encoding)
        require_agreement(manifest, set(copies) & set(FILES))
        said = read_control(copies["control"], settings.control, settings.encoding) if settings.control else None
        tables = {stem: _table(copies[stem], stem, manifest, settings) for stem in manifest.delivered()}
    with _base(manifest, latest) as base:
        for stem in FILES:
            _write(folder, stem, manifest, tables.get(stem), base)
    aside = pl.concat([pl.DataFrame(schema={"file": pl.String, **UNREADABLE}), *_set_aside(tables)])
    aside.write_parquet(folder / "unreadable.parquet")
    return prove(
        folder,
        settings,
        manifest,
        {file: delivered for file, (_, delivered) in looked.items()},
        {stem: table.records for stem, table in tables.items()},
        aside.height,
        said,
        last_good.evidence if last_good else None,
        base[1] if base else None,
    )


def _chosen(there: Mapping[str, DeliveredFile], settings: OneRosterCsv) -> Looked:
    """The files of the set, by name without .csv, and `control`."""
    expected = {f"{stem}.csv".lower(): stem for stem in (MANIFEST, *FILES)}
    if settings.control:
        expected[settings.control.lower()] = "control"
    looked = named(there, expected)
    needed = {name: file for name, file in expected.items() if file in ("control", MANIFEST)}
    if not looked or MANIFEST in looked:  # else it may be a set of OneRoster 1.0, which had none
        require_there(looked, needed, settings)
    return looked


def _require_manifest(copies: Mapping[str, Path], settings: OneRosterCsv) -> None:
    if MANIFEST in copies:
        return
    for stem in sorted(set(copies) & set(FILES)):
        _require_layout(copies[stem], stem, settings)
    message = f"{settings.name}: no manifest.csv in the delivery: have the whole set delivered again"
    raise SourceIncomplete(message)


def _require_layout(path: Path, stem: str, settings: OneRosterCsv) -> None:
    """Raises SourceUnreadable for a file as OneRoster 1.0 laid it out, which had no manifest either."""
    old = {before.lower(): (before, now) for before, now in (FILES[stem].old or {}).items()}
    if not old:
        return
    current = {now.lower() for _, now in old.values()}
    found = header(path, f"{stem}.csv", [*old, *current], settings.encoding)
    if told := [old[name] for name in old if name in found and old[name][1].lower() not in found]:
        message = (
            f"{stem}.csv:1: has {', '.join(before for before, _ in told)} as in OneRoster 1.0; 1.1 and 1.2 have "
            f"{', '.join(now for _, now in told)}: have the set exported as 1.1 or 1.2"
        )
        raise SourceUnreadable(message)


def _table(path: Path, stem: str, manifest: Manifest, settings: OneRosterCsv) -> Table:
    """The file with its columns as the raw table's fields."""
    file, mode = f"{stem}.csv", manifest.modes[stem]
    _require_layout(path, stem, settings)
    columns = wanted(stem, manifest.version)
    needed = required(stem, manifest.version, mode)
    address = FILES[stem].address
    table = _unmoved(read(path, file, tuple(columns), needed, settings.encoding, blank_after=address), address)
    require_readable(file, table)
    if mode == "delta":
        require_marked(table.frame, file)
    return Table(_shaped(table.frame, stem, columns), table.unreadable)


def _unmoved(table: Table, address: str | None) -> Table:
    """Rows with blank fields too many are read only where the address is where it should be: else values may have moved
    by a comma that nobody quoted.
    """
    if address is None or not table.overlong:
        return table
    has_moved = pl.col("row").is_in(table.overlong) & ~pl.col(address).str.contains("@").fill_null(value=False)
    moved = table.frame.filter(has_moved).select("row", reason=pl.lit("more fields than the header has"))
    return Table(table.frame.filter(~has_moved), pl.concat([table.unreadable, moved]).sort("row"))


def _shaped(frame: pl.DataFrame, stem: str, columns: Mapping[str, str]) -> pl.DataFrame:
    layout = FILES[stem]
    shaped = frame.rename({name: columns[name] for name in frame.columns if name != "row"})
    for name in set(layout.lists) & set(shaped.columns):
        shaped = shaped.with_columns(_listed(name))
    for name in set(layout.flags) & set(shaped.columns):
        flag = pl.col(name).str.to_lowercase().replace_strict(_FLAGS, default=None, return_dtype=pl.Boolean)
        shaped = shaped.with_columns(flag)
    schema = SCHEMAS[layout.table]
    told = shaped.with_columns(file=pl.lit(f"{stem}.csv"))
    return told.select(
        (pl.col(name) if name in told.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema.items()
    )


def _listed(name: str) -> pl.Expr:
    """a,b → [a, b]; blanks around and between are none."""
    each = pl.element().str.strip_chars().replace("", None)
    return pl.col(name).str.split(",").list.eval(each).list.drop_nulls()


def _set_aside(tables: Mapping[str, Table]) -> Iterator[pl.DataFrame]:
    for stem, table in tables.items():
        yield table.unreadable.select(pl.lit(f"{stem}.csv").alias("file"), "row", "reason")


@contextmanager
def _base(manifest: Manifest, latest: Good | None) -> Iterator[tuple[Path, Evidence] | None]:
    """What a delta is laid over; nothing under a set that is all bulk."""
    if not manifest.is_delta:
        yield None
        return
    where = next(manifest.where(stem) for stem, mode in manifest.modes.items() if mode == "delta")
    message = (
        f"{where}: says that the file is changes only (delta), and nothing that they could change was read before: "
        "have a set delivered in which all is bulk"
    )
    if latest is None:
        raise SourceIncomplete(message)
    try:
        with latest.opened() as folder:
            yield folder, latest.evidence
    except RunFolderBroken:
        raise SourceIncomplete(message) from None


def _write(
    folder: Path, stem: str, manifest: Manifest, table: Table | None, base: tuple[Path, Evidence] | None
) -> None:
    """The raw table of the file. Of one that is absent it is empty, or the base's under a delta."""
    name = FILES[stem].table
    frame = table.frame if table else pl.DataFrame(schema=SCHEMAS[name])
    if base is not None and manifest.modes.get(stem) == "delta":
        frame = laid_over(base[0], name, frame, base[1].delivered)
    elif base is not None and table is None:
        frame = carried(base[0], name, base[1].delivered)
    frame.write_parquet(folder / f"{name}.parquet")
