"""A refresh: test becomes a copy of production, with what was under way there, and forgets what was its own."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from roster_sandbox.canvas import Canvas, running_canvas
from roster_sandbox.cli import app

from .conftest import Client
from .test_command import process

USERS = "user_id,login_id,full_name,status\n"


@contextmanager
def canvas_of_test(tmp_path: Path) -> Iterator[Canvas]:
    with running_canvas(
        tmp_path / "test", tokens={"made-in-test": "admin"}, root_account_id=31, name="Ours to try"
    ) as running:
        yield running


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def test(tmp_path: Path, stack: ExitStack) -> Canvas:
    return stack.enter_context(canvas_of_test(tmp_path))


@pytest.fixture
def production(tmp_path: Path, stack: ExitStack) -> Canvas:
    tokens = {"made-in-production": "admin", "reads": "read"}
    roles = {"Helper": "TaEnrollment"}
    running = running_canvas(tmp_path / "production", tokens=tokens, root_account_id=7, custom_roles=roles)
    return stack.enter_context(running)


@contextmanager
def client_of(canvas: Canvas, token: str | None = None) -> Iterator[Client]:
    headers = {"Authorization": f"Bearer {token or canvas.token}"}
    no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with httpx.Client(base_url=canvas.url, headers=headers, trust_env=False, timeout=20, verify=no_tls) as http:
        yield Client(canvas, http)


def users(*ids: str) -> dict[str, str | bytes]:
    return {"users.csv": USERS + "".join(f"{one},{one}@x.org,Name {one},active\n" for one in ids)}


def marked(identifier: str) -> dict[str, str]:
    return {"diffing_data_set_identifier": identifier, "diffing_remaster_data_set": "true"}


def people(canvas: Canvas) -> list[str]:
    return [one["user_id"] for one in canvas.state()["users"] if one["user_id"]]


def test_two_stand_ins_beside_each_other_know_nothing_of_each_other(test: Canvas, production: Canvas) -> None:
    with client_of(test) as of_test, client_of(production) as of_production:
        of_test.load(users("ada"))
        of_production.load(users("bea", "cai"))
    assert (people(test), people(production)) == (["ada"], ["bea", "cai"])
    assert test.url != production.url


def test_a_refresh_brings_all_of_the_other_and_leaves_none_of_its_own(test: Canvas, production: Canvas) -> None:
    with client_of(test) as of_test, client_of(production) as of_production:
        of_test.load(users("ada"), **marked("of test 1"))
        of_test.load(users("ava"), **marked("of test 2"))
        last = of_production.load({**users("bea"), "x.csv": "nonsense\n"}, **marked("of production"))
        said = of_production.errors(last["id"])
        assert said
        production.edit("user", "bea", name="By hand")

        test.refresh_from(production)

        assert of_test.http.get("/api/v1/accounts/self").status_code == 401
        with client_of(test, "made-in-production") as now:
            assert now.http.get("/api/v1/accounts/self").json()["id"] == 7
            (shown,) = now.http.get("/api/v1/accounts/self/sis_imports").json()["sis_imports"]
            for name in ("id", "workflow_state", "created_at", "ended_at", "diffing_data_set_identifier", "data"):
                assert shown[name] == last[name]
            assert now.errors(last["id"]) == said
            assert now.http.get("/api/v1/accounts/self/sis_imports/2").status_code == 404
    assert people(test) == ["bea"]
    assert test.upload(1) == production.upload(1)
    with pytest.raises(httpx.HTTPStatusError):
        test.upload(2)
    ours, theirs = test.state(), production.state()
    assert (ours["accounts"][0].pop("name"), theirs["accounts"][0].pop("name")) == ("Ours to try", "Sandbox Canvas")
    assert ours == theirs


def test_rights_and_roles_come_along_and_both_go_on_by_themselves(test: Canvas, production: Canvas) -> None:
    test.refresh_from(production)
    with client_of(test, "reads") as reader:
        assert reader.http.get("/api/v1/accounts/self/sis_imports").status_code == 200
        assert reader.post(users("ada")).status_code == 401
    with client_of(test, production.token) as of_test, client_of(production) as of_production:
        place = {
            "c.csv": "course_id,short_name,long_name,status\nc,C,Course,active\n",
            "e.csv": "course_id,user_id,role,status\nc,ada,Helper,active\n",
        }
        assert of_test.messages({**users("ada"), **place}) == []
        of_production.load(users("bea"))
    assert (people(test), people(production)) == (["ada"], ["bea"])
    assert test.state()["enrollments"][0]["type"] == "TaEnrollment"
    assert production.state()["enrollments"] == []


def test_what_is_under_way_in_the_other_goes_on_there_and_has_failed_here(test: Canvas, production: Canvas) -> None:
    with client_of(production) as of_production:
        production.fault("slow_import", seconds=2, times=1)
        number = of_production.post(users(*(f"u{n}" for n in range(400))), **marked("runs")).json()["id"]
        waits = of_production.post(users("late"), **marked("waits")).json()["id"]
        of_production.wait(number, lambda found: found["progress"] > 0)
        test.refresh_from(production)
        with client_of(test, production.token) as of_test:
            for one in (number, waits):
                found = of_test.http.get(f"/api/v1/accounts/self/sis_imports/{one}").json()
                assert (found["workflow_state"], "counts" in found["data"]) == ("failed", False)
            assert len(people(test)) in {100, 200, 300}
            assert "late" not in people(test)
            assert of_test.load(users("next"))["workflow_state"] == "imported"
        assert of_production.wait(number)["workflow_state"] == "imported"
        assert of_production.wait(waits)["workflow_state"] == "imported"
    assert len(people(production)) == 401


def test_what_is_under_way_here_is_gone(test: Canvas, production: Canvas) -> None:
    with client_of(test) as of_test:
        test.fault("slow_import", seconds=8, times=1)
        number = of_test.post(users(*(f"u{n}" for n in range(400)))).json()["id"]
        of_test.wait(number, lambda found: found["progress"] > 0)
    began = time.monotonic()
    test.refresh_from(production)
    assert time.monotonic() - began < 4
    assert (test.imports(), people(test)) == ([], [])


def test_a_refresh_outlives_the_process_and_dead_tokens_stay_dead(
    test: Canvas, production: Canvas, tmp_path: Path, stack: ExitStack
) -> None:
    test.refresh_from(production)
    with running_canvas(tmp_path / "more") as more:
        more.refresh_from(production)
    with client_of(production) as of_production:
        of_production.load(users("bea"))
    stack.close()

    tokens = {"made-in-test": "admin", "made-anew": "admin"}
    with running_canvas(tmp_path / "test", tokens=tokens, root_account_id=31) as again:
        for token, status in (("made-in-test", 401), ("made-anew", 200), ("made-in-production", 200)):
            with client_of(again, token) as one:
                answer = one.http.get("/api/v1/accounts/self")
                assert (token, answer.status_code) == (token, status)
        assert answer.json()["id"] == 7
        assert len(again.state()["accounts"]) == 1
        with running_canvas(tmp_path / "production", tokens={"made-anew": "read"}, root_account_id=7) as other:
            again.refresh_from(other)
            assert people(again) == ["bea"]
            for token, status in (("made-in-test", 401), ("made-in-production", 401), ("made-anew", 200)):
                with client_of(again, token) as one:
                    assert one.http.get("/api/v1/accounts/self").status_code == status


def test_a_refresh_between_processes_by_command(tmp_path: Path) -> None:
    entry = ("roster_sandbox", "canvas")
    with process(tmp_path / "a", entry=entry) as (_, first), process(tmp_path / "b", entry=entry) as (_, second):
        with client_of(Canvas(second, "my-token")) as client:
            client.load(users("bea"))
        done = CliRunner().invoke(app, ["refresh", first, "--source", second])
        assert done.exit_code == 0, done.output
        assert people(Canvas(first, "my-token")) == ["bea"]


@pytest.mark.parametrize("source", ["http://127.0.0.1:9", "nowhere", ""])
def test_a_refresh_from_nothing_is_refused_and_changes_nothing(test: Canvas, source: str) -> None:
    with client_of(test) as of_test:
        of_test.load(users("ada"))
        answer = of_test.http.post("/sandbox/refresh", json={"source": source})
        assert (answer.status_code, answer.json()) == (502, {"errors": [f"there is no stand-in at {source}"]})
        assert of_test.http.post("/sandbox/refresh", json={"from": source}).status_code == 422
        assert of_test.load(users("bea"))["workflow_state"] == "imported"
    assert people(test) == ["ada", "bea"]


def test_a_copy_that_is_none_changes_nothing(test: Canvas, tmp_path: Path) -> None:
    """As when the other ends in the middle of its answer."""
    from roster_sandbox.canvas.refresh import NoCopy
    from roster_sandbox.canvas.sandbox import Sandbox
    from roster_sandbox.canvas.settings import Settings

    sandbox = Sandbox(tmp_path / "alone", Settings())
    sandbox.start()
    whole = sandbox.copy()
    for copy in (b"", whole[: len(whole) // 2]):
        with pytest.raises(NoCopy):
            sandbox.become(copy)
    sandbox.become(whole)
    sandbox.stop()
