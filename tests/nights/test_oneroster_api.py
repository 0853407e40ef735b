"""Nights over a OneRoster provider: what a first one sends, what a later one moves, and that no fault drops anybody."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

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
from roster_airflow.hooks.oneroster import OneRosterHook
from roster_airflow.loading import Loading
from roster_sandbox.canvas import Canvas
from roster_sandbox.demo.__main__ import places_of
from roster_sandbox.demo.comparison import differences
from roster_sandbox.demo.examples import example
from roster_sandbox.district import District
from roster_sandbox.oneroster import OneRosterServer, Settings, running_oneroster, write_rest
from tests.few import TODAY, few
from tests.nights import Played, night_of, play
from tests.roster.sources.oneroster.replies import Provider
from tests.roster.sources.oneroster.tenants import a_tenant

pytestmark = pytest.mark.usefixtures("rules_only")

NIGHT = datetime(2026, 2, 2, 7, tzinfo=UTC)
FAULTS = (
    *("server_error", "cut_body", "truncated", "not_agreed", "html", "unauthorised", "tokens_gone", "forbidden"),
    *("not_found", "bad_request", "rate_limited"),
)
PAGES = ("circle", "no_next", "no_total", "wrong_total", "repeated", "skipped", "capped", "empty", "created")


@pytest.fixture
def district() -> District:
    return few(5)


@pytest.fixture(params=[True, False], ids=["totals", "no totals"])
def provider(
    request: pytest.FixtureRequest, district: District, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OneRosterServer]:
    write_rest(district, tmp_path / "served", modified=NIGHT)
    with running_oneroster(tmp_path / "served", Settings(totals=request.param)) as running:
        monkeypatch.setenv("AIRFLOW_CONN_SIS", running.connection())
        yield running


def hook() -> OneRosterHook:
    found = OneRosterHook("sis")
    found.retry_delays = (0.0,) * 3
    return found


def planned(night: Night, loading: Loading, source: Any = None) -> tuple[Done, Any]:
    """The night as far as its plan, with the stand-in where the provider failed."""
    try:
        extracted = extract(night, "sis", source or hook(), night.run_date)
    except SourceFault as fault:
        extracted = stand_in(night, "sis", fault)
    extracts = {"sis": extracted["path"]}
    checked = check(night, extracts)
    artefact = transform(night, checked["path"], extracts)
    done = make_plan(night, artefact["path"], loading.ledger, Asked())
    return extracted, Played(night, {"plan": done}).changes


@pytest.mark.timeout(300)
@pytest.mark.parametrize("provider", [True], indirect=True)
def test_a_pupil_who_left_is_dropped_by_a_night_that_is_proven(
    provider: OneRosterServer, district: District, home: Path, loading: Loading, canvas: Canvas
) -> None:
    tenant = a_tenant(limit=7, shrink="50%")
    first = play(night_of(home, tenant, NIGHT), hook(), loading)
    assert first.reasons == []
    assert first.json("extract", "evidence.json")["proven"]
    implied = example("grevillea").implied_canvas(places_of({}), district, TODAY)
    assert differences(canvas.state(), implied, ZoneInfo(tenant.timezone)) == []
    again = play(night_of(home, tenant, NIGHT + timedelta(days=1)), hook(), loading)
    assert again.changes.is_empty()
    write_rest(few(4), provider.app.shelf.folder, modified=NIGHT)
    second = play(night_of(home, tenant, NIGHT + timedelta(days=2)), hook(), loading)
    assert second.reasons == []
    actions = Counter(second.changes.select("file", "action").iter_rows())
    assert actions["users.csv", "drop"] >= 2
    assert actions["enrollments.csv", "drop"] >= 2
    assert {action for _, action in actions} == {"drop"}


@pytest.mark.timeout(300)
@hypothesis(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults=st.lists(
        st.tuples(st.sampled_from(FAULTS + PAGES), st.integers(0, 30), st.sampled_from([1, 2, None])),
        min_size=1,
        max_size=3,
    )
)
def test_no_fault_of_a_provider_plans_a_drop(
    provider: OneRosterServer, district: District, home: Path, loading: Loading, faults: list[tuple[str, int, Any]]
) -> None:
    """Proven by totals or by references: neither a cut nor a fault is taken for people who left."""
    provider.clear_faults()
    write_rest(district, provider.app.shelf.folder, modified=NIGHT)
    if loading.ledger.versions()[0] == 0:
        play(night_of(home, a_tenant(limit=7), NIGHT), hook(), loading)
    for name, after, times in faults:
        provider.fault(name, after=after, times=times, seconds=0.01)
    night = night_of(home, a_tenant(limit=7), NIGHT + timedelta(days=1), name=f"faulty-{faults}", practice=True)
    _, changes = planned(night, loading)
    assert "drop" not in set(changes["action"])


def test_of_the_sample_nothing_is_sent(samples: Path, home: Path, loading: Loading) -> None:
    """Its classes are in quarantine, its enrolments wait with them; of its people two have no e-mail, one is off."""
    folder = samples / "oneroster-rest-json"
    if not folder.is_dir():
        pytest.skip(f"no OneRoster sample at {folder}")
    names = ("orgs", "academicSessions", "courses", "classes", "users", "enrollments")
    lists = {name: json.loads((folder / f"{name}.json").read_bytes())[name] for name in names}
    night = night_of(home, a_tenant(), datetime(2021, 2, 1, 7, tzinfo=UTC))
    _, changes = planned(night, loading, Provider(lists))
    assert changes.is_empty()
