"""A Canvas, a ledger and a tenant for nights that need no Airflow running."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from roster.ledger import Ledger
from roster.store import Store
from roster.tenants import Tenant
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.loading import Loading
from roster_sandbox.canvas import Canvas, running_canvas
from tests.nights.disturbed import Clock, Nights


@pytest.fixture
def canvas(tmp_path: Path) -> Iterator[Canvas]:
    with running_canvas(tmp_path / "canvas") as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def loading(canvas: Canvas, home: Path, monkeypatch: pytest.MonkeyPatch) -> Loading:
    connection = {"conn_type": "canvas", "host": canvas.url, "password": canvas.token}
    monkeypatch.setenv("AIRFLOW_CONN_CANVAS_TEST", json.dumps(connection))
    hook = CanvasHook("canvas_test", "test", ("127.0.0.1",))
    return Loading(hook, Ledger(Store(str(home)), hook.address.netloc, hook.root_account().id))


@pytest.fixture
def tenant() -> Callable[..., Tenant]:
    def make(**sync: Any) -> Tenant:
        return Tenant.model_validate(
            {
                "id": "sample",
                "name": "Sample",
                "timezone": "America/New_York",
                "sources": [{"name": "clever", "system": "clever_csv", "connection": "clever_files"}],
                "canvas": {"test": {"connection": "canvas_test", "hosts": ["127.0.0.1"]}},
                "sync": sync,
            }
        )

    return make


@pytest.fixture
def nights(canvas: Canvas, home: Path, loading: Loading, tenant: Callable[..., Tenant]) -> Nights:
    """Nights of a small school, with a clock that can be put forward and a hook that does not wait to ask again."""
    clock = Clock()
    loading.hook.retry_delays = (0.0, 0.0)
    return Nights(home, tenant(), canvas, dataclasses.replace(loading, now=clock), clock)
