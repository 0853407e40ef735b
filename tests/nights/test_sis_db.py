"""Nights over a school's database: what a later one moves, and that no fault and no cut drops anybody."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from roster.errors import SourceFault, SourceUnreachable
from roster.sources import Snapshot, Statement
from roster.steps import Done, Night
from roster.steps.check import check
from roster.steps.extract import extract, stand_in
from roster.steps.plan import Asked, make_plan
from roster.steps.transform import transform
from roster.tenants import Tenant
from roster_airflow.hooks.sis_db import reading
from roster_airflow.loading import Loading
from roster_sandbox.canvas import Canvas
from roster_sandbox.demo.comparison import differences
from roster_sandbox.demo.examples import example, tenant_file
from roster_sandbox.demo.nights import Nights
from roster_sandbox.demo.places import Places
from roster_sandbox.demo.settings import ZONE
from roster_sandbox.district import District
from roster_sandbox.sis_db import write_sqlite
from tests.few import TODAY, few
from tests.nights import Played, night_of, play

pytestmark = pytest.mark.usefixtures("rules_only")

NIGHT = datetime(2026, 2, 2, 7, tzinfo=UTC)
TABLES = ("school", "term", "person", "student", "staff", "course", "section", "section_staff", "roster", "guardian")
QUERIES = ("orgs", "academic_sessions", "courses", "classes", "users", "enrollments", "guardians")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "sis.db"
    monkeypatch.setenv("AIRFLOW_CONN_SCHOOL", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    return path


def a_tenant(**more: Any) -> Tenant:
    """That of the example, at the test's Canvas."""
    told = yaml.safe_load(tenant_file("myrtle").read_text(encoding="utf-8"))
    canvas = {"canvas": {"test": {"connection": "canvas_test", "hosts": ["127.0.0.1"]}}}
    sources = [{**told["sources"][0], **{"connection": "school", "shrink": "2%"}, **more}]
    return Tenant.model_validate({**told, **canvas, "sources": sources})


def a_night(home: Path, tenant: Tenant, day: int, **more: Any) -> Night:
    return night_of(home, tenant, NIGHT + timedelta(days=day), **more)


def planned(night: Night, loading: Loading, database: Any) -> tuple[Done, Any]:
    """The night as far as its plan, with the stand-in where the database failed."""
    try:
        extracted = extract(night, "sis", database, night.run_date)
    except SourceFault as fault:
        extracted = stand_in(night, "sis", fault)
    extracts = {"sis": extracted["path"]}
    checked = check(night, extracts)
    if checked["counts"]["stops"]:
        return extracted, None
    artefact = transform(night, checked["path"], extracts)
    done = make_plan(night, artefact["path"], loading.ledger, Asked())
    return extracted, Played(night, {"plan": done}).changes


def test_the_nights_of_the_example_leave_in_canvas_what_the_district_implies(
    tmp_path: Path, home: Path, canvas: Canvas, loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `make run TENANT=myrtle` plays them: twelve moves a night, and in the second a fifth of a school missing."""
    places = Places(tmp_path / "work", "myrtle")
    places.make()
    for name, fields in example("myrtle").connections(places, None).items():  # type: ignore[arg-type]
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(fields))
    nights, tenant = Nights(places, TODAY, pupils=240), a_tenant(connection="sis", shrink="30%")
    database = reading(tenant.sources[0])  # type: ignore[arg-type]
    held = []
    for number in (1, 2, 3):
        nights.deliver(number)
        played = play(a_night(home, tenant, number - 1), database, loading)
        assert played.reasons == []
        assert played.json("extract", "evidence.json")["proven"]
        day = TODAY + timedelta(days=number - 1)
        assert [*differences(canvas.state(), nights.expected(day), ZONE)] == []
        held.append(played.changes.filter(part="held").height)
        nights.done(day)
    assert held[0] == held[2] == 0
    assert held[1] > 0
    again = play(a_night(home, tenant, 3), database, loading)
    assert again.changes.is_empty()
    assert len(canvas.imports()) == 3


def test_who_leaves_is_dropped_where_so_many_may(file: Path, home: Path, loading: Loading) -> None:
    """What the tests of faults below would be worth nothing without."""
    tenant = a_tenant(shrink="50%")
    database = reading(tenant.sources[0])  # type: ignore[arg-type]
    write_sqlite(few(), file)
    play(a_night(home, tenant, 0), database, loading)
    write_sqlite(few(6), file)
    _, changes = planned(a_night(home, tenant, 1), loading, database)
    assert "drop" in set(changes["action"])


class Faulty:
    """A database that breaks off after so many batches, or loses rows of an answer on the way."""

    def __init__(self, inner: Any, dies_after: int | None = None, loses: tuple[str, int] | None = None) -> None:
        self.inner = inner
        self.left = float("inf") if dies_after is None else dies_after
        self.loses = loses

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        with self.inner.snapshot() as asking:
            self.asking = asking
            yield self

    def columns(self, statement: Statement) -> list[str]:
        found: list[str] = self.asking.columns(statement)
        return found

    def batches(self, statement: Statement, size: int) -> Iterator[list[tuple[Any, ...]]]:
        name, lost = self.loses or ("", 0)
        for batch in self.asking.batches(statement, size):
            self.left -= 1
            if self.left < 0:
                message = f"{statement.name}: the connection broke off"
                raise SourceUnreachable(message)
            counting = "COUNT(*)" in statement.text
            yield batch if counting or statement.name != f"{name}.sql" else batch[lost:]


def without(district: District, file: Path, table: str, kept: int) -> None:
    """The district's database with no more rows of that table than these, as a view that was cut shows them."""
    write_sqlite(district, file)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"DELETE FROM {table} WHERE rowid > ?", [kept])


FAULT = st.one_of(
    st.tuples(st.just("dies"), st.integers(0, 60)),
    st.tuples(st.just("loses"), st.tuples(st.sampled_from(QUERIES), st.integers(1, 3))),
    st.tuples(st.just("cut"), st.tuples(st.sampled_from(TABLES), st.integers(0, 60))),
    st.tuples(st.just("broken"), st.integers(0, 40_000)),
)


@pytest.mark.timeout(300)
@hypothesis(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fault=FAULT)
def test_no_fault_and_no_cut_of_the_database_plans_a_drop(
    file: Path, home: Path, loading: Loading, monkeypatch: pytest.MonkeyPatch, fault: tuple[str, Any]
) -> None:
    monkeypatch.setattr("roster.sources.sis_db.reading.BATCH", 3)
    tenant, (kind, how) = a_tenant(), fault
    database: Any = reading(tenant.sources[0])  # type: ignore[arg-type]
    write_sqlite(few(), file)
    if loading.ledger.versions()[0] == 0:
        play(a_night(home, tenant, 0), database, loading)
    if kind == "cut":
        without(few(), file, *how)
    elif kind == "broken":
        file.write_bytes(file.read_bytes()[:how])
    else:
        database = Faulty(database, **{"dies_after" if kind == "dies" else "loses": how})
    night = a_night(home, tenant, 1, name=f"faulty-{fault}", practice=True)
    _, changes = planned(night, loading, database)
    assert changes is None or "drop" not in set(changes["action"])
