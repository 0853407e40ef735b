"""What one reading of the API proves: whether it is whole, and whether what is absent from it is gone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from roster.evidence import Evidence
from roster.settings import Clever
from roster.sources.clever.objects import District
from roster.sources.clever.walking import Walked

LIVE = ("running", "success")
"""States of a district whose data follow its school system."""
NEEDED = ("schools", "students", "teachers", "sections")
"""Tables that are empty in no district."""
PLACES = "enrollments"
"""Counted beside the raw tables: pupils and teachers of all sections."""

REFERENCES = (
    *((stem, "school_id", "a school", "schools") for stem in ("students", "teachers")),
    ("sections", "school", "a school", "schools"),
    ("sections", "term_id", "a term", "terms"),
    ("sections", "course", "a course", "courses"),
)


@dataclass(frozen=True)
class Missing:
    """People whom sections name and no list has: not asked for, gone by Clever's word, there but passed over."""

    unasked: int = 0
    gone: int = 0
    passed_over: int = 0


def prove(
    folder: Path,
    settings: Clever,
    districts: tuple[District, District],
    walks: Mapping[str, Walked],
    missing: Missing,
    last_good: Evidence | None,
    now: datetime,
) -> Evidence:
    """The evidence of the raw tables in folder. districts: as it was told before and after the walks.

    Whole: the district is live and not paused, every list was read to its end and no record twice, counts as Clever
    says, nobody passed over, no table empty that must not be. Proven: whole, hardly shrunken, not synced meanwhile, and
    by Clever's counts of every list or, where it gives none, by closed references.
    """
    rows = {name: walked.rows for name, walked in walks.items()} | {PLACES: _places(folder)}
    broken = [
        *_standing(districts[1], now),
        *(reason for walked in walks.values() for reason in walked.broken),
        *_holes(rows, missing, last_good),
    ]
    doubts = [
        *(reason for walked in walks.values() for reason in walked.doubts),
        *_shrinkage(rows, settings, last_good),
    ]
    if districts[0].last_sync != districts[1].last_sync:
        doubts.append("Clever synced the district while it was read")
    if any(walked.counted is None for walked in walks.values()):
        doubts += _open_references(folder, missing)
    synced = _instant(districts[1].last_sync)
    return Evidence(
        source=settings.name,
        system=settings.system,
        delivery=_digest(districts[1], now),
        delivered=synced or now,
        rows=rows,
        complete=not broken,
        proven=not broken and not doubts,
        reasons=tuple(f"{settings.name}: {reason}" for reason in (*broken, *doubts)),
    )


def _digest(district: District, now: datetime) -> str:
    """Differs whenever Clever synced the district anew; without that word each reading is one of its own."""
    return hashlib.sha256(f"{district.id} {district.last_sync or now.isoformat()}".encode()).hexdigest()


def _standing(district: District, now: datetime) -> Iterator[str]:
    if district.state not in LIVE:
        yield f"the district is in state {district.state or 'unknown'}, in which absence proves nothing"
    begins, ends = _instant(district.pause_start), _instant(district.pause_end)
    if (district.pause_start and not begins) or (district.pause_end and not ends):
        yield "it can't be told whether the district is paused: its dates of the pause can't be read"
    elif (begins or ends) and (not begins or begins <= now) and (not ends or now <= ends):
        yield "the district is paused, so its data stand still"


def _instant(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _holes(rows: Mapping[str, int], missing: Missing, last_good: Evidence | None) -> Iterator[str]:
    before = last_good.rows if last_good else {}
    for name, count in rows.items():
        if not count and (name in NEEDED or before.get(name)):
            had = f", the last good night had {before[name]:,}" if before.get(name) else ""
            yield f"{name} is empty{had}"
    if missing.passed_over:
        yield f"{missing.passed_over:,} people are there when asked for alone, and were passed over in the lists"


def _shrinkage(rows: Mapping[str, int], settings: Clever, last_good: Evidence | None) -> Iterator[str]:
    for name, before in (last_good.rows if last_good else {}).items():
        lost = before - rows.get(name, 0)
        if lost > settings.shrink * before:
            yield (
                f"{name} has {lost:,} of {before:,} less than the last good night "
                f"({lost / before:.1%}; {settings.shrink:.0%} is allowed)"
            )


def _open_references(folder: Path, missing: Missing) -> Iterator[str]:
    if missing.unasked or missing.gone:
        yield f"{missing.unasked + missing.gone:,} people whom sections name are in no list of users"
    for stem, column, what, target in REFERENCES:
        known = _raw(folder, target).select(pl.col("id").alias(column))
        open_ones = _raw(folder, stem).select(column).drop_nulls().join(known, on=column, how="anti")
        if count := open_ones.select(pl.len()).collect().item():
            yield f"{count:,} {stem} name {what} that is not in {target}"


def _places(folder: Path) -> int:
    sizes = [pl.col(column).list.len().fill_null(0).sum() for column in ("students", "teachers")]
    return int(_raw(folder, "sections").select(pl.sum_horizontal(sizes)).collect().item())


def _raw(folder: Path, stem: str) -> pl.LazyFrame:
    return pl.scan_parquet(folder / f"{stem}.parquet")
