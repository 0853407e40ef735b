"""From the service to raw tables, and what they prove."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from roster.evidence import Evidence
from roster.settings import OneRoster
from roster.sources import Good
from roster.sources.oneroster.proof import prove
from roster.sources.oneroster.service import Service
from roster.sources.oneroster.walking import walk


def extract(service: Service, settings: OneRoster, folder: Path, *, last_good: Good | None, now: datetime) -> Evidence:
    """Walk every list into the raw tables in folder. Raises SourceFault."""
    walked = walk(service, settings, folder)
    return prove(folder, settings, walked, last_good.evidence if last_good else None, now)
