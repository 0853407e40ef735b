"""Several nights on which ids change and log-ins pass on, with faults at any request, and then one without."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roster.errors import RosterError
from roster.ledger import Ledger
from roster.store import Store
from roster.tenants import Tenant
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.loading import Loading
from roster_sandbox.canvas import running_canvas
from tests.nights.disturbed import Clock, Nights
from tests.nights.moved import Moved, moved
from tests.nights.small import PUPILS, school
from tests.nights.test_random_faults import REQUESTS, UPLOADS, Fault

SHARE = st.integers(0, 10).map(lambda tenth: tenth / 10)
FILE = st.sampled_from(["", "change_sis_id", "users", "enrollments"])
FAULTS: st.SearchStrategy[Fault] = st.one_of(
    REQUESTS,
    UPLOADS,
    st.tuples(st.just("refuse_file"), st.fixed_dictionaries({"file": FILE})),
    st.tuples(st.just("refuse_rows"), st.fixed_dictionaries({"file": FILE, "every": st.integers(1, 2)})),
    st.tuples(st.just("fail_halfway"), st.fixed_dictionaries({"share": SHARE})),
    st.tuples(st.just("abort_halfway"), st.fixed_dictionaries({"share": SHARE})),
    st.tuples(st.just("wrong_counts"), st.just({"counts": {"change_sis_ids": -1}})),
    st.tuples(st.just("wrong_counts"), st.just({"counts": {"users": 1}})),
    st.tuples(st.just("stuck"), st.just({"state": "importing"})),
)
Change = Callable[[Moved], Moved]
PUPIL = st.sampled_from(PUPILS[:6])
CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.builds(lambda one: lambda now: now.with_id(one, f"new-{one}"), PUPIL),
    st.builds(lambda one, other: lambda now: now.swapped(one, other), PUPIL, PUPIL),
    st.builds(lambda one: lambda now: now.leaving("algebra", one), PUPIL),  # type: ignore[return-value]
    st.builds(lambda one: lambda now: now.renamed(one, "Ash"), PUPIL),  # type: ignore[return-value]
)
NIGHT = st.tuples(st.lists(CHANGES, max_size=3), st.lists(FAULTS, max_size=2))


def tell(nights: Nights, source: Moved) -> None:
    """The mapping says which ids are others by now."""
    nights.id_changes = [("user", old, new) for old, new in source.ids.items()]


def play(nights: Nights, source: Moved, faults: list[Fault]) -> None:
    """A night as it comes: it ends, or an error of ours ends it."""
    for name, options in faults:
        nights.canvas.fault(name, **options)
    with contextlib.suppress(RosterError):
        nights.play(source)
    nights.assert_honest()
    if not nights.canvas.imports() or all(one["ended_at"] for one in nights.canvas.imports()):
        nights.canvas.clear_faults()


def put_right(nights: Nights, source: Moved) -> None:
    """A night without faults, and what its limits hold let go."""
    nights.play(source)
    nights.assert_honest()
    while held := nights.content(nights.planned[-1], "plan.json")["held_hash"]:
        nights.play(source, release=held)
        if nights.content(nights.planned[-1], "plan.json")["released"]:
            break
    nights.assert_right(source)


@given(days=st.lists(NIGHT, min_size=1, max_size=3))
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_after_any_nights_one_without_faults_puts_ids_and_log_ins_right(
    days: list[tuple[list[Change], list[Fault]]], tenant: Callable[..., Tenant], monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as folder, running_canvas(Path(folder) / "canvas") as canvas:
        connection = {"conn_type": "canvas", "host": canvas.url, "password": canvas.token}
        monkeypatch.setenv("AIRFLOW_CONN_CANVAS_TEST", json.dumps(connection))
        hook, home, clock = CanvasHook("canvas_test", "test", ("127.0.0.1",)), Path(folder) / "home", Clock()
        hook.retry_delays = (0.0,)
        ledger = Ledger(Store(str(home)), hook.address.netloc, hook.root_account().id)
        nights = Nights(home, tenant(), canvas, Loading(hook, ledger, now=clock), clock, patience=1, retries=2)
        source = moved(school())
        nights.play(source)
        people = canvas.state()["users"]
        for changes, faults in days:
            for change in changes:
                source = change(source)
            tell(nights, source)
            play(nights, source, faults)
        canvas.clear_faults()
        nights.patience = 20
        time.sleep(0.3)  # whatever is late has come
        put_right(nights, source)
        after: dict[Any, Any] = {user["id"]: user["user_id"] for user in canvas.state()["users"]}
        assert after == {user["id"]: source.ids.get(user["user_id"], user["user_id"]) for user in people}
        posted = len(canvas.imports())
        nights.play(source)
        assert len(canvas.imports()) == posted
