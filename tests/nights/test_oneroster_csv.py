"""Nights over OneRoster sets: who is deleted by name, what a cut may never do, and what stands in for a set."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from roster.errors import SourceFault
from roster.steps.check import check
from roster.steps.extract import extract, stand_in
from roster.steps.plan import Asked, make_plan
from roster.steps.transform import transform
from roster.tenants import Tenant
from roster_airflow.loading import Loading
from roster_sandbox.district import District
from roster_sandbox.oneroster.export_csv import write_set
from tests.few import few
from tests.nights import Folder, Played, night_of, play

pytestmark = pytest.mark.usefixtures("rules_only")

NIGHT = datetime(2026, 2, 2, 7, tzinfo=UTC)
READ = ("orgs", "academicSessions", "courses", "classes", "users", "roles", "enrollments")


def a_tenant(*, control: bool, shrink: str = "50%") -> Tenant:
    source = {"name": "sis", "system": "oneroster_csv", "connection": "sets", "shrink": shrink}
    return Tenant.model_validate(
        {
            "id": "sample",
            "name": "Sample",
            "timezone": "America/New_York",
            "sources": [source | ({"control": "control.csv"} if control else {})],
            "canvas": {"test": {"connection": "canvas_test", "hosts": ["127.0.0.1"]}},
            "sync": {"observers": {"relationships": ["parent", "guardian"]}},
        }
    )


def a_set(folder: Path, district: District, day: int, *, control: bool, since: District | None = None) -> Folder:
    moment = NIGHT + timedelta(days=day, hours=-4)
    write_set(district, folder, delivered=moment, version="1.2", since=since, control=control)
    return Folder(folder)


def planned(home: Path, tenant: Tenant, loading: Loading, delivery: Any, day: int, name: str = "manual") -> Played:
    """A night as far as its plan, as practice: the next is compared with what went before."""
    night = night_of(home, tenant, NIGHT + timedelta(days=day), name=name, practice=True)
    try:
        extracted = extract(night, "sis", delivery, night.run_date)
    except SourceFault as fault:
        extracted = stand_in(night, "sis", fault)
    extracts = {"sis": extracted["path"]}
    artefact = transform(night, check(night, extracts)["path"], extracts)
    done = make_plan(night, artefact["path"], loading.ledger, Asked())
    return Played(night, {"extract": extracted, "plan": done})


def drops(played: Played) -> Counter[str]:
    return Counter(played.changes.filter(action="drop")["file"].to_list())


@pytest.mark.timeout(300)
def test_who_is_deleted_by_a_delta_is_dropped_by_the_second_one(home: Path, loading: Loading, tmp_path: Path) -> None:
    tenant, five, four = a_tenant(control=False), few(5), few(4)
    first = play(night_of(home, tenant, NIGHT), a_set(tmp_path / "0", five, 0, control=False), loading)
    assert first.reasons == []
    told = a_set(tmp_path / "1", four, 1, control=False, since=five)
    second = play(night_of(home, tenant, NIGHT + timedelta(days=1)), told, loading)
    assert (second.reasons, drops(second)) == ([], {})
    assert second.json("plan", "plan.json")["counts"]["left"]
    again = play(night_of(home, tenant, NIGHT + timedelta(days=2)), told, loading)
    assert drops(again) == {}
    nothing_more = a_set(tmp_path / "2", four, 3, control=False, since=four)
    third = play(night_of(home, tenant, NIGHT + timedelta(days=3)), nothing_more, loading)
    assert third.reasons == []
    assert (drops(third)["users.csv"] >= 1, drops(third)["enrollments.csv"] >= 1) == (True, True)


@pytest.mark.timeout(300)
def test_without_control_file_a_cut_is_believed_the_second_time_only(
    home: Path, loading: Loading, tmp_path: Path
) -> None:
    tenant = a_tenant(control=False)
    play(night_of(home, tenant, NIGHT), a_set(tmp_path / "0", few(5), 0, control=False), loading)
    for day, dropped in ((1, 0), (2, 1)):
        cut = a_set(tmp_path / f"{day}", few(5), day, control=False)
        shorten(tmp_path / f"{day}" / "enrollments.csv", lambda rows: rows[:-1])
        played = play(night_of(home, tenant, NIGHT + timedelta(days=day)), cut, loading)
        assert played.reasons == []
        assert drops(played) == ({"enrollments.csv": dropped} if dropped else {})


def shorten(file: Path, edit: Callable[[list[bytes]], list[bytes]]) -> None:
    """Edit the file's lines; it keeps its time."""
    moment = file.stat().st_mtime
    file.write_bytes(b"".join(edit(file.read_bytes().splitlines(keepends=True))))
    os.utime(file, (moment, moment))


FAULTS = st.one_of(
    st.tuples(st.just("rows"), st.sampled_from(READ), st.integers(0, 40)),
    st.tuples(st.just("bytes"), st.sampled_from((*READ, "manifest", "control")), st.integers(0, 4000)),
    st.tuples(st.just("gone"), st.sampled_from((*READ, "manifest", "control")), st.just(0)),
    st.tuples(st.just("absent"), st.sampled_from(READ), st.just(0)),
)


@pytest.mark.timeout(300)
@hypothesis(
    max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(faults=st.lists(FAULTS, min_size=1, max_size=3))
def test_no_cut_of_a_counted_set_plans_a_drop(
    home: Path, loading: Loading, tmp_path: Path, faults: list[tuple[str, str, int]]
) -> None:
    tenant = a_tenant(control=True, shrink="100%")
    if loading.ledger.versions()[0] == 0:
        first = play(night_of(home, tenant, NIGHT), a_set(tmp_path / "0", few(5), 0, control=True), loading)
        assert first.json("extract", "evidence.json")["proven"]
    there = tmp_path / "set"
    delivery = a_set(there, few(5), 1, control=True)
    for kind, name, size in faults:
        spoil(there, kind, name, size)
    played = planned(home, tenant, loading, delivery, 1, name=f"{faults}")
    assert drops(played) == {}


def spoil(folder: Path, kind: str, name: str, size: int) -> None:
    file = folder / f"{name}.csv"
    if not file.exists():
        return
    if kind == "rows":
        shorten(file, lambda rows: rows[:size])
    elif kind == "bytes":
        shorten(file, lambda rows: [b"".join(rows)[:size]])
    else:
        file.unlink()
    if kind == "absent" and (folder / "manifest.csv").exists():
        said, now = f"file.{name},bulk".encode(), f"file.{name},absent".encode()
        shorten(folder / "manifest.csv", lambda rows: [row.replace(said, now) for row in rows])
