"""What one delivery of the export proves: whether it is whole, and whether what is absent from it is gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from roster.evidence import Evidence
from roster.settings import CleverCsv
from roster.sources import DeliveredFile
from roster.sources.clever_csv.columns import FILES, TEACHERS
from roster.sources.wholeness import digest, miscounts, spread

REFERENCES = (
    *(
        (stem, "school_id", "school", (("schools", "school_id"),))
        for stem in ("students", "teachers", "staff", "sections")
    ),
    *(("sections", column, "teacher", (("teachers", "teacher_id"), ("staff", "staff_id"))) for column in TEACHERS),
    ("enrollments", "section_id", "section", (("sections", "section_id"),)),
    ("enrollments", "student_id", "student", (("students", "student_id"),)),
)


def prove(
    folder: Path,
    settings: CleverCsv,
    files: Mapping[str, DeliveredFile],
    records: Mapping[str, int],
    unreadable: int,
    said: Mapping[str, int] | None,
    last_good: Evidence | None,
) -> Evidence:
    """The evidence of the raw tables in folder.

    files: those of the delivery, by table and `control`. records: of each file, unreadable ones counted. said: the
    control file's counts, None where the tenant has none. Whole: one delivery, every row read, no table empty or gone,
    counts as said. Proven: whole, hardly shrunken, and by a control file or, without one, closed references.
    """
    rows = {stem: _raw(folder, stem).select(pl.len()).collect().item() for stem in records}
    broken = [
        *spread(files),
        *_holes(rows, unreadable, last_good),
        *(miscounts(records, said, FILES) if said is not None else ()),
    ]
    doubts = list(_shrinkage(rows, settings, last_good))
    if said is None:
        doubts += _open_references(folder, rows)
    return Evidence(
        source=settings.name,
        system=settings.system,
        delivery=digest(files),
        delivered=max(one.modified for one in files.values()),
        rows=rows,
        complete=not broken,
        proven=not broken and not doubts,
        reasons=tuple(f"{settings.name}: {reason}" for reason in (*broken, *doubts)),
    )


def _holes(rows: Mapping[str, int], unreadable: int, last_good: Evidence | None) -> Iterator[str]:
    if unreadable:
        yield f"{unreadable:,} rows could not be read"
    for stem, layout in FILES.items():
        if not layout.may_be_absent and not rows[stem]:
            yield f"{stem}.csv has no rows"
        elif stem not in rows and last_good is not None and last_good.rows.get(stem):
            yield f"{stem}.csv is not there, the last good delivery had {last_good.rows[stem]:,} rows of it"


def _shrinkage(rows: Mapping[str, int], settings: CleverCsv, last_good: Evidence | None) -> Iterator[str]:
    for stem, before in (last_good.rows if last_good else {}).items():
        lost = before - rows.get(stem, 0)
        if lost > settings.shrink * before:
            yield (
                f"{stem}.csv has {lost:,} of {before:,} rows less than the last good delivery "
                f"({lost / before:.1%}; {settings.shrink:.0%} is allowed)"
            )


def _open_references(folder: Path, rows: Mapping[str, int]) -> Iterator[str]:
    for stem, column, what, targets in REFERENCES:
        if stem not in rows or column not in (naming := _raw(folder, stem)).collect_schema():
            continue
        named = pl.concat(
            _raw(folder, target).select(pl.col(key).alias(column)) for target, key in targets if target in rows
        )
        count = (
            naming.select(column)
            .drop_nulls()
            .join(named.drop_nulls(), on=column, how="anti")
            .select(pl.len())
            .collect()
        ).item()
        if count:
            where = " and ".join(f"{target}.csv" for target, _ in targets if target in rows)
            yield f"{count:,} rows of {stem}.csv name a {what} in {column} who or which is not in {where}"


def _raw(folder: Path, stem: str) -> pl.LazyFrame:
    return pl.scan_parquet(folder / f"{stem}.parquet")
