"""One message for a run that failed or is late."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from airflow.sdk import DAG as SdkDag
from airflow.sdk import Connection
from airflow.triggers.callback import CallbackTrigger
from structlog.testing import capture_logs

from roster.errors import NightFailed
from roster_airflow.notifications.roster import RosterNotifier, webhook
from tests.roster_airflow.scripted import Answer, Scripted

DAG, RUN = "banksia_canvas_test", "scheduled__2026-02-01T16:00:00+00:00"
LINK = f"http://airflow.example/dags/{DAG}/runs/{RUN}"


@pytest.fixture(autouse=True)
def web(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow.example")


@pytest.fixture
def channel(canvas: Scripted, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    fields = {"conn_type": "http", "host": f"{canvas.url}/services/hook-secret", "login": "roster", "password": "pw-1"}
    monkeypatch.setenv("AIRFLOW_CONN_CHANNEL", json.dumps(fields))
    canvas.says(Answer("ok"))
    return canvas


class Run:
    """A task's view of the run's XComs."""

    def __init__(self, notice: Any) -> None:
        self.notice = notice

    def xcom_pull(self, task_ids: str, key: str) -> Any:
        return self.notice if (task_ids, key) == ("verdict", "notice") else None


def a_context(**more: Any) -> Any:
    return {"dag": SdkDag(DAG, schedule=None), "run_id": RUN, "reason": "task_failure", **more}


def told(channel: Scripted) -> dict[str, Any]:
    [asked] = channel.asked
    message = json.loads(asked.body)
    assert isinstance(message, dict)
    return message


def test_the_verdicts_reasons_and_counts_are_told(channel: Scripted) -> None:
    notice = {"reasons": ["source clever: students.csv is missing", "3 rules stop"], "counts": {"users": 12}}
    RosterNotifier("channel")(a_context(ti=Run(notice)))
    assert told(channel) == {
        "text": (f"{DAG} failed\nsource clever: students.csv is missing\n3 rules stop\nusers 12\n{LINK}"),
        "dag": DAG,
        "run": RUN,
        "said": "failed",
        "reasons": ["source clever: students.csv is missing", "3 rules stop"],
        "counts": {"users": 12},
        "link": LINK,
    }
    asked = channel.asked[0]
    assert (asked.method, asked.path) == ("POST", "/services/hook-secret")
    assert asked.headers["Authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("more", "reasons"),
    [
        (
            {"exception": NightFailed("over the refusal budget\nsource clever is stale")},
            ["over the refusal budget", "source clever is stale"],
        ),
        ({"exception": KeyError("ottoline@banksia.example")}, ["KeyError"]),
        ({}, ["task_failure"]),
        ({"ti": Run(None)}, ["task_failure"]),
    ],
)
def test_without_a_notice_the_error_is_told_but_no_text_of_a_foreign_one(
    channel: Scripted, more: dict[str, Any], reasons: list[str]
) -> None:
    RosterNotifier("channel")(a_context(**more))
    assert told(channel)["reasons"] == reasons
    assert b"ottoline" not in channel.asked[0].body


def test_one_line_is_logged_with_and_without_a_channel(channel: Scripted) -> None:
    for connection in ("channel", None):
        with capture_logs() as logs:
            RosterNotifier(connection)(a_context(ti=Run({"reasons": ["3 rules stop"], "counts": {"users": 12}})))
        [line] = logs
        assert line["event"] == f"{DAG} failed ({RUN}): 3 rules stop [users 12]"
        assert line["log_level"] == "error"
    assert len(channel.asked) == 1


@pytest.mark.parametrize(
    ("connection", "answer"),
    [
        ("channel", Answer("hook-secret is not known", 404)),
        ("channel", Answer("", 302, {"Location": "http://elsewhere.example"})),
        ("channel", Answer("x", cut=True)),
        ("nowhere", Answer("ok")),
    ],
)
def test_a_channel_that_fails_is_logged_and_fails_nothing(channel: Scripted, connection: str, answer: Answer) -> None:
    channel.says(answer)
    with capture_logs() as logs:
        RosterNotifier(connection)(a_context())
    assert len(logs) == 2
    assert connection in logs[1]["event"]
    for secret in ("hook-secret", "pw-1", "elsewhere"):
        assert secret not in str(logs)


def test_a_late_run_is_told_from_a_deadline(channel: Scripted) -> None:
    context: Any = {
        "dag_run": {"dag_id": DAG, "dag_run_id": RUN, "conf": {"only": "school-7"}},
        "deadline": {"id": "1", "deadline_time": "2026-02-01T22:00:00Z"},
    }

    async def tell() -> list[Any]:
        path = "roster_airflow.notifications.roster.RosterNotifier"
        callback = CallbackTrigger(path, {"connection": "channel", "said": "is late", "context": context})
        return [event async for event in callback.run()]

    assert asyncio.run(tell())[-1].payload["state"] == "success"
    message = told(channel)
    assert (message["dag"], message["run"], message["said"]) == (DAG, RUN, "is late")
    assert message["reasons"] == ["not done by 2026-02-01T22:00:00Z"]
    assert "school-7" not in json.dumps(message)


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({"host": "https://hooks.example/a/b"}, "https://hooks.example/a/b"),
        ({"host": "hooks.example/a"}, "https://hooks.example/a"),
        ({"host": "hooks.example", "schema": "http", "port": 8080}, "http://hooks.example:8080"),
        ({"host": "http://hooks.example/a?b=c", "port": 8080}, "http://hooks.example:8080/a?b=c"),
    ],
)
def test_the_webhooks_address(fields: dict[str, Any], address: str) -> None:
    assert webhook(Connection(conn_id="channel", conn_type="http", **fields)) == address
