"""A run that failed or is late is told of, once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG as SdkDag
from airflow.triggers.callback import CallbackTrigger

from roster.errors import NightFailed
from roster_airflow.notifications.roster import RosterNotifier
from tests.five_pupils import tenant_file
from tests.roster_airflow.scripted import Answer, Scripted

DAG, RUN = "fern_canvas_test", "scheduled__2026-02-01T16:00:00+00:00"
LINK = f"http://airflow.example/dags/{DAG}/runs/{RUN}"


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow.example")
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path / "tenants"))
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    tenant_file(tmp_path / "tenants", notify="channel")
    return tmp_path


@pytest.fixture
def channel(canvas: Scripted, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    fields = {"conn_type": "http", "host": f"{canvas.url}/hook"}
    monkeypatch.setenv("AIRFLOW_CONN_CHANNEL", json.dumps(fields))
    canvas.says(Answer("ok"))
    return canvas


class Run:
    """A task's view of the run's XComs."""

    def __init__(self, notice: Any) -> None:
        self.notice = notice

    def xcom_pull(self, task_ids: str, key: str) -> Any:
        return self.notice if (task_ids, key) == ("verdict", "notice") else None


def a_context(dag: str = DAG, **more: Any) -> Any:
    return {"dag": SdkDag(dag, schedule=None), "run_id": RUN, "reason": "task_failure", **more}


def told(channel: Scripted) -> list[dict[str, Any]]:
    return [json.loads(asked.body) for asked in channel.asked]


def test_the_verdicts_reasons_and_counts_are_told(channel: Scripted) -> None:
    notice = {"reasons": ["source clever: students.csv is missing", "3 rules stop"], "counts": {"users": 12}}
    RosterNotifier()(a_context(ti=Run(notice)))
    [message] = told(channel)
    todo = message.pop("todo")
    assert "docs/running-it.md" in todo
    assert len(message.pop("since")) == len("2026-03-02")
    assert message == {
        "text": (
            f"Fern Schools: {DAG} failed\nsource clever: students.csv is missing\n3 rules stop\nusers 12\n"
            f"{todo}\n{LINK}"
        ),
        "tenant": "fern",
        "kind": "failure",
        "subject": DAG,
        "state": "new",
        "said": f"{DAG} failed",
        "dag": DAG,
        "run": RUN,
        "reasons": ["source clever: students.csv is missing", "3 rules stop"],
        "counts": {"users": 12},
        "link": LINK,
    }


@pytest.mark.parametrize(
    ("more", "reasons"),
    [
        (
            {"exception": NightFailed("over the refusal budget\nsource clever is stale")},
            ["over the refusal budget", "source clever is stale"],
        ),
        ({"exception": KeyError("ottoline@banksia.example")}, ["KeyError"]),
        ({}, ["task_failure"]),
        ({"reason": None}, []),
        ({"ti": Run(None)}, ["task_failure"]),
    ],
)
def test_without_a_notice_the_error_is_told_but_no_text_of_a_foreign_one(
    channel: Scripted, more: dict[str, Any], reasons: list[str]
) -> None:
    RosterNotifier()(a_context(**more))
    assert told(channel)[0]["reasons"] == reasons
    assert b"ottoline" not in channel.asked[0].body


def test_of_a_dag_for_all_tenants_the_verdict_says_whose_run_it_is(channel: Scripted) -> None:
    RosterNotifier()(a_context("canvas_undo", ti=Run({"tenant": "fern", "reasons": ["the rows were not loaded"]})))
    [message] = told(channel)
    assert (message["tenant"], message["reasons"]) == ("fern", ["the rows were not loaded"])


def test_the_same_failure_of_a_dag_is_told_once_and_that_of_another_too(channel: Scripted) -> None:
    for dag in (DAG, DAG, "fern_canvas_production", "fern_canvas_release", DAG):
        RosterNotifier()(a_context(dag, ti=Run({"reasons": ["3 rules stop"]})))
    RosterNotifier()(a_context(ti=Run({"reasons": ["Canvas does not know the token"]})))
    assert [(one["dag"], one["state"]) for one in told(channel)] == [
        (DAG, "new"),
        ("fern_canvas_production", "new"),
        ("fern_canvas_release", "new"),
        (DAG, "changed"),
    ]


def test_a_line_is_logged_with_and_without_a_channel(places: Path, caplog: pytest.LogCaptureFixture) -> None:
    tenant_file(places / "tenants")
    RosterNotifier()(a_context(ti=Run({"reasons": ["3 rules stop"], "counts": {"users": 12}})))
    [line] = caplog.messages
    assert line.startswith(f"{DAG} failed; 3 rules stop; users 12; ")


def test_what_could_not_be_told_is_told_the_next_time(channel: Scripted) -> None:
    channel.says(Answer("", 500), Answer("ok"))
    for _ in range(3):
        RosterNotifier()(a_context())
    assert [one["state"] for one in told(channel)] == ["new", "new"]


def test_without_a_memory_it_is_told_each_time(channel: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROSTER_HOME")
    for _ in range(2):
        RosterNotifier()(a_context())
    assert len(told(channel)) == 2


@pytest.mark.parametrize("content", ["{", '{"failure:x": {"so": 1}}', "[]"])
def test_a_memory_that_is_damaged_tells_once_more(channel: Scripted, places: Path, content: str) -> None:
    for _ in range(2):
        RosterNotifier()(a_context())
    (places / "home" / "matters" / "fern" / "00000001.json").write_text(content, encoding="utf-8")
    for _ in range(2):
        RosterNotifier()(a_context())
    assert [one["state"] for one in told(channel)] == ["new", "new"]


def test_a_memory_that_can_not_be_reached_keeps_nobody_from_being_told(channel: Scripted, places: Path) -> None:
    (places / "home").write_text("a file, where a folder should be", encoding="utf-8")
    channel.says(Answer("", 500), Answer("ok"))
    for _ in range(2):
        RosterNotifier()(a_context())
    assert [one["state"] for one in told(channel)] == ["new", "new"]


def test_a_tenant_that_can_not_be_read_is_logged(channel: Scripted, places: Path) -> None:
    (places / "tenants" / "fern.yaml").unlink()
    RosterNotifier()(a_context())
    assert told(channel) == []


def test_a_late_run_is_told_from_a_deadline(channel: Scripted) -> None:
    def late(run: str) -> str:
        context: Any = {
            "dag_run": {"dag_id": DAG, "dag_run_id": run, "conf": {"only": "school-7"}},
            "deadline": {"id": "1", "deadline_time": "2026-02-01T22:00:00Z"},
        }

        async def tell() -> list[Any]:
            path = "roster_airflow.notifications.roster.RosterNotifier"
            callback = CallbackTrigger(path, {"said": "is late", "context": context})
            return [event async for event in callback.run()]

        return str(asyncio.run(tell())[-1].payload["state"])

    assert [late(RUN), late(RUN), late("next")] == ["success"] * 3
    first, second = told(channel)
    assert (first["dag"], first["run"], first["said"], first["kind"]) == (DAG, RUN, f"{DAG} is late", "late")
    assert first["reasons"] == ["not done by 2026-02-01T22:00:00Z"]
    assert second["run"] == "next"
    assert "school-7" not in json.dumps([first, second])
