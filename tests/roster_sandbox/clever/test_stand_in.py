"""The stand-in for Clever keeps the rules that Clever documents."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from roster_sandbox.clever import CleverServer, IdTable, Settings, command, running_clever, write_api
from roster_sandbox.cli import app as roster_sandbox
from roster_sandbox.district import District
from tests.few import few

NOW = datetime(2026, 2, 2, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def district() -> District:
    return few()


@pytest.fixture
def folder(district: District, tmp_path: Path) -> Path:
    write_api(district, tmp_path / "served", synced=NOW)
    return tmp_path / "served"


@pytest.fixture
def clever(folder: Path) -> Iterator[CleverServer]:
    with running_clever(folder) as running:
        yield running


def ask(clever: CleverServer, path: str, token: str | None = None, **more: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token or clever.app.token}"}
    return httpx.get(clever.url + path, headers=headers, trust_env=False, **more)


def walk(clever: CleverServer, path: str) -> list[str]:
    found: list[str] = []
    following: str | None = path
    while following:
        page = ask(clever, following).json()
        found += [item["data"]["id"] for item in page["data"]]
        following = next((link["uri"] for link in page["links"] if link["rel"] == "next"), None)
    return found


@pytest.mark.parametrize("limit", [1, 4, 10_000])
def test_lists_ascend_by_id_and_links_lead_through_them(clever: CleverServer, district: District, limit: int) -> None:
    found = walk(clever, f"/v3.1/users?role=student&limit={limit}")
    assert found == sorted(set(found))
    assert len(found) == len(district.students)
    everyone = walk(clever, f"/v3.1/users?limit={limit}")
    assert len(everyone) == district.people()
    page = ask(clever, "/v3.1/users?limit=2").json()
    before = ask(clever, f"/v3.1/users?limit=5&ending_before={everyone[3]}").json()
    assert [item["data"]["id"] for item in before["data"]] == everyone[:3]
    assert page["data"][0]["uri"] == f"/v3.1/users/{everyone[0]}"
    last = ask(clever, "/v3.1/users?limit=1&ending_before=last").json()
    assert last["data"][0]["data"]["id"] == everyone[-1]


def test_single_objects_counts_and_the_usual_limit(clever: CleverServer, folder: Path) -> None:
    known = IdTable.read(folder).ids["students"]
    one = next(iter(known.values()))
    assert ask(clever, f"/v3.1/users/{one}").json()["data"]["id"] == one
    assert ask(clever, "/v3.1/users/nobody").status_code == 404
    assert ask(clever, "/v3.1/events").json() == {"message": "Resource not found"}
    assert ask(clever, "/v3.1/users?role=student&limit=1&count=true").json()["count"] == len(known)
    assert "count" not in ask(clever, "/v3.1/users?limit=1").json()
    assert ask(clever, "/v3.1/schools").json()["links"][0]["uri"].endswith("limit=100")
    assert (ask(clever, "/v3.1/users?limit=10001").status_code, ask(clever, "/v3.1/users?limit=x").status_code) == (
        413,
        400,
    )


def test_tokens(clever: CleverServer, folder: Path) -> None:
    assert ask(clever, "/v3.1/users", "another").json() == {"message": "Unauthorized"}
    page = ask(clever, "/v3.1/users", clever.app.settings.user_token)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    settings, district_id = clever.app.settings, IdTable.read(folder).ids["district"]["district"]
    url, pair = f"{clever.url}/oauth/tokens?owner_type=district", (settings.client_id, settings.client_secret)
    listed = httpx.get(f"{url}&district={district_id}", auth=pair, trust_env=False).json()["data"]
    assert [row["access_token"] for row in listed] == [clever.app.token]
    assert httpx.get(f"{url}&district=other", auth=pair, trust_env=False).json() == {"data": []}
    assert httpx.get(url, auth=(settings.client_id, "wrong"), trust_env=False).status_code == 401
    basic = base64.b64decode(httpx.BasicAuth(*pair)._auth_header.split()[1]).decode()
    assert basic == ":".join(pair)
    clever.fault("token_rotated", path="/schools")
    before = clever.app.token
    assert ask(clever, "/v3.1/schools", before).status_code == 401
    assert ask(clever, "/v3.1/schools").status_code == 200


def test_the_rate_is_counted_by_window_and_token(folder: Path) -> None:
    with running_clever(folder, Settings(requests=3, window=1.0)) as clever:
        time.sleep(1.02 - time.time() % 1)
        assert [ask(clever, "/v3.1/schools").status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = ask(clever, "/v3.1/schools")
        assert 0 < int(refused.headers["x-ratelimit-reset"]) - time.time() < 3
        time.sleep(1.1)
        assert ask(clever, "/v3.1/schools").status_code == 200


def test_the_folder_is_read_anew_and_records_keep_their_ids(clever: CleverServer, folder: Path) -> None:
    before = set(walk(clever, "/v3.1/users?role=student"))
    terms = set(walk(clever, "/v3.1/terms"))
    write_api(few(5), folder, synced=NOW, recreated=True, state="error")
    after = set(walk(clever, "/v3.1/users?role=student"))
    assert after < before
    assert not terms & set(walk(clever, "/v3.1/terms"))
    assert ask(clever, "/v3.1/districts").json()["data"][0]["data"]["state"] == "error"


def test_the_table_of_ids_leads_back_to_the_export(district: District, folder: Path) -> None:
    ids = IdTable.read(folder)
    back = ids.to_export()
    assert {back[ids.of("students", pupil.id)] for pupil in district.students} == {
        pupil.id for pupil in district.students
    }
    assert all(len(theirs) == 24 and int(theirs, 16) for theirs in back)
    assert (folder / "ids.json").stat().st_mode & 0o077 == 0
    assert (folder / "objects.json").stat().st_mode & 0o077 == 0


def test_a_fault_that_makes_no_sense_is_told_why(clever: CleverServer) -> None:
    for body in ({"name": "gremlins"}, {"name": "cut", "often": 3}):
        told = httpx.post(f"{clever.url}/sandbox/faults", json=body, trust_env=False)
        assert told.status_code == 422
    assert httpx.get(f"{clever.url}/sandbox/else", trust_env=False).status_code == 404
    assert httpx.get(f"{clever.url}/elsewhere", trust_env=False).status_code == 404


def test_a_fault_counts_the_requests_it_is_meant_for(clever: CleverServer) -> None:
    clever.fault("server_error", path="role=teacher", after=1, times=2, status=502)
    said = [ask(clever, f"/v3.1/users?role={role}").status_code for role in ("teacher", "student") * 4]
    assert said == [200, 200, 502, 200, 502, 200, 200, 200]
    clever.fault("server_error", times=None)
    clever.clear_faults()
    assert ask(clever, "/v3.1/users").status_code == 200


def test_the_command_draws_a_district_and_serves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[tuple[Path, Settings, int]] = []
    monkeypatch.setattr(command, "serve", lambda state, settings, *, port, host: served.append((state, settings, port)))
    call = ["clever", "--state", str(tmp_path / "new"), "--port", "8123", "--token", "abc", "--no-counts"]
    assert CliRunner().invoke(roster_sandbox, call).exit_code == 0
    [(state, settings, port)] = served
    assert (state, port, settings.token, settings.counts) == (tmp_path / "new", 8123, "abc", False)
    drawn = json.loads((state / "objects.json").read_bytes())
    assert len(drawn["users"]) > 1000
    assert CliRunner().invoke(roster_sandbox, call).exit_code == 0
    assert json.loads((state / "objects.json").read_bytes()) == drawn
