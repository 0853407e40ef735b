"""What a token may do: permissions of its user, scopes and includes of its key."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from roster_sandbox.canvas import running_canvas
from roster_sandbox.canvas.grants import Grant
from tests.roster_sandbox.canvas.conftest import zipped

ACCOUNT = "/api/v1/accounts/:account_id"
SCOPED = frozenset({"url:GET|/api/v1/accounts/:id", f"url:GET|{ACCOUNT}/sis_imports", "url:GET|/api/v1/users/:id"})
GRANTS = {
    "least": Grant("least"),
    "blind": Grant("", permissions=frozenset({"import_sis", "read_roster"})),
    "looks": Grant("read"),
    "nobody": Grant("none"),
    "all": Grant("admin", sis_user_id="adm-1"),
    "scoped": Grant("admin", SCOPED, includes=False),
    "including": Grant("admin", SCOPED),
}


def asked(url: str, token: str, path: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{url}/api/v1{path}", headers=headers, trust_env=False)


def posted(url: str, token: str) -> int:
    upload = {"attachment": ("roster.zip", zipped({"users.csv": "user_id,login_id,status\nu1,ada,active\n"}))}
    headers = {"Authorization": f"Bearer {token}"}
    address = f"{url}/api/v1/accounts/self/sis_imports"
    return httpx.post(address, files=upload, headers=headers, trust_env=False).status_code


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> object:
    state: Path = tmp_path_factory.mktemp("canvas")
    with running_canvas(state, grants=GRANTS) as running:
        yield running.url


@pytest.mark.parametrize(
    ("token", "path", "status"),
    [
        ("least", "/accounts/self/sis_imports", 200),
        ("least", "/accounts/self/users", 200),
        ("least", "/accounts/self/admins", 401),
        ("looks", "/accounts/self/sis_imports", 200),
        ("all", "/accounts/self/admins", 200),
        ("nobody", "/accounts/self/permissions", 401),
        ("nobody", "/accounts/self", 401),
        ("scoped", "/accounts/self", 200),
        ("scoped", "/users/self", 200),
        ("scoped", "/accounts/self/sis_imports?per_page=1", 200),
        ("scoped", "/accounts/self/sis_imports/1", 401),
        ("scoped", "/accounts/self/users", 401),
    ],
)
def test_who_may_what(url: str, token: str, path: str, status: int) -> None:
    assert asked(url, token, path).status_code == status


def test_posting_needs_the_permission_and_the_scope(url: str) -> None:
    assert [posted(url, token) for token in ("least", "looks", "nobody", "scoped")] == [200, 401, 401, 401]


def test_a_missing_scope_is_no_dead_token(url: str) -> None:
    answer = asked(url, "scoped", "/accounts/self/terms")
    assert answer.json() == {"errors": [{"message": "Insufficient scopes on access token."}]}
    assert "www-authenticate" not in answer.headers


def test_permissions_are_told_by_name(url: str) -> None:
    path = "/accounts/self/permissions?permissions[]=import_sis&permissions[]=become_user&permissions[]=no_such"
    assert asked(url, "least", path).json() == {"import_sis": True, "become_user": False, "no_such": False}
    assert asked(url, "all", path).json() == {"import_sis": True, "become_user": True, "no_such": False}


def test_includes_are_dropped_without_a_word(url: str) -> None:
    path = "/users/self?include[]=last_login"
    told = {token: "last_login" in asked(url, token, path).json() for token in ("all", "including", "scoped")}
    assert told == {"all": True, "including": True, "scoped": False}


def test_sis_ids_want_a_permission(url: str) -> None:
    assert asked(url, "all", "/users/self").json()["sis_user_id"] == "adm-1"
    assert "sis_user_id" not in asked(url, "blind", "/accounts/self/users").json()[0]
    assert "sis_account_id" not in asked(url, "blind", "/accounts/self").json()
    assert "sis_user_id" in asked(url, "least", "/accounts/self/users").json()[0]
