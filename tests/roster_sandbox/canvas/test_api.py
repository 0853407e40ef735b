"""The API around the imports: options, refusals, states, messages, pages, ids, tokens and throttling."""

from __future__ import annotations

import csv
import io
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from roster_sandbox.canvas import Canvas, running_canvas

from .conftest import Client

IMPORTS = "/api/v1/accounts/1/sis_imports"
USERS = {"users.csv": "user_id,login_id,status\nada,ada@x.org,active\n"}
NEXT = re.compile(r'<([^>]+)>; rel="next"')


def pages(http: httpx.Client, address: str, **parameters: str) -> list[list[dict[str, Any]]]:
    """All pages by their links."""
    found, following = [], f"{address}?{httpx.QueryParams(parameters)}"
    while following:
        answer = http.get(following)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found.append(body if isinstance(body, list) else next(iter(body.values())))
        match = NEXT.search(answer.headers["link"])
        following = match.group(1) if match else ""
    return found


def test_a_new_import_is_created_and_echoes_its_options(client: Client) -> None:
    client.canvas.fault("stuck", state="created")
    options = {
        "diffing_data_set_identifier": "night-1",
        "diffing_remaster_data_set": "true",
        "skip_deletes": "true",
        "override_sis_stickiness": "true",
        "clear_sis_stickiness": "true",
        "add_sis_stickiness": "true",
        "update_sis_id_if_login_claimed": "true",
        "change_threshold": "10",
    }
    found = client.post(USERS, **options).json()
    assert (found["workflow_state"], found["progress"], found["started_at"]) == ("created", 0, None)
    assert {name: found[name] for name in found.keys() & options.keys()} == {
        "diffing_data_set_identifier": "night-1",
        "skip_deletes": True,
        "override_sis_stickiness": True,
        "clear_sis_stickiness": True,
        "add_sis_stickiness": False,  # clear beats add
        "update_sis_id_if_login_claimed": True,
        "change_threshold": 10,
    }
    assert (found["diffing_remaster"], found["diffed_against_import_id"]) == (True, None)
    assert found["diffing_threshold_exceeded"] is False
    assert "counts" not in found["data"]


def test_a_finished_import_has_counts_and_statistics(client: Client) -> None:
    done = client.load(USERS)
    data = done["data"]
    assert (done["workflow_state"], done["progress"]) == ("imported", 100)
    assert done["created_at"] <= done["started_at"] <= done["ended_at"]
    assert data["counts"]["users"] == 1
    assert set(data["counts"]) >= {"accounts", "user_observers", "change_sis_ids", "error_count", "warning_count"}
    assert set(data["statistics"]["Enrollment"]) == {"created", "concluded", "deactivated", "restored", "deleted"}
    assert set(data["statistics"]["Course"]) == {"created", "concluded", "restored", "deleted"}
    assert not done.keys() & {"processing_errors", "processing_warnings", "errors_attachment"}
    assert "diffing_threshold_exceeded" not in done


@pytest.mark.parametrize(
    ("options", "body", "left"),
    [
        ({"import_type": "oneroster"}, "import_type", []),
        ({"diffing_data_set_identifier": "x" * 129, "diffing_remaster_data_set": "1"}, "longer than 128", []),
        ({"diffing_data_set_identifier": "é" * 65, "diffing_remaster_data_set": "1"}, "longer than 128", []),
        ({"diffing_data_set_identifier": "x"}, "not simulated", []),
        ({"batch_mode": "true"}, "the given batch_mode_term_id cannot be found", []),
        ({"batch_mode": "true", "batch_mode_term_id": "sis_term_id:x"}, "batch_mode_term_id cannot be found", []),
        ({"diffing_drop_status": "gone"}, "Invalid diffing_drop_status", ["initializing"]),
        ({"multi_term_batch_mode": "false"}, "change_threshold is required", ["initializing"]),
        ({"pre_attachment[name]": "x.zip"}, "not simulated", []),
    ],
)
def test_contradictions_are_refused_and_some_leave_an_import_behind(
    client: Client, options: dict[str, str], body: str, left: list[str]
) -> None:
    answer = client.post(USERS, **options)
    assert answer.status_code == 400
    assert body in answer.text
    assert [row["state"] for row in client.canvas.imports()] == left


def test_options_may_stand_in_the_form(client: Client) -> None:
    form = {"skip_deletes": "true", "diffing_data_set_identifier": "x", "diffing_remaster_data_set": "true"}
    found = client.http.post(IMPORTS, data=form, files={"attachment": ("u.csv", USERS["users.csv"])}).json()
    assert (found["skip_deletes"], found["diffing_data_set_identifier"]) == (True, "x")
    client.wait(found["id"])
    assert client.canvas.upload(found["id"]) == USERS["users.csv"].encode()


def test_imports_are_listed_newest_first_without_their_messages(client: Client) -> None:
    bad = {"users.csv": "user_id,login_id,status\n,x,active\n"}
    ids = [client.load(bad)["id"] for _ in range(13)]
    assert [[row["id"] for row in page] for page in pages(client.http, IMPORTS)] == [
        ids[::-1][:10],
        ids[::-1][10:],
    ]
    listed = client.http.get(IMPORTS).json()["sis_imports"]
    assert not any("processing_warnings" in row for row in listed)
    assert client.http.get(IMPORTS, params={"workflow_state[]": "failed"}).json()["sis_imports"] == []
    since = {"created_since": "2099-01-01T00:00:00Z"}
    assert client.http.get(IMPORTS, params=since).json()["sis_imports"] == []
    before = {"created_before": "2099-01-01T00:00:00Z", "per_page": "500"}
    assert len(client.http.get(IMPORTS, params=before).json()["sis_imports"]) == 13


def test_links_are_opaque_lack_the_last_and_omit_the_token(client: Client) -> None:
    client.load({"u.csv": "user_id,login_id,status\n" + "".join(f"u{n},u{n},active\n" for n in range(25))})
    parameters = {"per_page": "7", "access_token": "x", "include[]": "email"}
    link = client.http.get("/api/v1/accounts/self/users", params=parameters).headers["link"]
    assert set(re.findall(r'rel="(\w+)"', link)) == {"current", "next", "first"}
    assert "access_token" not in link
    assert "include%5B%5D=email" in link
    assert "page=bookmark%3A" in link
    found = pages(client.http, "/api/v1/accounts/self/users", **parameters)
    assert [len(page) for page in found] == [7, 7, 7, 5]
    assert len({row["id"] for page in found for row in page}) == 26
    assert client.http.get("/api/v1/accounts/self/users", params={"page": "2"}).status_code == 404
    assert len(client.http.get("/api/v1/accounts/self/users").json()) == 10


def test_an_import_shows_24_messages_and_the_errors_call_all(client: Client) -> None:
    rows = "".join(f",u{n},active\n" for n in range(130))
    done = client.load({"u.csv": "user_id,login_id,status\n" + rows, "x.csv": "a,b\n1,2\n"})
    assert len(done["processing_warnings"]) == 25
    assert done["processing_warnings"][-1] == ["", "and 106 more"]
    assert len(done["processing_errors"]) == 1
    (first, second) = pages(client.http, f"{IMPORTS}/{done['id']}/errors", per_page="100")
    assert (len(first), len(second)) == (100, 31)
    assert first[0]["row"] == 131  # newest first
    assert set(first[0]) == {"sis_import_id", "file", "message", "row_info", "row"}
    (failures,) = pages(client.http, f"{IMPORTS}/{done['id']}/errors", failure="true")
    assert [error["file"] for error in failures] == ["x.csv"]
    (everything, _) = pages(client.http, "/api/v1/accounts/1/sis_import_errors", per_page="100")
    assert everything == first


def test_the_file_of_messages_lies_elsewhere_and_takes_no_token(client: Client) -> None:
    done = client.load({"u.csv": "user_id,login_id,status\n,x,active\n"})
    moved = client.http.get(done["errors_attachment"]["url"])
    assert moved.status_code == 307
    target = moved.headers["location"]
    assert httpx.URL(target).host != httpx.URL(client.canvas.url).host
    assert client.http.get(target).status_code == 400
    text = httpx.get(target, trust_env=False).text
    assert list(csv.reader(io.StringIO(text))) == [
        ["sis_import_id", "file", "message", "row"],
        [str(done["id"]), "u.csv", "No user_id given for a user", "2"],
    ]
    assert client.http.get(done["errors_attachment"]["url"][:-3]).status_code == 404


def test_imports_run_one_at_a_time_in_their_order(client: Client) -> None:
    client.canvas.fault("slow_import", seconds=0.15, times=2)
    first, second = (client.post(USERS).json()["id"] for _ in range(2))
    client.wait(first, lambda found: found["workflow_state"] == "importing")
    running = client.http.get(f"{IMPORTS}/importing").json()["sis_imports"]
    assert [row["id"] for row in running] == [first]
    assert client.wait(second, lambda _: True)["workflow_state"] == "created"
    done = client.wait(second)
    assert client.wait(first)["ended_at"] <= done["started_at"]


def test_abort(client: Client) -> None:
    client.canvas.fault("slow_import", seconds=20, times=1)
    running, waiting = (client.post(USERS).json()["id"] for _ in range(2))
    client.wait(running, lambda found: found["workflow_state"] == "importing")
    assert client.http.put(f"{IMPORTS}/abort_all_pending").json() == {"aborted": True}
    assert client.wait(waiting)["workflow_state"] == "aborted"
    assert client.wait(running, lambda _: True)["workflow_state"] == "importing"
    assert client.http.put(f"{IMPORTS}/{running}/abort").json()["workflow_state"] == "aborted"
    assert client.http.put(f"{IMPORTS}/{running}/abort").status_code == 404
    assert client.load(USERS)["workflow_state"] == "imported"


def test_only_the_root_account_imports(client: Client) -> None:
    client.load({"a.csv": "account_id,parent_account_id,name,status\nsub,,Sub,active\n"})
    for address in ("/api/v1/accounts/2/sis_imports", "/api/v1/accounts/sis_account_id:sub/sis_imports"):
        for answer in (client.http.post(address, content=b""), client.http.get(address)):
            assert answer.status_code == 400
            assert answer.json() == {"errors": ["SIS imports can only be executed on root accounts"]}


@pytest.mark.parametrize(
    ("user_id", "written"),
    [("plain", "plain"), ("a/b c", "a%2Fb%20c"), ("%2F", "%252F"), ("zoë?&#", quote("zoë?&#", safe=""))],
)
def test_sis_ids_in_paths(client: Client, user_id: str, written: str) -> None:
    client.load({"c.csv": f'course_id,short_name,long_name,status\n"{user_id}",C,Course,active\n'})
    found = client.http.get(f"/api/v1/courses/sis_course_id:{written}").json()
    assert (found["sis_course_id"], found["workflow_state"]) == (user_id, "unpublished")


def test_reading_what_is_there(school: Client) -> None:
    school.load({"a.csv": "account_id,parent_account_id,name,status\nsub,,Sub,active\nlow,sub,Low,active\n"})
    get = school.http.get
    assert get("/api/v1/users/self").json()["id"] == 1
    assert get("/api/v1/accounts/self").json()["root_account_id"] is None
    assert get("/api/v1/accounts/1/sub_accounts").json()[0]["sis_account_id"] == "sub"
    assert len(get("/api/v1/accounts/1/sub_accounts", params={"recursive": "true"}).json()) == 2
    people = get("/api/v1/accounts/1/users", params={"search_term": "BYRON"}).json()
    assert [person["sis_user_id"] for person in people] == ["ada", "bob"]
    assert [row["sis_course_id"] for row in get("/api/v1/accounts/1/courses").json()] == ["maths", "arts"]
    assert get("/api/v1/accounts/2/courses").json() == []
    sections = get("/api/v1/courses/sis_course_id:maths/sections").json()
    assert [row["sis_section_id"] for row in sections] == ["m1", "m2"]
    (enrollment,) = get("/api/v1/sections/sis_section_id:m1/enrollments").json()
    assert (enrollment["sis_user_id"], enrollment["type"], enrollment["role_id"], enrollment["enrollment_state"]) == (
        *("ada", "StudentEnrollment", 3, "active"),
    )
    school.load({"e.csv": "section_id,user_id,role,status\nm1,ada,student,inactive\n"})
    assert get("/api/v1/sections/sis_section_id:m1/enrollments").json() == []
    asked = get("/api/v1/courses/sis_course_id:maths/enrollments", params={"state[]": "inactive"}).json()
    assert len(asked) == 1


@pytest.mark.parametrize(
    "path",
    ["/api/v1/accounts/9", "/api/v1/accounts/x", "/api/v1/nothing", "/api/v1/courses/sis_course_id:x", "/nothing"],
)
def test_what_is_not_there(client: Client, path: str) -> None:
    answer = client.http.get(path)
    assert (answer.status_code, answer.json()) == (
        404,
        {"errors": [{"message": "The specified resource does not exist."}]},
    )


def test_tokens(tmp_path: Path) -> None:
    with running_canvas(tmp_path, tokens={"boss": "admin", "eyes": "read", "nil": "none"}, root_account_id=7) as canvas:

        def ask(token: str | None, method: str = "GET", path: str = "") -> httpx.Response:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return httpx.request(method, f"{canvas.url}/api/v1{path}", headers=headers, trust_env=False)

        dead = ask("old", path="/accounts/self")
        assert (dead.status_code, dead.json()) == (401, {"errors": [{"message": "Invalid access token."}]})
        assert "www-authenticate" in dead.headers
        nobody = ask(None, path="/accounts/self")
        assert (nobody.status_code, "www-authenticate" in nobody.headers) == (401, True)
        for refused in (
            ask("nil", path="/accounts/self"),
            ask("nil", path="/accounts/7/sis_imports"),
            ask("eyes", "POST", "/accounts/7/sis_imports"),
            ask("eyes", "PUT", "/accounts/7/sis_imports/1/abort"),
        ):
            assert (refused.status_code, refused.json()["status"]) == (401, "unauthorized")
            assert "www-authenticate" not in refused.headers
        assert ask("nil", path="/users/self").status_code == 200
        assert ask("eyes", path="/accounts/7/sis_imports").status_code == 200
        assert ask("boss", path="/accounts/self").json()["id"] == 7
        assert canvas.token == "boss"


def test_the_bucket_fills_and_drains(client: Client) -> None:
    plain = client.http.get("/api/v1/users/self").headers
    assert float(plain["x-rate-limit-remaining"]) > 590
    assert float(plain["x-request-cost"]) < 10
    client.canvas.fault("bucket", high_water=60, capacity=80, leak=200, up_front=5, request_cost=25)
    answers = [client.http.get("/api/v1/users/self") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 403]
    assert "Rate Limit Exceeded" in answers[-1].text
    assert answers[-1].headers["content-type"].startswith("text/plain")
    assert "retry-after" not in answers[-1].headers
    time.sleep(0.15)
    assert client.http.get("/api/v1/users/self").status_code == 200


def test_a_quiet_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.load({"u.csv": "user_id,login_id,status\nsecretada,,active\n"})
    client.http.get("/api/v1/accounts/1/users", params={"search_term": "secretada"})
    assert "secretada" not in "".join(
        record.getMessage() for record in caplog.records if not record.name.startswith("http")
    )


def test_state_outlives_the_server(tmp_path: Path) -> None:
    def client_of(canvas: Canvas) -> httpx.Client:
        return httpx.Client(base_url=canvas.url, headers={"Authorization": f"Bearer {canvas.token}"}, trust_env=False)

    with running_canvas(tmp_path) as canvas, client_of(canvas) as http:
        client = Client(canvas, http)
        client.load(USERS)
        client.canvas.fault("slow_import", seconds=20, times=1)
        running, waiting = (client.post(USERS).json()["id"] for _ in range(2))
        client.wait(running, lambda found: found["workflow_state"] == "importing")
    with running_canvas(tmp_path) as canvas, client_of(canvas) as http:
        client = Client(canvas, http)
        assert client.wait(running)["workflow_state"] == "failed"
        assert client.wait(waiting)["workflow_state"] == "imported"
        assert ("ada",) in client.live("users", "user_id")
