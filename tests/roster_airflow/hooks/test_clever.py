"""Clever over real sockets: what the hook asks again, mends, refuses, and how it says what to do."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from structlog.testing import capture_logs

from roster.errors import SourceBusy, SourceFault, SourceUnreachable, SourceUnreadable, TenantFileWrong
from roster.evidence import Evidence
from roster.settings import Clever, CleverCsv
from roster.sources import Good
from roster.sources.clever.objects import TABLES
from roster.sources.clever.reading import extract
from roster_airflow.hooks.clever import CleverHook
from roster_airflow.hooks.delivery import Folder
from roster_airflow.reading import reading_for
from roster_sandbox.clever import CleverServer, Settings, running_clever, write_api
from tests.few import few

NOW = datetime(2026, 2, 2, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("district")
    write_api(few(), folder, synced=NOW)
    return folder


@pytest.fixture
def clever(district: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CleverServer]:
    with running_clever(district, Settings(window=1.0)) as running:
        monkeypatch.setenv("AIRFLOW_CONN_CLEVER", running.connection())
        yield running


@pytest.fixture
def hook(clever: CleverServer) -> CleverHook:
    return patient(CleverHook("clever"))


def patient(hook: CleverHook) -> CleverHook:
    """It asks as often as ever, without waiting in between."""
    hook.retry_delays = (0.0,) * 4
    return hook


def settings(limit: int = 3) -> Clever:
    return Clever(name="clever", system="clever", connection="clever", limit=limit)


def read(hook: CleverHook, folder: Path, limit: int = 3, last_good: Evidence | None = None) -> Evidence:
    folder.mkdir()
    good = Good(last_good, lambda: nullcontext(folder)) if last_good else None
    return extract(hook, settings(limit), folder, last_good=good, now=NOW)


def ids(folder: Path) -> dict[str, set[str]]:
    return {name: set(pl.read_parquet(folder / f"{name}.parquet")["id"]) for name in TABLES}


def served(clever: CleverServer) -> dict[str, set[str]]:
    """What is there now."""
    lists = clever.app.shelf.lists
    return {
        name: {
            one.id for one in lists[table.path.split("/")[2].split("?")[0]] if not table.role or table.role in one.roles
        }
        for name, table in TABLES.items()
    }


@pytest.mark.parametrize("limit", [1, 3, 7, 10_000])
def test_a_walk_is_complete_whatever_the_size_of_its_pages(
    clever: CleverServer, hook: CleverHook, tmp_path: Path, limit: int
) -> None:
    evidence = read(hook, tmp_path / "raw", limit)
    assert (evidence.complete, evidence.proven, evidence.reasons) == (True, True, ())
    assert ids(tmp_path / "raw") == served(clever)
    assert evidence.delivered == NOW


def test_without_counts_closed_references_prove_it(district: Path, tmp_path: Path, monkeypatch: Any) -> None:
    with running_clever(district, Settings(counts=False)) as clever:
        monkeypatch.setenv("AIRFLOW_CONN_CLEVER", clever.connection())
        assert read(CleverHook("clever"), tmp_path / "raw").proven


def test_the_token_comes_from_the_list_for_client_id_and_secret(
    clever: CleverServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CLEVER", clever.app_connection())
    hook = patient(CleverHook("clever"))
    assert hook.test_connection() == (True, f"{hook.address.netloc}: the token sees its district")
    assert read(hook, tmp_path / "raw").proven


@pytest.mark.parametrize("after", range(0, 30, 4))
def test_a_token_that_is_rotated_in_the_middle_is_asked_for_again(
    clever: CleverServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CLEVER", clever.app_connection())
    clever.fault("token_rotated", after=after)
    assert read(patient(CleverHook("clever")), tmp_path / "raw").proven
    assert clever.app.token != clever.app.settings.token


def test_a_fixed_token_that_was_rotated_is_to_be_renewed(
    clever: CleverServer, hook: CleverHook, tmp_path: Path
) -> None:
    clever.fault("token_rotated", after=5)
    with pytest.raises(SourceFault, match=r"token of connection clever .*put the district's present token into it"):
        read(hook, tmp_path / "raw")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": "wrong"}, "does not know the client id and secret of connection clever"),
        (
            {"extra": {"oauth_host": "ours", "district": "f" * 24}},
            "lists no token for the district of connection clever",
        ),
        ({"extra": {"oauth_host": "ours"}}, "no district: give its id in the extra"),
        (
            {"extra": {"oauth_host": "http://a/b", "district": "d"}},
            "oauth_host must be a host alone, such as clever.com",
        ),
    ],
)
def test_what_is_wrong_with_client_id_and_secret(
    clever: CleverServer, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], said: str
) -> None:
    content = json.loads(clever.app_connection()) | change
    if content["extra"].get("oauth_host") == "ours":
        content["extra"]["oauth_host"] = clever.url
    monkeypatch.setenv("AIRFLOW_CONN_CLEVER", json.dumps(content))
    with pytest.raises(SourceFault, match=said):
        patient(CleverHook("clever")).get("/v3.1/districts")


def test_a_token_list_that_is_away_or_none(clever: CleverServer, monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.loads(clever.app_connection())
    content["extra"]["oauth_host"] = "http://127.0.0.1:1"
    monkeypatch.setenv("AIRFLOW_CONN_CLEVER", json.dumps(content))
    with pytest.raises(SourceUnreachable):
        patient(CleverHook("clever")).get("/v3.1/districts")


def test_a_connection_without_a_token(clever: CleverServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CLEVER", json.dumps({"conn_type": "clever", "host": clever.url}))
    with pytest.raises(SourceFault, match="connection clever has no token"):
        CleverHook("clever").get("/v3.1/districts")


def test_a_connection_that_is_not_there_or_of_another_type(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TenantFileWrong, match="AIRFLOW_CONN_CLEVER_NOWHERE"):
        CleverHook("clever_nowhere").get("/v3.1/districts")
    monkeypatch.setenv("AIRFLOW_CONN_CLEVER", json.dumps({"conn_type": "http", "host": "clever.example"}))
    with pytest.raises(TenantFileWrong, match="another type than clever"):
        CleverHook("clever").get("/v3.1/districts")


@pytest.mark.parametrize("host", ["http://api.clever.com", "api.clever.com/v3.1", "ftp://api.clever.com"])
def test_a_token_travels_by_https_to_a_host(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CLEVER", json.dumps({"conn_type": "clever", "host": host, "password": "x"}))
    with pytest.raises(SourceFault, match=r"host must be a host alone, such as api\.clever\.com, and https"):
        CleverHook("clever").get("/v3.1/districts")


def test_the_usual_host_is_clevers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CLEVER", json.dumps({"conn_type": "clever", "password": "x"}))
    assert CleverHook("clever").address.url == "https://api.clever.com"


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ({"name": "server_error", "status": 500}, SourceBusy, "answered 500"),
        ({"name": "server_error", "status": 503}, SourceBusy, "answered 503"),
        ({"name": "cut"}, SourceUnreachable, "no whole answer"),
        ({"name": "cut_body"}, SourceUnreachable, "no whole answer"),
        ({"name": "truncated"}, SourceUnreadable, "page 1 of schools .* is no whole JSON"),
        ({"name": "not_json"}, SourceUnreadable, "page 1 of schools .* is no whole JSON"),
        ({"name": "not_agreed"}, SourceUnreadable, "page 1 of schools is not as Clever's API 3.1 describes it"),
        ({"name": "html"}, SourceUnreadable, "web page .*token of connection clever is of another kind"),
        ({"name": "not_found"}, SourceUnreadable, "no such list .404.: the app has no Secure Sync"),
        ({"name": "bad_request"}, SourceUnreadable, "refused the request .400."),
        ({"name": "too_large", "most": 1}, SourceUnreadable, "refused the request .413."),
        ({"name": "elsewhere"}, SourceUnreadable, "link to another host: it is not followed"),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else None,
)
def test_what_does_not_go_away_is_an_error_that_says_what_it_is(
    clever: CleverServer, hook: CleverHook, tmp_path: Path, fault: dict[str, Any], error: type[Exception], said: str
) -> None:
    clever.fault(times=None, path="/schools", **fault)
    with pytest.raises(error, match=said):
        read(hook, tmp_path / "raw")


def test_busy_and_cut_answers_are_asked_for_again(clever: CleverServer, hook: CleverHook, tmp_path: Path) -> None:
    for place, fault in enumerate(("server_error", "cut", "cut_body", "rate_limited", "slow")):
        clever.fault(fault, after=place * 3, times=3, seconds=0.1)
    assert read(hook, tmp_path / "raw").proven


def test_a_minute_that_is_used_up_is_waited_for(district: Path, monkeypatch: Any, tmp_path: Path) -> None:
    with running_clever(district, Settings(requests=20, window=1.0)) as clever:
        monkeypatch.setenv("AIRFLOW_CONN_CLEVER", clever.connection())
        began = time.monotonic()
        assert read(CleverHook("clever"), tmp_path / "raw").proven
        assert sum(clever.app.asked.values()) > 20
        assert time.monotonic() - began > 0.5


def test_the_hook_keeps_to_the_rate_by_itself(
    clever: CleverServer, hook: CleverHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roster_airflow.hooks.clever.REQUESTS_A_MINUTE", 5)
    monkeypatch.setattr("roster_airflow.hooks.clever.MINUTE", 0.6)
    began = time.monotonic()
    for _ in range(11):
        hook.get("/v3.1/districts")
    assert time.monotonic() - began >= 1.2


def test_a_limit_that_is_too_high_is_lowered_and_the_walk_goes_on(clever: CleverServer, tmp_path: Path) -> None:
    clever.fault("too_large", times=None, most=2500)
    with capture_logs() as logs:
        assert read(CleverHook("clever"), tmp_path / "raw", 10_000).proven
    lowered = [line["event"] for line in logs if "too large" in line["event"]]
    assert [event.split()[2] for event in lowered] == ["10000", "5000"]


def test_a_token_of_a_person_is_told(clever: CleverServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CLEVER", clever.connection(password=clever.app.settings.user_token))
    works, said = CleverHook("clever").test_connection()
    assert not works
    assert "is of another kind than a district's" in said


def test_the_test_button_says_what_else_answers(clever: CleverServer, hook: CleverHook) -> None:
    clever.fault("not_json")
    assert hook.test_connection() == (False, f"{hook.address.netloc} does not answer as Clever's API")
    districts = clever.app.shelf.lists["districts"]
    clever.app.shelf.lists["districts"] = []
    assert hook.test_connection()[1].startswith("the token sees 0 districts")
    clever.app.shelf.lists["districts"] = districts


def test_links_may_be_whole_addresses_of_the_same_host_and_no_other(clever: CleverServer, hook: CleverHook) -> None:
    assert hook.get(f"{clever.url}/v3.1/districts") == hook.get("/v3.1/districts")
    for link in ("https://elsewhere.example/v3.1/users", "//elsewhere.example/v3.1/users", "http://127.0.0.1:99999/x"):
        with pytest.raises(SourceUnreadable, match="another host"):
            hook.get(link)


def test_neither_tokens_nor_ids_nor_bodies_are_logged(
    clever: CleverServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clever.fault("server_error", times=3)
    clever.fault("rate_limited", after=4, seconds=0.1)
    caplog.set_level(logging.INFO)
    with capture_logs() as logs:
        read(patient(CleverHook("clever")), tmp_path / "raw")
        clever.fault("not_agreed", path="role=student")
        with pytest.raises(SourceUnreadable) as raised:
            read(patient(CleverHook("clever")), tmp_path / "again")
    said = f"{logs} {caplog.text} {raised.value}"
    assert "asked again" in said
    assert clever.app.token not in said
    assert not [one for one in served(clever)["students"] if one in said]


def test_each_system_is_read_by_its_own(clever: CleverServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FILES", json.dumps({"conn_type": "fs", "extra": {"path": str(tmp_path)}}))
    assert isinstance(reading_for(settings()), CleverHook)
    assert isinstance(reading_for(CleverCsv(name="csv", system="clever_csv", connection="files")), Folder)


FAULTS: list[dict[str, Any]] = [
    {"name": "rate_limited", "seconds": 0.0},
    {"name": "server_error", "status": 503},
    {"name": "cut"},
    {"name": "cut_body"},
    {"name": "truncated"},
    {"name": "not_agreed"},
    {"name": "html"},
    {"name": "token_rotated"},
    {"name": "not_found"},
    {"name": "too_large", "most": 1},
    {"name": "circle"},
    {"name": "circle", "times": None},
    {"name": "repeated", "records": 1},
    {"name": "repeated", "times": None},
    {"name": "no_next"},
    {"name": "no_next", "times": None},
    {"name": "empty"},
    {"name": "empty", "times": None},
    {"name": "deleted"},
    {"name": "created"},
    {"name": "synced"},
    {"name": "elsewhere"},
]


def _named(fault: dict[str, Any]) -> str:
    return "-".join(str(value) for value in fault.values())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("counts", [True, False], ids=["counts", "no counts"])
@pytest.mark.parametrize("fault", FAULTS, ids=_named)
def test_whatever_goes_wrong_at_whatever_request_nothing_that_is_there_seems_proven_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any], counts: bool
) -> None:
    """Either there is an error, or the evidence proves nothing, or all that was there throughout was read. Every second
    request with Clever's counts, the others without.
    """
    write_api(few(3), tmp_path / "served", synced=NOW)
    with running_clever(tmp_path / "served", Settings(counts=counts, requests=1_000_000)) as clever:
        monkeypatch.setenv("AIRFLOW_CONN_CLEVER", clever.connection())
        whole = read(patient(CleverHook("clever")), tmp_path / "whole", 5)
        requests = sum(clever.app.asked.values())
        assert whole.proven
        before = ids(tmp_path / "whole")
        for after in range(int(counts), requests, 2):
            write_api(few(3), tmp_path / "served", synced=NOW)
            clever.clear_faults()
            monkeypatch.setenv("AIRFLOW_CONN_CLEVER", clever.connection(password=clever.app.token))
            clever.fault(after=after, **fault)
            folder = tmp_path / f"raw{after}"
            try:
                evidence = read(patient(CleverHook("clever")), folder, 5, whole)
            except SourceFault:
                continue
            if evidence.proven:
                there, found = served(clever), ids(folder)
                assert not set().union(*((there[name] & before[name]) - found[name] for name in there)), after
