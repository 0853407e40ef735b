"""Raw tables → the roster, with its lineage by file and row."""

from __future__ import annotations

from pathlib import Path

from roster.model import Roster
from roster.settings import OneRosterCsv
from roster.sources import oneroster_mapping


def to_roster(raw: Path, settings: OneRosterCsv) -> Roster:
    """The roster in the folder of raw tables."""
    return oneroster_mapping.to_roster(raw, settings.name)
