"""Shared by the tests of what touches Airflow or a network."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.roster_airflow.scripted import Scripted, scripted_server


@pytest.fixture
def canvas(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    """A server that answers what the test says; the connection `canvas_of_the_test` points at it."""
    with scripted_server() as script:
        monkeypatch.setenv("AIRFLOW_CONN_CANVAS_OF_THE_TEST", script.connection())
        yield script
