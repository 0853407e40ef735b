"""A Clever district over its Data API 3.1: district, schools, terms, courses, users by role, sections.

    objects    which fields of which object are decoded, and no others; the tables they become
    walking    one list of the API from its first page to its end, page by page into Parquet
    reading    extract: every list, and who is missing in them
    proof      what the walks prove: counts, order, state of the district, references, shrinkage
    mapping    to_roster: raw tables → the roster with its lineage

A record is known by Clever's `id`, but terms and courses, whose ids do not last, by what they say (`sources.lessons`).
"""

from __future__ import annotations

from pathlib import Path

from roster.model import Roster
from roster.sources.clever.mapping import to_roster as _to_roster
from roster.sources.clever.reading import extract
from roster.tenants import Clever

__all__ = ["extract", "to_roster"]


def to_roster(raw: Path, settings: Clever) -> Roster:
    """The roster that the raw tables in the folder hold."""
    return _to_roster(raw, settings.name)
