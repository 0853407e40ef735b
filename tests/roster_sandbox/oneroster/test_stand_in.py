"""The stand-in for a OneRoster provider keeps what the specification says, and does what it is told to do wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from oauthlib.oauth1 import Client
from typer.testing import CliRunner

from roster_sandbox.cli import app as roster_sandbox
from roster_sandbox.district import District
from roster_sandbox.oneroster import IdTable, OneRosterServer, Settings, command, running_oneroster, write_rest
from roster_sandbox.oneroster.shelf import BASES
from tests.few import few

NOW = datetime(2026, 2, 2, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def district() -> District:
    return few(5)


@pytest.fixture
def folder(district: District, tmp_path: Path) -> Path:
    write_rest(district, tmp_path / "served", modified=NOW)
    return tmp_path / "served"


@pytest.fixture
def provider(folder: Path) -> Iterator[OneRosterServer]:
    with running_oneroster(folder) as running:
        yield running


def token(provider: OneRosterServer, scope: str = "a/roster-core.readonly", **more: Any) -> httpx.Response:
    pair = (provider.app.settings.client_id, more.pop("secret", provider.app.settings.client_secret))
    form = {"grant_type": "client_credentials", "scope": scope, **more}
    return httpx.post(f"{provider.url}/token", data=form, auth=pair, trust_env=False)


def ask(provider: OneRosterServer, path: str, version: str = "1.1") -> httpx.Response:
    headers = {"Authorization": f"Bearer {token(provider).json()['access_token']}"}
    return httpx.get(provider.url + BASES[version] + path, headers=headers, trust_env=False)


def signed(provider: OneRosterServer, path: str, **more: Any) -> int:
    settings = provider.app.settings
    client = Client(settings.client_id, **{"client_secret": settings.client_secret, **more})
    url, headers, _ = client.sign(provider.url + BASES["1.1"] + path)
    return httpx.get(url, headers=headers, trust_env=False).status_code


def link(answer: httpx.Response, rel: str) -> str | None:
    found: dict[str, str] = answer.links.get(rel, {})
    return found.get("url")


@pytest.mark.parametrize("limit", [4, 1000])
def test_links_lead_through_a_list_in_the_order_of_its_ids(
    provider: OneRosterServer, district: District, limit: int
) -> None:
    found: list[str] = []
    path: str | None = f"{BASES['1.1']}/users?limit={limit}&sort=sourcedId&orderBy=asc"
    while path:
        answer = ask(provider, path.removeprefix(BASES["1.1"]))
        found += [one["sourcedId"] for one in answer.json()["users"]]
        assert int(answer.headers["x-total-count"]) == district.people()
        path = link(answer, "next")
    assert found == sorted(set(found))
    assert len(found) == district.people()
    second = ask(provider, "/users?limit=2&offset=2")
    assert (link(second, "prev") or "").endswith("limit=2&offset=0")
    assert link(second, "first") == f"{BASES['1.1']}/users?limit=2&offset=0"
    assert (link(second, "last") or "").endswith(f"offset={district.people() - 2}")


def test_lists_objects_and_what_is_in_them(provider: OneRosterServer, district: District, folder: Path) -> None:
    ids = IdTable(json.loads((folder / "ids.json").read_text(encoding="utf-8")))
    back = ids.to_export()
    pupils = ask(provider, "/students").json()["users"]
    assert {back[one["sourcedId"]] for one in pupils} == {pupil.id for pupil in district.students}
    assert {back[one["sourcedId"]] for one in ask(provider, "/schools").json()["orgs"]} == {
        school.id for school in district.schools
    }
    school = ids.of("orgs", district.schools[0].id)
    of_school = ask(provider, f"/schools/{school}/students").json()["users"]
    assert {back[one["sourcedId"]] for one in of_school} == {
        pupil.id for pupil in district.students if pupil.school_id == district.schools[0].id
    }
    one = pupils[0]["sourcedId"]
    assert ask(provider, f"/users/{one}").json()["user"]["sourcedId"] == one
    assert ask(provider, f"/classes/{ids.of('classes', district.sections[0].id)}").json()["class"]["title"]
    assert (folder / "objects.json").stat().st_mode & 0o077 == 0


def test_a_user_of_1_2_has_roles(district: District, tmp_path: Path) -> None:
    write_rest(district, tmp_path, version="1.2", modified=NOW)
    with running_oneroster(tmp_path) as provider:
        assert ask(provider, "/users").status_code == 404
        users = ask(provider, "/users?limit=1000", "1.2").json()["users"]
    assert not any("role" in user or "orgs" in user for user in users)
    words = {(role["roleType"], role["role"]) for user in users for role in user["roles"]}
    assert {("primary", "student"), ("primary", "teacher"), ("primary", "siteAdministrator")} < words


@pytest.mark.parametrize(
    ("path", "status", "minor"),
    [
        ("/people", 404, "unknownobject"),
        ("/users/nobody", 404, "unknownobject"),
        ("/schools/nowhere/classes", 404, "unknownobject"),
        ("/users?sort=givenName", 400, "invalid_sort_field"),
        ("/users?fields=x", 400, "invalid_selection_field"),
        ("/users?limit=0", 400, "invaliddata"),
    ],
)
def test_what_is_not_there_is_told_in_the_words_of_the_specification(
    provider: OneRosterServer, path: str, status: int, minor: str
) -> None:
    answer = ask(provider, path)
    assert answer.status_code == status
    [said] = answer.json()["imsx_codeMinor"]["imsx_codeMinorField"]
    assert said["imsx_codeMinorFieldValue"] == minor


def test_tokens(folder: Path) -> None:
    with running_oneroster(folder, Settings(lifetime=0.2)) as provider:
        given = token(provider).json()
        headers = {"Authorization": f"Bearer {given['access_token']}"}
        url = f"{provider.url}{BASES['1.1']}/orgs"
        assert httpx.get(url, headers=headers, trust_env=False).status_code == 200
        time.sleep(0.25)
        assert httpx.get(url, headers=headers, trust_env=False).status_code == 401
        assert token(provider, secret="wrong").json() == {"error": "invalid_client"}
        assert token(provider, "a/gradebook.readonly").json() == {"error": "invalid_scope"}
        assert token(provider, grant_type="password").json() == {"error": "unsupported_grant_type"}


def test_signatures(provider: OneRosterServer) -> None:
    path = "/users?limit=2&filter%21=a%20b"
    for method in ("HMAC-SHA256", "HMAC-SHA1"):
        assert signed(provider, path, signature_method=method) == 200
    assert provider.app.gate.methods == ["HMAC-SHA256", "HMAC-SHA1"]
    assert signed(provider, path, client_secret="wrong") == 401
    assert signed(provider, path, signature_method="HMAC-SHA512") == 401
    assert signed(provider, path, timestamp=str(int(time.time()) - 700)) == 401
    assert signed(provider, path, timestamp=str(int(time.time()) + 400)) == 401


def test_a_nonce_is_taken_once_and_a_query_is_part_of_the_signature(provider: OneRosterServer) -> None:
    settings, stamp = provider.app.settings, str(int(time.time()))
    client = Client(settings.client_id, client_secret=settings.client_secret, nonce="once", timestamp=stamp)
    url, headers, _ = client.sign(f"{provider.url}{BASES['1.1']}/orgs?limit=1")
    assert httpx.get(url.replace("limit=1", "limit=2"), headers=headers, trust_env=False).status_code == 401
    assert httpx.get(url, headers=headers, trust_env=False).status_code == 200
    assert httpx.get(url, headers=headers, trust_env=False).status_code == 401


def test_what_the_specification_leaves_open_is_a_setting(folder: Path) -> None:
    with running_oneroster(folder, Settings(most=3, totals=False, links=False, sorts=False)) as provider:
        answer = ask(provider, "/users?limit=100")
        assert len(answer.json()["users"]) == 3
        assert not {"x-total-count", "link"} & set(answer.headers)
        assert ask(provider, "/users?sort=sourcedId").status_code == 400


def test_the_folder_is_read_anew_and_records_keep_their_ids(provider: OneRosterServer, folder: Path) -> None:
    before = {one["sourcedId"] for one in ask(provider, "/students").json()["users"]}
    write_rest(few(4), folder, modified=NOW)
    assert {one["sourcedId"] for one in ask(provider, "/students").json()["users"]} < before


def test_faults_count_the_requests_they_are_meant_for(provider: OneRosterServer) -> None:
    provider.fault("server_error", path="/users", after=1, times=1, status=502)
    assert [ask(provider, path).status_code for path in ("/users", "/orgs", "/users", "/users")] == [200, 200, 502, 200]
    for body in ({"name": "gremlins"}, {"name": "cut", "often": 3}):
        assert httpx.post(f"{provider.url}/sandbox/faults", json=body, trust_env=False).status_code == 422
    provider.fault("forbidden", times=None)
    provider.clear_faults()
    assert ask(provider, "/users").status_code == 200
    total = int(ask(provider, "/users").headers["x-total-count"])
    provider.fault("replaced", path="/users", records=2)
    replaced = ask(provider, "/users?limit=1000&sort=sourcedId")
    assert int(replaced.headers["x-total-count"]) == total
    assert replaced.json()["users"][-1]["sourcedId"].startswith("~")


def test_the_command_draws_a_district_and_serves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[tuple[Path, Settings, int]] = []
    monkeypatch.setattr(command, "serve", lambda state, settings, *, port, host: served.append((state, settings, port)))
    monkeypatch.setattr(command, "generate", lambda today: few(3))
    call = ["oneroster", "--state", str(tmp_path / "new"), "--port", "8123", "--version", "1.2", "--no-totals"]
    assert CliRunner().invoke(roster_sandbox, call).exit_code == 0
    [(state, settings, port)] = served
    assert (state, port, settings.totals, settings.links) == (tmp_path / "new", 8123, False, True)
    drawn = json.loads((state / "objects.json").read_bytes())
    assert drawn["version"] == "1.2"
    assert CliRunner().invoke(roster_sandbox, call).exit_code == 0
    assert json.loads((state / "objects.json").read_bytes()) == drawn
