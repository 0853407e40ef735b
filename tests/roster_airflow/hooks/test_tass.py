"""TASS over real sockets: what the hook asks again, refuses, never sends, and how it says what to do."""

from __future__ import annotations

import json
import logging
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
from roster.settings import Tass
from roster.sources import Good
from roster.sources.tass.methods import READS
from roster.sources.tass.reading import extract
from roster.sources.tass.tables import TABLES
from roster_airflow.hooks.tass import MAY_BE_ASKED, TassHook
from roster_airflow.reading import reading_for, seen
from roster_sandbox.tass import App, Settings, TassServer, apps, running_tass, semesters, write_api
from tests.few import few

NOW = datetime(2026, 2, 2, 9, tzinfo=UTC)
PRODUCTS = ("idm", "student_details", "employee_hr")
CAMPUSES = {"codeonly": "false"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    write_api(few(), folder)
    return folder


@pytest.fixture(scope="module")
def terms(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return semesters(few(), write_api(few(), tmp_path_factory.mktemp("terms")))


@pytest.fixture
def tass(served: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TassServer]:
    with running_tass(served) as running:
        monkeypatch.setenv("AIRFLOW_CONN_TASS", running.connection())
        yield running


@pytest.fixture
def settings(terms: list[dict[str, Any]]) -> Tass:
    given = {"name": "tass", "system": "tass", "connection": "tass", "companies": ("10",), "products": PRODUCTS}
    return Tass.model_validate(given | {"terms": terms, "timetable_periods": ("1", "2")})


@pytest.fixture
def hook(tass: TassServer) -> TassHook:
    return patient()


def patient(**more: Any) -> TassHook:
    """It asks as often as ever, without waiting in between."""
    found = TassHook("tass", **more)
    found.retry_delays = (0.0, 0.0)
    return found


def read(hook: TassHook, settings: Tass, folder: Path, last_good: Evidence | None = None) -> Evidence:
    folder.mkdir()
    good = Good(last_good, lambda: nullcontext(folder)) if last_good else None
    return extract(hook, settings, folder, last_good=good, now=NOW)


def changed(
    tass: TassServer, monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any] | None = None, **more: Any
) -> None:
    content = json.loads(tass.connection())
    content = content | more | {"extra": content["extra"] | (extra or {})}
    monkeypatch.setenv("AIRFLOW_CONN_TASS", json.dumps(content))


@pytest.mark.parametrize("version", ["2", "3"])
def test_every_product_is_read_in_either_version(
    served: Path, settings: Tass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    with running_tass(served, Settings(apps=apps(version))) as tass:
        monkeypatch.setenv("AIRFLOW_CONN_TASS", tass.connection())
        evidence = read(patient(), settings, tmp_path / "raw")
        assert (evidence.complete, evidence.proven, evidence.reasons) == (True, True, ())
        assert {file.stem for file in (tmp_path / "raw").iterdir()} == set(TABLES)
        pupils = pl.read_parquet(tmp_path / "raw" / "students.parquet")["student_code"]
        assert set(pupils) == set(write_api(few(), served).ids["students"].values())
        assert {code[0] for code in pupils} == {"0", "2"}


def test_nothing_that_writes_ever_goes_out(tass: TassServer, hook: TassHook, settings: Tass, tmp_path: Path) -> None:
    """By the stand-in's own record of a night, the Test button and doctor; it would have answered."""
    read(hook, settings, tmp_path / "raw")
    assert hook.test_connection()[0]
    seen(settings)
    assert set(tass.app.asked) == {f"{product}.{method.lower()}" for product, method in READS}
    assert all(method.partition(".")[2].startswith("get") for method in tass.app.asked)
    assert {method.partition(".")[2] for method in tass.app.asked} == MAY_BE_ASKED


@pytest.mark.parametrize("method", ["setStudent", "addParent", "deleteEmployee", "setAdmin", "getAdmins", "getMedical"])
def test_a_method_that_is_not_listed_is_not_sent(tass: TassServer, hook: TassHook, method: str) -> None:
    with pytest.raises(SourceFault, match=f"{method} is not one of the methods that are asked of TASS: it is not sent"):
        hook.ask("10", "idm", method, {"user_code": "ALL"})
    assert tass.app.urls == []


def test_the_stand_in_would_have_taken_a_method_that_writes(
    tass: TassServer, hook: TassHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roster_airflow.hooks.tass.MAY_BE_ASKED", {"setstudent"})
    assert json.loads(hook.ask("10", "idm", "setStudent", {"user_code": "1"}))["__status"] == "success"
    assert tass.app.asked == ["idm.setstudent"]


def test_neither_parameters_nor_keys_stand_in_an_address_or_a_header(
    tass: TassServer, hook: TassHook, settings: Tass, tmp_path: Path
) -> None:
    read(hook, settings, tmp_path / "raw")
    assert set(tass.app.urls) == {"/tassweb/api/"}
    sent = b" ".join(name + b":" + value for headers in tass.app.headers for name, value in headers).decode()
    assert "roster-sync" in sent
    assert not [app.key for app in tass.app.settings.apps.values() if app.key in sent]
    assert "authorization" not in sent


def test_the_test_button_asks_every_product_of_the_form(
    tass: TassServer, hook: TassHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = hook.address.netloc
    assert hook.test_connection() == (
        True,
        f"{where}: lms, idm, student_details, employee_hr of company 10 take their token keys",
    )
    changed(tass, monkeypatch, {"company": ""})
    works, said = patient().test_connection()
    assert (works, said.startswith("give a company under Company")) == (False, True)
    changed(tass, monkeypatch, {"idm_token_key": json.loads(tass.connection())["password"]})
    asked = len(tass.app.urls)
    works, said = TassHook("tass").test_connection()
    assert not works
    assert "getEmployees (idm)" in said
    assert len(tass.app.urls) - asked == 2  # nobody is kept waiting by asking again


def test_doctor_asks_every_product_of_every_company(tass: TassServer, settings: Tass) -> None:
    assert seen(settings).endswith("lms, idm, student_details, employee_hr of company 10 take their token keys")
    other = settings.model_copy(update={"companies": ("10", "99")})
    with pytest.raises(SourceFault, match=r"does not let connection tass in \(401\): compare app code, token key"):
        seen(other)


@pytest.mark.parametrize(
    ("extra", "more", "error", "said"),
    [
        ({}, {"login": ""}, TenantFileWrong, "no app code and token key of lms: give them as login and password"),
        ({}, {"password": ""}, TenantFileWrong, "no app code and token key of lms"),
        ({"idm_token_key": ""}, {}, TenantFileWrong, "of idm: give them as idm_app_code and idm_token_key"),
        ({"lms_version": "1"}, {}, TenantFileWrong, "lms_version must be 2 or 3"),
        ({}, {"password": "c2hvcnQ="}, TenantFileWrong, "the password of connection tass is 5 bytes long"),
        ({}, {"password": "no base64"}, TenantFileWrong, "the password of connection tass is no Base64"),
        ({}, {"login": "NONE"}, SourceFault, r"does not let connection tass in \(401\)"),
        ({"lms_version": "2"}, {}, SourceFault, r"does not let connection tass in \(401\)"),
        ({}, {"password": "AAAAAAAAAAAAAAAAAAAAAA=="}, SourceBusy, "500; if it goes on doing so, the token key"),
    ],
)
def test_what_is_wrong_with_a_connection_says_what_to_do(
    tass: TassServer,
    settings: Tass,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    extra: dict[str, Any],
    more: dict[str, Any],
    error: type[Exception],
    said: str,
) -> None:
    changed(tass, monkeypatch, extra, **more)
    with pytest.raises(error, match=said) as raised:
        read(patient(), settings, tmp_path / "raw")
    keys = {app.key for app in tass.app.settings.apps.values()} | set(more.values()) - {"", "NONE"}
    assert not [key for key in keys if key in str(raised.value)]


def test_a_connection_that_is_not_there_or_of_another_type(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TenantFileWrong, match="AIRFLOW_CONN_TASS_NOWHERE"):
        TassHook("tass_nowhere").ask("10", "lms", "getCampuses", CAMPUSES)
    monkeypatch.setenv("AIRFLOW_CONN_TASS", json.dumps({"conn_type": "http", "host": "tass.example"}))
    with pytest.raises(TenantFileWrong, match="another type than tass"):
        TassHook("tass").ask("10", "lms", "getCampuses", CAMPUSES)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "http://tass.example.org/tassweb/api/",
        "ftp://tass.example.org",
        "https://me@tass.example.org",
        "https://t.org/?a=1",
    ],
)
def test_an_endpoint_is_https(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    content = {"conn_type": "tass", "host": host, "login": "A", "password": "x8FWQUedjyiUGlTf5appPQ=="}
    monkeypatch.setenv("AIRFLOW_CONN_TASS", json.dumps(content))
    with pytest.raises(TenantFileWrong, match="host must be TASS's endpoint, such as https://"):
        TassHook("tass").ask("10", "lms", "getCampuses", CAMPUSES)


@pytest.mark.parametrize("end", ["", "/", "/tassweb/api", "/tassweb/api/", "/tassweb/api/index.cfm"])
def test_the_endpoint_may_be_a_host_alone_or_whole(tass: TassServer, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    changed(tass, monkeypatch, host=f"{tass.url}{end}")
    assert b"campuses" in patient().ask("10", "lms", "GETCAMPUSES", CAMPUSES)


def test_another_path_is_told(tass: TassServer, hook: TassHook, monkeypatch: pytest.MonkeyPatch) -> None:
    changed(tass, monkeypatch, host=f"{tass.url}/api/")
    with pytest.raises(SourceUnreadable, match=r"nothing at that path \(404\): host must be the endpoint"):
        patient().ask("10", "lms", "getCampuses", CAMPUSES)


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ({"name": "server_error", "status": 500}, SourceBusy, "answered 500"),
        ({"name": "server_error", "status": 503}, SourceBusy, "answered 503"),
        ({"name": "server_error", "status": 429}, SourceBusy, "answered 429"),
        ({"name": "server_error", "status": 400}, SourceUnreadable, r"refused the request \(400\)"),
        ({"name": "server_error", "status": 302}, SourceUnreadable, r"refused the request \(302\)"),
        ({"name": "server_error", "status": 403}, SourceFault, r"does not let connection tass in \(403\)"),
        ({"name": "cut"}, SourceUnreachable, "no whole answer from"),
        ({"name": "cut_body"}, SourceUnreachable, "the answer broke off"),
        ({"name": "truncated"}, SourceUnreadable, r"company 10:1:\d+: no JSON any more"),
        ({"name": "not_json"}, SourceUnreadable, r"company 10:1:\d+: no JSON any more"),
        ({"name": "not_agreed"}, SourceUnreadable, "a part of the reply has another shape"),
        ({"name": "html"}, SourceUnreadable, "answered with a web page: is that the endpoint"),
        (
            {"name": "invalid"},
            SourceUnreadable,
            "in place of data: code “Invalid Student Code”; currentstatus “Value is not a valid status”",
        ),
        ({"name": "msg"}, SourceUnreadable, "in place of data: “'codeonly' IS REQUIRED”"),
        ({"name": "error"}, SourceUnreadable, "in place of data: with a text that is not shown here"),
        ({"name": "other"}, SourceUnreadable, "answered another currentstatus than was asked for"),
        ({"name": "huge", "bytes": 1_100_000}, SourceUnreadable, "the reply is larger than 1 MB: raise `largest`"),
    ],
    ids=lambda value: f"{value['name']}-{value.get('status', '')}" if isinstance(value, dict) else None,
)
def test_what_does_not_go_away_is_an_error_that_says_what_it_is(
    tass: TassServer,
    settings: Tass,
    tmp_path: Path,
    fault: dict[str, Any],
    error: type[Exception],
    said: str,
) -> None:
    tass.fault(times=None, method="lms.getstudents$", **fault)
    with capture_logs() as logs, pytest.raises(error, match=said) as raised:
        read(patient(largest=1 << 20), settings, tmp_path / "raw")
    told = f"{logs} {raised.value}"
    assert "getStudents (lms)" in str(raised.value) or fault["name"] == "cut"
    assert not [value for value in few().personal_values() if len(value) > 4 and value in told]
    assert "Personal Data" not in told


def test_a_refusal_of_parameters_may_come_with_401(
    served: Path, settings: Tass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_tass(served, Settings(invalid_status=401)) as tass:
        monkeypatch.setenv("AIRFLOW_CONN_TASS", tass.connection())
        tass.fault("invalid")
        with pytest.raises(SourceUnreadable, match="in place of data: code “Invalid Student Code”"):
            read(patient(), settings, tmp_path / "raw")


def test_json_that_is_called_a_page_is_json_all_the_same(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_tass(served, Settings(content_type="text/html;charset=UTF-8")) as tass:
        monkeypatch.setenv("AIRFLOW_CONN_TASS", tass.connection())
        assert json.loads(patient().ask("10", "lms", "getCampuses", CAMPUSES))["campuses"]


def test_an_app_of_another_product_is_told(served: Path, tmp_path: Path, settings: Tass, monkeypatch: Any) -> None:
    key = "x8FWQUedjyiUGlTf5appPQ=="
    both = {"ONE": App("idm", key), "TWO": App("lms", key)}
    with running_tass(served, Settings(apps=both)) as tass:
        content = {"conn_type": "tass", "host": tass.url, "login": "ONE", "password": key}
        monkeypatch.setenv("AIRFLOW_CONN_TASS", json.dumps(content))
        with pytest.raises(SourceUnreadable, match=r"getCampuses \(lms\) of company 10: TASS answered with an error"):
            read(patient(), settings, tmp_path / "raw")


def test_busy_and_cut_answers_are_asked_for_again(
    tass: TassServer, hook: TassHook, settings: Tass, tmp_path: Path
) -> None:
    for place, fault in enumerate(("server_error", "cut", "cut_body", "slow")):
        tass.fault(fault, after=place * 2, times=2, seconds=0.1)
    assert read(hook, settings, tmp_path / "raw").proven


def test_a_reply_that_takes_too_long_is_no_answer(tass: TassServer, monkeypatch: pytest.MonkeyPatch) -> None:
    tass.fault("slow", seconds=1.0, times=None)
    changed(tass, monkeypatch, {"timeout": 0.1})
    hook = patient()
    hook.retry_delays = ()
    with pytest.raises(SourceUnreachable, match="ReadTimeout"):
        hook.ask("10", "lms", "getCampuses", CAMPUSES)


def test_a_key_that_was_changed_meanwhile_ends_the_night(
    tass: TassServer, hook: TassHook, settings: Tass, tmp_path: Path
) -> None:
    tass.fault("key_changed", method="getteachers")
    with pytest.raises(SourceBusy, match=r"getStudentSubjects \(lms\): .*the token key may be another than the app's"):
        read(hook, settings, tmp_path / "raw")


def test_neither_keys_nor_tokens_nor_people_are_logged(
    tass: TassServer, hook: TassHook, settings: Tass, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tass.fault("server_error", times=2)
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        read(hook, settings, tmp_path / "raw")
    said = f"{logs} {caplog.text}"
    assert "asked again" in said
    assert "token=" not in said
    assert "ALL" not in said
    assert not [app.key for app in tass.app.settings.apps.values() if app.key in said]
    assert not [value for value in few().personal_values() if len(value) > 4 and value in said]


def test_the_source_is_read_by_this_hook(tass: TassServer, settings: Tass) -> None:
    found = reading_for(settings.model_copy(update={"largest": 3}))
    assert isinstance(found, TassHook)
    assert found.largest == 3 * 1024 * 1024


FAULTS: list[dict[str, Any]] = [
    {"name": "cut_body"},
    {"name": "truncated", "bytes": 300},
    {"name": "not_agreed"},
    {"name": "msg"},
    {"name": "empty"},
    {"name": "key_changed"},
    *({"name": "filtered", "records": records} for records in (1, 5)),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(str(value) for value in fault.values()))
def test_whatever_goes_wrong_at_whatever_request_nothing_that_is_there_seems_proven_gone(
    served: Path, settings: Tass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    """Either there is an error, or the evidence proves nothing, or all was read."""
    with running_tass(served) as tass:
        monkeypatch.setenv("AIRFLOW_CONN_TASS", tass.connection())
        whole = read(patient(), settings, tmp_path / "whole")
        requests = len(tass.app.asked)
        assert (whole.proven, requests) == (True, 14)
        for after in range(requests):
            monkeypatch.setenv("AIRFLOW_CONN_TASS", tass.connection())
            tass.app.apps = dict(tass.app.settings.apps)
            tass.clear_faults()
            tass.fault(after=after, **fault)
            folder = tmp_path / f"raw{after}"
            try:
                evidence = read(patient(), settings, folder, whole)
            except SourceFault:
                continue
            for table in TABLES:
                before, found = (pl.read_parquet(one / f"{table}.parquet") for one in (tmp_path / "whole", folder))
                assert not evidence.proven or before.equals(found), (after, table)
