"""What a verdict tells, to whom, and how often."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG as SdkDag
from airflow.sdk import BaseOperator

from roster.matters import Matter
from roster.steps import Night
from roster.steps.telling import Answer as State
from roster.steps.telling import Request, matters_of
from roster.tenants import Environment, read_tenant
from roster_airflow.notifications.roster import RosterNotifier
from roster_airflow.telling import deliver, tell
from tests.five_pupils import tenant_file
from tests.nights import night_of
from tests.roster_airflow.mail import mail_server
from tests.roster_airflow.scripted import Answer, Scripted

TODAY = datetime(2026, 3, 2, 16, tzinfo=UTC)


@pytest.fixture
def channel(canvas: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow.example")
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path / "tenants"))
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    for name in ("channel", "alive"):
        fields = {"conn_type": "http", "host": f"{canvas.url}/{name}"}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(fields))
    canvas.says(Answer("ok"))
    return canvas


def a_night(tmp_path: Path, *, practice: bool = False, **tenant: Any) -> Night:
    tenant = {"notify": "channel", "ping": "alive", **tenant}
    return night_of(
        tmp_path / "home", read_tenant(tenant_file(tmp_path / "tenants", **tenant)), TODAY, practice=practice
    )


def a_context(job: str = "test", **params: Any) -> Any:
    with SdkDag(f"fern_canvas_{job}", schedule=None) as dag:
        verdict = BaseOperator(task_id="verdict")
    return {"dag": dag, "task": verdict, "run_id": "run-1", "params": params}


def told(channel: Scripted) -> list[tuple[str, str]]:
    return [
        (said["kind"], said["state"])
        for asked in channel.asked
        if asked.path == "/channel"
        for said in [json.loads(asked.body)]
    ]


def pings(channel: Scripted) -> int:
    return len([asked for asked in channel.asked if asked.path == "/alive"])


def test_a_failure_is_told_by_the_callback_and_its_end_by_the_verdict(channel: Scripted, tmp_path: Path) -> None:
    night, context = a_night(tmp_path), a_context()
    for reasons in (["3 rules stop"], ["3 rules stop"], []):
        tell(night, [], context, reasons=reasons)
        if reasons:
            RosterNotifier()({**context, "reason": "task_failure"})
    RosterNotifier(said="is late")(context)
    tell(night, [], context)
    tell(night, [], context)
    assert told(channel) == [("failure", "new"), ("failure", "over"), ("late", "new"), ("late", "over")]
    last = json.loads(channel.asked[-1].body)
    assert last["text"].startswith("Fern Schools: fern_canvas_test is done, late\nSince ")
    assert last["link"] == "http://airflow.example/dags/fern_canvas_test/runs/run-1"


def test_a_run_that_saw_a_part_ends_no_failure(channel: Scripted, tmp_path: Path) -> None:
    RosterNotifier()(a_context())
    a_night(tmp_path)
    RosterNotifier()(a_context())
    tell(a_night(tmp_path, practice=True), [], a_context())
    tell(a_night(tmp_path), [], a_context(only="S1"))
    assert told(channel) == [("failure", "new")]


def test_a_ping_after_a_good_night_and_no_other(channel: Scripted, tmp_path: Path) -> None:
    tell(a_night(tmp_path), [], a_context(), good=False)
    tell(a_night(tmp_path, ping=None), [], a_context(), good=True)
    assert pings(channel) == 0
    tell(a_night(tmp_path), [], a_context(), good=True)
    assert pings(channel) == 1
    channel.says(Answer("", 500))
    tell(a_night(tmp_path), [], a_context(), good=True)  # fails nothing


def test_what_is_told_is_told_to_all(channel: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slack = {"conn_type": "slackwebhook", "host": channel.url, "password": "slack"}
    monkeypatch.setenv("AIRFLOW_CONN_SLACK", json.dumps(slack))
    with mail_server() as postbox:
        monkeypatch.setenv("AIRFLOW_CONN_MAIL", postbox.connection())
        notify = ["channel", "slack", {"connection": "mail", "to": ["data@fern.example"]}]
        tell(a_night(tmp_path, notify=notify), [Matter("held", "test", "7 changes are held (test)")], a_context())
        assert [mail["Subject"] for mail in postbox.mails] == ["Fern Schools: 7 changes are held (test)"]
    assert [asked.path for asked in channel.asked] == ["/channel", "/slack"]


def a_report(environment: Environment) -> dict[str, Any]:
    """A report of a night that holds seven drops in that environment, and nothing in test."""
    held = environment == "production"
    why = "limit-deleted: 7 of 20 users at S1, allowed 10%"
    changes = [{"file": "users.csv", "school": "S1", "action": "drop", "why": "drop", "part": "held", "rows": 7}]
    counts = {
        "totals": {"held": 7 if held else 0},
        "holds": [{"why": why, "rows": 7}] if held else [],
        "changes": changes if held else [],
    }
    return {"asked": {}, "plan": {"held_hash": "hash-1" if held else None, "counts": counts}}


def a_request(state: State, number: int) -> Request:
    held_hash = "hash-1" if number < 5 else "hash-2"  # the fifth night changes what is held
    since = TODAY.isoformat()
    return {"name": "r1", "held_hash": held_hash, "rows": 7, "since": since, "state": state}


@pytest.mark.parametrize(("review", "messages"), [(False, 10), (True, 2)])
def test_ten_nights_of_one_unanswered_request(channel: Scripted, tmp_path: Path, review: bool, messages: int) -> None:
    """All three DAGs tell what they know each night: one message a day comes of it, in review one a week.

    In the way of a night: the rehearsal, production which asks, and, before the next, the gate that timed out.
    """
    night, clock = a_night(tmp_path), TODAY
    for number in range(10):
        for job, environment, state in (
            ("test", "test", None),
            ("production", "production", "waiting"),
            ("release", "production", "unanswered"),
        ):
            matters = matters_of(a_report(environment), environment, state and a_request(state, number))
            run = (f"fern_canvas_{job}", f"run-{number}")
            day = clock.astimezone(night.tenant.zone).date()
            deliver(night.tenant, night.store, matters, run, day, review=review)
        clock += timedelta(days=1)
    assert told(channel) == [("request", "new"), *[("request", "still")] * (messages - 1)]
    texts = [json.loads(asked.body)["text"] for asked in channel.asked]
    assert texts[0].splitlines()[:4] == [
        "Fern Schools: 7 changes wait for approval (production)",
        "7 rows: limit-deleted: 7 of 20 users at S1, allowed 10%",
        "hash hash-1",
        "users 7",
    ]
    changed = [number for number, text in enumerate(texts) if "not what it was" in text]
    assert changed == [5] if not review else [1]
    assert all("http://airflow.example/dags/" in text for text in texts)
    # The night that holds nothing any more ends it, once.
    for _ in range(2):
        deliver(night.tenant, night.store, matters_of(a_report("test"), "production"), run, day)
    assert told(channel)[messages:] == [("request", "over")]


def test_a_request_that_is_loaded_ends_it(channel: Scripted, tmp_path: Path) -> None:
    night = a_night(tmp_path)
    for state in ("waiting", "approved", "loaded", "loaded"):
        tell(night, matters_of(a_report("production"), "production", a_request(state, 0)), a_context("release"))
    assert told(channel) == [("request", "new"), ("request", "over")]


def test_in_review_a_verdict_reminds_weekly(channel: Scripted, tmp_path: Path) -> None:
    night = a_night(tmp_path)
    yesterday = (datetime.now(UTC) - timedelta(days=2)).date()
    matters = matters_of(a_report("production"), "production", a_request("waiting", 0))
    deliver(night.tenant, night.store, matters, ("fern_canvas_production", "run-0"), yesterday)
    tell(night, matters, a_context("production"), review=True)
    assert told(channel) == [("request", "new")]
    tell(night, matters, a_context("production"))
    assert told(channel) == [("request", "new"), ("request", "still")]
