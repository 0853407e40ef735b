"""One import from the lock to the settled journal: what is waited for, written and counted."""

from __future__ import annotations

import dataclasses
import json
import logging
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from roster.errors import CanvasNotEmpty, CanvasRefused, CanvasTokenDead, CanvasWrongHost, LedgerMoved
from roster.journal import SENT, Intent
from roster.ledger import Ledger
from roster.safety import Gate
from roster.steps import Done, Night
from roster.steps.load import over_budget, read_strictly, rows_of, settled_since
from roster.steps.plan import Asked, make_plan
from roster.store import Store
from roster.tenants import CanvasEnvironment, CanvasSettings, LoadWindow, SafetySettings, Tenant
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.loading import Loading, Wait, loading_for
from roster_sandbox.canvas import Canvas, running_canvas
from tests.nights import finish, night_of
from tests.nights.small import School, school, write_artefact

AT = datetime(2016, 2, 1, 7, tzinfo=UTC)
TENANT = Tenant.model_validate(
    {
        "id": "sample",
        "name": "Sample",
        "timezone": "America/New_York",
        "sources": [{"name": "clever", "system": "clever_csv", "connection": "clever_files"}],
        "canvas": {"test": {"connection": "canvas_test", "hosts": ["127.0.0.1"]}},
    }
)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canvas]:
    with running_canvas(tmp_path / "canvas", root_account_id=31) as running:
        connection = {"conn_type": "canvas", "host": running.url, "password": running.token}
        monkeypatch.setenv("AIRFLOW_CONN_CANVAS_TEST", json.dumps(connection))
        monkeypatch.setattr(CanvasHook, "retry_delays", ())
        yield running


@pytest.fixture
def loading(stand_in: Canvas, tmp_path: Path) -> Loading:
    return loading_for(Store(str(tmp_path / "home")), TENANT, "test")


def planned(loading: Loading, source: School, day: int = 0) -> tuple[Night, Done]:
    night = night_of(Path(loading.ledger.store.root), TENANT, AT + timedelta(days=day))
    return night, make_plan(night, write_artefact(night, source)["path"], loading.ledger, Asked())


def load(loading: Loading, source: School, day: int = 0) -> Done:
    night, plan = planned(loading, source, day)
    done: Done = finish(lambda: loading.load(night, plan["path"]), loading)
    return done


def test_the_ledger_belongs_to_host_and_root_account(loading: Loading, stand_in: Canvas) -> None:
    assert (loading.ledger.host, loading.ledger.account) == (stand_in.url.removeprefix("http://"), "31")
    other = TENANT.model_copy(update={"canvas": TENANT.canvas.model_copy(update={"test": _elsewhere()})})
    with pytest.raises(CanvasWrongHost):
        loading_for(loading.ledger.store, other, "test")
    stand_in.fault("token_dead", path="accounts/self$")
    with pytest.raises(CanvasTokenDead):
        loading_for(loading.ledger.store, TENANT, "test")


def test_a_host_that_is_listed_for_production_is_never_test(loading: Loading, stand_in: Canvas) -> None:
    host = stand_in.url.removeprefix("http://")
    listed = CanvasEnvironment(connection="canvas_production", hosts=(host,))
    both = TENANT.model_copy(update={"canvas": TENANT.canvas.model_copy(update={"production": listed})})
    with pytest.raises(CanvasWrongHost, match="host of the other environment"):
        loading_for(loading.ledger.store, both, "test")


def _elsewhere() -> object:
    return TENANT.canvas.test.model_copy(update={"hosts": ()})


def test_nothing_open_is_nothing_to_wait_for(loading: Loading, stand_in: Canvas) -> None:
    stand_in.fault("token_dead")  # it does not even ask
    assert loading.settle_open() is None


def test_an_import_is_waited_for_since_it_was_written(loading: Loading, stand_in: Canvas) -> None:
    stand_in.fault("stuck", state="created")
    night, plan = planned(loading, school())
    posted = loading.load(night, plan["path"])
    assert isinstance(posted, Wait)
    (shown,) = stand_in.imports()
    begun = max(_opened(loading).written, datetime.fromisoformat(shown["created_at"]))
    assert posted == Wait(begun, import_id=str(shown["id"]))
    assert loading.settle_open() == posted == loading.load(night, plan["path"])


def test_what_canvas_does_not_show_is_waited_for_until_an_instant(loading: Loading) -> None:
    intent = _an_intent(loading)
    assert loading.settle_open() == Wait(intent.written, until=intent.written + timedelta(minutes=5))
    just = dataclasses.replace(loading, now=lambda: intent.written + timedelta(minutes=5, microseconds=-1))
    assert isinstance(just.settle_open(), Wait)
    due = dataclasses.replace(loading, now=lambda: intent.written + timedelta(minutes=5))
    assert due.settle_open() is None
    settled = loading.ledger.settled(1)
    assert (settled.outcome, settled.import_id) == ("abandoned", None)
    assert loading.ledger.current()[1:2] == (intent.state,)


def test_who_is_given_up_meanwhile_does_not_post(loading: Loading, stand_in: Canvas) -> None:
    night, plan = planned(loading, school())
    slow = dataclasses.replace(loading, ledger=GivenUp(loading.ledger.store, loading.ledger.host, "31"))
    with pytest.raises(LedgerMoved):
        slow.load(night, plan["path"])
    assert stand_in.imports() == []


class GivenUp(Ledger):
    """Another process gives an intent up as soon as it is written."""

    def intend(self, sent: pl.DataFrame, **facts: object) -> Intent:
        intent = super().intend(sent, **facts)  # type: ignore[arg-type]
        nothing = pl.DataFrame(schema={"file": pl.String, "row": pl.Int64, "outcome": pl.String})
        self.settle(intent, nothing, outcome="abandoned", import_id=None, now=datetime.now(UTC))
        return intent


def test_a_canvas_with_people_of_another_ledger_is_left_alone(
    loading: Loading, stand_in: Canvas, tmp_path: Path
) -> None:
    load(loading, school())
    stranger = dataclasses.replace(
        loading, ledger=Ledger(Store(str(tmp_path / "other home")), loading.ledger.host, loading.ledger.account)
    )
    with pytest.raises(CanvasNotEmpty):
        load(stranger, school())
    assert len(stand_in.imports()) == 1
    assert stranger.ledger.versions() == (0, 0)


def test_a_plan_made_before_another_import_was_settled_is_not_sent(loading: Loading, stand_in: Canvas) -> None:
    night, plan = planned(loading, school())
    load(loading, school(), day=1)
    with pytest.raises(LedgerMoved):
        loading.load(night, plan["path"])
    assert len(stand_in.imports()) == 1


def test_the_folder_of_a_load_tells_what_became_of_it(loading: Loading, stand_in: Canvas) -> None:
    stand_in.fault("refuse_rows", file="user_observers")
    done = load(loading, school())
    store = loading.ledger.store
    content = store.read_json(f"{done['path']}/load.json")
    settled = loading.ledger.settled(1)
    assert content["outcome"] == "taken"
    assert content["workflow_state"] == "imported_with_messages"
    assert (content["identifier"], content["version"], content["import_id"]) == (settled.identifier, 1, "1")
    assert content["counts"]["refused"] == content["counts"]["newly_refused"] == 4
    assert (content["doubts"], content["amiss"]) == ([], {})
    assert content["statistics"]["total_state_changes"] > 0
    assert [(line["rule"], line["rows"], line["again"]) for line in content["problems"]] == [
        ("canvas-unknown-message", 4, 0)
    ]
    problems = pl.read_parquet(store.local_path(done["path"]) / "problems.parquet")
    assert problems["file"].unique().to_list() == ["user_observers.csv"]
    assert problems["row"].sort().to_list() == [2, 3, 4, 5]
    assert store.read(f"{done['path']}/import.zip") == stand_in.upload(1)
    assert done["counts"] == {**content["counts"], "import_id": "1", "missed": False}


def test_what_the_linter_found_is_told_by_the_load_whoever_settles_it(loading: Loading) -> None:
    night, plan = planned(loading, school().renamed("p01", "N" * 256).renamed("p02", "N" * 257))
    assert isinstance(loading.load(night, plan["path"]), Wait)
    another = dataclasses.replace(loading)
    done: Done = finish(lambda: another.load(night, plan["path"]), another)
    content = loading.ledger.store.read_json(f"{done['path']}/load.json")
    assert content["amiss"] == {"text-too-long": 2}


def test_too_many_newly_refused_rows_are_over_the_budget(loading: Loading, stand_in: Canvas) -> None:
    stand_in.fault("refuse_rows", file="enrollments")
    first = load(loading, school())["counts"]
    assert (first["newly_refused"], first["over_budget"]) == (28, True)
    again = load(loading, school(), day=1)["counts"]
    assert (again["refused"], again["newly_refused"], again["over_budget"]) == (28, 0, False)


@pytest.mark.parametrize(
    ("refused", "rows", "over"), [(0, 0, False), (10, 10, False), (11, 550, False), (11, 549, True), (12, 100, True)]
)
def test_the_refusal_budget_is_a_share_above_a_number(refused: int, rows: int, over: bool) -> None:
    assert over_budget(refused, rows, SafetySettings()) is over


def test_rows_of_an_import_are_told_apart_by_file_and_keep_their_order() -> None:
    lines = [
        ("users.csv", 2, "b", '{"user_id":"b","login_id":"Bé"}', "user_id,login_id"),
        ("users.csv", 3, "a", '{"user_id":"a","login_id":null}', "user_id,login_id"),
        ("sections.csv", 2, "s", '{"section_id":"s","name":"1,\\"2\\""}', "section_id,name"),
    ]
    sent = pl.DataFrame(
        [
            {"file": file, "row": row, "key": key, "action": "create", "old": None, "new": new, "columns": columns}
            for file, row, key, new, columns in lines
        ],
        schema=SENT,
    )
    tables = rows_of(sent)
    assert list(tables) == ["users.csv", "sections.csv"]
    assert tables["users.csv"].to_dict(as_series=False) == {"user_id": ["b", "a"], "login_id": ["Bé", None]}
    assert tables["sections.csv"].rows() == [("s", '1,"2"')]


@pytest.mark.parametrize("ended", ["restored", "restoring", "aborted"])
def test_an_import_that_somebody_undoes_is_in_doubt(loading: Loading, stand_in: Canvas, ended: str) -> None:
    night, plan = planned(loading, school())
    waits = loading.load(night, plan["path"])
    assert isinstance(waits, Wait)
    found = loading.hook.sis_import(str(waits.import_id))

    class Undone(CanvasHook):
        def sis_imports(self, created_since: datetime | None = None) -> list[object]:  # type: ignore[override]
            return [msgspec_replace(found, ended)]

    undone = dataclasses.replace(loading, hook=Undone("canvas_test", "test", ("127.0.0.1",)))
    done = undone.load(night, plan["path"])
    assert isinstance(done, dict)
    assert done["counts"]["doubt"] == done["counts"]["rows"] == len(school().known())


def msgspec_replace(found: object, state: str) -> object:
    import msgspec

    return msgspec.structs.replace(found, workflow_state=state)  # type: ignore[type-var]


def _opened(loading: Loading) -> Intent:
    intent = loading.ledger.open_intent()
    assert intent is not None
    return intent


def _an_intent(loading: Loading, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Intent:
    """One that was written and never posted."""
    night, plan = planned(loading, school())
    sent = pl.read_parquet(loading.ledger.store.local_path(plan["path"]) / "sent.parquet")
    return loading.ledger.intend(sent, plan_hash="p", state="empty", sequence=1, run=night.run.path, now=now())


def test_what_became_of_another_runs_import_is_told_by_the_run_that_settled_it(
    loading: Loading, stand_in: Canvas
) -> None:
    """A night whose load was broken off after its POST reports nothing of it; the next one does."""
    night, plan = planned(loading, school())
    stand_in.fault("refuse_rows", file="users", pattern="Tutor", message="Something broke with this user")
    assert isinstance(loading.load(night, plan["path"]), Wait)

    following = night_of(Path(loading.ledger.store.root), TENANT, AT + timedelta(days=1))
    began = datetime.now(UTC)
    finish(loading.settle_open, loading)
    told = settled_since(following, loading.ledger, began)

    assert told["counts"]["imports"] == 1
    (one,) = following.store.read_json(f"{told['path']}/settle.json")["imports"]
    assert (one["run"], one["outcome"]) == (night.run.path, "taken")
    assert one["counts"]["refused"] > 0
    problems = pl.read_parquet(following.store.local_path(told["path"]) / "problems.parquet")
    assert "canvas-user-broke" in set(problems["rule"])


def test_a_run_is_not_told_of_its_own_import_nor_of_older_ones(loading: Loading) -> None:
    night, plan = planned(loading, school())
    began = datetime.now(UTC)
    finish(lambda: loading.load(night, plan["path"]), loading)
    following = night_of(Path(loading.ledger.store.root), TENANT, AT + timedelta(days=1))

    assert settled_since(night, loading.ledger, began)["path"] == ""
    assert settled_since(following, loading.ledger, datetime.now(UTC))["path"] == ""


BOTH = TENANT.model_copy(
    update={
        "canvas": CanvasSettings.model_validate(
            {"test": {"connection": "canvas_test"}, "production": {"connection": "canvas_production"}}
        ),
        "load_window": LoadWindow.model_validate({"not_between": ["07:00", "17:00"]}),
    }
)
CLOSED, AGAIN = datetime(2016, 2, 1, 15, tzinfo=UTC), datetime(2016, 2, 1, 22, tzinfo=UTC)
"""Ten in the morning in New York, and five in the afternoon."""


def bound_night(loading: Loading, day: int = 0) -> tuple[Night, Done]:
    """A night of a tenant with a load window, planned."""
    night = night_of(Path(loading.ledger.store.root), BOTH, AT + timedelta(days=day))
    return night, make_plan(night, write_artefact(night, school())["path"], loading.ledger, Asked())


def test_a_load_that_finds_the_window_closed_is_missed_and_posts_nothing(loading: Loading, stand_in: Canvas) -> None:
    night, plan = bound_night(loading)
    shut = dataclasses.replace(loading, now=lambda: CLOSED)
    done = shut.load(night, plan["path"], bound=True)
    assert isinstance(done, dict)
    assert (done["counts"]["missed"], done["counts"]["rows"], done["counts"]["import_id"]) == (True, 0, None)
    content = loading.ledger.store.read_json(f"{done['path']}/load.json")
    assert (content["outcome"], content["opens"]) == ("missed", "2016-02-01 17:00:00-05:00")
    assert not loading.ledger.store.exists(f"{done['path']}/import.zip")
    assert (stand_in.imports(), loading.ledger.versions()) == ([], (0, 0))


@pytest.mark.parametrize(("now", "bound"), [(CLOSED, False), (AGAIN, True)])
def test_a_load_that_is_not_bound_or_finds_it_open_goes(
    loading: Loading, stand_in: Canvas, now: datetime, bound: bool
) -> None:
    night, plan = bound_night(loading)
    at = dataclasses.replace(loading, now=lambda: now)
    done = finish(lambda: at.load(night, plan["path"], bound=bound), at)
    assert (done["counts"]["missed"], done["counts"]["sent"]) == (False, len(school().known()))


def test_an_import_that_was_posted_before_the_window_closed_is_settled(loading: Loading, stand_in: Canvas) -> None:
    night, plan = bound_night(loading)
    stand_in.fault("stuck", state="created")
    before = dataclasses.replace(loading, now=lambda: CLOSED - timedelta(hours=3, minutes=1))
    assert isinstance(before.load(night, plan["path"], bound=True), Wait)
    shut = dataclasses.replace(loading, now=lambda: CLOSED)
    assert isinstance(shut.load(night, plan["path"], bound=True), Wait)
    stand_in.clear_faults()
    done = finish(lambda: shut.load(night, plan["path"], bound=True), shut)
    assert (done["counts"]["missed"], done["counts"]["sent"]) == (False, len(school().known()))
    assert len(stand_in.imports()) == 1


def test_with_nothing_to_send_no_window_is_missed(loading: Loading) -> None:
    load(loading, school())
    night, plan = bound_night(loading, day=1)
    done = dataclasses.replace(loading, now=lambda: CLOSED).load(night, plan["path"], bound=True)
    assert isinstance(done, dict)
    assert done["counts"]["missed"] is False


def test_a_canvas_with_people_of_its_own_is_refused_even_where_everything_is_held(
    loading: Loading, stand_in: Canvas, tmp_path: Path
) -> None:
    """Before anybody is asked for a release of what could never be loaded."""
    load(loading, school())
    stranger = Ledger(Store(str(tmp_path / "other home")), loading.ledger.host, loading.ledger.account)
    other = dataclasses.replace(loading, ledger=stranger)
    night = night_of(tmp_path / "other home", TENANT, AT)
    path = write_artefact(night, school())["path"]
    plan = make_plan(night, path, stranger, Asked(), Gate(everything=("first-load: x",)))
    assert plan["counts"]["free"] == 0
    with pytest.raises(CanvasNotEmpty):
        other.load(night, plan["path"])


def test_a_connection_to_a_host_of_the_other_environment_is_refused(
    loading: Loading, stand_in: Canvas, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = stand_in.url.removeprefix("http://")
    connection = {"conn_type": "canvas", "host": stand_in.url, "password": stand_in.token}
    monkeypatch.setenv("AIRFLOW_CONN_CANVAS_PRODUCTION", json.dumps(connection))
    for mixed in ("test", "production"):
        hosts = {"test": [host], "production": [host]}
        canvas = {name: {"connection": f"canvas_{name}", "hosts": hosts[name]} for name in hosts}
        tenant = TENANT.model_copy(update={"canvas": CanvasSettings.model_validate(canvas)})
        with pytest.raises(CanvasWrongHost, match=f"environment {mixed} points at a host of the other environment"):
            loading_for(loading.ledger.store, tenant, "test" if mixed == "test" else "production")
    apart = {"test": {"connection": "canvas_test", "hosts": [host]}, "production": {"connection": "canvas_production"}}
    tenant = TENANT.model_copy(update={"canvas": CanvasSettings.model_validate(apart)})
    with pytest.raises(CanvasWrongHost):
        loading_for(loading.ledger.store, tenant, "production")


def test_without_a_test_environment_the_whole_plan_is_read_as_canvas_would(loading: Loading, stand_in: Canvas) -> None:
    night = night_of(Path(loading.ledger.store.root), TENANT, AT)
    path = write_artefact(night, school())["path"]
    plan = make_plan(night, path, loading.ledger, Asked(), Gate(everything=("first-load: x",)))
    done = read_strictly(night, plan["path"])
    content = loading.ledger.store.read_json(f"{done['path']}/load.json")
    assert content["outcome"] == "read, not sent: there is no test environment"
    assert content["read"] == {
        "accounts.csv": 2,
        "terms.csv": 1,
        "courses.csv": 4,
        "sections.csv": 4,
        "users.csv": 18,
        "enrollments.csv": 28,
        "user_observers.csv": 4,
    }
    assert (done["counts"]["rows"], done["counts"]["missed"], done["counts"]["over_budget"]) == (0, False, False)
    assert pl.read_parquet(loading.ledger.store.local_path(done["path"]) / "problems.parquet").is_empty()
    assert (stand_in.imports(), loading.ledger.versions()) == ([], (0, 0))


def test_a_bundle_that_canvas_would_refuse_whole_is_not_sent_and_locks_nothing(
    loading: Loading, stand_in: Canvas, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(_: object, target: Path) -> None:
        with zipfile.ZipFile(target, "w") as bundle:
            bundle.writestr("users.csv", 'user_id,login_id,status\nu,l"ogin,active\n')

    monkeypatch.setattr("roster_airflow.loading.write_zip", spoilt)
    night, plan = planned(loading, school())
    with pytest.raises(CanvasRefused, match=r"users\.csv:2 \(quote-inside-field\).*nothing was sent"):
        loading.load(night, plan["path"])
    assert (stand_in.imports(), loading.ledger.versions()) == ([], (0, 0))


def test_rows_that_canvas_would_refuse_are_sent_and_logged_by_rule(
    loading: Loading, stand_in: Canvas, caplog: pytest.LogCaptureFixture
) -> None:
    night, plan = planned(loading, school().with_pupil("p" * 101, "algebra"))
    caplog.set_level(logging.WARNING)
    loading.load(night, plan["path"])
    assert len(stand_in.imports()) == 1
    assert "login-invalid" in caplog.text
