"""Nights over Clever's API: what a first one sends, what a later one moves, and that no fault drops anybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from roster.errors import SourceFault
from roster.steps import Done, Night
from roster.steps.check import check
from roster.steps.extract import extract, stand_in
from roster.steps.plan import Asked, make_plan
from roster.steps.transform import transform
from roster.tenants import Tenant
from roster_airflow.hooks.clever import CleverHook
from roster_airflow.loading import Loading
from roster_sandbox.canvas import Canvas
from roster_sandbox.clever import CleverServer, Settings, running_clever, write_api
from roster_sandbox.district import District, generate, moved
from tests.few import TODAY, few
from tests.nights import Played, night_of, play

NIGHT = datetime(2026, 2, 2, 7, tzinfo=UTC)
FAULTS = ("server_error", "cut_body", "truncated", "not_agreed", "html", "token_rotated", "not_found", "bad_request")
PAGES = ("circle", "repeated", "no_next", "empty", "created", "synced")


@pytest.fixture
def district() -> District:
    return few()


@pytest.fixture
def clever(district: District, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CleverServer]:
    write_api(district, tmp_path / "served", synced=NIGHT - timedelta(hours=4))
    with running_clever(tmp_path / "served", Settings(requests=1_000_000)) as running:
        monkeypatch.setenv("AIRFLOW_CONN_CLEVER_API", running.connection())
        yield running


def a_tenant(limit: int = 5, **more: Any) -> Tenant:
    return Tenant.model_validate(
        {
            "id": "sample",
            "name": "Sample",
            "timezone": "America/New_York",
            "sources": [{"name": "clever", "system": "clever", "connection": "clever_api", "limit": limit}],
            "canvas": {"test": {"connection": "canvas_test", "hosts": ["127.0.0.1"]}},
            "sync": {"observers": {"relationships": ["Parent", "Parent/Guardian"]}},
            **more,
        }
    )


def hook() -> CleverHook:
    found = CleverHook("clever_api")
    found.retry_delays = (0.0,) * 3
    return found


def serve(clever: CleverServer, district: District, day: int, **more: Any) -> None:
    write_api(district, clever.app.shelf.folder, synced=NIGHT + timedelta(days=day, hours=-4), **more)


def planned(night: Night, loading: Loading) -> tuple[Done, Any]:
    """The night as far as its plan, with the stand-in where Clever failed."""
    try:
        extracted = extract(night, "clever", hook(), night.run_date)
    except SourceFault as fault:
        extracted = stand_in(night, "clever", fault)
    extracts = {"clever": extracted["path"]}
    checked = check(night, extracts)
    artefact = transform(night, checked["path"], extracts)
    done = make_plan(night, artefact["path"], loading.ledger, Asked())
    return extracted, Played(night, {"plan": done}).changes


def test_a_district_by_api_moves_on_from_night_to_night(
    tmp_path: Path, home: Path, canvas: Canvas, loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = generate(today=TODAY, schools=2, pupils=200, teachers=12)
    write_api(drawn, tmp_path / "served", synced=NIGHT - timedelta(hours=4))
    with running_clever(tmp_path / "served") as clever:
        monkeypatch.setenv("AIRFLOW_CONN_CLEVER_API", clever.app_connection())
        first = play(night_of(home, a_tenant(10_000), NIGHT), hook(), loading)
        assert first.reasons == []
        assert first.json("extract", "evidence.json")["proven"]
        again = play(night_of(home, a_tenant(10_000), NIGHT + timedelta(days=1)), hook(), loading)
        assert again.changes.is_empty()

        later, _ = moved(drawn, 7)
        serve(clever, later, 2, recreated=True)
        second = play(night_of(home, a_tenant(10_000), NIGHT + timedelta(days=2)), hook(), loading)

    assert second.reasons == []
    actions = Counter(second.changes.select("file", "action", "part").iter_rows())
    assert actions["users.csv", "create", "free"] >= 1
    assert actions["users.csv", "drop", "free"] >= 1
    assert actions["enrollments.csv", "drop", "free"] >= 6
    assert {file for file, *_ in actions} <= {"users.csv", "enrollments.csv", "user_observers.csv"}
    assert len(canvas.imports()) == 2


@pytest.mark.usefixtures("rules_only")
@pytest.mark.timeout(300)
def test_a_district_that_stands_still_earns_no_drop_in_any_number_of_nights(
    clever: CleverServer, district: District, home: Path, loading: Loading
) -> None:
    play(night_of(home, a_tenant(), NIGHT), hook(), loading)
    gone = few(6)
    assert len(gone.students) < len(district.students)
    for day, standing in ((1, {"state": "paused"}), (2, {"paused": (TODAY, TODAY + timedelta(days=90))})):
        serve(clever, gone, day, **standing)
        _, changes = planned(night_of(home, a_tenant(), NIGHT + timedelta(days=day)), loading)
        assert "drop" not in set(changes["action"])
    serve(clever, gone, 3)
    roomy = a_tenant().model_copy(update={"sources": (a_tenant().sources[0].model_copy(update={"shrink": 0.5}),)})
    _, changes = planned(night_of(home, roomy, NIGHT + timedelta(days=3)), loading)
    assert "drop" in set(changes["action"])


@pytest.mark.usefixtures("rules_only")
@pytest.mark.timeout(300)
@hypothesis(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults=st.lists(
        st.tuples(st.sampled_from(FAULTS + PAGES), st.integers(0, 45), st.sampled_from([1, 2, None])),
        min_size=1,
        max_size=3,
    )
)
def test_no_fault_of_clever_plans_a_drop(
    clever: CleverServer,
    district: District,
    home: Path,
    loading: Loading,
    monkeypatch: pytest.MonkeyPatch,
    faults: list[tuple[str, int, int | None]],
) -> None:
    clever.clear_faults()
    monkeypatch.setenv("AIRFLOW_CONN_CLEVER_API", clever.connection(password=clever.app.token))
    serve(clever, district, 0)
    if loading.ledger.versions()[0] == 0:
        play(night_of(home, a_tenant(), NIGHT), hook(), loading)
    for name, after, times in faults:
        clever.fault(name, after=after, times=times)
    run_date = NIGHT + timedelta(days=1)
    night = night_of(home, a_tenant(), run_date, name=f"faulty-{faults}", practice=True)
    _, changes = planned(night, loading)
    assert "drop" not in set(changes["action"])
