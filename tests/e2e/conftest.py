from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from roster_sandbox.demo.nights import Nights
from roster_sandbox.demo.places import Places
from roster_sandbox.demo.stage import Stage, standing, today


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Canvas's stand-in and a real `airflow standalone`, from nothing, in a folder of the test."""
    with standing(Places(tmp_path / "work"), print) as found:
        yield found
    assert not any(process.members() for process in found.processes)


@pytest.fixture
def nights(stage: Stage) -> Nights:
    """The nights of a district drawn anew."""
    return Nights(stage.places, today())
