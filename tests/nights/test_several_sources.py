"""Nights over two sources: Clever's API for the roster, an export for the parents alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roster.errors import SourceFault, SourceIncomplete
from roster.explain import explain
from roster.steps import Done, Night
from roster.steps.check import check
from roster.steps.extract import extract, stand_in
from roster.steps.hand_on import hand_on
from roster.steps.plan import Asked, make_plan
from roster.steps.transform import transform
from roster.tenants import Tenant
from roster_airflow.hooks.clever import CleverHook
from roster_airflow.loading import Loading
from roster_sandbox.canvas import Canvas
from roster_sandbox.clever import CleverServer, running_clever, write_api
from roster_sandbox.district import District, write_clever
from tests.few import few
from tests.nights import Folder, Played, finish, night_of
from tests.nights.test_clever_api import NIGHT

ROSTER = ["orgs", "academic_sessions", "courses", "classes", "students", "staff", "enrollments"]
OF_PARENTS = {"users.csv", "user_observers.csv"}


@pytest.fixture
def clever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CleverServer]:
    serve(tmp_path, few(), 0)
    with running_clever(tmp_path / "served") as running:
        monkeypatch.setenv("AIRFLOW_CONN_CLEVER_API", running.connection())
        yield running


def serve(folder: Path, district: District, day: int) -> None:
    write_api(district, folder / "served", synced=NIGHT + timedelta(days=day, hours=-4))


def deliver(folder: Path, district: District, day: int) -> None:
    write_clever(district, folder / "export", delivered=NIGHT + timedelta(days=day, hours=-5))


def a_tenant() -> Tenant:
    return Tenant.model_validate(
        {
            "id": "sample",
            "name": "Sample",
            "timezone": "America/New_York",
            "sources": [
                {"name": "clever", "system": "clever", "connection": "clever_api", "provides": ROSTER, "shrink": "50%"},
                {
                    "name": "parents",
                    "system": "clever_csv",
                    "connection": "export",
                    "provides": ["guardians"],
                    "match": {"students": "sis_id"},
                    "control": "control.csv",
                    "shrink": "50%",
                },
            ],
            "canvas": {"test": {"connection": "canvas_test", "hosts": ["127.0.0.1"]}},
            "sync": {"observers": {"relationships": ["Mother", "Father"]}},
            "safety": {"deleted": "100%", "updated": "100%", "at_least": 10_000},
        }
    )


def extracted(night: Night, source: str, reading: Any) -> Done:
    try:
        return extract(night, source, reading, night.run_date)
    except SourceFault as fault:
        return stand_in(night, source, fault)


def play(home: Path, folder: Path, loading: Loading, day: int) -> Played:
    """A night as far as its load and the pointer."""
    night = night_of(home, a_tenant(), NIGHT + timedelta(days=day))
    played = Played(night)
    sources = {"clever": CleverHook("clever_api"), "parents": Folder(folder / "export")}
    extracts = {name: extracted(night, name, reading)["path"] for name, reading in sources.items()}
    played.steps["check"] = check(night, extracts)
    played.steps["transform"] = transformed = transform(night, played.steps["check"]["path"], extracts)
    finish(loading.settle_open, loading)
    played.steps["plan"] = planned = make_plan(night, transformed["path"], loading.ledger, Asked())
    played.steps["load"] = finish(lambda: loading.load(night, planned["path"]), loading)
    hand_on(
        night,
        extracts=extracts,
        transform=transformed,
        plan=planned,
        load=played.steps["load"],
        unreachable=False,
        scope=None,
        now=datetime.now(NIGHT.tzinfo),
    )
    return played


@pytest.mark.usefixtures("rules_only", "clever")
def test_parents_of_another_source_observe_and_each_source_earns_its_own_drops(
    tmp_path: Path, home: Path, canvas: Canvas, loading: Loading
) -> None:
    district, later = few(), few(6)
    deliver(tmp_path, district, 0)
    first = play(home, tmp_path, loading, 0)
    links = canvas.state()["observer_links"]
    pupils = {row["user_id"]: row for row in canvas.state()["users"]}
    assert links
    assert all(len(row["student_id"]) == 24 for row in links)  # Clever's id, not the export's number
    assert {row["observer_id"] for row in links} <= set(pupils)
    told = explain(first.night.run, loading.ledger, "user", links[0]["observer_id"])
    assert [line.split(":")[0] for line in told.sources] == ["parents"] * len(told.sources)

    # The parents' file fails: what Clever alone decides goes on, the rest stays.
    assert len(later.students) < len(district.students)
    serve(tmp_path, later, 1)
    shutil.rmtree(tmp_path / "export")
    (tmp_path / "export").mkdir()
    second = play(home, tmp_path, loading, 1)
    dropped = second.changes.filter(second.changes["action"] == "drop")
    assert set(dropped["file"]) == {"enrollments.csv"}
    left = second.table("plan", "left.parquet")
    assert set(left.filter(left["reason"] == "not-proven")["file"]) <= OF_PARENTS
    assert "users.csv" in set(left["file"])
    assert second.json("transform", "artefact.json")["standings"]["enrollments.csv"]["proven"]

    # It is back: now people go as well.
    deliver(tmp_path, later, 2)
    third = play(home, tmp_path, loading, 2)
    assert "users.csv" in set(third.changes.filter(third.changes["action"] == "drop")["file"])

    # It stays away for longer than the tenant allows: the night stops there.
    shutil.rmtree(tmp_path / "export")
    (tmp_path / "export").mkdir()
    with pytest.raises(SourceIncomplete, match="max_age"):
        play(home, tmp_path, loading, 6)


@pytest.mark.usefixtures("rules_only", "clever")
def test_a_pupil_who_can_not_be_told_any_more_costs_no_parent_the_link(
    tmp_path: Path, home: Path, canvas: Canvas, loading: Loading
) -> None:
    """The number that both sources know a pupil by is blank in one: nobody has gone."""
    deliver(tmp_path, few(), 0)
    play(home, tmp_path, loading, 0)
    observed = canvas.state()["observer_links"][0]["student_id"]
    served = tmp_path / "served" / "objects.json"
    serve(tmp_path, few(), 1)
    objects = json.loads(served.read_text(encoding="utf-8"))
    [pupil] = [user for user in objects["users"] if user["id"] == observed]
    pupil["roles"]["student"]["sis_id"] = ""
    served.write_text(json.dumps(objects), encoding="utf-8")
    deliver(tmp_path, few(), 1)
    second = play(home, tmp_path, loading, 1)
    standings = second.json("transform", "artefact.json")["standings"]
    assert {file for file, one in standings.items() if not one["proven"]} == OF_PARENTS
    assert second.changes.filter(second.changes["action"] == "drop").is_empty()
