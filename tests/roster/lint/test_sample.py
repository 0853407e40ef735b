"""Canvas's own sample files, which none of us wrote: they name what they do not hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from roster.lint.linting import lint

GOLDEN = Path(__file__).with_name("sample.golden.txt")


def test_its_findings(samples: Path) -> None:
    folder = samples / "canvas-sis-csv"
    if not folder.is_dir():
        pytest.skip(f"no sample of Canvas's files at {folder}")
    assert "\n".join(one.told() for one in lint([folder]).findings) + "\n" == GOLDEN.read_text(encoding="utf-8")
