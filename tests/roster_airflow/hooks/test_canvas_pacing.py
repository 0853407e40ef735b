"""Requests wait before the bucket is empty, and only then."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from roster.errors import CanvasBusy
from roster_airflow.hooks import canvas as hooks
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.hooks.canvas_pacing import LONGEST, Pace
from roster_sandbox.canvas import Canvas, running_canvas

TIGHT = {"high_water": 20.0, "capacity": 30.0, "leak": 100.0, "up_front": 0.0, "request_cost": 6.0}


@pytest.fixture
def tight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    with running_canvas(tmp_path / "canvas") as running:
        connection = {"conn_type": "canvas", "host": running.url, "password": running.token}
        monkeypatch.setenv("AIRFLOW_CONN_CANVAS_TIGHT", json.dumps(connection))
        monkeypatch.setattr(CanvasHook, "retry_delays", ())
        running.fault("bucket", **TIGHT)
        yield running


def read_often(hook: CanvasHook) -> None:
    for _ in range(25):
        list(hook.pages("/api/v1/accounts/self/users?per_page=1", list[object], "GET users"))


@pytest.mark.usefixtures("tight")
def test_a_small_bucket_never_throttles(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pace = Pace(refill=100.0)
    monkeypatch.setattr(hooks, "pace_of", lambda *_: pace)
    read_often(CanvasHook("canvas_tight"))
    assert pace.waited > 0
    assert len([one for one in caplog.records if "bucket" in one.message]) == 1


class Hasty(Pace):
    def wait(self) -> None:
        """Not at all."""


@pytest.mark.usefixtures("tight")
def test_without_pacing_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "pace_of", lambda *_: Hasty())
    with pytest.raises(CanvasBusy, match="throttles"):
        read_often(CanvasHook("canvas_tight"))


def test_a_full_bucket_waits_for_nothing(tight: Canvas) -> None:
    tight.clear_faults()
    pace = hooks.pace_of("canvas_tight", tight.url.removeprefix("http://"))
    read_often(CanvasHook("canvas_tight"))
    assert pace.waited == 0
    assert pace._left is not None


@pytest.mark.parametrize("headers", [{}, {"X-Request-Cost": "9"}, {"X-Rate-Limit-Remaining": "none"}])
def test_absent_headers_are_not_paced(headers: dict[str, str]) -> None:
    pace = Pace()
    pace.learn(headers)
    pace.wait()
    assert pace.waited == 0


def test_a_wait_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("roster_airflow.hooks.canvas_pacing.time.sleep", slept.append)
    pace = Pace()
    pace.learn({"X-Rate-Limit-Remaining": "60000", "X-Request-Cost": "1"})
    pace.learn({"X-Rate-Limit-Remaining": "-9", "X-Request-Cost": "1"})
    pace.wait()
    assert slept == [LONGEST]
