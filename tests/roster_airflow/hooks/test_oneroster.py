"""A OneRoster provider over real sockets: what the hook asks again, mends, refuses, and how it says what to do."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from requests import Response
from structlog.testing import capture_logs

from roster.errors import (
    SourceBusy,
    SourceFault,
    SourceIncomplete,
    SourceUnreachable,
    SourceUnreadable,
    TenantFileWrong,
)
from roster.evidence import Evidence
from roster.settings import OneRoster
from roster.sources.oneroster.reading import extract
from roster.sources.oneroster_tables import SCHEMAS
from roster_airflow.hooks.oneroster import OneRosterHook
from roster_airflow.hooks.oneroster_replies import code_minor, wait
from roster_airflow.reading import reading_for, seen
from roster_sandbox.oneroster import OneRosterServer, Settings, running_oneroster, write_rest
from tests.few import few

NOW = datetime(2026, 2, 2, 9, tzinfo=UTC)
LISTS = {
    "orgs": "orgs",
    "academic_sessions": "academicSessions",
    "courses": "courses",
    "classes": "classes",
    "users": "users",
    "enrollments": "enrollments",
}


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("district")
    write_rest(few(), folder, modified=NOW)
    return folder


@pytest.fixture
def provider(district: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OneRosterServer]:
    with running_oneroster(district) as running:
        monkeypatch.setenv("AIRFLOW_CONN_SIS", running.connection())
        yield running


@pytest.fixture
def hook(provider: OneRosterServer) -> OneRosterHook:
    return patient(OneRosterHook("sis"))


def patient(hook: OneRosterHook) -> OneRosterHook:
    """It asks as often as ever, without waiting in between."""
    hook.retry_delays = (0.0,) * 4
    return hook


def settings(**more: Any) -> OneRoster:
    return OneRoster.model_validate({"name": "sis", "system": "oneroster", "connection": "sis", "limit": 7, **more})


def read(hook: OneRosterHook, folder: Path, **more: Any) -> Evidence:
    folder.mkdir()
    return extract(hook, settings(**more), folder, last_good=None, now=NOW)


def ids(folder: Path) -> dict[str, list[str]]:
    return {name: sorted(pl.read_parquet(folder / f"{name}.parquet")["sourced_id"]) for name in LISTS}


def served(provider: OneRosterServer) -> dict[str, list[str]]:
    """What is there now."""
    return {name: sorted(one["sourcedId"] for one in provider.app.shelf.lists[kind]) for name, kind in LISTS.items()}


@pytest.mark.parametrize(
    "stand_in",
    [
        Settings(),
        Settings(most=3),
        Settings(totals=False),
        Settings(links=False),
        Settings(sorts=False),
        Settings(most=3, totals=False, links=False),
    ],
    ids=["as it should be", "capped", "no totals", "no links", "no sort", "none of it"],
)
@pytest.mark.parametrize("limit", [5, 1000])
def test_a_walk_is_whole_whatever_the_provider_leaves_out(
    district: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in: Settings, limit: int
) -> None:
    with running_oneroster(district, stand_in) as provider:
        monkeypatch.setenv("AIRFLOW_CONN_SIS", provider.connection())
        evidence = read(OneRosterHook("sis"), tmp_path / "raw", limit=limit)
        assert (evidence.proven, evidence.reasons) == (True, ())
        assert ids(tmp_path / "raw") == served(provider)


@pytest.mark.parametrize("signature", ["HMAC-SHA256", "HMAC-SHA1"])
@pytest.mark.parametrize("endpoints", ["bulk", "schools"])
def test_requests_are_signed(
    provider: OneRosterServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signature: str, endpoints: Any
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SIS", provider.connection("oauth1", signature=signature))
    assert read(patient(OneRosterHook("sis", endpoints=endpoints)), tmp_path / "raw", endpoints=endpoints).proven
    assert set(provider.app.gate.methods) == {signature}


def test_version_1_2_by_school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rest(few(), tmp_path / "served", version="1.2", modified=NOW)
    with running_oneroster(tmp_path / "served") as provider:
        monkeypatch.setenv("AIRFLOW_CONN_SIS", provider.connection())
        source = settings(version="1.2", endpoints="schools")
        (tmp_path / "raw").mkdir()
        assert extract(reading_for(source), source, tmp_path / "raw", last_good=None, now=NOW).proven
        assert seen(source) == f"{provider.url.removeprefix('http://')}: 3 orgs can be read"


def test_nothing_but_rosters_is_asked_for(provider: OneRosterServer, hook: OneRosterHook, tmp_path: Path) -> None:
    read(hook, tmp_path / "raw")
    assert {path.split("?")[0].rpartition("/")[2] for path in provider.app.asked} == set(LISTS.values())


@pytest.mark.parametrize("after", range(0, 18, 3))
def test_a_token_that_ends_in_the_middle_is_asked_for_again(
    provider: OneRosterServer, hook: OneRosterHook, tmp_path: Path, after: int
) -> None:
    provider.fault("tokens_gone", after=after)
    assert read(hook, tmp_path / "raw").proven


def test_a_token_is_used_until_shortly_before_its_end(district: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_oneroster(district, Settings(lifetime=31)) as provider:
        monkeypatch.setenv("AIRFLOW_CONN_SIS", provider.connection())
        hook = OneRosterHook("sis")
        for _ in range(3):
            hook.get("/orgs")
        assert len(provider.app.gate._tokens) == 1
        time.sleep(1.05)
        hook.get("/orgs")
        assert len(provider.app.gate._tokens) == 2


@pytest.mark.parametrize(
    ("auth", "change", "said"),
    [
        ("oauth2", {"password": "wrong"}, "does not know client id and secret of connection sis .401."),
        ("oauth2", {"password": ""}, "connection sis has no client id and secret"),
        ("oauth2", {"extra": {"token_url": "ftp://x"}}, "token_url must be an address"),
        ("oauth2", {"extra": {}}, "token_url must be an address"),
        ("oauth2", {"extra": {"auth": "basic"}}, "auth must be oauth1 or oauth2"),
        ("oauth1", {"password": "wrong"}, "does not take the signature of connection sis .401.: renew consumer key"),
        ("oauth1", {"login": "nobody"}, "another method than HMAC-SHA256"),
        ("oauth1", {"extra": {"auth": "oauth1", "signature": "PLAINTEXT"}}, "must be HMAC-SHA256 or HMAC-SHA1"),
    ],
)
def test_what_is_wrong_with_the_credentials(
    provider: OneRosterServer, monkeypatch: pytest.MonkeyPatch, auth: str, change: dict[str, Any], said: str
) -> None:
    content = json.loads(provider.connection(auth)) | change
    monkeypatch.setenv("AIRFLOW_CONN_SIS", json.dumps(content))
    with pytest.raises(SourceFault, match=said) as fault:
        patient(OneRosterHook("sis")).get("/orgs")
    assert "wrong" not in str(fault.value)


@pytest.mark.parametrize(
    ("extra", "error", "said"),
    [
        ({"scope": "https://x/gradebook.readonly"}, SourceFault, "gives no token for the scope"),
        ({"token_url": "http://127.0.0.1:1/token"}, SourceUnreachable, "no whole answer from 127.0.0.1:1"),
    ],
)
def test_what_is_wrong_with_the_token_endpoint(
    provider: OneRosterServer, monkeypatch: pytest.MonkeyPatch, extra: Any, error: type[Exception], said: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SIS", provider.connection(**extra))
    with pytest.raises(error, match=said):
        patient(OneRosterHook("sis")).get("/orgs")


def test_scopes_are_those_of_the_specification(provider: OneRosterServer, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = "https://purl.imsglobal.org/spec/or/v1p2/scope"
    assert OneRosterHook("sis", "1.2", "schools")._scope(None) == (
        f"{prefix}/roster-core.readonly {prefix}/roster.readonly"
    )
    assert OneRosterHook("sis")._scope(None).endswith("/v1p1/scope/roster-core.readonly")
    monkeypatch.setenv("AIRFLOW_CONN_SIS", provider.connection(scope=""))
    assert OneRosterHook("sis").test_connection()[0]


def test_another_token_address_gives_no_token(provider: OneRosterServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SIS", provider.connection(token_url=f"{provider.url}/elsewhere"))
    with pytest.raises(SourceUnreadable, match=r"token_url of connection sis gave no token .404."):
        patient(OneRosterHook("sis")).get("/orgs")


def test_a_connection_that_is_not_there_of_another_type_or_without_path(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TenantFileWrong, match="AIRFLOW_CONN_NOWHERE"):
        OneRosterHook("nowhere").get("/orgs")
    monkeypatch.setenv("AIRFLOW_CONN_SIS", json.dumps({"conn_type": "http", "host": "sis.example"}))
    with pytest.raises(TenantFileWrong, match="another type than oneroster"):
        OneRosterHook("sis").get("/orgs")
    for host, said in (
        ("sis.example", "must be the service's whole address"),
        ("http://sis.example/v1p1", "with https"),
        ("https://a:b@sis.example/v1p1", "must be an address such as"),
    ):
        monkeypatch.setenv("AIRFLOW_CONN_SIS", json.dumps({"conn_type": "oneroster", "host": host}))
        with pytest.raises(SourceFault, match=said):
            OneRosterHook("sis").get("/orgs")


def test_version_and_address_have_to_fit(provider: OneRosterServer) -> None:
    with pytest.raises(TenantFileWrong, match=r"version is 1.2, and the address of connection sis has v1p1 in it"):
        reading_for(settings(version="1.2"))


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ({"name": "server_error", "status": 500}, SourceBusy, "answered 500, internal_server_error"),
        ({"name": "rate_limited", "seconds": 0.05}, SourceBusy, "asks for patience .429, server_busy."),
        ({"name": "cut"}, SourceUnreachable, "no whole answer"),
        ({"name": "cut_body"}, SourceUnreachable, "no whole answer"),
        ({"name": "truncated"}, SourceUnreadable, "page 1 of users .* is no whole JSON"),
        ({"name": "not_json"}, SourceUnreadable, "page 1 of users .* is no whole JSON"),
        ({"name": "not_agreed"}, SourceUnreadable, "page 1 of users is not as OneRoster describes it"),
        ({"name": "html"}, SourceUnreadable, "web page .200.: the address of connection sis is another one"),
        ({"name": "unauthorised"}, SourceFault, "does not take the tokens that connection sis is given"),
        ({"name": "forbidden"}, SourceFault, "not read this list .403, forbidden.: have the provider grant it"),
        ({"name": "not_found"}, SourceUnreadable, "no such list .404, unknownobject.: see the address"),
        ({"name": "bad_request"}, SourceUnreadable, "refused the request .400, invaliddata."),
        ({"name": "elsewhere"}, SourceUnreadable, "link to another place: the credentials do not go there"),
        ({"name": "wrong_total"}, SourceIncomplete, "users ended after .* and everything was read 3 times"),
        ({"name": "created"}, SourceIncomplete, "users had .* records in all on one page .* read 3 times"),
        ({"name": "repeated"}, SourceIncomplete, "users had 7 records that came twice, and everything was read 3"),
        ({"name": "empty"}, SourceIncomplete, "users ended after 0 records of"),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else None,
)
def test_what_does_not_go_away_is_an_error_that_says_what_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: dict[str, Any],
    error: type[Exception],
    said: str,
) -> None:
    """And neither error nor log has a name, an id, a secret or a query in it."""
    people = few(3)
    table = write_rest(people, tmp_path / "served", modified=NOW)
    with running_oneroster(tmp_path / "served") as provider:
        monkeypatch.setenv("AIRFLOW_CONN_SIS", provider.connection())
        provider.fault(times=None, path="/users", **fault)
        with caplog.at_level(logging.INFO), capture_logs() as logs, pytest.raises(error, match=said) as raised:
            read(patient(OneRosterHook("sis")), tmp_path / "raw")
    told = f"{raised.value!r} {logs} {caplog.text}"
    for value in (*people.personal_values(), *people.secrets(), *table.to_export(), "limit=", "oneroster-secret"):
        assert len(value) < 4 or value not in told


def test_busy_and_cut_answers_are_asked_for_again(
    provider: OneRosterServer, hook: OneRosterHook, tmp_path: Path
) -> None:
    for place, fault in enumerate(("server_error", "cut", "cut_body", "rate_limited", "slow")):
        provider.fault(fault, after=place * 3, times=3, seconds=0.05)
    assert read(hook, tmp_path / "raw").proven


@pytest.mark.parametrize("name", ["replaced", "deleted", "created", "repeated", "skipped", "empty", "no_total"])
def test_a_list_that_moves_once_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write_rest(few(), tmp_path / "served", modified=NOW)
    with running_oneroster(tmp_path / "served") as provider:
        monkeypatch.setenv("AIRFLOW_CONN_SIS", provider.connection())
        provider.fault(name, path="/users", after=1)
        evidence = read(OneRosterHook("sis"), tmp_path / "raw")
        assert evidence.proven
        assert ids(tmp_path / "raw") == served(provider)
        walks = sum("/orgs?" in path and "offset=0" in path for path in provider.app.asked)
    assert walks == (1 if name == "no_total" else 2)


@pytest.mark.parametrize("totals", [True, False])
@pytest.mark.parametrize("name", ["users", "enrollments"])
def test_a_list_that_ends_early_is_never_proven(
    district: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, totals: bool
) -> None:
    """From some page on there is nothing and no link, as often as it is asked for."""
    with running_oneroster(district, Settings(totals=totals)) as provider:
        monkeypatch.setenv("AIRFLOW_CONN_SIS", provider.connection())
        provider.app.shelf.refresh()
        count = len(provider.app.shelf.lists[name])
        for cut in range(1, count - 7, 6):
            provider.clear_faults()
            beyond = "|".join(str(offset) for offset in range(cut, count + 1))
            provider.fault("empty", path=f"/{name}\\?.*offset=({beyond})&", times=None)
            try:
                evidence = read(OneRosterHook("sis"), tmp_path / f"{cut}")
            except SourceIncomplete:
                continue
            assert (evidence.proven, totals) == (False, False)


def test_an_order_that_is_not_known_and_a_circle_of_links_are_mended(
    district: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_oneroster(district, Settings(sorts=False)) as provider:
        monkeypatch.setenv("AIRFLOW_CONN_SIS", provider.connection())
        provider.fault("circle", times=None)
        with capture_logs() as logs:
            evidence = read(OneRosterHook("sis"), tmp_path / "raw")
        assert evidence.complete
        assert ids(tmp_path / "raw") == served(provider)
    assert sum("order of its ids" in line["event"] for line in logs) == 1


def test_a_limit_that_is_too_high_is_lowered(provider: OneRosterServer, hook: OneRosterHook, tmp_path: Path) -> None:
    provider.fault("too_large", times=None, records=250)
    with capture_logs() as logs:
        assert read(hook, tmp_path / "raw", limit=1000).proven
    assert [line["event"].split()[2] for line in logs if "too large" in line["event"]] == ["1000", "500"]
    provider.fault("too_large", times=None, records=10)
    with pytest.raises(SourceUnreadable, match=r"refused the request .413, invaliddata."):
        hook.get("/users?limit=100&offset=0")


@pytest.mark.parametrize("totals", [True, False])
def test_links_that_do_not_count_are_followed(
    district: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, totals: bool
) -> None:
    with running_oneroster(district, Settings(totals=totals)) as provider:
        monkeypatch.setenv("AIRFLOW_CONN_SIS", provider.connection())
        provider.fault("by_cursor", times=None)
        evidence = read(OneRosterHook("sis"), tmp_path / "raw")
        assert (evidence.complete, evidence.proven) == (True, totals)
        assert ids(tmp_path / "raw") == served(provider)
        assert any("cursor=" in path for path in provider.app.asked)


def test_a_token_endpoint_that_is_away_is_asked_again(provider: OneRosterServer, hook: OneRosterHook) -> None:
    provider.fault("server_error", path="^/token", times=2, status=502)
    hook.get("/orgs")
    provider.fault("server_error", path="^/token", times=None)
    with pytest.raises(SourceBusy, match="the token endpoint of connection sis answered 503"):
        patient(OneRosterHook("sis")).get("/orgs")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"imsx_CodeMinor": {"imsx_codeMinorField": {"imsx_codeMinorFieldValue": "Server_Busy"}}}, "server_busy"),
        ({"imsx_codeMinor": {"imsx_codeMinorField": [{"imsx_codeMinorFieldValue": "Ann Ode is no user"}]}}, None),
        ({"imsx_CodeMinor": {}}, None),
        ("a text", None),
    ],
)
def test_of_what_a_provider_says_only_the_specifications_words_are_repeated(body: Any, word: str | None) -> None:
    response = Response()
    response.status_code, response._content = 400, json.dumps(body).encode()
    assert code_minor(response) == word
    assert wait(response) == 60.0
    response.headers["Retry-After"] = "3600"
    assert wait(response) == 90.0


def test_the_test_button(provider: OneRosterServer, hook: OneRosterHook) -> None:
    where = hook.base.address.netloc
    assert hook.test_connection() == (True, f"{where}: 3 orgs can be read")
    provider.fault("not_json")
    assert hook.test_connection() == (False, f"{where} does not answer as a OneRoster service")
    provider.fault("forbidden", times=None)
    works, said = hook.test_connection()
    assert (works, "grant" in said) == (False, True)
    with pytest.raises(SourceFault, match="grant it"):
        seen(settings())
    provider.clear_faults()
    provider.app.shelf.lists["orgs"] = []
    assert hook.test_connection() == (False, f"{where} answers, and has no org for these credentials")


def test_raw_tables_are_those_of_every_oneroster(hook: OneRosterHook, tmp_path: Path) -> None:
    read(hook, tmp_path / "raw")
    assert {name: pl.read_parquet_schema(tmp_path / "raw" / f"{name}.parquet") for name in SCHEMAS} == SCHEMAS


ANY = (
    *("server_error", "cut_body", "tokens_gone", "rate_limited", "circle", "no_next", "no_total", "wrong_total"),
    *("repeated", "skipped", "capped", "empty", "created", "deleted", "replaced"),
)


@pytest.mark.timeout(300)
@hypothesis(max_examples=15, deadline=None)
@given(
    totals=st.booleans(),
    links=st.booleans(),
    limit=st.sampled_from([3, 8, 1000]),
    faults=st.lists(
        st.tuples(st.sampled_from(ANY), st.sampled_from(list(LISTS.values())), st.integers(0, 8), st.integers(1, 3)),
        min_size=1,
        max_size=3,
    ),
)
def test_what_is_proven_holds_all_that_was_there_all_the_time(
    tmp_path_factory: pytest.TempPathFactory, totals: bool, links: bool, limit: int, faults: list[Any]
) -> None:
    """Whatever goes wrong once, at any page of any list."""
    folder = tmp_path_factory.mktemp("any")
    write_rest(few(4), folder / "served", modified=NOW)
    with running_oneroster(folder / "served", Settings(totals=totals, links=links)) as provider, environment(provider):
        before = served(provider)
        for name, path, after, records in faults:
            provider.fault(name, path=f"/{path}\\?", after=after, records=records, seconds=0.01)
        hook = patient(OneRosterHook("sis"))
        try:
            evidence = read(hook, folder / "raw", limit=limit)
        except SourceFault:
            return
        if evidence.proven:
            found, now = ids(folder / "raw"), served(provider)
            for name, there in before.items():
                assert set(there) & set(now[name]) <= set(found[name])


@contextmanager
def environment(provider: OneRosterServer) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_SIS", provider.connection())
        yield
