"""The example tenants that read TASS: after a night Canvas holds what the district implies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from roster.ledger import Ledger
from roster.steps.check import check
from roster.steps.extract import extract
from roster.steps.hand_on import hand_on
from roster.steps.plan import Asked, make_plan
from roster.steps.transform import transform
from roster.store import Store
from roster.tenants import Tenant, read_tenant
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.loading import Loading
from roster_airflow.reading import reading_for
from roster_sandbox.canvas import Canvas, running_canvas
from roster_sandbox.clever import Settings as CleverSettings
from roster_sandbox.clever import running_clever
from roster_sandbox.demo.comparison import differences
from roster_sandbox.demo.examples import example
from roster_sandbox.demo.keys import Key, Keys, keys_in
from roster_sandbox.demo.nights import Nights
from roster_sandbox.demo.places import Places
from roster_sandbox.demo.settings import ZONE, connections, write_tenant
from roster_sandbox.tass import Settings, apps, keys_of, running_tass
from tests.nights import finish, night_of

DAY = datetime.now(ZONE).date()


@pytest.fixture
def canvas(tmp_path: Path) -> Iterator[Canvas]:
    with running_canvas(tmp_path / "canvas") as running:
        yield running


def served(places: Places, stack: ExitStack, keys: Keys) -> dict[str, Key]:
    """The sources' stand-ins in this process, as the keys of the example have them but for the ports."""
    found = {}
    for name, key in keys.sources.items():
        folder = places.delivery / name if len(keys.sources) > 1 else places.delivery
        if name == "tass":
            url = stack.enter_context(running_tass(folder, Settings(apps=apps(keys=keys_of(key.secret))))).url
        else:
            url = stack.enter_context(running_clever(folder, CleverSettings(token=key.secret))).url
        found[name] = Key(int(url.rpartition(":")[2]), key.secret)
    return found


def play(home: Path, tenant: Tenant, loading: Loading, run_date: datetime) -> None:
    night = night_of(home, tenant, run_date)
    extracts = {
        source.name: extract(night, source.name, reading_for(source), datetime.now(UTC))["path"]
        for source in tenant.sources
    }
    checked = check(night, extracts)
    assert not checked["counts"]["stops"]
    transformed = transform(night, checked["path"], extracts)
    planned = make_plan(night, transformed["path"], loading.ledger, Asked())
    loaded = finish(lambda: loading.load(night, planned["path"]), loading)
    hand_on(
        night,
        extracts=extracts,
        transform=transformed,
        plan=planned,
        load=loaded,
        unreachable=False,
        scope=None,
        now=datetime.now(UTC),
    )


@pytest.mark.usefixtures("rules_only")
@pytest.mark.parametrize("name", ["karri", "gumtree"])
def test_canvas_holds_what_the_district_implies_night_after_night(
    tmp_path: Path, canvas: Canvas, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    places = Places(tmp_path / "work", name)
    places.make()
    keys = keys_in(places.keys, example(name).KEYS)
    write_tenant(places, keys)
    nights = Nights(places, DAY, pupils=200)
    nights.deliver(1)  # what serves it reads the folder when it begins
    with ExitStack() as stack:
        there = {**vars(keys), "sources": served(places, stack, keys)}
        for variable, value in connections(places, Keys(**there)).items():
            monkeypatch.setenv(variable, value)
        monkeypatch.setenv(
            "AIRFLOW_CONN_CANVAS_TEST",
            json.dumps({"conn_type": "canvas", "host": canvas.url, "password": canvas.token}),
        )
        hook = CanvasHook("canvas_test", "test", ("127.0.0.1",))
        home = tmp_path / "home"
        loading = Loading(hook, Ledger(Store(str(home)), hook.address.netloc, hook.root_account().id))
        for night in (1, 2):
            nights.deliver(night)
            play(home, read_tenant(places.tenant_file), loading, datetime.now(UTC) + timedelta(minutes=night))
            found = differences(canvas.state(), nights.expected(DAY), ZONE)
            assert [one.text for one in found] == [], night
            nights.done(DAY)
