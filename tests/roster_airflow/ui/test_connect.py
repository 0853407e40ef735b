"""The page that connects a Canvas: over Airflow's own API server, the stand-in's consent page, and a real browser."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from structlog.testing import capture_logs

from roster.canvas_scopes import all_scopes
from roster.store import Store
from tests.roster_airflow.ui.browser import running_browser
from tests.roster_airflow.ui.conftest import CLIENT_ID, CONNECTION, SECRET, Place

PAGE = f"/roster/canvas/{CONNECTION}"


def proof(page: httpx.Response) -> str:
    found = re.search(r'name="proof" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def begun(http: httpx.Client, place: Place, **fields: str) -> httpx.Response:
    form = {"host": place.canvas.url, "client_id": CLIENT_ID, "secret": SECRET, "proof": proof(http.get(PAGE))}
    return http.post(f"{PAGE}/begin", data={**form, **fields})


def consented(http: httpx.Client, place: Place, press: str = "accept") -> str:
    """Where Canvas sends the person back to."""
    asked = begun(http, place).headers["Location"]
    page = httpx.get(asked, trust_env=False)
    if page.status_code == 302:
        return page.headers["Location"]
    answer = httpx.post(asked.replace("/oauth2/auth", "/oauth2/confirm"), data={press: "1"}, trust_env=False)
    return answer.headers["Location"]


def connected(http: httpx.Client, place: Place) -> httpx.Response:
    answer = http.get(consented(http, place))
    assert answer.status_code == 303, answer.text
    return http.get(answer.headers["Location"])


@pytest.mark.parametrize(("user", "status"), [(None, 401), ("viewer", 403)])
def test_every_route_refuses_whoever_may_not_edit_connections(place: Place, user: str | None, status: int) -> None:
    from roster_airflow.ui.connect import router

    assert len(router.routes) == 6
    with place.client(user) as http:
        for route in router.routes:
            for method in route.methods:  # type: ignore[attr-defined]
                path = route.path.replace("{connection_id}", CONNECTION)  # type: ignore[attr-defined]
                assert http.request(method, f"/roster{path}").status_code == status, (method, path)


def test_the_walk_in_a_browser_leaves_no_secret_anywhere(place: Place, tmp_path: Path) -> None:
    pictures = os.environ.get("ROSTER_PICTURES")
    seen = []
    with running_browser(tmp_path / "chromium") as browser, capture_logs() as logs:

        def look(name: str) -> None:
            seen.append(str(browser.run("document.documentElement.outerHTML")) + str(browser.run("location.href")))
            for width in (390, 1280):
                file = Path(pictures) / f"connect-{name}-{width}.png" if pictures else None
                assert browser.picture(width, file) <= width, name

        browser.call("Network.setCookie", name="_token", value=place.token("admin"), url=place.url, path="/")
        browser.open(f"{place.url}/roster/canvas")
        assert "not configured" in browser.text()
        look("overview")
        browser.press("h2 a", "!!document.querySelector('input[name=host]')")
        look("form")
        for name, value in (("host", place.canvas.url), ("client_id", CLIENT_ID), ("secret", SECRET)):
            browser.run(f"document.querySelector('input[name={name}]').value = {value!r}")
        browser.press("form[action$=begin] button", "location.pathname === '/login/oauth2/auth'")
        assert all(scope in browser.text() for scope in all_scopes())
        look("consent")
        browser.press("button[name=cancel]", "document.body?.innerText.includes('Not connected')")
        assert "nothing has been connected" in browser.text()
        look("refused")
        browser.press("section a", "!!document.querySelector('input[name=host]')")
        browser.press("form[action$=begin] button", "location.pathname === '/login/oauth2/auth'")  # secret is kept
        browser.press("button[name=accept]", "document.body?.innerText.includes('has let the sync in')")
        assert "Banksia Schools" in browser.text()
        look("account")
        browser.run("document.querySelector('input[type=radio]').checked = true")
        browser.press("form[action$=account] button", "document.body?.innerText.includes('roster doctor banksia')")
        look("done")
        [token] = [json.loads(_open(name, place)) for name in Store.home().names("tokens")]
        browser.press(
            "form[action$=disconnect] button",
            "document.body?.innerText.includes('Go to Canvas') && !document.querySelector('form[action$=disconnect]')",
        )
        assert place.canvas.oauth_tokens() == []
        assert "configured" in browser.text()
    hushed = [SECRET, token["token"], token["refresh"]]
    assert not [secret for secret in hushed for text in [*seen, str(logs)] if secret in text]
    assert {log["query"] for log in logs if log.get("path") == "/roster/canvas/authorize"} == {""}


def test_the_entry_of_airflows_menu_opens_the_page_in_a_tab(place: Place, tmp_path: Path) -> None:
    pictures = os.environ.get("ROSTER_PICTURES")
    for width in (1280, 390):
        with running_browser(tmp_path / f"chromium-{width}") as browser:
            browser.call("Network.setCookie", name="_token", value=place.token("admin"), url=place.url, path="/")
            browser.picture(width)
            browser.open(f"{place.url}/dags")  # a link that is relative to the page would lead astray here
            browser.click("[aria-label='Admin']")
            browser.wait("!!document.querySelector('[role=menuitem]')?.checkVisibility()")
            if pictures:
                browser.picture(width, Path(pictures) / f"connect-menu-{width}.png")
            browser.click("[aria-label='Connect Canvas']")
            tab = browser.opened()
            tab.wait(f"document.body?.innerText.includes({CONNECTION!r})")
            assert tab.run("location.href") == f"{place.url}/roster/canvas"
            # Airflow gives the path of its own address as the page's base
            browser.run("document.querySelector('base').href = '/airflow/'")
            link = browser.run("document.querySelector('[aria-label=\"Connect Canvas\"]').href")
            assert link == f"{place.url}/airflow/roster/canvas"


def _open(name: str, place: Place) -> str:
    """What lies there, opened with the secret that a person gave."""
    from airflow.models.connection import Connection  # noqa: TID251 - as Airflow keeps it
    from airflow.utils.session import create_session

    from roster_airflow.hooks.canvas_token import OAuthKey, SharedToken

    with create_session() as session:
        kept = session.query(Connection).filter_by(conn_id=CONNECTION).one()
        refresh_token = kept.extra_dejson["refresh_token"]
    key = OAuthKey(place.canvas.url, CLIENT_ID, SECRET, refresh_token)
    assert key.folder == f"tokens/{name}"
    return json.dumps({"token": SharedToken(key).token(), "refresh": refresh_token})


def test_refusal_wrong_state_and_a_second_use_connect_nothing(place: Place) -> None:
    with place.client("admin") as http, place.client("admin") as other:
        back = consented(http, place, press="cancel")
        assert "Canvas was told Cancel" in http.get(back).text
        back = consented(http, place)
        assert "does not belong" in other.get(back).text  # another browser
        forged = re.sub(r"state=[^&]+", "state=forged", back)
        assert http.get(forged).status_code == 400
        assert place.canvas.oauth_tokens() == []
        assert http.get(back).status_code == 303
        again = http.get(back)
        assert (again.status_code, "does not belong" in again.text) == (400, True)
        assert len(place.canvas.oauth_tokens()) == 1


def test_a_code_that_canvas_does_not_take_is_told(place: Place) -> None:
    with place.client("admin") as http:
        back = consented(http, place)
        said = http.get(re.sub(r"code=[^&]+", "code=used-before", back))
        assert said.status_code == 502
        assert "older than ten minutes" in said.text
        assert "used-before" not in said.text


def test_a_scope_taken_away_is_listed_and_ends_what_was_connected(place: Place) -> None:
    with place.client("admin") as http:
        connected(http, place)
        place.canvas.change_key(CLIENT_ID, scopes=list(all_scopes()[1:]))
        assert "Connect Canvas (/roster/canvas)" in http.get(PAGE).text
        said = http.get(consented(http, place))
        assert "does not allow every scope" in said.text
        assert all(scope in said.text for scope in all_scopes())
        place.canvas.change_key(CLIENT_ID, scopes=list(all_scopes()), is_on=False)
        assert "Set its State to ON" in http.get(consented(http, place)).text


def test_exactly_the_least_scopes_are_asked_for(place: Place) -> None:
    with place.client("admin") as http:
        asked = parse_qs(urlsplit(begun(http, place).headers["Location"]).query)
    assert asked["scope"] == [" ".join(all_scopes())]
    assert asked["redirect_uri"] == [f"{place.url}/roster/canvas/authorize"]
    assert SECRET not in str(asked)


def test_a_connection_of_the_environment_is_read_only_and_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with place.client("admin") as http:
        form = proof(http.get(PAGE))
        name = f"AIRFLOW_CONN_{CONNECTION.upper()}"
        monkeypatch.setenv(name, json.dumps({"conn_type": "canvas", "host": place.canvas.url, "password": "hush-hush"}))
        page = http.get(PAGE).text
        assert name in page
        assert "<form" not in page
        assert "hush-hush" not in page
        fields = {"host": place.canvas.url, "client_id": CLIENT_ID, "secret": SECRET, "proof": form}
        assert http.post(f"{PAGE}/begin", data=fields).status_code == 409


@pytest.mark.parametrize("section", ["SECRETS__BACKEND", "WORKERS__SECRETS_BACKEND"])
def test_a_connection_of_a_secrets_backend_is_read_only_and_named(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, section: str
) -> None:
    """Of Airflow's as a whole, or of the tasks' alone."""
    with place.client("admin") as http:
        connected(http, place)  # what Airflow's database holds, no task is given any more
        form = proof(http.get(PAGE))
        kept = {"conn_type": "canvas", "host": place.canvas.url, "login": CLIENT_ID, "password": "hush-hush"}
        kept["extra"] = json.dumps({"refresh_token": "hush-as-well"})
        (tmp_path / "connections.json").write_text(json.dumps({CONNECTION: kept}))
        monkeypatch.setenv(f"AIRFLOW__{section}", "airflow.secrets.local_filesystem.LocalFilesystemBackend")
        settings = json.dumps({"connections_file_path": str(tmp_path / "connections.json")})
        monkeypatch.setenv(f"AIRFLOW__{section}_KWARGS", settings)
        for page in (http.get("/roster/canvas").text, http.get(PAGE).text):
            assert "comes from the secrets backend LocalFilesystemBackend" in page
            assert "<form" not in page
            assert "hush" not in page
        fields = {"host": place.canvas.url, "client_id": CLIENT_ID, "secret": SECRET, "proof": form, "account": ""}
        for action in ("begin", "account", "disconnect"):
            refused = http.post(f"{PAGE}/{action}", data=fields)
            assert refused.status_code == 409
            assert "is changed there, not here" in refused.text


def test_a_secrets_backend_that_fails_is_named_and_nothing_is_written(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "airflow.secrets.local_filesystem.LocalFilesystemBackend")
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", '{"connections_file_path": "/nowhere/connections.json"}')
    with place.client("admin") as http:
        page = http.get(PAGE)
        assert page.status_code == 200
        assert "LocalFilesystemBackend, which can&#39;t be asked now" in page.text
        assert "<form" not in page.text


def test_whoever_is_not_let_in_is_told_so_on_a_page(place: Place) -> None:
    for user, says in ((None, "log in there"), ("viewer", "may add and edit")):
        with place.client(user) as http:
            said = http.get(PAGE)
            assert says in said.text
            assert said.headers["Content-Type"].startswith("text/html")


def test_what_was_not_made_for_this_browser_or_host_is_not_taken(place: Place) -> None:
    with place.client("admin") as http, place.client("admin") as other:
        stolen = proof(other.get(PAGE))
        assert begun(http, place, proof=stolen).status_code == 403
        assert begun(http, place, proof="").status_code == 403
        assert "not https" in begun(http, place, host="http://canvas.example.org").text
        assert "canvas.test.hosts" in begun(http, place, host="https://banksia.instructure.com").text
        assert "is a number" in begun(http, place, client_id="banksia").text
        assert http.get("/roster/canvas/another_connection").status_code == 404
        assert begun(http, place).status_code == 303
        elsewhere = begun(http, place, host=place.canvas.url.replace("127.0.0.1", "localhost"), secret="")
        assert elsewhere.status_code == 400  # and the secret that is kept has not gone there
        assert http.get("/roster/docs").status_code in (404, 403)


def test_the_account_that_was_chosen_is_what_the_tenant_file_is_told(place: Place) -> None:
    rows = "account_id,parent_account_id,name,status\nacc-north,,Northern Schools,active\n"
    httpx.post(
        f"{place.canvas.url}/api/v1/accounts/self/sis_imports",
        headers={"Authorization": f"Bearer {place.canvas.token}"},
        files={"attachment": ("accounts.csv", rows)},
        trust_env=False,
    ).raise_for_status()
    with place.client("admin") as http:
        page = connected(http, place)
        for _ in range(100):
            if "Northern Schools" in page.text:
                break
            page = http.get(PAGE)
        form = {"proof": proof(page), "account": "acc-north"}
        assert http.post(f"{PAGE}/account", data={**form, "account": "of-nobody"}).status_code == 400
        assert http.post(f"{PAGE}/account", data=form).status_code == 303
        assert "account: &#34;acc-north&#34;" in http.get(PAGE).text.replace('"', "&#34;")
