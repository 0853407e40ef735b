"""What one set proves: whether it is whole, whether what is absent from it is gone, and what it says nothing about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from roster.evidence import Evidence
from roster.settings import OneRosterCsv
from roster.settings.grammar import PROVIDED
from roster.sources import DeliveredFile
from roster.sources.oneroster_csv.columns import FILES
from roster.sources.oneroster_csv.manifest import Manifest
from roster.sources.oneroster_references import KINDS, counts, open_references, without_role
from roster.sources.wholeness import digest, miscounts, spread


def prove(
    folder: Path,
    settings: OneRosterCsv,
    manifest: Manifest,
    files: Mapping[str, DeliveredFile],
    records: Mapping[str, int],
    unreadable: int,
    said: Mapping[str, int] | None,
    last_good: Evidence | None,
    base: Evidence | None,
) -> Evidence:
    """The evidence of the raw tables in folder.

    files: those of the set, by name without .csv, `manifest` and `control` among them. records: of each file that is
    read, unreadable ones counted. said: the control file's counts. base: of what a delta was laid over.
    Whole: one delivery, every row read, no bulk file without records, counts as said, the base whole. Proven: whole,
    all of it bulk, counted by a control file, hardly shrunken, nobody without a role. Closed references alone prove
    nothing: nothing refers to an enrolment, so that a cut of enrollments.csv leaves them closed. Open ones are told.
    """
    spoken = [one.table for stem, one in FILES.items() if stem in records or base is not None]
    rows = counts(folder, spoken)
    silent = _silent(manifest, base)
    broken = [
        *spread(files),
        *([f"{unreadable:,} rows could not be read"] if unreadable else []),
        *_holes(rows, manifest, silent, last_good),
        *(miscounts(records, said, manifest.modes) if said is not None else ()),
        *(["what these changes are laid over was not whole"] if base and not base.complete else []),
    ]
    doubts = [
        *(["a delta never proves that what it does not name is gone"] if manifest.is_delta else []),
        *_shrinkage(rows, settings, last_good),
        *without_role(folder),
    ]
    if said is None:
        doubts += ["no control file counts its records", *open_references(folder, spoken)]
    return Evidence(
        source=settings.name,
        system=settings.system,
        delivery=digest(files),
        delivered=max(one.modified for one in files.values()),
        rows=rows,
        complete=not broken,
        proven=not broken and not doubts,
        reasons=tuple(f"{settings.name}: {reason}" for reason in (*broken, *doubts)),
        silent=silent,
    )


def _silent(manifest: Manifest, base: Evidence | None) -> tuple[str, ...]:
    """What the set, or what it is laid over, says nothing about, in the order of PROVIDED."""
    told = {thing for stem, mode in manifest.modes.items() if mode == "bulk" for thing in FILES[stem].about}
    said = set(PROVIDED) - set(base.silent) if base else set()
    return tuple(thing for thing in PROVIDED if thing not in told | said)


def _holes(
    rows: Mapping[str, int], manifest: Manifest, silent: tuple[str, ...], last_good: Evidence | None
) -> Iterator[str]:
    for stem, mode in manifest.modes.items():
        if mode == "bulk" and not rows[FILES[stem].table]:
            yield f"{stem}.csv has no records, which never means that all are gone"
    for kind in KINDS.values():
        before = last_good.rows.get(kind, 0) if last_good and kind not in silent else 0
        if before and not rows.get(kind):
            yield f"there are no {kind}, the last good delivery had {before:,}"


def _shrinkage(rows: Mapping[str, int], settings: OneRosterCsv, last_good: Evidence | None) -> Iterator[str]:
    for name, before in (last_good.rows if last_good else {}).items():
        lost = before - rows.get(name, 0)
        if lost > settings.shrink * before and name in rows:
            yield (
                f"{name} has {lost:,} of {before:,} records less than the last good delivery "
                f"({lost / before:.1%}; {settings.shrink:.0%} is allowed)"
            )
