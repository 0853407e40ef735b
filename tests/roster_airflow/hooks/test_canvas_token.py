"""One access token for all tasks, against the stand-in, which kills the old one at each refresh."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from airflow.triggers.base import TriggerEvent

from roster.errors import CanvasRefused, CanvasTokenDead, CanvasUnreachable
from roster.store import Store
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.hooks.canvas_token import Given, OAuthKey, SharedToken, ask
from roster_airflow.triggers.canvas import SisImportTrigger
from roster_sandbox.canvas import Canvas, running_canvas
from tests.roster_airflow.hooks.oauth_keys import CLIENT_ID, KEY, REDIRECT, SECRET, a_code, connection_of, consented
from tests.roster_airflow.hooks.twenty_tasks import PATIENCE, TASKS

CONNECTION = "AIRFLOW_CONN_CANVAS_WITH_A_KEY"


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[Canvas]:
    with running_canvas(tmp_path / "canvas", keys=(KEY,)) as canvas:
        yield canvas


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("ROSTER_HOME", str(tmp_path / "home"))
    return Store.home()


async def the_event(trigger: SisImportTrigger) -> TriggerEvent:
    async with aclosing(trigger.run()) as events:
        return await anext(events)


def refreshes(canvas: Canvas) -> int:
    return sum(int(one["refreshes"]) for one in canvas.oauth_tokens())


def a_hook(key: OAuthKey, canvas: Canvas, monkeypatch: pytest.MonkeyPatch) -> CanvasHook:
    monkeypatch.setenv(CONNECTION, connection_of(key))
    hook = CanvasHook("canvas_with_a_key", "test", (canvas.url.removeprefix("http://"),))
    hook.retry_delays = ()
    return hook


def test_a_hook_with_a_key_reads_and_its_token_lies_encrypted_for_its_owner(
    stand_in: Canvas, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = consented(stand_in)
    assert a_hook(key, stand_in, monkeypatch).root_account().id == "1"
    assert refreshes(stand_in) == 1
    file = store.local_path(f"{key.folder}/access")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert SharedToken(key, store).token().encode() not in file.read_bytes()
    assert [SECRET in name or key.refresh_token in name for name in store.names("tokens")] == [False]


def test_a_dead_token_is_read_again_before_it_is_renewed(
    stand_in: Canvas, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, given = consented(stand_in)
    SharedToken(key, store).keep(given)
    first, second = (a_hook(key, stand_in, monkeypatch) for _ in range(2))
    first.root_account()
    second.root_account()
    stand_in.end_access()
    first.sis_imports()
    assert refreshes(stand_in) == 1
    second.sis_imports()  # its token is dead as well, and the first has put another there
    assert refreshes(stand_in) == 1


def test_an_import_is_posted_once_whose_first_attempt_met_a_dead_token(
    stand_in: Canvas, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key, given = consented(stand_in)
    SharedToken(key, store).keep(given)
    hook = a_hook(key, stand_in, monkeypatch)
    hook.root_account()
    stand_in.end_access()
    file = tmp_path / "rows.zip"
    file.write_bytes(b"PK\5\6" + bytes(18))
    hook.post_import(file, "the-one")
    assert stand_in.posts_by_identifier() == {"the-one": 1}
    assert stand_in.upload(1) == file.read_bytes()


def test_twenty_threads_refresh_once(stand_in: Canvas, store: Store) -> None:
    key, given = consented(stand_in)
    SharedToken(key, store).keep(given)
    stand_in.end_access()
    with ThreadPoolExecutor(20) as pool:
        got = set(pool.map(lambda _: SharedToken(key, Store(store.root)).renew(given.access_token), range(20)))
    assert len(got) == 1
    assert refreshes(stand_in) == 1


def test_twenty_processes_over_one_airflow_database_refresh_once(
    stand_in: Canvas, store: Store, airflow_db: Path, repository: Path
) -> None:
    """They take their connection from the database, as tasks do, and all of them hold the token that dies."""
    assert airflow_db.exists()
    key, given = consented(stand_in)
    SharedToken(key, store).keep(given)
    host = stand_in.url.removeprefix("http://")
    with (
        in_the_database("canvas_of_twenty", key),
        subprocess.Popen(
            [sys.executable, "-m", "tests.roster_airflow.hooks.twenty_tasks", "canvas_of_twenty", host],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=repository,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "_AIRFLOW_PROCESS_CONTEXT": "server"},
        ) as tasks,
    ):
        assert tasks.stdout is not None
        assert "ready\n" in iter(tasks.stdout.readline, "")
        stand_in.end_access()
        said = json.loads(tasks.communicate("\n", timeout=PATIENCE)[0].splitlines()[-1])
    assert len({pid for pid, _ in said}) == TASKS
    assert [asked for _, asked in said] == [["Sandbox Canvas"] * 2] * TASKS
    assert refreshes(stand_in) == 1


@contextmanager
def in_the_database(connection_id: str, key: OAuthKey) -> Iterator[None]:
    """The connection where Airflow's UI keeps it."""
    from airflow.models.connection import Connection  # noqa: TID251 - as Airflow keeps it
    from airflow.utils.session import create_session

    with create_session() as session:
        session.add(Connection.from_json(connection_of(key), conn_id=connection_id))
    yield
    with create_session() as session:
        session.query(Connection).filter_by(conn_id=connection_id).delete()


def test_a_task_that_died_while_it_renewed_is_not_waited_for_longer_than_its_lease(
    stand_in: Canvas, store: Store
) -> None:
    key, _ = consented(stand_in)
    store.create(f"{key.folder}/lease-1-1", b'{"until": 1.0}')
    assert SharedToken(key, store).token()
    assert refreshes(stand_in) == 1


def test_a_revoked_token_says_where_to_connect_again_and_repeats_no_secret(
    stand_in: Canvas, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, given = consented(stand_in)
    SharedToken(key, store).keep(given)
    SharedToken(key, store).revoke()
    assert store.names("tokens") == []
    with pytest.raises(CanvasTokenDead, match=r"Admin, Connect Canvas \(/roster/canvas\)") as dead:
        a_hook(key, stand_in, monkeypatch).root_account()
    assert not [one for one in (SECRET, key.refresh_token, given.access_token) if one in str(dead.value)]
    assert key.refresh_token not in repr(key)


def test_a_dead_refresh_token_is_asked_for_once_not_by_every_task(stand_in: Canvas, store: Store) -> None:
    key, _ = consented(stand_in)
    stand_in.change_key(CLIENT_ID, scopes=["url:GET|/api/v1/accounts/:id", "url:GET|/api/v1/users/:id"])
    stand_in.change_key(CLIENT_ID, scopes=["url:GET|/api/v1/users/:id"])  # a scope taken away kills its tokens
    shared = SharedToken(key, store)
    with pytest.raises(CanvasTokenDead):
        shared.token()
    with pytest.raises(CanvasTokenDead):
        SharedToken(key, Store(store.root)).token()
    assert [name for name in store.names(key.folder) if name.startswith("lease")] == ["lease-1-1"]


def test_a_code_is_taken_once_and_not_when_it_is_old(stand_in: Canvas, tmp_path: Path) -> None:
    form = {"grant_type": "authorization_code", "client_id": CLIENT_ID, "client_secret": SECRET}
    form |= {"redirect_uri": REDIRECT, "code": a_code(stand_in)}
    assert ask(stand_in.url, form).refresh_token
    with pytest.raises(CanvasTokenDead, match="used before"):
        ask(stand_in.url, form)
    with pytest.raises(CanvasTokenDead, match="client secret"):
        ask(stand_in.url, {**form, "code": a_code(stand_in), "client_secret": "wrong"})
    with (
        running_canvas(tmp_path / "old", keys=(KEY,), code_seconds=-1.0) as hasty,
        pytest.raises(CanvasTokenDead, match="older than ten minutes"),
    ):
        ask(hasty.url, {**form, "code": a_code(hasty)})


def test_no_answer_and_no_json_are_told_as_such(stand_in: Canvas) -> None:
    with pytest.raises(CanvasUnreachable, match="no answer"):
        ask("http://127.0.0.1:1", {"grant_type": "refresh_token"})
    with pytest.raises(CanvasRefused):
        ask(stand_in.url, {"grant_type": "password"})


def test_the_trigger_takes_the_same_token_and_renews_it(
    stand_in: Canvas, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key, given = consented(stand_in)
    SharedToken(key, store).keep(given)
    hook = a_hook(key, stand_in, monkeypatch)
    file = tmp_path / "rows.zip"
    file.write_bytes(b"PK\5\6" + bytes(18))
    posted = hook.post_import(file, "watched")
    stand_in.end_access()
    later = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    host = stand_in.url.removeprefix("http://")
    trigger = SisImportTrigger("canvas_with_a_key", posted.id, "1", later, later, "test", (host,), poll=0.1)
    event = asyncio.run(the_event(trigger))
    assert "fault" not in event.payload
    assert refreshes(stand_in) == 1
    SharedToken(key, store).revoke()
    event = asyncio.run(the_event(trigger))
    assert event.payload["fault"] == "token-dead"


def test_a_changed_client_secret_makes_the_kept_token_useless_and_nothing_worse(stand_in: Canvas, store: Store) -> None:
    key, given = consented(stand_in)
    SharedToken(key, store).keep(given)
    other = OAuthKey(key.url, key.client_id, "another", key.refresh_token)
    with pytest.raises(CanvasTokenDead):
        SharedToken(other, store).token()


def test_a_key_nobody_consented_to_says_so(stand_in: Canvas, monkeypatch: pytest.MonkeyPatch) -> None:
    key = OAuthKey(stand_in.url, CLIENT_ID, SECRET, "")
    with pytest.raises(CanvasTokenDead, match="not connected yet"):
        a_hook(key, stand_in, monkeypatch).root_account()


def test_what_canvas_gives_shows_no_token() -> None:
    assert "hush" not in repr(Given(access_token="hush", refresh_token="hush"))


def test_the_stand_in_takes_basic_and_refuses_what_canvas_refuses(stand_in: Canvas) -> None:
    with httpx.Client(base_url=stand_in.url, trust_env=False) as http:
        code = {"grant_type": "authorization_code", "redirect_uri": REDIRECT, "code": a_code(stand_in)}
        given = http.post("/login/oauth2/token", data=code, auth=(CLIENT_ID, SECRET))
        assert given.json()["expires_in"] == 3600
        again = {"grant_type": "refresh_token", "refresh_token": given.json()["refresh_token"]}
        renewed = http.post("/login/oauth2/token", data=again, auth=(CLIENT_ID, SECRET)).json()
        assert "refresh_token" not in renewed
        old = {"Authorization": f"Bearer {given.json()['access_token']}"}
        assert http.get("/api/v1/accounts/self", headers=old).status_code == 401
        unknown = http.post("/login/oauth2/token", data={**again, "client_id": "5", "client_secret": "x"})
        assert (unknown.status_code, unknown.json()["error"]) == (401, "invalid_client")
        assert "WWW-Authenticate" in unknown.headers
        none = http.get(
            "/login/oauth2/auth", params={"client_id": CLIENT_ID, "redirect_uri": "https://elsewhere.example"}
        )
        assert none.json()["error_description"] == "redirect_uri does not match client settings"
        stand_in.change_key(CLIENT_ID, is_on=False)
        off = http.get(
            "/login/oauth2/auth", params={"client_id": CLIENT_ID, "redirect_uri": REDIRECT, "response_type": "code"}
        )
        assert "error=unauthorized_client" in off.headers["Location"]
        assert os.environ["ROSTER_HOME"] not in off.text
