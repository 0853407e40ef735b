from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from roster_sandbox.district import District, generate

NIGHT = datetime(2026, 2, 2, 15, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def district() -> District:
    return generate()


def read(path: Path) -> list[dict[str, str]]:
    """The records of one file; every row has as many fields as the header."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, strict=True)
    return [dict(zip(header, row, strict=True)) for row in rows]
