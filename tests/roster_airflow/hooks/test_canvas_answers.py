"""What Canvas said of an import is kept beside the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from roster.retention import ANSWERS, prune
from roster.store import Store
from roster.tenants import read_tenant
from roster_airflow.loading import loading_for
from roster_sandbox.canvas import running_canvas
from tests.five_pupils import connections, deliver, tables, tenant_file
from tests.nights import Folder, night_of, play


def test_the_answer_is_kept_and_outlives_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roster.checks.judgement.read_suites", lambda _: ())  # seconds, and not looked at here
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    now = datetime.now(UTC)
    tenant = read_tenant(tenant_file(tmp_path / "tenants"))
    deliver(tmp_path / "files", tables(now.date()))
    with running_canvas(tmp_path / "canvas") as canvas:
        for name, value in connections(canvas.url, canvas.token, tmp_path / "files").items():
            monkeypatch.setenv(name, value)
        loading = loading_for(Store.home(), tenant, "test")
        canvas.fault("refuse_rows", file="users", every=2, message="refused for a test")
        canvas.fault("server_error", path="/errors$", after=1)  # what settles it reads them, the archive can't
        monkeypatch.setattr(type(loading.hook), "retry_delays", ())
        play(night_of(tmp_path / "home", tenant, now), Folder(tmp_path / "files"), loading)
        store, ledger = Store.home(), loading.ledger
        assert [one.version for one in ledger.without_answer(now - timedelta(days=1))] == [1]
        canvas.clear_faults()
        assert loading.settle_open() is None  # the next night
        [answer] = [f"{ledger.path}/{name}" for name in store.names(ledger.path) if name.endswith(".answer.json")]
        kept = store.read_json(answer)
    assert kept["import"]["workflow_state"] == "imported_with_messages"
    assert {"errors_attachment", "csv_attachments"} & kept["import"].keys() == set()
    assert len(kept["messages"]) > 1
    assert "refused for a test" in {one["message"] for one in kept["messages"]}
    assert ledger.without_answer(now - timedelta(days=1)) == []
    assert ledger.versions() == (1, 1)
    prune(store, tenant, [ledger], now + ANSWERS - timedelta(days=2))
    assert store.exists(answer)
    prune(store, tenant, [ledger], now + ANSWERS + timedelta(days=2))
    assert not store.exists(answer)
