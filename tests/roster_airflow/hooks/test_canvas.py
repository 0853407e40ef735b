"""CanvasHook over real sockets, against answers as the reference states them."""

from __future__ import annotations

import email
import email.policy
import json
import logging
import os
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from roster.errors import (
    CanvasBusy,
    CanvasFault,
    CanvasPermissionMissing,
    CanvasRefused,
    CanvasTokenDead,
    CanvasUnreachable,
    CanvasWrongHost,
    TenantFileWrong,
)
from roster.tenants import Environment
from roster_airflow.hooks.canvas import CanvasHook
from tests.roster_airflow.scripted import TOKEN, Answer, Asked, Scripted, scripted_server

ROOT = Answer({"id": 31, "name": "Banksia", "root_account_id": None})
CREATED = Answer({"id": 77, "workflow_state": "created", "progress": 0, "diffing_data_set_identifier": "banksia-1"})
HTML = "<html><body>Ottoline Quux is on this page</body></html>"
SECRETS = (TOKEN, "Ottoline", "Quux", "bookmark", "per_page")


def a_hook(canvas: Scripted, environment: Any = "test") -> CanvasHook:
    hook = CanvasHook("canvas_of_the_test", environment, (canvas.host,))
    hook.retry_delays = (0, 0)
    return hook


def an_import(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": number, "workflow_state": "imported", "created_at": f"2026-02-01T00:00:{number:02}Z", **fields}


def chain(error: BaseException | None) -> Iterator[str]:
    """What a traceback shows of an error and of those behind it."""
    while error is not None:
        yield str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    file = tmp_path / "rows.zip"
    file.write_bytes(b"PK-the-zip")
    return file


def parts(asked: Asked) -> dict[str, tuple[str | None, bytes]]:
    """field → (file name, content) of a multipart request."""
    head = f"Content-Type: {asked.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + asked.body, policy=email.policy.default)
    found = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        found[str(name)] = (part.get_filename(), part.get_payload(decode=True))
    return found


def test_the_root_account_is_asked_for_once_with_the_token(canvas: Scripted) -> None:
    canvas.says(ROOT)
    hook = a_hook(canvas)
    assert (hook.root_account().id, hook.root_account().name) == ("31", "Banksia")
    [asked] = canvas.asked
    assert (asked.method, asked.path) == ("GET", "/api/v1/accounts/self")
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["Accept"] == "application/json"


def test_keys_of_the_extra_are_not_sent_as_headers(canvas: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    canvas.says(ROOT)
    monkeypatch.setenv("AIRFLOW_CONN_CANVAS_OF_THE_TEST", canvas.connection(note="mine", timeout=5))
    a_hook(canvas).root_account()
    assert canvas.asked[0].headers["note"] is None


def test_a_netrc_of_the_machine_does_not_replace_the_token(
    canvas: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text(f"machine {canvas.host} login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    canvas.says(ROOT)
    a_hook(canvas).root_account()
    assert canvas.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(("environment", "hosts"), [("test", ()), ("test", ("127.0.0.1:1",)), ("test", ("localhost",))])
def test_nothing_is_sent_to_a_host_of_another_environment(
    canvas: Scripted, archive: Path, environment: Any, hosts: tuple[str, ...]
) -> None:
    canvas.says(ROOT)
    hook = CanvasHook("canvas_of_the_test", environment, hosts)
    for call in (hook.root_account, hook.sis_imports, lambda: hook.post_import(archive, "x"), lambda: hook.run("/")):
        with pytest.raises(CanvasWrongHost):
            call()
    assert hook.test_connection()[0] is False
    assert canvas.asked == []


def test_without_an_environment_nothing_is_posted(canvas: Scripted, archive: Path) -> None:
    canvas.says(CREATED)
    with pytest.raises(CanvasWrongHost):
        a_hook(canvas, None).post_import(archive, "banksia-1")
    assert canvas.asked == []


def test_imports_come_from_all_pages_newest_first_and_once(canvas: Scripted) -> None:
    # an import that arrived in between has pushed number 8 onto the second page
    canvas.says(
        Answer(
            {"sis_imports": [an_import(9), an_import(8)]},
            headers={"Link": f'<{canvas.url}/p?bookmark=x,y>; rel="next"'},
        ),
        Answer({"sis_imports": [an_import(8), an_import(7, diffing_data_set_identifier="banksia-7")]}),
    )
    since = datetime(2026, 2, 1, 10, 0, tzinfo=timezone(timedelta(hours=10)))
    found = a_hook(canvas).sis_imports(since)
    assert [one.id for one in found] == ["9", "8", "7"]
    assert found[2].is_ours("banksia-7")
    assert [asked.path for asked in canvas.asked] == [
        "/api/v1/accounts/self/sis_imports?per_page=100&created_since=2026-02-01T00%3A00%3A00Z",
        "/p?bookmark=x,y",
    ]


def test_a_next_link_to_another_host_gets_neither_call_nor_token(canvas: Scripted) -> None:
    with scripted_server() as elsewhere:
        elsewhere.says(Answer({"sis_imports": []}))
        canvas.says(Answer({"sis_imports": [an_import(9)]}, headers={"Link": f'<{elsewhere.url}/p>; rel="next"'}))
        with pytest.raises(CanvasWrongHost):
            a_hook(canvas).sis_imports()
        assert elsewhere.asked == []


def test_a_redirect_is_not_followed(canvas: Scripted) -> None:
    with scripted_server() as elsewhere:
        elsewhere.says(ROOT)
        canvas.says(Answer(status=302, headers={"Location": f"{elsewhere.url}/api/v1/accounts/self"}))
        with pytest.raises(CanvasWrongHost, match="redirect"):
            a_hook(canvas).root_account()
        assert elsewhere.asked == []


def test_pages_that_go_round_in_a_circle_end(canvas: Scripted) -> None:
    canvas.says(Answer({"sis_imports": []}, headers={"Link": f'<{canvas.url}/p>; rel="next"'}))
    with pytest.raises(CanvasRefused, match="circle after 2"):
        a_hook(canvas).sis_imports()


def test_one_import(canvas: Scripted) -> None:
    canvas.says(Answer(an_import(12, progress=40)))
    found = a_hook(canvas).sis_import("12")
    assert (found.id, found.progress) == ("12", 40)
    assert canvas.asked[0].path == "/api/v1/accounts/self/sis_imports/12"
    with pytest.raises(CanvasRefused):
        a_hook(canvas).sis_import("12/abort")


def test_all_messages_are_read_not_only_the_first_page(canvas: Scripted) -> None:
    def entry(number: int, row: int | None) -> dict[str, Any]:
        return {"sis_import_id": 12, "file": f"f{number}.csv", "message": f"m{number}", "row": row, "row_info": "Quux"}

    canvas.says(
        Answer({"sis_import_errors": [entry(1, 17)]}, headers={"Link": f'<{canvas.url}/p>; rel="next"'}),
        Answer({"sis_import_errors": [entry(2, None)]}),
    )
    found = a_hook(canvas).messages("12")
    assert [(one.file, one.row, one.message) for one in found] == [("f1.csv", 17, "m1"), ("f2.csv", None, "m2")]
    assert canvas.asked[0].path == "/api/v1/accounts/self/sis_imports/12/errors?per_page=100"


@pytest.mark.parametrize(
    ("pages", "holds"),
    [
        ([[{"id": 1, "sis_user_id": None}], [{"id": 2, "sis_user_id": None}]], False),
        ([[{"id": 1, "sis_user_id": None}], [{"id": 2, "sis_user_id": "s-2"}]], True),
        ([[{"id": 1, "sis_user_id": "s-1"}]], True),
        ([[]], False),
    ],
)
def test_a_canvas_that_holds_sis_users_is_seen(canvas: Scripted, pages: list[Any], holds: bool) -> None:
    following = {"Link": f'<{canvas.url}/p>; rel="next"'}
    canvas.says(*(Answer(page, headers=following if page is not pages[-1] else {}) for page in pages))
    assert a_hook(canvas).holds_sis_users() is holds


def test_ids_that_the_token_may_not_see_are_not_taken_for_none(canvas: Scripted) -> None:
    canvas.says(Answer([{"id": 1, "name": "Ottoline Quux"}]))
    with pytest.raises(CanvasPermissionMissing, match="SIS Data"):
        a_hook(canvas).holds_sis_users()


def test_a_post_carries_the_zip_and_its_identifier(canvas: Scripted, archive: Path) -> None:
    canvas.says(CREATED)
    posted = a_hook(canvas).post_import(archive, "banksia-1")
    assert (posted.id, posted.workflow_state) == ("77", "created")
    assert posted.is_ours("banksia-1")
    [asked] = canvas.asked
    assert (asked.method, asked.path) == ("POST", "/api/v1/accounts/self/sis_imports")
    assert parts(asked) == {
        "import_type": (None, b"instructure_csv"),
        "diffing_data_set_identifier": (None, b"banksia-1"),
        "diffing_remaster_data_set": (None, b"true"),
        "attachment": ("rows.zip", b"PK-the-zip"),
    }


def test_canvas_goes_by_the_name_so_it_ends_in_zip(canvas: Scripted, tmp_path: Path) -> None:
    (tmp_path / "rows.tmp").write_bytes(b"PK")
    canvas.says(CREATED)
    a_hook(canvas).post_import(tmp_path / "rows.tmp", "banksia-1")
    assert parts(canvas.asked[0])["attachment"] == ("rows.zip", b"PK")


@pytest.mark.parametrize("identifier", ["", "x" * 129, "é" * 65])
def test_an_identifier_that_canvas_would_refuse_is_not_sent(canvas: Scripted, archive: Path, identifier: str) -> None:
    canvas.says(CREATED)
    with pytest.raises(CanvasRefused, match="128"):
        a_hook(canvas).post_import(archive, identifier)
    assert canvas.asked == []


def test_a_large_zip_goes_from_the_disk_piece_by_piece(canvas: Scripted, tmp_path: Path) -> None:
    file = tmp_path / "large.zip"
    with file.open("wb") as content:
        os.truncate(content.fileno(), 40_000_000)
    canvas.says(CREATED)
    hook = a_hook(canvas)
    hook.get_conn()
    tracemalloc.start()
    try:
        hook.post_import(file, "banksia-1")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert canvas.asked[0].size > 40_000_000
    assert peak < 8_000_000


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        # not taken
        (Answer("429 Too Many Requests (Rate Limit Exceeded)", 429), CanvasBusy),
        (Answer("403 Forbidden (Rate Limit Exceeded)", 403), CanvasBusy),
        (Answer({"errors": ["x"]}, 401, {"WWW-Authenticate": "Bearer"}), CanvasTokenDead),
        (Answer({"errors": ["x"]}, 401), CanvasPermissionMissing),
        (Answer({"errors": ["SIS imports can only be executed on root accounts"]}, 400), CanvasRefused),
        # taken, for all we know
        (Answer(HTML, 504), CanvasUnreachable),
        (Answer({"errors": [{"error_code": "x"}]}, 500), CanvasUnreachable),
        (Answer(HTML, 200), CanvasUnreachable),
        (Answer('{"id": 77, "workfl', 200, cut=True), CanvasUnreachable),
        (Answer('{"id": 77, "workfl', 200), CanvasUnreachable),
        (Answer(CREATED.body, 200, seconds=3), CanvasUnreachable),
    ],
)
def test_a_post_is_sent_once_and_says_whether_it_may_have_been_taken(
    canvas: Scripted, archive: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer, error: type[CanvasFault]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CANVAS_OF_THE_TEST", canvas.connection(timeout=0.5))
    canvas.says(answer)
    with pytest.raises(CanvasFault) as raised:
        a_hook(canvas).post_import(archive, "banksia-1")
    assert type(raised.value) is error
    assert len(canvas.asked) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(HTML, 503),
        Answer(HTML, 200),
        Answer("429 Too Many Requests (Rate Limit Exceeded)", 429),
        Answer("403 Forbidden (Rate Limit Exceeded)", 403),
        Answer('{"id":31', cut=True),
    ],
)
def test_a_call_that_reads_is_asked_again_while_canvas_is_in_trouble(canvas: Scripted, trouble: Answer) -> None:
    canvas.says(trouble, trouble, ROOT)
    assert a_hook(canvas).root_account().id == "31"
    assert len(canvas.asked) == 3


@pytest.mark.parametrize(
    ("trouble", "error"),
    [(Answer(HTML, 503), CanvasBusy), (Answer("{", cut=True), CanvasUnreachable)],
)
def test_trouble_that_lasts_is_an_error_in_the_end(canvas: Scripted, trouble: Answer, error: type[CanvasFault]) -> None:
    canvas.says(trouble)
    with pytest.raises(error):
        a_hook(canvas).root_account()
    assert len(canvas.asked) == 3


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_refusal_is_not_asked_again(canvas: Scripted, status: int) -> None:
    canvas.says(Answer({"errors": ["no"]}, status))
    with pytest.raises(CanvasFault):
        a_hook(canvas).root_account()
    assert len(canvas.asked) == 1


def test_nobody_at_the_address_is_unreachable(canvas: Scripted, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_server() as gone:
        monkeypatch.setenv("AIRFLOW_CONN_CANVAS_OF_THE_TEST", gone.connection())
    hook = a_hook(canvas)
    with pytest.raises(CanvasUnreachable):
        hook.root_account()
    with pytest.raises(CanvasUnreachable):
        hook.post_import(archive, "banksia-1")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(HTML, 200),
        Answer(HTML, 503),
        Answer(HTML, 404),
        Answer({"errors": [{"message": "Ottoline Quux"}]}, 400),
        Answer({"errors": [{"message": "Ottoline Quux"}]}, 401),
        Answer('{"errors":"Ottoline', 400, cut=True),
    ],
)
def test_neither_bodies_nor_tokens_nor_queries_are_logged_or_raised(
    canvas: Scripted, archive: Path, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    caplog.set_level(logging.INFO)
    canvas.says(answer)
    hook = a_hook(canvas)
    calls = (
        hook.sis_imports,
        lambda: hook.messages("12"),
        lambda: hook.post_import(archive, "banksia-1"),
        lambda: hook.run("/api/v1/accounts/self"),
    )
    with capture_logs() as logs:
        said = hook.test_connection()[1]
        for call in calls:
            try:
                call()
            except CanvasFault as error:
                said += "\n".join(chain(error))
    assert said.count("sis_imports") >= 3
    if answer.status in (200, 503):
        assert "asked again" in str(logs)
    for secret in SECRETS:
        assert secret not in said + str(logs) + caplog.text


def test_the_test_button_says_whose_canvas_it_is(canvas: Scripted) -> None:
    held = Answer(dict.fromkeys(("import_sis", "read_sis", "read_roster"), True))
    canvas.says(ROOT, Answer({"sis_imports": []}), held)
    works, said = a_hook(canvas, None).test_connection()
    assert works
    assert f"{canvas.host}:{canvas.port}" in said
    assert "Banksia" in said
    canvas.says(ROOT, Answer({"errors": []}, 401))
    works, said = a_hook(canvas, None).test_connection()
    assert not works
    assert "SIS Data" in said


def test_a_link_for_a_person(canvas: Scripted) -> None:
    canvas.says(ROOT)
    assert a_hook(canvas).import_link("77") == f"{canvas.url}/accounts/31/sis_import#77"


def test_times_without_a_date_sort_last(canvas: Scripted) -> None:
    canvas.says(Answer({"sis_imports": [an_import(1, created_at=None), an_import(2)]}))
    assert [one.id for one in a_hook(canvas).sis_imports(datetime(2026, 1, 1, tzinfo=UTC))] == ["2", "1"]


def test_a_host_that_speaks_no_tls_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_server() as server:
        fields = {"conn_type": "canvas", "host": f"https://{server.host}", "port": server.port, "password": TOKEN}
        monkeypatch.setenv("AIRFLOW_CONN_PLAIN", json.dumps(fields))
        with pytest.raises(CanvasWrongHost, match="no TLS with"):
            CanvasHook("plain", "test", ("127.0.0.1",)).root_account()


def test_a_connection_that_nobody_gave_is_named_with_the_way_to_give_it() -> None:
    with pytest.raises(TenantFileWrong, match="no connection nowhere: give it as AIRFLOW_CONN_NOWHERE"):
        _ = CanvasHook("nowhere", "test").address


@pytest.mark.parametrize(("environment", "told"), [("test", True), ("production", False), (None, False)])
def test_a_dead_token_of_test_says_what_a_refresh_does_and_claims_none(
    canvas: Scripted, environment: Environment | None, told: bool
) -> None:
    canvas.says(Answer({"errors": ["x"]}, 401, {"WWW-Authenticate": "Bearer"}))
    with pytest.raises(CanvasTokenDead) as dead:
        CanvasHook("canvas_of_the_test", environment, ("127.0.0.1",)).root_account()
    said = str(dead.value)
    assert "make a new one and put it into the connection" in said
    assert ("make the token in production" in said) is told
    assert "was refreshed" not in said
