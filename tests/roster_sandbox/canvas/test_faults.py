"""Every fault, over a real socket."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from roster_sandbox.canvas import running_canvas
from roster_sandbox.canvas.faults import FAULT

from .conftest import Client

IMPORTS = "/api/v1/accounts/1/sis_imports"
HEAD = "user_id,login_id,status\n"
USERS = {"users.csv": HEAD + "".join(f"u{n},u{n},active\n" for n in range(10))}


@pytest.mark.parametrize(
    ("name", "options", "status", "text"),
    [
        ("throttle", {}, 403, "Rate Limit Exceeded"),
        ("throttle", {"status": 429}, 429, "Rate Limit Exceeded"),
        ("server_error", {}, 500, "error_report_id"),
        ("bad_gateway", {"status": 502}, 502, "<html>"),
        ("bad_gateway", {}, 503, "<html>"),
        ("bad_gateway", {"status": 504}, 504, "<html>"),
        ("html_page", {}, 200, "<html>"),
        ("token_dead", {}, 401, "Invalid access token."),
        ("no_permission", {}, 401, "unauthorized"),
        ("no_permission", {"status": 403}, 403, "unauthorized"),
        ("sis_disabled", {}, 403, "SIS imports are not enabled"),
    ],
)
def test_answers_that_are_none(client: Client, name: str, options: dict[str, Any], status: int, text: str) -> None:
    client.canvas.fault(name, times=1, after=1, **options)
    assert client.http.get(IMPORTS).status_code == 200
    answer = client.post(USERS)
    assert (answer.status_code, text in answer.text) == (status, True)
    assert ("www-authenticate" in answer.headers) is (name == "token_dead")
    assert client.canvas.imports() == []
    assert client.http.get(IMPORTS).status_code == 200


def test_a_fault_may_be_for_some_requests_only_and_is_cleared(client: Client) -> None:
    client.canvas.fault("server_error", method="GET", path=r"/sis_imports/\d+$")
    found = client.post(USERS)
    assert found.status_code == 200
    assert client.http.get(IMPORTS).status_code == 200
    assert client.http.get(f"{IMPORTS}/{found.json()['id']}").status_code == 500
    assert client.http.get("/sandbox/faults").json()["faults"][0]["name"] == "server_error"
    client.canvas.clear_faults()
    assert client.wait(found.json()["id"])["workflow_state"] == "imported"


@pytest.mark.parametrize(
    "body", [{"name": "no_such"}, {"name": "throttle", "status": 500}, {"name": "slow_import", "path": "x"}, {}]
)
def test_a_fault_that_makes_no_sense_is_told_so(client: Client, body: dict[str, Any]) -> None:
    assert client.http.post("/sandbox/faults", json=body).status_code == 422


def test_a_cut_upload_takes_nothing(client: Client) -> None:
    client.canvas.fault("cut_upload", times=1, bytes=100)
    with pytest.raises(httpx.TransportError):
        client.post(USERS)
    assert client.canvas.imports() == []
    assert client.load(USERS)["workflow_state"] == "imported"


def test_a_lost_answer_leaves_an_import(client: Client) -> None:
    client.canvas.fault("answer_lost", times=1)
    with pytest.raises(httpx.TransportError):
        client.post(USERS, diffing_data_set_identifier="x", diffing_remaster_data_set="true")
    assert client.canvas.posts_by_identifier() == {"x": 1}
    (found,) = client.http.get(IMPORTS).json()["sis_imports"]
    assert found["diffing_data_set_identifier"] == "x"
    assert client.wait(found["id"])["workflow_state"] == "imported"


def test_a_late_post_arrives_after_the_connection_is_gone(client: Client) -> None:
    client.canvas.fault("late_post", times=1, seconds=0.2)
    with pytest.raises(httpx.TransportError):
        client.post(USERS, diffing_data_set_identifier="x", diffing_remaster_data_set="true")
    assert client.http.get(IMPORTS).json()["sis_imports"] == []
    time.sleep(0.3)
    (found,) = client.http.get(IMPORTS).json()["sis_imports"]
    assert client.wait(found["id"])["data"]["counts"]["users"] == 10
    assert client.canvas.posts_by_identifier() == {"x": 1}


def test_a_slow_answer_outlasts_patience_and_is_carried_out(client: Client) -> None:
    client.canvas.fault("slow_answer", times=1, seconds=0.2, method="POST")
    upload = {"attachment": ("users.csv", USERS["users.csv"])}
    with pytest.raises(httpx.ReadTimeout):
        client.http.post(IMPORTS, files=upload, timeout=0.05)
    time.sleep(0.3)
    assert len(client.canvas.imports()) == 1


def test_a_slow_import_shows_progress(client: Client) -> None:
    client.canvas.fault("slow_import", seconds=0.3, times=1)
    rows = HEAD + "".join(f"u{n},u{n},active\n" for n in range(300))
    import_id = client.post({"u.csv": rows}).json()["id"]
    seen = client.wait(import_id, lambda found: 0 < found["progress"] < 100)
    assert (seen["workflow_state"], seen["data"]["running_immediately"]) == ("importing", False)
    assert client.wait(import_id)["progress"] == 100


@pytest.mark.parametrize("state", ["created", "importing"])
def test_a_stuck_import_holds_up_the_queue_until_faults_are_cleared(client: Client, state: str) -> None:
    client.canvas.fault("stuck", state=state, times=1)
    stuck, behind = (client.post(USERS).json()["id"] for _ in range(2))
    client.wait(stuck, lambda found: found["workflow_state"] == state)
    time.sleep(0.05)
    assert client.wait(behind, lambda _: True)["workflow_state"] == "created"
    client.canvas.clear_faults()
    assert [client.wait(number)["workflow_state"] for number in (stuck, behind)] == ["imported", "imported"]


def test_an_import_stuck_in_initializing_is_passed_over_for_good(client: Client) -> None:
    client.canvas.fault("stuck", state="initializing", times=1)
    stuck, behind = (client.post(USERS).json()["id"] for _ in range(2))
    assert client.wait(behind)["workflow_state"] == "imported"
    client.canvas.clear_faults()
    assert client.wait(stuck, lambda _: True)["workflow_state"] == "initializing"
    assert client.http.put(f"{IMPORTS}/{stuck}/abort").json()["workflow_state"] == "aborted"


def test_other_peoples_imports_come_first(client: Client) -> None:
    client.canvas.fault("queue", imports=2, seconds=0.1, times=1)
    ours = client.post(USERS, diffing_data_set_identifier="x", diffing_remaster_data_set="true").json()
    assert ours["workflow_state"] == "created"
    done = client.wait(ours["id"])
    listed = client.http.get(IMPORTS).json()["sis_imports"]
    assert [row["id"] for row in listed] == [3, 2, 1]
    assert [row["user"]["name"] for row in listed] == ["Sandbox Admin", "somebody else", "somebody else"]
    assert listed[0]["diffing_data_set_identifier"] == "x"
    assert listed[1]["diffing_data_set_identifier"] is None
    assert all(row["ended_at"] <= done["started_at"] for row in listed[1:])


def test_one_file_refused(client: Client) -> None:
    client.canvas.fault("refuse_file", file="terms", times=1)
    done = client.load({**USERS, "terms.csv": "term_id,name,status\nt,T,active\n"})
    assert done["workflow_state"] == "failed_with_messages"
    assert done["progress"] < 100
    assert done["processing_errors"] == [["terms.csv", "Malformed CSV"]]
    assert (done["data"]["counts"]["users"], done["data"]["counts"]["terms"]) == (10, 0)
    assert (done["data"]["counts"]["error_count"], client.live("terms", "term_id")) == (1, {(None,)})


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({"pattern": "^u[37],"}, ["u3", "u7"]),
        ({"every": 4}, ["u3", "u7"]),
        ({"file": "sections"}, []),
        ({"file": "users", "pattern": "u9"}, ["u9"]),
    ],
)
def test_rows_refused(client: Client, options: dict[str, Any], refused: list[str]) -> None:
    client.canvas.fault("refuse_rows", message="Something broke with this user", times=1, **options)
    done = client.load(USERS)
    assert {user for (user,) in client.live("users", "user_id")} == {None, *(f"u{n}" for n in range(10))} - {*refused}
    assert [error["row_info"].split(",")[0] for error in client.errors(done["id"])] == refused
    assert done["data"]["counts"]["users"] == 10 - len(refused)
    assert done["workflow_state"] == ("imported_with_messages" if refused else "imported")


@pytest.mark.parametrize(
    ("name", "options", "state"),
    [
        ("fail_halfway", {}, "failed"),
        ("fail_halfway", {"state": "failed_with_messages"}, "failed_with_messages"),
        ("abort_halfway", {}, "aborted"),
    ],
)
@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_an_import_that_ends_half_way_keeps_what_was_applied(
    client: Client, name: str, options: dict[str, Any], state: str, share: float
) -> None:
    client.canvas.fault(name, share=share, times=1, **options)
    done = client.load(USERS)
    assert (done["workflow_state"], done["progress"] < 100) == (state, True)
    assert "counts" not in done["data"]
    assert client.live("users", "user_id") == {(None,), *((f"u{n}",) for n in range(int(10 * share)))}
    assert client.load(USERS)["workflow_state"] == "imported"


def test_the_queue_rests_after_an_abort(tmp_path: Path) -> None:
    with running_canvas(tmp_path, pause_after_abort=0.3) as canvas:
        headers = {"Authorization": f"Bearer {canvas.token}"}
        with httpx.Client(base_url=canvas.url, headers=headers, trust_env=False) as http:
            client = Client(canvas, http)
            canvas.fault("abort_halfway", times=1)
            assert client.load(USERS)["workflow_state"] == "aborted"
            waiting, since = client.post(USERS).json()["id"], time.monotonic()
            assert client.wait(waiting)["workflow_state"] == "imported"
            assert time.monotonic() - since > 0.2


def test_counts_that_do_not_add_up(client: Client) -> None:
    client.canvas.fault("wrong_counts", counts={"users": -3, "enrollments": 2}, times=1)
    counts = client.load(USERS)["data"]["counts"]
    assert (counts["users"], counts["enrollments"]) == (7, 2)
    assert len(client.live("users", "user_id")) == 11


def test_messages_hidden_in_the_import_itself(client: Client) -> None:
    client.canvas.fault("hidden_messages", keep=1, times=1)
    done = client.load({"u.csv": HEAD + ",a,active\n,b,active\n,c,active\n"})
    assert len(done["processing_warnings"]) == 1
    assert len(client.errors(done["id"])) == 3


def test_the_file_of_messages_trails(client: Client) -> None:
    client.canvas.fault("late_attachment", seconds=0.2, times=1)
    done = client.load({"u.csv": HEAD + ",a,active\n"})
    assert "errors_attachment" not in done
    assert client.wait(done["id"], lambda found: "errors_attachment" in found)


def test_a_held_connection_of_a_big_upload_can_be_cut(client: Client) -> None:
    client.canvas.fault("cut_upload", times=1, bytes=200_000)
    with pytest.raises(httpx.TransportError):
        client.post({"u.csv": HEAD + "x" * 3_000_000})
    assert client.canvas.imports() == []


def test_every_fault_is_in_the_manual() -> None:
    page = (Path(__file__).parents[3] / "docs" / "sandbox-canvas.md").read_text(encoding="utf-8")
    choices = FAULT.json_schema()["discriminator"]["mapping"]
    assert [name for name in choices if f"| `{name}` |" not in page] == []
