"""`restore_states` and its Progress."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from .conftest import Client

DROPS = {
    "e.csv": "section_id,user_id,role,status\nm1,ada,student,deleted\nm2,bob,student,active\n",
    "o.csv": "observer_id,student_id,status\ntea,ada,deleted\n",
    "u.csv": "user_id,login_id,full_name,status\nbob,bob@x.org,Robert,suspended\n",
}


def restore(client: Client, import_id: int, **options: str) -> httpx.Response:
    return client.http.put(f"/api/v1/accounts/self/sis_imports/{import_id}/restore_states", data=options)


def followed(client: Client, answer: httpx.Response) -> list[str]:
    """The states of a Progress up to its end."""
    number = answer.json()["id"]
    return [client.http.get(f"/api/v1/progress/{number}").json()["workflow_state"] for _ in range(3)]


def dropped(client: Client) -> dict[str, Any]:
    client.load({"o.csv": "observer_id,student_id,status\ntea,ada,active\n"})
    return client.load(DROPS)


def test_what_was_deleted_comes_back_with_what_hung_on_it(school: Client) -> None:
    done = dropped(school)
    assert ("m1", "ada", "StudentEnrollment") not in school.live("enrollments", "section_id", "user_id", "type")
    answer = restore(school, done["id"], undelete_only="true")
    assert answer.json()["workflow_state"] == "queued"
    assert followed(school, answer) == ["running", "completed", "completed"]
    assert school.live("observer_links", "observer_id", "student_id") == {("tea", "ada")}
    enrolled = school.live("enrollments", "section_id", "user_id", "type", "state")
    assert ("m1", "ada", "StudentEnrollment", "active") in enrolled
    assert ("m1", "tea", "ObserverEnrollment", "active") in enrolled
    assert ("m2", "bob", "StudentEnrollment", "active") in enrolled  # was made, and stays
    person = school.of("users", "user_id", "bob")
    assert (person["state"], person["name"]) == ("suspended", "Robert")  # neither deleted nor a state
    assert school.canvas.imports()[-1]["state"] == "partially_restored"


def test_without_a_limit_what_was_made_is_deleted_and_names_stay(school: Client) -> None:
    done = dropped(school)
    assert followed(school, restore(school, done["id"]))[-1] == "completed"
    assert ("m2", "bob") not in school.live("enrollments", "section_id", "user_id")
    person = school.of("users", "user_id", "bob")
    assert (person["state"], person["name"]) == ("active", "Robert")
    assert school.canvas.imports()[-1]["state"] == "restored"


def test_a_job_that_fails_restores_nothing(school: Client) -> None:
    done = dropped(school)
    before = school.canvas.state()
    school.canvas.fault("restore_fails", times=1)
    assert followed(school, restore(school, done["id"], undelete_only="true")) == ["running", "failed", "failed"]
    assert school.canvas.state() == before
    assert school.canvas.imports()[-1]["state"] == "restore_failed"


def test_looking_at_the_import_does_too_and_jobs_of_one_import_go_one_after_the_other(school: Client) -> None:
    done = dropped(school)
    first, second = (restore(school, done["id"], undelete_only="true").json()["id"] for _ in range(2))
    look = school.http.get
    states = [look(f"/api/v1/accounts/self/sis_imports/{done['id']}").json()["workflow_state"] for _ in range(2)]
    assert states == ["restoring", "partially_restored"]
    school.load({"o.csv": "observer_id,student_id,status\ntea,ada,deleted\n"})
    before = school.canvas.state()
    assert look(f"/api/v1/progress/{first}").json()["workflow_state"] == "completed"
    assert look(f"/api/v1/progress/{second}").json()["workflow_state"] == "completed"
    assert school.canvas.state() == before, "what was restored is not restored again"


@pytest.mark.parametrize(
    ("number", "options", "status"),
    [("1", {"undelete_only": "true", "unconclude_only": "1"}, 400), ("77", {}, 404), ("x", {}, 404)],
)
def test_what_is_refused(school: Client, number: str, options: dict[str, str], status: int) -> None:
    answer = school.http.put(f"/api/v1/accounts/self/sis_imports/{number}/restore_states", data=options)
    assert answer.status_code == status
