"""The documented example of each SIS file goes through, or is refused for a reason that is written down here."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from roster_sandbox.canvas import running_canvas

from .conftest import Client

SAMPLES = Path(os.environ.get("ROSTER_SAMPLES", Path(__file__).parents[4] / "shared" / "data")) / "canvas-sis-csv"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no samples at {SAMPLES.parent}")
SIMULATED = ("accounts", "terms", "courses", "sections", "users", "enrollments", "user_observers", "change_sis_id")


def test_the_documented_examples(tmp_path: Path) -> None:
    files = {f"{name}.csv": (SAMPLES / f"{name}.csv").read_bytes() for name in SIMULATED}
    files["a004.csv"] = b"account_id,parent_account_id,name,status\nA004,,Science,active\n"
    people = {line.split(",")[n] for line in files["user_observers.csv"].decode().splitlines()[1:] for n in (0, 1)}
    files["people.csv"] = ("user_id,login_id,status\n" + "".join(f"{p},{p},active\n" for p in sorted(people))).encode()
    with running_canvas(tmp_path, providers={"canvas": 1, "google": 2, "saml": 7}) as canvas:
        headers = {"Authorization": f"Bearer {canvas.token}"}
        with httpx.Client(base_url=canvas.url, headers=headers, trust_env=False) as http:
            client = Client(canvas, http)
            done = client.load(files)
            found = client.errors(done["id"])
            assert {error["file"] for error in found} <= {"enrollments.csv", "user_observers.csv", "change_sis_id.csv"}
            assert done["workflow_state"] == "imported_with_messages"
            counts = done["data"]["counts"]
            assert counts["accounts"] == len(files["accounts.csv"].splitlines())
            assert counts["terms"] == len(files["terms.csv"].splitlines()) - 1
            assert counts["courses"] == len(files["courses.csv"].splitlines()) - 1
            assert counts["users"] == len(files["users.csv"].splitlines()) - 1 + len(people)
            assert client.of("courses", "course_id", "A110035")["name"] == 'Art 105: "Art as a Medium"'
            assert client.of("users", "user_id", "01103")["sortable_name"] == "Smith, Bob"
            assert client.of("terms", "term_id", "T002")["end_at"] == "2013-05-03T06:00:00Z"


@pytest.mark.parametrize("name", ["groups", "groups_membership"])
def test_kinds_that_are_not_simulated_say_so(client: Client, name: str) -> None:
    done = client.load({f"{name}.csv": (SAMPLES / f"{name}.csv").read_bytes()})
    assert done["workflow_state"] == "failed_with_messages"
    assert "not simulated" in done["processing_errors"][0][1]
