"""A refresh of test between any two steps of any run; over real sockets: tests/nights/test_refresh.py."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from roster.errors import CanvasWrongHost
from roster.journal import Intent, in_doubt
from roster.ledger import Ledger
from roster.plan import Wish
from roster.safety import plan_hash
from roster.steps.plan import numbered
from roster.store import Store
from roster.tenants import CanvasEnvironment, Environment, Tenant
from roster_airflow.hooks.canvas_replies import SisImport
from roster_airflow.loading import loading_for
from roster_airflow.refresh import follow_refresh, production_ledgers
from roster_sandbox.canvas import running_canvas
from tests.five_pupils import deliver, tables
from tests.nights import Folder, Played, night_of, play
from tests.roster.canvas_rows import a_night, a_tenant, a_user
from tests.roster.test_ledger import NOW, FakeCanvas, Loads


class Listing:
    """What following a refresh asks of a hook."""

    def __init__(self, canvas: FakeCanvas) -> None:
        self.canvas = canvas

    def sis_imports(self, _since: datetime | None = None) -> list[SisImport]:
        return [
            SisImport(number, one.state, created_at=NOW, diffing_data_set_identifier=one.identifier)
            for number, one in enumerate(self.canvas.imports, start=1)
        ]

    def has_import(self, _import_id: str, identifier: str) -> bool:
        return self.canvas.find(identifier) is not None


class Refreshes(Loads):
    """Test is loaded as in Loads, production beside it, and Canvas writes the one over the other."""

    @initialize()
    def begin(self) -> None:
        super().begin()
        self.production = Ledger(Store(str(self.folder)), "canvas.example", "1")
        self.original = FakeCanvas()
        self.is_unnoticed = False

    @rule(breaks_off=st.booleans(), is_settled=st.booleans())
    def production_is_loaded(self, breaks_off: bool, is_settled: bool) -> None:
        if intent := self.intend_in_production():
            rows = self.production.sent(intent)
            self.original.take(intent.identifier, rows, 0, rows.height // 2 if breaks_off else None)
            if is_settled:
                self.settle_production()

    @rule(in_the_middle=st.booleans())
    def canvas_is_refreshed(self, in_the_middle: bool) -> None:
        """In the middle of an import of production, perhaps, which then ends there and nowhere else."""
        copy = FakeCanvas(dict(self.original.users), list(self.original.imports), self.canvas.ever | self.original.ever)
        if in_the_middle and (intent := self.intend_in_production()):
            rows = self.production.sent(intent)
            copy.take(intent.identifier, rows, 0, rows.height // 2)
            self.original.take(intent.identifier, rows, 0, None)
            self.settle_production()
        self.canvas, self.is_unnoticed = copy, True

    def intend_in_production(self) -> Intent | None:
        self.settle_production()
        _, state, rows = self.production.current()
        self.artefact += 1
        wanted = [a_user(key, email=mail) for key, mail in self.source.items()]
        made = a_night(wanted, rows, sequence=self.artefact)
        if made.held_hash:
            made = a_night(wanted, rows, sequence=self.artefact, wish=Wish(release=made.held_hash))
        sent = numbered(made.free)
        if sent.is_empty():
            return None
        return self.production.intend(
            sent, plan_hash=plan_hash(sent), state=state, sequence=self.artefact, run="p", now=self.now
        )

    def settle_production(self) -> None:
        if intent := self.production.open_intent():
            found = self.original.find(intent.identifier)
            assert found is not None
            outcomes = found.outcomes if found.state == "imported" else in_doubt(found.rows)
            facts = {"workflow_state": found.state}
            self.production.settle(intent, outcomes, outcome="taken", import_id="1", now=self.now, facts=facts)

    @rule()
    def settle(self) -> None:
        super().settle()
        if self.ledger.open_intent() is None:
            hook: Any = Listing(self.canvas)
            follow_refresh(hook, self.ledger, lambda: [self.production], self.now, confirmed=True)
            self.is_unnoticed = False

    @invariant()
    def the_ledger_claims_nothing_that_canvas_did_not_take(self) -> None:
        if not getattr(self, "is_unnoticed", False):
            super().the_ledger_claims_nothing_that_canvas_did_not_take()

    def a_night_that_nothing_disturbs(self) -> None:
        super().a_night_that_nothing_disturbs()
        hook: Any = Listing(self.canvas)
        assert follow_refresh(hook, self.ledger, lambda: [self.production], self.now) is None


TestRefreshes = Refreshes.TestCase
TestRefreshes.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def a_tenant_with_production(*hosts: str) -> Tenant:
    tenant = a_tenant()
    production = CanvasEnvironment(connection="canvas_banksia", hosts=hosts)
    return tenant.model_copy(update={"canvas": tenant.canvas.model_copy(update={"production": production})})


def test_productions_ledgers_are_those_of_its_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(str(tmp_path))
    connection = '{"conn_type": "canvas", "host": "http://127.0.0.1:8123", "password": "t"}'
    monkeypatch.setenv("AIRFLOW_CONN_CANVAS_BANKSIA", connection)
    tenant = a_tenant_with_production("127.0.0.1:8123")
    assert production_ledgers(store, tenant) == []
    for host, account in (("127.0.0.1:8123", "7"), ("127.0.0.1:8123", "12"), ("127.0.0.1:8124", "9")):
        store.write(f"{Ledger(store, host, account).path}/00000001.intent.json", b"{}")
    found = production_ledgers(store, tenant)
    assert [(one.host, one.account) for one in found] == [("127.0.0.1:8123", "12"), ("127.0.0.1:8123", "7")]
    assert production_ledgers(store, a_tenant()) == []


def test_a_production_that_is_test_is_not_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = '{"conn_type": "canvas", "host": "banksia.test.instructure.com", "password": "t"}'
    monkeypatch.setenv("AIRFLOW_CONN_CANVAS_BANKSIA", connection)
    with pytest.raises(CanvasWrongHost):
        production_ledgers(Store(str(tmp_path)), a_tenant_with_production())


def test_what_is_wrong_with_production_is_no_fault_of_a_test_that_misses_nothing(tmp_path: Path) -> None:
    ledger = Ledger(Store(str(tmp_path)), "canvas.test.example", "1")

    def wrong() -> list[Ledger]:
        message = "the connection of production points elsewhere"
        raise CanvasWrongHost(message)

    hook: Any = Listing(FakeCanvas())
    assert follow_refresh(hook, ledger, wrong, NOW) is None


def test_the_report_tells_of_a_refresh_and_nothing_is_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the tenant's two connections to the sentence in the report."""
    monkeypatch.setattr("roster.checks.judgement.read_suites", lambda _: ())
    store, today = Store(str(tmp_path / "home")), datetime.now(UTC)
    delivery = Folder(deliver(tmp_path / "files", tables(today.date())))
    with running_canvas(tmp_path / "test") as test, running_canvas(tmp_path / "production") as production:
        for name, canvas in (("CANVAS_BANKSIA_TEST", test), ("CANVAS_BANKSIA", production)):
            connection = {"conn_type": "canvas", "host": canvas.url, "password": canvas.token}
            monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
        hosts = [canvas.url.removeprefix("http://") for canvas in (test, production)]
        tenant = a_tenant_with_production(hosts[1])
        in_test = tenant.canvas.test.model_copy(update={"hosts": (hosts[0],)})
        tenant = tenant.model_copy(update={"canvas": tenant.canvas.model_copy(update={"test": in_test})})

        def a_night_in(environment: Environment, number: int) -> Played:
            night = night_of(tmp_path / "home", tenant, today + timedelta(seconds=number))
            return play(night, delivery, loading_for(store, tenant, environment))

        assert a_night_in("test", 1).changes.height == a_night_in("production", 2).changes.height > 0
        test.refresh_from(production)
        played = a_night_in("test", 3)
        again = a_night_in("test", 4)

    assert played.changes.is_empty()
    as_of = production_as_of(played)
    (told,) = [line for line in played.report["notices"] if "refreshed" in line]
    assert f"refreshed from production as of the import of {as_of} UTC: " in told
    assert "the test ledger follows production version 1. " in told
    assert [line for line in again.report["notices"] if "refreshed" in line] == []


def production_as_of(played: Played) -> str:
    (came,) = played.json("settle", "settle.json")["refreshed"]
    return str(came["as_of"])[:16].replace("T", " ")
