"""A delivery of files, taken whole: settled, looked at before and after it is copied, and noted for the archive.

    with taken(delivery, settings, choose, folder, now) as (looked, copies):

What of the files that lie there belongs to the source, `choose` says; it has `named` to find them in any case.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

from roster.errors import SourceIncomplete, SourceUnreadable
from roster.settings.grammar import FileSource
from roster.sources import DeliveredFile, Delivery

NOTE = "delivered.json"
"""In the folder of an extract: the files that were read, and how they lay."""

Looked = Mapping[str, tuple[str, DeliveredFile]]
"""What the source calls a file → its name where it lies, and how."""


@contextmanager
def taken(
    delivery: Delivery,
    settings: FileSource,
    choose: Callable[[Mapping[str, DeliveredFile]], Looked],
    folder: Path,
    now: datetime,
) -> Iterator[tuple[Looked, dict[str, Path]]]:
    """The files that `choose` picks, and copies of them that last as long as the block; notes in folder what they were.

    Raises SourceIncomplete where the delivery is not whole yet, or changes while it is copied: asked again.
    """
    before = delivery.files()
    looked = choose(before)
    require_settled(looked, before, settings, now)
    with tempfile.TemporaryDirectory(prefix="roster-") as scratch:
        copies = {file: delivery.fetch(name, Path(scratch)) for file, (name, _) in looked.items()}
        after = delivery.files()
        require_same(looked, choose(after), copies)
        _note(folder, {**dict(looked.values()), **_markers(before, settings)})
        yield looked, copies


def named(there: Mapping[str, DeliveredFile], expected: Mapping[str, str]) -> Looked:
    """Of the files that lie there those that are expected (name in lower case → what the source calls it), in any case.

    Raises SourceUnreadable for one that is there twice.
    """
    found: dict[str, tuple[str, DeliveredFile]] = {}
    for name, delivered in there.items():
        file = expected.get(name.lower())
        if file is None:
            continue
        if file in found:
            message = f"{name.lower()} is there twice, in upper and lower case: leave the one that is delivered"
            raise SourceUnreadable(message)
        found[file] = (name, delivered)
    return found


def require_there(looked: Looked, needed: Mapping[str, str], settings: FileSource) -> None:
    """Raise SourceIncomplete where a file is missing. needed: its name in lower case → what the source calls it."""
    missing = [name for name, file in needed.items() if file not in looked]
    if missing and not looked and settings.archive:
        message = (
            f"{settings.name}: nothing was delivered since the last delivery was moved to {settings.archive}: see "
            "whether the export ran"
        )
        raise SourceIncomplete(message)
    if missing:
        message = f"{settings.name}: no {', '.join(missing)} in the delivery: have the whole export delivered again"
        raise SourceIncomplete(message)


def require_settled(looked: Looked, there: Mapping[str, DeliveredFile], settings: FileSource, now: datetime) -> None:
    """Raise SourceIncomplete unless a marker says that the delivery is whole or, without one, all has been quiet."""
    if settings.marker is None:
        _require_quiet(looked, settings, now)
        return
    markers = _markers(there, settings)
    if not markers:
        message = (
            f"{settings.name}: no {settings.marker} there yet, so the delivery is not whole: asked for again; if this "
            "stays, see whether the export ended"
        )
        raise SourceIncomplete(message)
    marked = max(marker.modified for marker in markers.values())
    if newer := sorted(name for name, delivered in looked.values() if delivered.modified > marked):
        message = (
            f"{settings.name}: {', '.join(newer)} changed after {settings.marker} was written: asked for again; if "
            "this stays, have the marker written last"
        )
        raise SourceIncomplete(message)


def require_same(before: Looked, after: Looked, copies: Mapping[str, Path]) -> None:
    """Raise SourceIncomplete where a file changed, came or went between two looks, or a copy has another size."""
    moved = [
        name
        for file, (name, delivered) in before.items()
        if file not in after or after[file][1] != delivered or copies[file].stat().st_size != delivered.size
    ]
    moved += [name for file, (name, _) in after.items() if file not in before]
    if moved:
        message = f"{', '.join(sorted(moved))} changed while it was read: the delivery is asked for again"
        raise SourceIncomplete(message)


def is_marker(name: str, marker: str | None) -> bool:
    """Whether the tenant's marker names that file: as it is, or by a pattern such as `*.ok`; case does not matter."""
    return marker is not None and fnmatchcase(name.lower(), marker.lower())


def noted(folder: Path) -> dict[str, DeliveredFile]:
    """The files that the extract in folder was read from, as they lay: zip files as one. Empty where none was noted."""
    if not (folder / NOTE).exists():
        return {}
    content = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    return {one["name"]: DeliveredFile(one["size"], datetime.fromisoformat(one["modified"])) for one in content}


def _require_quiet(looked: Looked, settings: FileSource, now: datetime) -> None:
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


def _markers(there: Mapping[str, DeliveredFile], settings: FileSource) -> dict[str, DeliveredFile]:
    outside = {name: delivered for name, delivered in there.items() if delivered.within is None}
    return {name: delivered for name, delivered in outside.items() if is_marker(name, settings.marker)}


def _note(folder: Path, read: Mapping[str, DeliveredFile]) -> None:
    lay = {
        name if one.within is None else one.within.name: (one.size if one.within is None else one.within.size, one)
        for name, one in read.items()
    }
    content = [
        {"name": name, "size": size, "modified": one.modified.isoformat()} for name, (size, one) in sorted(lay.items())
    ]
    (folder / NOTE).write_text(json.dumps(content, indent=1), encoding="utf-8")
