"""Canvas writes production over test: the next night finds out, and sends what is missing, once, and drops nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roster.canvas.bundle import write_zip
from roster.errors import CanvasNotEmpty, CanvasRefreshed, CanvasTokenDead, LedgerMoved
from roster.import_options import NONE, ImportOptions
from roster.ledger import Ledger
from roster.retention import prune
from roster.steps.load import rows_of, settled_since
from roster.store import Store
from roster.tenants import Tenant
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.hooks.canvas_replies import SisImport
from roster_airflow.loading import Loading
from roster_sandbox.canvas import Canvas, running_canvas
from tests.nights.disturbed import FINAL, Clock, Nights
from tests.nights.small import live
from tests.nights.test_faults import BEFORE, THEN, TONIGHT, put_right
from tests.nights.test_posting import arrived


def nights_of(home: Path, tenant: Tenant, canvas: Canvas, hook: CanvasHook, **more: Any) -> Nights:
    hook.retry_delays = (0.0,)
    clock = Clock()
    loading = Loading(hook, Ledger(Store(str(home)), hook.address.netloc, hook.root_account().id), now=clock, **more)
    return Nights(home, tenant, canvas, loading, clock)


@pytest.fixture
def production(
    tmp_path: Path, home: Path, tenant: Callable[..., Tenant], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Nights]:
    """Nights of production, whose token is in test's connection too."""
    with running_canvas(tmp_path / "production") as running:
        connection = {"conn_type": "canvas", "host": running.url, "password": running.token}
        monkeypatch.setenv("AIRFLOW_CONN_CANVAS_PRODUCTION", json.dumps(connection))
        hook = CanvasHook("canvas_production", "production", (running.url.removeprefix("http://"),))
        nights = nights_of(home, tenant(), running, hook)
        nights.day = 100  # run folders of its own
        yield nights


@pytest.fixture
def test(nights: Nights, production: Nights) -> Nights:
    """Nights of test, beside it."""
    return with_loading(nights, production=lambda: [production.loading.ledger])


def with_loading(nights: Nights, **changes: Any) -> Nights:
    return dataclasses.replace(nights, loading=dataclasses.replace(nights.loading, **changes))


def told(nights: Nights) -> list[dict[str, Any]]:
    """What settling says of refreshes, to the verdict."""
    done = settled_since(nights.night(), nights.loading.ledger, datetime.now(UTC) - timedelta(minutes=1))
    return list(nights.content(done, "settle.json")["refreshed"]) if done["path"] else []


def outcomes(ledger: Ledger) -> list[str]:
    return [ledger.settled(version).outcome for version in range(1, ledger.versions()[0] + 1)]


@pytest.mark.parametrize(("in_test", "in_production"), [(TONIGHT, BEFORE), (BEFORE, TONIGHT), (BEFORE, BEFORE)])
def test_the_night_after_plans_the_real_difference(
    test: Nights, production: Nights, in_test: Any, in_production: Any
) -> None:
    """Where test was ahead its rows come again; where production was, they do not."""
    test.play(BEFORE)
    production.play(BEFORE)
    test.play(in_test)
    production.play(in_production)
    test.canvas.refresh_from(production.canvas)
    missing = {key for key, seen in THEN.known().items() if in_production.known().get(key) != seen}
    gone = set(in_production.known()) - set(THEN.known())

    night, plan = test.plan(THEN)

    ledger, theirs = test.loading.ledger, production.loading.ledger
    assert outcomes(ledger)[-1] == "refreshed"
    assert ledger.current()[2].equals(theirs.current()[2])
    changes = test.table(plan, "changes.parquet")
    assert {(file, key) for file, key in changes.select("file", "key").iter_rows()} == missing | gone
    (came,) = told(test)
    assert (came["production"], came["host"], came["anew"]) == (theirs.current()[0], theirs.host, False)
    assert came["as_of"] == production.canvas.imports()[-1]["created_at"]
    assert test.load(night, plan)["counts"]["refused"] == 0
    test.assert_right(THEN)
    put_right(test, THEN)
    assert outcomes(ledger).count("refreshed") == 1
    production.play(THEN)
    production.assert_right(THEN)


def test_nothing_of_it_without_a_refresh(test: Nights, production: Nights) -> None:
    for school in (BEFORE, TONIGHT, THEN):
        test.play(school)
        production.play(school)
    assert outcomes(test.loading.ledger) == ["taken"] * 3
    assert told(test) == []
    assert production.loading.follow_refresh() is None


def test_a_refresh_while_an_import_is_open(test: Nights, production: Nights) -> None:
    test.play(BEFORE)
    production.play(BEFORE)
    night, plan = test.plan(TONIGHT)
    test.canvas.fault("stuck", state="created")
    test.loading.load(night, plan["path"])
    test.canvas.refresh_from(production.canvas)
    test.canvas.clear_faults()
    test.play(TONIGHT)
    assert outcomes(test.loading.ledger) == ["taken", "abandoned", "refreshed", "taken"]
    test.assert_right(TONIGHT)
    put_right(test, THEN)


def test_a_refresh_between_plan_and_load(test: Nights, production: Nights) -> None:
    test.play(BEFORE)
    production.play(TONIGHT)
    night, plan = test.plan(TONIGHT)
    test.canvas.refresh_from(production.canvas)
    with pytest.raises(LedgerMoved, match=r"refreshed test .* clear the run from settle on"):
        test.load(night, plan)
    assert len(test.canvas.imports()) == 1
    test.play(TONIGHT)
    assert outcomes(test.loading.ledger) == ["taken", "refreshed"]
    put_right(test, THEN)


class RefreshedFirst(CanvasHook):
    """Canvas is refreshed just before an import comes."""

    refresh: Callable[[], None]

    def post_import(self, zip_path: Path, identifier: str, options: ImportOptions = NONE) -> SisImport:
        self.refresh()
        return super().post_import(zip_path, identifier, options)


@pytest.mark.parametrize("follows", ["an import", "nothing", "a refresh"])
def test_a_refresh_just_before_the_first_import_is_found_by_what_came_along(
    test: Nights, production: Nights, follows: str
) -> None:
    """Where the import before it is none that a refresh takes away."""
    production.play(BEFORE)
    if follows == "an import":
        test.play(BEFORE)
    if follows == "a refresh":
        test.canvas.refresh_from(production.canvas)
        test.play(BEFORE)
    production.play(TONIGHT.without("p05"))
    hook = RefreshedFirst("canvas_test", "test", ("127.0.0.1",))
    hook.refresh = lambda: test.canvas.refresh_from(production.canvas)
    with_loading(test, hook=hook).play(TONIGHT)
    assert outcomes(test.loading.ledger)[-1] == "taken"
    test.play(TONIGHT)
    assert outcomes(test.loading.ledger)[-2:] == ["refreshed", "taken"]
    put_right(test, TONIGHT)


def test_a_refresh_just_before_an_import_comes_is_found_by_the_one_before(test: Nights, production: Nights) -> None:
    test.play(BEFORE)
    production.play(BEFORE.without("p05"))
    hook = RefreshedFirst("canvas_test", "test", ("127.0.0.1",))
    hook.refresh = lambda: test.canvas.refresh_from(production.canvas)
    with_loading(test, hook=hook).play(TONIGHT)
    assert outcomes(test.loading.ledger) == ["taken", "taken"]
    test.play(TONIGHT)
    ledger = test.loading.ledger
    assert outcomes(ledger) == ["taken", "taken", "refreshed", "taken"]
    assert ledger.rows_at(3)["doubt"].drop_nulls().len() == ledger.sent(ledger.settled(2)).height
    test.assert_right(TONIGHT)
    put_right(test, THEN)


def test_what_was_under_way_in_production_is_in_doubt(test: Nights, production: Nights) -> None:
    test.play(BEFORE)
    production.play(BEFORE)
    night, plan = production.plan(TONIGHT)
    production.canvas.fault("stuck", state="importing")
    production.loading.load(night, plan["path"])
    test.canvas.refresh_from(production.canvas)
    production.canvas.clear_faults()
    production.load(night, plan)
    assert production.loading.ledger.settled(2).outcome == "taken"

    test.carry_through(test.loading.settle_open)

    rows = test.loading.ledger.current()[2]
    assert rows["doubt"].drop_nulls().len() == plan["counts"]["free"]
    (came,) = told(test)
    assert came["production"] == 2
    put_right(test, TONIGHT)


def test_what_production_has_not_settled_yet_is_in_doubt_too(test: Nights, production: Nights) -> None:
    test.play(BEFORE)
    production.play(BEFORE)
    night, plan = production.plan(TONIGHT)
    production.loading.load(night, plan["path"])
    while production.canvas.imports()[-1]["state"] not in FINAL:
        pass
    test.canvas.refresh_from(production.canvas)
    test.carry_through(test.loading.settle_open)
    assert test.loading.ledger.current()[2]["doubt"].drop_nulls().len() == plan["counts"]["free"]
    put_right(test, TONIGHT)


def test_what_production_gave_up_and_canvas_took_is_in_doubt_too(test: Nights, production: Nights) -> None:
    """An import that came late: production's ledger notices it after the refresh."""
    test.play(BEFORE)
    production.play(BEFORE)
    night, plan = production.plan(TONIGHT)
    hidden = dataclasses.replace(
        production.loading, hook=Blind("canvas_production", "production", production.loading.hook.hosts)
    )
    hidden.load(night, plan["path"])
    production.clock.forward(minutes=6)
    assert hidden.settle_open() is None
    test.canvas.refresh_from(production.canvas)
    test.carry_through(test.loading.settle_open)
    assert outcomes(production.loading.ledger) == ["taken", "abandoned"]
    assert test.loading.ledger.current()[2]["doubt"].drop_nulls().len() == plan["counts"]["free"]
    put_right(test, TONIGHT)
    put_right(production, TONIGHT)


def test_what_came_late_to_production_is_in_doubt_beside_what_came_since(
    test: Nights, production: Nights, tmp_path: Path
) -> None:
    test.play(BEFORE)
    production.play(BEFORE)
    night, plan = production.plan(BEFORE.renamed("p07", "Late"))
    ledger, sent = production.loading.ledger, production.table(plan, "sent.parquet")
    late = ledger.intend(
        sent, plan_hash="p", state=ledger.current()[1], sequence=1, run=night.run.path, now=production.clock()
    )
    production.clock.forward(minutes=6)
    production.carry_through(production.loading.settle_open)
    production.play(BEFORE.renamed("p08", "Since"))
    assert outcomes(ledger) == ["taken", "abandoned", "taken"]
    write_zip(rows_of(sent), tmp_path / "late.zip")
    production.loading.hook.post_import(tmp_path / "late.zip", late.identifier)
    arrived(production, 3)

    test.canvas.refresh_from(production.canvas)
    test.carry_through(test.loading.settle_open)

    rows = test.loading.ledger.current()[2]
    assert rows.filter(pl.col("doubt").is_not_null())["key"].to_list() == ["p07"]
    assert '"Since"' in rows.row(by_predicate=pl.col("key") == "p08", named=True)["row"]
    put_right(test, TONIGHT)


class Blind(CanvasHook):
    """Its list shows nothing."""

    def sis_imports(self, created_since: datetime | None = None) -> list[SisImport]:
        return []


def test_a_list_that_shows_nothing_is_no_refresh_by_itself(test: Nights) -> None:
    test.play(BEFORE)
    blind = dataclasses.replace(test.loading, hook=Blind("canvas_test", "test", ("127.0.0.1",)))
    assert blind.follow_refresh(confirmed=True) is None


def test_another_import_under_the_same_number_is_not_taken_for_ours(test: Nights, production: Nights) -> None:
    for school in (BEFORE, TONIGHT):
        test.play(school)
        production.play(school)
    test.canvas.refresh_from(production.canvas)
    assert [one["id"] for one in test.canvas.imports()] == [1, 2]
    assert test.loading.hook.has_import("2", production.loading.ledger.settled(2).identifier)
    assert not test.loading.hook.has_import("2", test.loading.ledger.settled(2).identifier)
    assert not test.loading.hook.has_import("3", production.loading.ledger.settled(2).identifier)
    assert test.loading.follow_refresh() is not None


def test_a_second_refresh_with_nothing_sent_in_between(test: Nights, production: Nights) -> None:
    test.play(BEFORE)
    production.play(BEFORE)
    for school, version in ((BEFORE, 1), (TONIGHT, 2)):
        production.play(school)
        test.canvas.refresh_from(production.canvas)
        for _ in range(2):
            assert test.loading.settle_open() is None
        assert test.loading.ledger.current()[0] == version + 1
        assert test.loading.ledger.current()[2].equals(production.loading.ledger.rows_at(version))
    put_right(test, THEN)


def test_a_test_environment_that_was_never_loaded_is_known_by_productions_imports(
    test: Nights, production: Nights
) -> None:
    production.play(BEFORE)
    assert test.loading.settle_open() is None
    assert test.loading.ledger.versions() == (0, 0)
    test.canvas.refresh_from(production.canvas)
    _, plan = test.plan(BEFORE)
    assert plan["counts"]["free"] == 0
    put_right(test, TONIGHT)


def test_a_root_account_of_another_number_is_another_ledger(
    test: Nights, home: Path, tenant: Callable[..., Tenant], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test.play(BEFORE)
    with running_canvas(tmp_path / "other", root_account_id=7) as other:
        connection = {"conn_type": "canvas", "host": other.url, "password": other.token}
        monkeypatch.setenv("AIRFLOW_CONN_CANVAS_PRODUCTION", json.dumps(connection))
        hook = CanvasHook("canvas_production", "production", (other.url.removeprefix("http://"),))
        production = nights_of(home, tenant(), other, hook)
        production.day = 100
        production.play(TONIGHT)
        test.canvas.refresh_from(other)
        again = nights_of(
            home,
            test.tenant,
            test.canvas,
            CanvasHook("canvas_test", "test", ("127.0.0.1",)),
            production=lambda: Ledger.of_host(Store(str(home)), hook.address.netloc),
        )
        again.day = test.day
        assert again.loading.ledger.account == "7"
        put_right(again, TONIGHT)
        assert outcomes(again.loading.ledger)[0] == "refreshed"


def test_without_an_import_of_production_a_person_confirms(test: Nights, production: Nights) -> None:
    test.play(BEFORE)
    test.canvas.refresh_from(production.canvas)
    for _ in range(2):
        with pytest.raises(CanvasRefreshed, match="roster settle TENANT --environment test --refreshed"):
            test.play(TONIGHT)
    assert (test.canvas.imports(), outcomes(test.loading.ledger)) == ([], ["taken"])
    assert test.loading.follow_refresh(confirmed=True) is not None
    assert test.loading.follow_refresh(confirmed=True) is None
    (came,) = told(test)
    assert (came["anew"], came["production"]) == (True, 0)
    assert test.play(TONIGHT)["counts"]["sent"] == len(TONIGHT.known())
    put_right(test, THEN)


def test_a_confirmed_refresh_from_a_canvas_with_people_of_others_is_not_written_to(
    test: Nights, production: Nights
) -> None:
    production.play(BEFORE)
    test = with_loading(test, production=lambda: [])
    test.play(BEFORE.renamed("p01", "Other"))
    test.canvas.refresh_from(production.canvas)
    there = live(test.canvas.state())
    test.loading.follow_refresh(confirmed=True)
    with pytest.raises(CanvasNotEmpty):
        test.play(TONIGHT)
    assert live(test.canvas.state()) == there


def test_a_version_that_retention_has_removed_is_not_made_up(test: Nights, production: Nights) -> None:
    test.play(BEFORE)
    production.play(BEFORE)
    test.canvas.refresh_from(production.canvas)
    production.play(TONIGHT)
    ledger, year = production.loading.ledger, timedelta(days=365)
    assert prune(ledger.store, production.tenant, [ledger], datetime.now(UTC) + year)["ledger files"] > 0
    with pytest.raises(CanvasRefreshed, match="production's version 1, which came along, were removed by retention"):
        test.play(TONIGHT)
    test.loading.follow_refresh(confirmed=True)
    assert test.loading.settle_open() is None  # confirmed once
    with pytest.raises(CanvasNotEmpty):
        test.play(TONIGHT)


def test_a_dead_token_is_no_refresh(
    test: Nights, tmp_path: Path, tenant: Callable[..., Tenant], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is taken for refreshed until there is a token that works."""
    test.play(BEFORE)
    with running_canvas(tmp_path / "other", tokens={"made-in-production": "admin"}) as other:
        connection = {"conn_type": "canvas", "host": other.url, "password": other.token}
        monkeypatch.setenv("AIRFLOW_CONN_CANVAS_PRODUCTION", json.dumps(connection))
        hook = CanvasHook("canvas_production", "production", (other.url.removeprefix("http://"),))
        production = nights_of(home, tenant(), other, hook)
        production.day = 100
        production.play(TONIGHT)
        test.canvas.refresh_from(other)
        test = with_loading(test, production=lambda: [production.loading.ledger])
        for _ in range(2):
            with pytest.raises(CanvasTokenDead, match="make the token in production") as dead:
                test.play(TONIGHT)
            assert "was refreshed" not in str(dead.value)
        assert outcomes(test.loading.ledger) == ["taken"]
        renewed = {"conn_type": "canvas", "host": test.canvas.url, "password": other.token}
        monkeypatch.setenv("AIRFLOW_CONN_CANVAS_TEST", json.dumps(renewed))
        test = with_loading(test, hook=CanvasHook("canvas_test", "test", ("127.0.0.1",)))
        put_right(test, TONIGHT)
        assert outcomes(test.loading.ledger) == ["taken", "refreshed"]
        put_right(test, THEN)
