"""A client of the stand-in that knows nothing but HTTP, and a stand-in to talk to."""

from __future__ import annotations

import io
import ssl
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from roster_sandbox.canvas import Canvas, running_canvas

FINAL = {"imported", "imported_with_messages", "failed", "failed_with_messages", "aborted"}


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """A zip of files by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


class Client:
    """Posts, waits and reads over a real socket."""

    def __init__(self, canvas: Canvas, http: httpx.Client) -> None:
        self.canvas = canvas
        self.http = http

    def post(self, files: Mapping[str, str | bytes], **options: str) -> httpx.Response:
        upload = ("roster.zip", zipped(files))
        return self.http.post("/api/v1/accounts/self/sis_imports", params=options, files={"attachment": upload})

    def load(self, files: Mapping[str, str | bytes], **options: str) -> dict[str, Any]:
        """Post a zip and wait for the import to end."""
        response = self.post(files, **options)
        assert response.status_code == 200, response.text
        return self.wait(response.json()["id"])

    def wait(self, import_id: int, until: Callable[[dict[str, Any]], bool] | None = None) -> dict[str, Any]:
        """Ask until the import has ended (or until what is asked for is so)."""
        for _ in range(400):
            found: dict[str, Any] = self.http.get(f"/api/v1/accounts/self/sis_imports/{import_id}").json()
            if until(found) if until else found["workflow_state"] in FINAL:
                return found
            time.sleep(0.01)
        message = f"import {import_id} is still {found['workflow_state']}"
        raise AssertionError(message)

    def errors(self, import_id: int) -> list[dict[str, Any]]:
        """The messages of an import in the order they were made."""
        answer = self.http.get(f"/api/v1/accounts/self/sis_imports/{import_id}/errors", params={"per_page": "100"})
        return list(reversed(answer.json()["sis_import_errors"]))

    def messages(self, files: Mapping[str, str | bytes], **options: str) -> list[str]:
        """What an import of these files has to say."""
        return [error["message"] for error in self.errors(self.load(files, **options)["id"])]

    def live(self, table: str, *columns: str) -> set[tuple[Any, ...]]:
        """Columns of what is not deleted."""
        rows = self.canvas.state()[table]
        return {tuple(row[column] for column in columns) for row in rows if row["state"] != "deleted"}

    def of(self, table: str, column: str, value: str) -> dict[str, Any]:
        """The one row of the state whose column has the value."""
        (row,) = [row for row in self.canvas.state()[table] if row[column] == value]
        return row


@pytest.fixture
def canvas(tmp_path: Path) -> Iterator[Canvas]:
    with running_canvas(tmp_path / "canvas") as running:
        yield running


@pytest.fixture
def client(canvas: Canvas) -> Iterator[Client]:
    headers = {"Authorization": f"Bearer {canvas.token}"}
    no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reading the system's certificates takes longer than a test
    with httpx.Client(base_url=canvas.url, headers=headers, trust_env=False, timeout=20, verify=no_tls) as http:
        yield Client(canvas, http)


@pytest.fixture
def school(client: Client) -> Client:
    """A stand-in that holds two courses with two sections each, three people, and one pupil enrolled."""
    done = client.load(
        {
            "users.csv": "user_id,login_id,full_name,status\n"
            "ada,ada@x.org,Ada Byron,active\nbob,bob@x.org,Bob Byron,active\ntea,tea@x.org,Tea Cher,active\n",
            "courses.csv": "course_id,short_name,long_name,status\nmaths,M,Mathematics,active\narts,A,Arts,active\n",
            "sections.csv": "section_id,course_id,name,status\n"
            "m1,maths,M 1,active\nm2,maths,M 2,active\na1,arts,A 1,active\na2,arts,A 2,active\n",
            "enrollments.csv": "section_id,user_id,role,status\nm1,ada,student,active\n",
        }
    )
    assert done["workflow_state"] == "imported"
    return client
