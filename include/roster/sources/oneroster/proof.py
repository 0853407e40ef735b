"""What one walk proves: whether it is whole, and whether what is absent from it is gone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import polars as pl

from roster.evidence import Evidence
from roster.settings import OneRoster
from roster.sources.oneroster.walking import Walked
from roster.sources.oneroster_references import without_role
from roster.sources.oneroster_tables import SCHEMAS, live

NEEDED = ("orgs", "academic_sessions", "courses", "classes", "users", "enrollments")
"""Tables that are empty with no provider, but between two school years."""
REFERENCES = (
    ("courses", "org_id", "an org", "orgs"),
    ("classes", "school_id", "a school", "orgs"),
    ("classes", "course_id", "a course", "courses"),
    ("enrollments", "class_id", "a class", "classes"),
    ("enrollments", "user_id", "a user", "users"),
)


def prove(folder: Path, settings: OneRoster, walked: Walked, last_good: Evidence | None, now: datetime) -> Evidence:
    """The evidence of the raw tables in folder; a record that is marked as gone counts as absent.

    Whole: every list was read to its end (what was not never comes this far), and no table is empty. Proven: whole,
    hardly shrunken, pages that fitted together, nobody without a role, and as many records as the provider counts in
    every list or, where it does not count, closed references.
    """
    rows = {name: int(live(folder, name).select(pl.len()).collect().item()) for name in SCHEMAS}
    broken = list(_holes(rows, last_good))
    doubts = [*walked.doubts, *_shrinkage(rows, settings, last_good), *without_role(folder)]
    if not walked.counted:
        doubts += _open_references(folder)
    return Evidence(
        source=settings.name,
        system=settings.system,
        delivery=hashlib.sha256(now.isoformat().encode()).hexdigest(),
        delivered=now,
        rows=rows,
        complete=not broken,
        proven=not broken and not doubts,
        reasons=tuple(f"{settings.name}: {reason}" for reason in (*broken, *doubts)),
        silent=("guardians",) if settings.endpoints == "schools" else (),
    )


def _holes(rows: Mapping[str, int], last_good: Evidence | None) -> Iterator[str]:
    before = last_good.rows if last_good else {}
    for name, count in rows.items():
        if not count and (name in NEEDED or before.get(name)):
            had = f", the last good night had {before[name]:,}" if before.get(name) else ""
            yield f"{name} is empty{had}"


def _shrinkage(rows: Mapping[str, int], settings: OneRoster, last_good: Evidence | None) -> Iterator[str]:
    for name, before in (last_good.rows if last_good else {}).items():
        lost = before - rows.get(name, 0)
        if lost > settings.shrink * before:
            yield (
                f"{name} has {lost:,} of {before:,} less than the last good night "
                f"({lost / before:.1%}; {settings.shrink:.0%} is allowed)"
            )


def _open_references(folder: Path) -> Iterator[str]:
    """What is marked as gone is there to be named, since it was read."""
    for name, column, what, target in REFERENCES:
        known = pl.scan_parquet(folder / f"{target}.parquet").select(pl.col("sourced_id").alias(column))
        open_ones = live(folder, name).select(column).drop_nulls().join(known, on=column, how="anti")
        if count := open_ones.select(pl.len()).collect().item():
            yield f"{count:,} {name} name {what} that is not in {target}"
