"""What an import makes of the bytes it was given."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from .conftest import Client, zipped

USERS = "user_id,login_id,status\nada,ada@x.org,active\n"
IMPORTS = "/api/v1/accounts/1/sis_imports"


def ended(client: Client, response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    return client.wait(response.json()["id"])


@pytest.mark.parametrize(
    ("name", "data", "users"),
    [
        ("users.csv", USERS.encode(), 1),
        ("USERS.CSV", USERS.encode(), 1),
        ("x.zip", zipped({"anything.csv": USERS}), 1),
        ("users.txt", USERS.encode(), 0),
        ("users", USERS.encode(), 0),
        ("x.csv.gz", USERS.encode(), 0),
        ("x.zip", zipped({}), 0),
    ],
)
def test_the_extension_of_an_attachment_decides(client: Client, name: str, data: bytes, users: int) -> None:
    done = ended(client, client.http.post(IMPORTS, files={"attachment": (name, data)}))
    assert (done["workflow_state"], done["progress"], done["data"]["counts"]["users"]) == ("imported", 100, users)


@pytest.mark.parametrize(
    ("content_type", "query", "data", "state"),
    [
        ("text/csv", {}, USERS.encode(), "imported"),
        ("text/plain", {}, USERS.encode(), "imported"),
        ("text/csv; charset=utf-8", {}, USERS.encode(), "imported"),
        ("application/zip", {}, zipped({"u.csv": USERS}), "imported"),
        ("application/octet-stream", {}, zipped({"u.csv": USERS}), "imported"),
        ("application/octet-stream", {"extension": "csv"}, USERS.encode(), "imported"),
        ("application/octet-stream", {}, USERS.encode(), "failed_with_messages"),
        ("multipart/form-data; boundary=x", {}, zipped({"u.csv": USERS}), None),
    ],
)
def test_a_raw_body_goes_by_its_content_type(
    client: Client, content_type: str, query: dict[str, str], data: bytes, state: str | None
) -> None:
    response = client.http.post(IMPORTS, params=query, content=data, headers={"Content-Type": content_type})
    if state is None:
        assert response.status_code == 400
        return
    done = ended(client, response)
    assert (done["workflow_state"], done["data"].get("counts", {}).get("users")) == (state, int(state == "imported"))


def test_another_charset_is_refused(client: Client) -> None:
    response = client.http.post(IMPORTS, content=b"", headers={"Content-Type": "text/csv; charset=latin1"})
    assert response.status_code == 400
    assert client.canvas.imports() == []


@pytest.mark.parametrize(
    ("files", "state", "messages"),
    [
        ({"deep/er/u.csv": USERS, "__MACOSX/u.csv": "x", ".DS_Store": "x", "a/.u.csv": "x"}, "imported", []),
        ({"u.csv": USERS, "readme.txt": "x"}, "imported_with_messages", ["Skipping unknown file type"]),
        ({"u.csv": USERS, "empty.csv": ""}, "imported", []),
        ({"u.csv": USERS, "o.csv": "a,b\n1,2\n"}, "failed_with_messages", ["Couldn't find Canvas CSV import headers"]),
        ({"u.csv": USERS, "o.csv": b"user_id,login_id\n\xff,x\n"}, "failed_with_messages", ["Invalid UTF-8"]),
        ({"u.csv": USERS, "o.csv": 'user_id,login_id\na,b\n"c,d\n'}, "failed_with_messages", ["Malformed CSV"]),
        (
            {"u.csv": USERS, "o.csv": "group_id,name\n1,g\n"},
            "failed_with_messages",
            ["Files of group are not simulated"],
        ),
    ],
)
def test_files_of_a_zip(client: Client, files: Mapping[str, str | bytes], state: str, messages: list[str]) -> None:
    done = client.load(files)
    assert done["workflow_state"] == state
    assert done["data"]["counts"]["users"] == 1  # a refused file next to it changes nothing
    assert done["progress"] == (100 if state.startswith("imported") else 99)
    found = client.errors(done["id"])
    assert [error["message"].startswith(stem) for error, stem in zip(found, messages, strict=True)] == [True] * len(
        found
    )


def test_a_malformed_file_is_dropped_whole_even_for_its_last_row(client: Client) -> None:
    done = client.load({"u.csv": USERS + 'bob,"bo"b,active\n'})
    assert (done["workflow_state"], done["data"]["counts"]["users"]) == ("failed_with_messages", 0)
    assert done["processing_errors"][0][0] == "u.csv"


def test_a_header_alone_is_supplied(client: Client) -> None:
    done = client.load({"u.csv": "user_id,login_id,status\n", "e.csv": "section_id,user_id,role,status\n"})
    assert done["data"]["supplied_batches"] == ["user", "enrollment"]
    assert done["data"]["running_immediately"] is True


def test_a_zip_that_grows_a_hundredfold_is_refused(client: Client) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("u.csv", USERS + " ,\n" * 100_000)
    done = ended(client, client.http.post(IMPORTS, files={"attachment": ("x.zip", buffer.getvalue())}))
    assert done["workflow_state"] == "failed_with_messages"
    assert client.live("users", "user_id") == {(None,)}


def test_a_header_with_blanks_is_recognised_and_then_reads_as_missing(client: Client) -> None:
    assert client.messages({"u.csv": " user_id,login_id,status\nada,ada@x.org,active\n"}) == [
        "No user_id given for a user"
    ]


def test_unknown_nameless_and_repeated_columns(client: Client) -> None:
    text = "user_id,LOGIN_ID,status,,shoe,user_id\nada,ada@x.org,active,x,42,eve\n"
    assert client.load({"u.csv": text})["workflow_state"] == "imported"
    assert client.live("users", "user_id", "login_id") == {(None, "sandbox-admin"), ("ada", "ada@x.org")}


def test_rows_are_numbered_by_records_with_the_header_as_one(client: Client) -> None:
    done = client.load({"u.csv": "user_id,login_id,status\n\nada,ada@x.org,active\n , ,\nbob,,active\n"})
    (error,) = client.errors(done["id"])
    assert (error["row"], error["file"], error["sis_import_id"]) == (4, "u.csv", done["id"])


def test_nul_rejects_a_row_of_users_and_a_whole_other_file(client: Client) -> None:
    files = {"u.csv": USERS + "b\0b,bob@x.org,active\n", "t.csv": "term_id,name,status\nt\0,T,active\n"}
    done = client.load(files)
    assert done["workflow_state"] == "failed_with_messages"
    assert "Some of the fields contain NULL character" in str(client.errors(done["id"]))
    assert (done["data"]["counts"]["users"], done["data"]["counts"]["terms"]) == (1, 0)


def test_types_run_in_order_whatever_the_order_of_files(client: Client) -> None:
    files = {
        "1.csv": "observer_id,student_id,status\nmum,ada,active\n",
        "2.csv": "section_id,user_id,role,status\ns,ada,student,active\n",
        "3.csv": "user_id,login_id,status\nada,ada,active\nmum,mum,active\n",
        "4.csv": "section_id,course_id,name,status\ns,c,S,active\n",
        "5.csv": "course_id,short_name,long_name,status\nc,C,C,active\n",
    }
    done = client.load(files)
    assert done["workflow_state"] == "imported"
    assert done["data"]["completed_importers"] == ["course", "section", "user", "enrollment", "user_observer"]
    assert client.live("enrollments", "user_id", "linked") == {("ada", 0), ("mum", 1)}
