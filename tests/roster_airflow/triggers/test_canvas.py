"""SisImportTrigger over real sockets."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.module_loading import import_string
from airflow.triggers.base import BaseTrigger
from structlog.testing import capture_logs

from roster.errors import (
    CanvasFault,
    CanvasGone,
    CanvasPermissionMissing,
    CanvasRefused,
    CanvasStuck,
    CanvasTokenDead,
    CanvasUnreachable,
    CanvasWrongHost,
)
from roster_airflow.hooks.canvas_pacing import LONGEST, Pace
from roster_airflow.triggers import canvas as triggers
from roster_airflow.triggers.canvas import SisImportTrigger, event_fault
from tests.roster_airflow.scripted import TOKEN, Answer, Scripted, scripted_server

HTML = "<html>Ottoline Quux</html>"
DEAD = Answer({"errors": [{"message": "Invalid access token."}]}, 401, {"WWW-Authenticate": "Bearer"})


def an_import(state: str, progress: float = 100, left: float | None = None) -> Answer:
    headers = {} if left is None else {"X-Rate-Limit-Remaining": str(left), "X-Request-Cost": "1"}
    body = {"id": 12, "workflow_state": state, "progress": progress, "processing_errors": [["f", "Quux"]]}
    return Answer(body, headers=headers)


def a_trigger(canvas: Scripted, seconds: float = 60, lost_seconds: float = 60, **changed: Any) -> SisImportTrigger:
    now = datetime.now(UTC)
    arguments = {
        "canvas_conn_id": "canvas_of_the_test",
        "import_id": "12",
        "account": "31",
        "deadline": (now + timedelta(seconds=seconds)).isoformat(),
        "lost_after": (now + timedelta(seconds=lost_seconds)).isoformat(),
        "environment": "test",
        "hosts": (canvas.host,),
        "poll": 0.01,
    }
    return SisImportTrigger(**{**arguments, **changed})


def event_of(trigger: SisImportTrigger) -> dict[str, Any]:
    async def first() -> Any:
        return [event async for event in trigger.run()]

    [event] = asyncio.run(first())
    assert isinstance(event.payload, dict)
    return event.payload


def test_it_waits_until_the_import_is_final(canvas: Scripted) -> None:
    canvas.says(an_import("created", 0), an_import("importing", 40), an_import("imported_with_messages"))
    assert event_of(a_trigger(canvas)) == {"import_id": "12", "state": "imported_with_messages", "progress": 100}
    assert [asked.path for asked in canvas.asked] == ["/api/v1/accounts/31/sis_imports/12"] * 3
    assert {asked.method for asked in canvas.asked} == {"GET"}
    assert canvas.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("state", ["imported", "failed", "failed_with_messages", "aborted"])
def test_every_final_state_ends_the_wait(canvas: Scripted, state: str) -> None:
    canvas.says(an_import(state, 63))
    event = event_of(a_trigger(canvas))
    assert event == {"import_id": "12", "state": state, "progress": 63}
    assert event_fault(event) is None


@pytest.fixture
def slept(canvas: Scripted, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """How often Canvas had been asked before each sleep, and its seconds, which do not pass; other threads do sleep."""
    found: list[tuple[int, float]] = []
    really, here = asyncio.sleep, threading.current_thread()

    async def sleep(seconds: float) -> None:
        if threading.current_thread() is not here:
            await really(seconds)
            return
        found.append((len(canvas.asked), seconds))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return found


def test_it_sleeps_before_the_first_look_and_longer_before_each_next(
    canvas: Scripted, slept: list[tuple[int, float]]
) -> None:
    canvas.says(*[an_import("importing")] * 20, an_import("imported"))
    event_of(a_trigger(canvas, poll=10.0))
    assert [asked for asked, _ in slept] == list(range(21))
    assert [seconds for _, seconds in slept[:3]] == pytest.approx([10, 12, 14.4])
    assert slept[-1][1] == 60


def test_a_bucket_that_is_nearly_empty_slows_the_looks_down(
    canvas: Scripted, slept: list[tuple[int, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triggers, "pace_of", lambda *_: Pace())
    canvas.says(an_import("importing", left=700), an_import("importing", left=-30), an_import("imported"))
    assert event_of(a_trigger(canvas))["state"] == "imported"
    # after the answer with 700 left only its own pause; then what a tenth of the bucket needs, at 10 a second
    assert [asked for asked, _ in slept] == [0, 1, 2, 2]
    assert [seconds for _, seconds in slept] == pytest.approx([0.01, 0.012, 0.0144, 10.0], abs=0.5)


def test_the_looks_share_what_the_hook_has_learnt(canvas: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    pace = Pace(refill=1000.0)
    pace.learn({"X-Rate-Limit-Remaining": "700", "X-Request-Cost": "1"})
    pace.learn({"X-Rate-Limit-Remaining": "-100", "X-Request-Cost": "1"})
    monkeypatch.setattr(triggers, "pace_of", lambda *key: asked.append(key) or pace)
    canvas.says(an_import("imported"))
    event_of(a_trigger(canvas))
    assert asked == [("canvas_of_the_test", canvas.url.removeprefix("http://"))]
    assert 0 < pace.waited < 0.2


def test_an_empty_bucket_does_not_carry_a_look_past_the_deadline(
    canvas: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = Pace(refill=0.001)
    monkeypatch.setattr(triggers, "pace_of", lambda *_: pace)
    canvas.says(an_import("importing", left=700), an_import("importing", left=-30))
    begun = time.monotonic()
    event = event_of(a_trigger(canvas, seconds=2.0))
    assert (event["state"], event["fault"]) == ("importing", "deadline")
    assert 0 < pace.waited <= 2.0
    assert time.monotonic() - begun < LONGEST / 2
    assert len(canvas.asked) == 3


def test_a_triggerer_that_starts_again_goes_on_with_the_same_instants(canvas: Scripted) -> None:
    path, arguments = a_trigger(canvas).serialize()
    again = import_string(path)(**json.loads(json.dumps(arguments)))
    assert again.serialize() == (path, arguments)
    assert arguments["deadline"].endswith("+00:00")
    assert TOKEN not in json.dumps(arguments)


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(HTML, 502),
        Answer(HTML, 200),
        Answer("403 Forbidden (Rate Limit Exceeded)", 403),
        Answer("429 Too Many Requests (Rate Limit Exceeded)", 429),
        Answer('{"id": 12, "wo', cut=True),
    ],
)
def test_trouble_is_waited_out(canvas: Scripted, trouble: Answer) -> None:
    canvas.says(an_import("importing", 40), trouble, trouble, an_import("imported"))
    with capture_logs() as logs:
        assert event_of(a_trigger(canvas))["state"] == "imported"
    # said once each, not at every look
    assert len(logs) == 3
    assert "Quux" not in str(logs)
    assert TOKEN not in str(logs)


def test_progress_is_logged_when_it_changes(canvas: Scripted) -> None:
    canvas.says(
        an_import("importing", 40), an_import("importing", 40.2), an_import("importing", 55), an_import("imported")
    )
    with capture_logs() as logs:
        event_of(a_trigger(canvas))
    said = [line["event"] for line in logs]
    assert said == ["import 12: importing, 40 %", "import 12: importing, 55 %", "import 12: imported, 100 %"]


@pytest.mark.parametrize(
    ("answers", "fault", "state", "error"),
    [
        ([an_import("importing"), DEAD], "token-dead", "importing", CanvasTokenDead),
        (
            [an_import("importing"), Answer({"errors": []}, 401)],
            "permission-missing",
            "importing",
            CanvasPermissionMissing,
        ),
        ([Answer({"errors": []}, 403)], "permission-missing", None, CanvasPermissionMissing),
        ([Answer({"errors": []}, 404)], "gone", None, CanvasGone),
        ([Answer({"errors": []}, 400)], "refused", None, CanvasRefused),
        ([Answer("", 302, {"Location": "https://elsewhere.example"})], "wrong-host", None, CanvasWrongHost),
    ],
)
def test_what_waiting_does_not_cure_ends_the_wait(
    canvas: Scripted, answers: list[Answer], fault: str, state: str | None, error: type[CanvasFault]
) -> None:
    canvas.says(*answers)
    event = event_of(a_trigger(canvas))
    assert (event["fault"], event["state"]) == (fault, state)
    assert type(event_fault(event)) is error
    assert len(canvas.asked) == len(answers)


def test_an_import_past_the_deadline_is_stuck(canvas: Scripted) -> None:
    canvas.says(an_import("importing", 99))
    event = event_of(a_trigger(canvas, seconds=0.2))
    assert event == {"import_id": "12", "state": "importing", "progress": 99, "fault": "deadline"}
    assert type(event_fault(event)) is CanvasStuck


def test_an_import_that_ended_is_seen_even_past_the_deadline(canvas: Scripted) -> None:
    canvas.says(an_import("imported"))
    assert "fault" not in event_of(a_trigger(canvas, seconds=-60))


def test_trouble_past_the_deadline_keeps_what_was_seen_last(canvas: Scripted) -> None:
    canvas.says(an_import("importing", 40), Answer(HTML, 503))
    event = event_of(a_trigger(canvas, seconds=0.2))
    assert (event["state"], event["progress"], event["fault"]) == ("importing", 40, "deadline")


def test_a_canvas_that_never_answered_is_unreachable_not_stuck(
    canvas: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted_server() as gone:
        monkeypatch.setenv("AIRFLOW_CONN_CANVAS_OF_THE_TEST", gone.connection())
    event = event_of(a_trigger(canvas, seconds=0.1))
    assert (event["state"], event["fault"]) == (None, "deadline")
    assert type(event_fault(event)) is CanvasUnreachable


@pytest.mark.parametrize(("state", "fault"), [("initializing", "lost"), ("created", "deadline")])
def test_only_initializing_for_too_long_counts_as_lost(canvas: Scripted, state: str, fault: str) -> None:
    canvas.says(an_import(state, 0))
    event = event_of(a_trigger(canvas, seconds=0.3, lost_seconds=0.1))
    assert (event["state"], event["fault"]) == (state, fault)
    assert (event_fault(event) is None) is (fault == "lost")


def test_the_host_is_checked_as_the_hook_does(canvas: Scripted) -> None:
    assert event_of(a_trigger(canvas, hosts=()))["fault"] == "wrong-host"
    assert canvas.asked == []


def test_a_connection_that_is_gone_is_an_event_too(canvas: Scripted) -> None:
    event = event_of(a_trigger(canvas, canvas_conn_id="nowhere"))
    assert event["fault"] == "no-connection"
    assert type(event_fault(event)) is CanvasRefused


def test_a_netrc_of_the_machine_does_not_replace_the_token(
    canvas: Scripted, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text(f"machine {canvas.host} login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    canvas.says(an_import("imported"))
    event_of(a_trigger(canvas))
    assert canvas.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_killing_or_clearing_the_task_leaves_the_import_alone() -> None:
    assert SisImportTrigger.on_kill is BaseTrigger.on_kill
    assert SisImportTrigger.cleanup is BaseTrigger.cleanup


def test_a_token_of_test_that_dies_says_what_a_refresh_does() -> None:
    event = {"import_id": "12", "state": None, "progress": None, "fault": "token-dead"}
    said = {environment: str(event_fault(event, environment)) for environment in ("test", "production")}
    assert "make the token in production" in said["test"]
    assert "make the token in production" not in said["production"]
