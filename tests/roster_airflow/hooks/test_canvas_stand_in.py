"""CanvasHook and SisImportTrigger against the stand-in, with its faults."""

from __future__ import annotations

import asyncio
import json
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roster.errors import (
    CanvasBusy,
    CanvasFault,
    CanvasPermissionMissing,
    CanvasRefused,
    CanvasTokenDead,
    CanvasUnreachable,
)
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.triggers.canvas import SisImportTrigger
from roster_sandbox.canvas import Canvas, running_canvas

TOKENS = {"token-that-may-all": "admin", "token-that-may-read": "read", "token-that-may-nothing": "none"}
ROWS = 130
LATELY = timedelta(minutes=5)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canvas]:
    with running_canvas(tmp_path / "canvas", tokens=TOKENS, root_account_id=31, name="Banksia") as canvas:
        for token, right in TOKENS.items():
            fields = {"conn_type": "canvas", "host": canvas.url, "password": token}
            monkeypatch.setenv(f"AIRFLOW_CONN_CANVAS_{right.upper()}", json.dumps(fields))
        yield canvas


def a_hook(right: str = "admin") -> CanvasHook:
    hook = CanvasHook(f"canvas_{right}", "test", ("127.0.0.1",))
    hook.retry_delays = (0.01, 0.01)
    return hook


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    lines = [f"u-{number},login-{number},Given Family{number},active" for number in range(ROWS)]
    with zipfile.ZipFile(tmp_path / "rows.zip", "w") as file:
        file.writestr("users.csv", "\n".join(["user_id,login_id,full_name,status", *lines, ""]))
    return tmp_path / "rows.zip"


def final(hook: CanvasHook, import_id: str) -> Any:
    for _ in range(500):
        found = hook.sis_import(import_id)
        if found.is_final:
            return found
        time.sleep(0.02)
    pytest.fail(f"import {import_id} is still {found.workflow_state}")


def event(import_id: str, seconds: float = 20, poll: float = 0.05) -> dict[str, Any]:
    instant = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    trigger = SisImportTrigger("canvas_admin", import_id, "31", instant, instant, "test", ("127.0.0.1",), poll=poll)

    async def wait() -> Any:
        return await anext(trigger.run())

    payload = asyncio.run(wait()).payload
    assert isinstance(payload, dict)
    return payload


def test_an_import_from_its_post_to_its_counts(stand_in: Canvas, archive: Path) -> None:
    hook = a_hook()
    assert (hook.root_account().id, hook.root_account().name) == ("31", "Banksia")
    assert hook.sis_imports(datetime.now(UTC) - LATELY) == []
    assert not hook.holds_sis_users()
    posted = hook.post_import(archive, "banksia-1")
    assert posted.is_ours("banksia-1")
    assert event(posted.id)["state"] == "imported"
    ended = final(hook, posted.id)
    assert (ended.workflow_state, ended.counts["users"], ended.has_messages) == ("imported", ROWS, False)
    assert ended.statistics["Pseudonym"]["created"] == ROWS
    assert hook.messages(posted.id) == []
    assert [one.id for one in hook.sis_imports(datetime.now(UTC) - LATELY)] == [posted.id]
    assert hook.sis_imports(datetime.now(UTC) + LATELY) == []
    assert hook.holds_sis_users()
    assert stand_in.upload(int(posted.id)) == archive.read_bytes()


def test_many_imports_and_messages_come_over_pages(
    stand_in: Canvas, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roster_airflow.hooks.canvas.PER_PAGE", 7)
    stand_in.fault("refuse_rows", file="users")
    hook = a_hook()
    posted = [hook.post_import(archive, f"banksia-{number}") for number in range(9)]
    ended = final(hook, posted[0].id)
    assert ended.has_messages
    found = hook.messages(posted[0].id)
    assert sorted(one.row or 0 for one in found) == list(range(2, ROWS + 2))
    assert {one.file for one in found} == {"users.csv"}
    final(hook, posted[8].id)
    listed = hook.sis_imports(datetime.now(UTC) - LATELY)
    assert [one.diffing_data_set_identifier for one in listed] == [f"banksia-{number}" for number in reversed(range(9))]


@pytest.mark.parametrize("fault", ["server_error", "bad_gateway", "html_page", "throttle"])
def test_a_read_outlasts_trouble(stand_in: Canvas, fault: str) -> None:
    stand_in.fault(fault, times=2)
    assert a_hook().root_account().id == "31"
    stand_in.fault(fault, times=3)
    with pytest.raises(CanvasBusy):
        a_hook().root_account()


def test_a_throttled_post_was_not_taken(stand_in: Canvas, archive: Path) -> None:
    for status in (403, 429):
        stand_in.fault("throttle", times=1, status=status)
        with pytest.raises(CanvasBusy):
            a_hook().post_import(archive, "banksia-1")
    assert stand_in.imports() == []


@pytest.mark.parametrize(
    ("fault", "is_taken"),
    [("cut_upload", False), ("answer_lost", True), ("bad_gateway", False), ("server_error", False)],
)
def test_a_post_without_an_answer_is_looked_for_in_the_list(
    stand_in: Canvas, archive: Path, fault: str, is_taken: bool
) -> None:
    stand_in.fault(fault, times=1)
    hook = a_hook()
    with pytest.raises(CanvasUnreachable):
        hook.post_import(archive, "banksia-1")
    assert any(one.is_ours("banksia-1") for one in hook.sis_imports(datetime.now(UTC) - LATELY)) is is_taken


def test_a_slow_answer_is_given_up(stand_in: Canvas, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"conn_type": "canvas", "host": stand_in.url, "password": "token-that-may-all", "extra": {"timeout": 0.3}}
    monkeypatch.setenv("AIRFLOW_CONN_CANVAS_ADMIN", json.dumps(fields))
    stand_in.fault("slow_answer", times=1, seconds=0.8, method="POST")
    with pytest.raises(CanvasUnreachable, match="ReadTimeout"):
        a_hook().post_import(archive, "banksia-1")


@pytest.mark.parametrize(("right", "error"), [("read", CanvasPermissionMissing), ("none", CanvasPermissionMissing)])
def test_a_user_without_the_right_is_told_which(
    stand_in: Canvas, archive: Path, right: str, error: type[CanvasFault]
) -> None:
    with pytest.raises(error, match="SIS Data"):
        a_hook(right).post_import(archive, "banksia-1")
    assert stand_in.imports() == []
    assert a_hook(right).test_connection()[0] is False


def test_a_token_that_nobody_knows_is_dead(stand_in: Canvas, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"conn_type": "canvas", "host": stand_in.url, "password": "token-of-last-month"}
    monkeypatch.setenv("AIRFLOW_CONN_CANVAS_ADMIN", json.dumps(fields))
    with pytest.raises(CanvasTokenDead):
        a_hook().root_account()


def test_what_is_switched_off_or_not_there_is_refused(stand_in: Canvas, archive: Path) -> None:
    with pytest.raises(CanvasRefused, match="404"):
        a_hook().sis_import("4711")
    stand_in.fault("sis_disabled", times=1)
    with pytest.raises(CanvasRefused, match="switched off"):
        a_hook().post_import(archive, "banksia-1")


def test_the_wait_outlasts_trouble_and_the_imports_of_others(stand_in: Canvas, archive: Path) -> None:
    stand_in.fault("queue", imports=2, seconds=0.2)
    posted = a_hook().post_import(archive, "banksia-1")
    stand_in.fault("throttle", times=1)
    stand_in.fault("bad_gateway", times=1)
    stand_in.fault("html_page", times=1)
    assert event(posted.id)["state"] == "imported"


@pytest.mark.parametrize(
    ("state", "fault"), [("initializing", "lost"), ("created", "deadline"), ("importing", "deadline")]
)
def test_a_stuck_import_is_given_up_and_never_aborted(stand_in: Canvas, archive: Path, state: str, fault: str) -> None:
    stand_in.fault("stuck", state=state)
    posted = a_hook().post_import(archive, "banksia-1")
    seen = event(posted.id, seconds=1.0)
    assert (seen["state"], seen["fault"]) == (state, fault)
    assert a_hook().sis_import(posted.id).workflow_state == state


def test_an_import_is_there_by_number_and_identifier(stand_in: Canvas, archive: Path) -> None:
    hook = a_hook()
    posted = hook.post_import(archive, "banksia-1")
    assert hook.has_import(posted.id, "banksia-1")
    assert not hook.has_import(posted.id, "banksia-2")
    assert not hook.has_import("4711", "banksia-1")
    stand_in.fault("no_permission", path="4711")
    with pytest.raises(CanvasPermissionMissing):
        hook.has_import("4711", "banksia-1")


def test_a_token_that_dies_while_waiting_is_an_event(stand_in: Canvas, archive: Path) -> None:
    stand_in.fault("stuck", state="importing")
    posted = a_hook().post_import(archive, "banksia-1")
    stand_in.fault("token_dead", after=2)
    assert event(posted.id)["fault"] == "token-dead"


@pytest.mark.parametrize(("fault", "state"), [("fail_halfway", "failed"), ("abort_halfway", "aborted")])
def test_an_import_that_ends_half_way_says_so(stand_in: Canvas, archive: Path, fault: str, state: str) -> None:
    stand_in.fault(fault)
    hook = a_hook()
    posted = hook.post_import(archive, "banksia-1")
    assert event(posted.id)["state"] == state
    found = hook.sis_import(posted.id)
    assert found.is_final
    assert hook.messages(posted.id) == [] or fault == "abort_halfway"
