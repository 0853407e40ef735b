"""Raw tables → the roster: the same as of OneRoster's files."""

from __future__ import annotations

from pathlib import Path

from roster.model import Roster
from roster.settings import OneRoster
from roster.sources import oneroster_mapping


def to_roster(raw: Path, settings: OneRoster) -> Roster:
    """The roster in the folder of raw tables; lineage names the list, and the number of the record in its walk."""
    return oneroster_mapping.to_roster(raw, settings.name)
