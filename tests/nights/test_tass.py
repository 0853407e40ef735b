"""Nights over TASS: what a first one sends, what a later one moves, and that no fault drops anybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
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
from roster_airflow.hooks.tass import TassHook
from roster_airflow.loading import Loading
from roster_sandbox.canvas import Canvas
from roster_sandbox.district import District
from roster_sandbox.tass import TassServer, running_tass, semesters, write_api
from tests.few import few
from tests.nights import Played, night_of, play

pytestmark = pytest.mark.usefixtures("rules_only")

NIGHT = datetime(2026, 2, 2, 7, tzinfo=UTC)
FAULTS = ("server_error", "cut_body", "truncated", "not_agreed", "html", "invalid", "msg", "other", "key_changed")
SILENT = ("filtered", "empty")
METHODS = ("", "getstudents", "getteachers", "subjects", "getcampuses", "idm", "getparents", "getemployees")


@pytest.fixture
def district() -> District:
    return few()


@pytest.fixture
def tass(district: District, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TassServer]:
    write_api(district, tmp_path / "served")
    with running_tass(tmp_path / "served") as running:
        monkeypatch.setenv("AIRFLOW_CONN_TASS_API", running.connection())
        yield running


def a_tenant(tass: TassServer, district: District, **more: Any) -> Tenant:
    source = {
        "name": "tass",
        "system": "tass",
        "connection": "tass_api",
        "companies": ["10"],
        "products": ["idm"],
        "terms": semesters(district, write_api(district, tass.app.folder)),
    }
    return Tenant.model_validate(
        {
            "id": "sample",
            "name": "Sample",
            "timezone": "Australia/Brisbane",
            "sources": [source | more],
            "canvas": {"test": {"connection": "canvas_test", "hosts": ["127.0.0.1"]}},
            "sync": {"observers": {"relationships": ["Mother", "Father", "Guardian"]}},
        }
    )


def hook() -> TassHook:
    found = TassHook("tass_api")
    found.retry_delays = (0.0,)
    return found


def without_one(district: District) -> District:
    """The district after a pupil has left."""
    gone = district.students[0].id
    return replace(
        district,
        students=district.students[1:],
        enrollments=tuple(one for one in district.enrollments if one.student_id != gone),
        contacts=tuple(one for one in district.contacts if one.student_id != gone),
    )


def planned(night: Night, loading: Loading) -> tuple[Done, Any]:
    """The night as far as its plan, with the stand-in where TASS failed."""
    try:
        extracted = extract(night, "tass", hook(), night.run_date)
    except SourceFault as fault:
        extracted = stand_in(night, "tass", fault)
    extracts = {"tass": extracted["path"]}
    checked = check(night, extracts)
    artefact = transform(night, checked["path"], extracts)
    done = make_plan(night, artefact["path"], loading.ledger, Asked())
    return extracted, Played(night, {"plan": done}).changes


def test_a_school_moves_on_from_night_to_night(
    tass: TassServer, district: District, home: Path, canvas: Canvas, loading: Loading
) -> None:
    tenant = a_tenant(tass, district, shrink="50%")
    first = play(night_of(home, tenant, NIGHT), hook(), loading)
    assert first.reasons == []
    assert first.json("extract", "evidence.json")["proven"]
    again = play(night_of(home, tenant, NIGHT + timedelta(days=1)), hook(), loading)
    assert again.changes.is_empty()
    write_api(without_one(district), tass.app.folder)
    later = play(night_of(home, tenant, NIGHT + timedelta(days=2)), hook(), loading)
    assert later.reasons == []
    dropped = later.changes.filter(later.changes["action"] == "drop")
    assert {"users.csv", "enrollments.csv"} <= set(dropped["file"])
    assert len(canvas.imports()) == 2


def test_without_proof_a_drop_waits_for_a_second_full_night(
    tass: TassServer, district: District, home: Path, loading: Loading
) -> None:
    """One pupil of a few is more than `shrink` allows: nothing is proven, and the second night has earned it."""
    tenant = a_tenant(tass, district)
    play(night_of(home, tenant, NIGHT), hook(), loading)
    write_api(without_one(district), tass.app.folder)
    first, changes = planned(night_of(home, tenant, NIGHT + timedelta(days=1)), loading)
    assert (first["counts"]["complete"], first["counts"]["proven"]) == (True, False)
    assert "drop" not in set(changes["action"])
    _, changes = planned(night_of(home, tenant, NIGHT + timedelta(days=2)), loading)
    assert "drop" in set(changes["action"])


@pytest.mark.parametrize(("method", "records"), [("lms.getstudents$", 1), ("studentsubjects", 9)])
def test_a_role_that_was_narrowed_drops_nobody_before_a_second_night_and_never_over_the_limits(
    tass: TassServer, district: District, home: Path, loading: Loading, method: str, records: int
) -> None:
    """A Security Role filters night after night, and TASS says nothing of it."""
    tenant = a_tenant(tass, district)
    play(night_of(home, tenant, NIGHT), hook(), loading)
    tass.fault("filtered", method=method, records=records, times=None)
    _, changes = planned(night_of(home, tenant, NIGHT + timedelta(days=1)), loading)
    assert "drop" not in set(changes["action"])
    _, changes = planned(night_of(home, tenant, NIGHT + timedelta(days=2)), loading)
    drops = changes.filter(changes["action"] == "drop")
    parts = Counter(drops.select("file", "part").iter_rows())
    if records == 1:  # the place of a pupil who seems to be gone is in quarantine
        assert parts["users.csv", "free"] >= 1
        assert {part for _, part in parts} == {"free"}
    else:
        assert parts == {("enrollments.csv", "held"): 9}  # more than half of a small school's


def test_web_access_that_ends_is_what_the_tenant_says_of_it_and_needs_no_other_proof(
    tass: TassServer, district: District, home: Path, loading: Loading
) -> None:
    ended = {"student": "suspend", "guardian": "delete"}
    tenant = a_tenant(tass, district, web_access_ended=ended)
    play(night_of(home, tenant, NIGHT), hook(), loading)
    records = tass.app.records["10"]
    pupil, family = records["idm.getstudents"][0], next(iter(records["idm.getparents"][0].values()))
    pupil["web_access"] = False
    for one in family if isinstance(family, list) else [family]:
        one["web_access"] = False
    _, changes = planned(night_of(home, tenant, NIGHT + timedelta(days=1)), loading)
    dropped = changes.filter(changes["action"] == "drop").select("file", "key", "new").rows()
    told = {(file, key.partition("\x1f")[0]): new for file, key, new in dropped}
    people = {key: new for (file, key), new in told.items() if file == "users.csv"}
    assert '"suspended"' in people.pop(pupil["user_code"])
    assert people
    assert all(key.startswith("P") and '"deleted"' in new for key, new in people.items())
    assert {key for file, key in told if file == "user_observers.csv"} == set(people)
    assert "enrollments.csv" not in {file for file, _ in told}


@pytest.mark.timeout(300)
@hypothesis(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults=st.lists(
        st.tuples(
            st.sampled_from(FAULTS + SILENT),
            st.sampled_from(METHODS),
            st.integers(0, 5),
            st.sampled_from([1, 2, None]),
            st.integers(1, 9),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_no_fault_of_tass_plans_a_drop(
    tass: TassServer,
    district: District,
    home: Path,
    loading: Loading,
    faults: list[tuple[str, str, int, int | None, int]],
) -> None:
    tass.clear_faults()
    tass.app.apps = dict(tass.app.settings.apps)
    tenant = a_tenant(tass, district)
    if loading.ledger.versions()[0] == 0:
        play(night_of(home, tenant, NIGHT), hook(), loading)
    for name, method, after, times, records in faults:
        tass.fault(name, method=method, after=after, times=times, records=records)
    night = night_of(home, tenant, NIGHT + timedelta(days=1), name=f"faulty-{faults}", practice=True)
    _, changes = planned(night, loading)
    assert "drop" not in set(changes["action"])
