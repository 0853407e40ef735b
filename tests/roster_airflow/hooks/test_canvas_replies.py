"""Canvas's answers, as its reference states them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from roster.errors import (
    CanvasBusy,
    CanvasFault,
    CanvasGone,
    CanvasPermissionMissing,
    CanvasRefused,
    CanvasScopeMissing,
    CanvasTokenDead,
    CanvasWrongHost,
)
from roster_airflow.hooks.canvas_replies import RootAccount, SisImport, decode, fault, is_throttled, next_link

DEAD = {"errors": [{"message": "Invalid access token."}]}
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="canvas-lms"'}
NO_RIGHT = {"status": "unauthorized", "errors": [{"message": "user not authorized to perform that action"}]}
HTML = "<!DOCTYPE html><html><body>Down for maintenance</body></html>"


@pytest.mark.parametrize(
    ("status", "headers", "body", "error"),
    [
        (429, {}, "429 Too Many Requests (Rate Limit Exceeded)", CanvasBusy),
        (403, {}, "403 Forbidden (Rate Limit Exceeded)\n", CanvasBusy),
        (403, {"X-Rate-Limit-Remaining": "0.0"}, "", CanvasBusy),
        (403, {"x-rate-limit-remaining": "-12.4"}, NO_RIGHT, CanvasBusy),
        (403, {"X-Rate-Limit-Remaining": "599.2"}, NO_RIGHT, CanvasPermissionMissing),
        (403, {}, NO_RIGHT, CanvasPermissionMissing),
        (403, {}, HTML, CanvasBusy),
        (403, {}, {"errors": ["SIS imports are not enabled for this account"]}, CanvasRefused),
        (401, CHALLENGE, DEAD, CanvasTokenDead),
        (401, {"www-authenticate": "Bearer"}, "", CanvasTokenDead),
        (401, {}, NO_RIGHT, CanvasPermissionMissing),
        (401, CHALLENGE, {"errors": [{"message": "Insufficient scopes on access token."}]}, CanvasScopeMissing),
        (404, {}, {"errors": [{"message": "The specified resource does not exist."}]}, CanvasGone),
        (400, {}, {"errors": ["SIS imports can only be executed on root accounts"]}, CanvasRefused),
        (400, {}, {"message": "Invalid diffing_drop_status"}, CanvasRefused),
        (408, {}, "", CanvasBusy),
        (500, {}, {"errors": [{"error_code": "internal_server_error"}], "error_report_id": 7}, CanvasBusy),
        (502, {}, HTML, CanvasBusy),
        (504, {}, HTML, CanvasBusy),
        (302, {"Location": "https://elsewhere.example/login"}, "", CanvasWrongHost),
    ],
)
def test_each_refusal_reaches_whoever_has_to_act(
    status: int, headers: dict[str, str], body: object, error: type[CanvasFault]
) -> None:
    sent = (body if isinstance(body, str) else json.dumps(body)).encode()
    assert type(fault(status, headers, sent, "GET it")) is error


@pytest.mark.parametrize("status", [200, 201])
def test_what_went_well_is_no_fault(status: int) -> None:
    assert fault(status, {"X-Rate-Limit-Remaining": "0"}, b"{}", "GET it") is None


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 418, 422, 429, 500, 503])
@pytest.mark.parametrize(
    "phrase", ["", "root account ", "not enabled ", "insufficient scopes ", "rate limit exceeded "]
)
def test_an_error_never_repeats_what_canvas_answered(status: int, phrase: str) -> None:
    body = json.dumps({"errors": [f"{phrase}Ottoline Quux-9Z7 ottoline@banksia.example"]}).encode()
    said = str(fault(status, {"Location": "https://elsewhere.example/ottoline"}, body, "GET it"))
    assert said.startswith("GET it: ")
    assert "ottoline" not in said.lower()
    assert "quux" not in said.lower()


def test_a_refusal_that_is_known_says_why() -> None:
    body = b'{"errors":["SIS imports can only be executed on root accounts"]}'
    assert "root account" in str(fault(400, {}, body, "POST it"))


def test_an_empty_bucket_of_an_answer_that_is_not_403_is_no_throttling() -> None:
    assert not is_throttled(401, {"X-Rate-Limit-Remaining": "0"}, b"")
    assert is_throttled(429, {}, b"")


# Every field of the reference (section 6) with a value of its own.
IMPORT = {
    "id": 4711,
    "created_at": "2026-02-01T01:02:03Z",
    "started_at": "2026-02-01T01:03:03Z",
    "ended_at": "2026-02-01T11:05:03+10:00",
    "updated_at": "2026-02-01T01:06:03Z",
    "progress": 97,
    "workflow_state": "imported_with_messages",
    "data": {
        "import_type": "instructure_csv",
        "supplied_batches": ["user", "enrollment"],
        "completed_importers": ["user"],
        "running_immediately": False,
        "counts": {"accounts": 1, "users": 23, "enrollments": 45, "error_count": 6, "warning_count": 7, "xlists": None},
        "statistics": {"total_state_changes": 89, "Pseudonym": {"created": 10, "restored": 11, "deleted": 12}},
        "diffed_against_sis_batch_id": None,
    },
    "diffing_data_set_identifier": "banksia-abc",
    "diffing_remaster_data_set": True,
    "diffed_against_import_id": None,
    "batch_mode": None,
    "user": {"id": 5, "name": "Ottoline Quux"},
    "csv_attachments": [{"url": "https://files.example/1"}],
    "processing_errors": [["users.csv", "Ottoline Quux has no login"]],
    "processing_warnings": [],
}


def test_an_import_keeps_the_fields_that_settle_it() -> None:
    found = decode(json.dumps(IMPORT).encode(), SisImport, "GET it")
    assert (found.id, found.workflow_state, found.progress) == ("4711", "imported_with_messages", 97)
    assert found.created_at == datetime(2026, 2, 1, 1, 2, 3, tzinfo=UTC)
    assert found.ended_at == datetime(2026, 2, 1, 1, 5, 3, tzinfo=UTC)
    assert found.counts == {"accounts": 1, "users": 23, "enrollments": 45, "error_count": 6, "warning_count": 7}
    assert found.statistics["total_state_changes"] == 89
    assert found.statistics["Pseudonym"] == {"created": 10, "restored": 11, "deleted": 12}
    assert found.has_messages
    assert found.is_ours("banksia-abc")
    assert not found.is_ours("banksia-abd")
    assert "Ottoline" not in repr(found)


def test_an_import_that_has_just_been_made_has_nothing_to_count() -> None:
    found = decode(b'{"id":"12","workflow_state":"created","progress":0,"data":null}', SisImport, "GET it")
    assert (found.id, dict(found.counts), dict(found.statistics)) == ("12", {}, {})
    assert not found.is_ours("")
    assert not found.has_messages


@pytest.mark.parametrize(
    ("state", "is_final"),
    [
        ("initializing", False),
        ("created", False),
        ("importing", False),
        ("cleanup_batch", False),
        ("a_state_of_tomorrow", False),
        ("imported", True),
        ("imported_with_messages", True),
        ("failed", True),
        ("failed_with_messages", True),
        ("aborted", True),
        ("restored", True),
        ("partially_restored", True),
    ],
)
def test_the_states_that_end_an_import(state: str, is_final: bool) -> None:
    assert SisImport(number=1, workflow_state=state).is_final is is_final


@pytest.mark.parametrize("body", [HTML.encode(), b"", b"[]", b'{"id":1', b'{"name":"no id"}', b"\xff\xfe"])
def test_an_answer_that_is_not_the_json_it_should_be_counts_as_busy_and_is_not_repeated(body: bytes) -> None:
    with pytest.raises(CanvasBusy, match="not its JSON") as raised:
        decode(body, RootAccount, "GET it")
    assert "Down" not in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("link", "following"),
    [
        (
            '<https://h/a?page=1>; rel="current",<https://h/a?page=bm:x,y>; rel="next",<https://h/a>; rel="first"',
            "https://h/a?page=bm:x,y",
        ),
        ('<https://h/a>; rel="current", <https://h/a>; rel="last"', None),
        ("<https://h/b>; rel=next", "https://h/b"),
        ('<https://h/a>; rel="nextish"', None),
        ("", None),
    ],
)
def test_the_next_page_is_an_opaque_link(link: str, following: str | None) -> None:
    assert next_link({"LINK": link}) == following
    assert next_link({}) is None
