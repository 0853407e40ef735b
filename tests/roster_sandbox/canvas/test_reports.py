"""Account reports of the stand-in, as a client sees them."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from typing import Any

import httpx

from tests.roster_sandbox.canvas.conftest import Client

REPORTS = "/api/v1/accounts/self/reports"


def started(client: Client, report: str, *kinds: str, **parameters: str) -> dict[str, Any]:
    form = {f"parameters[{name}]": value for name, value in {**dict.fromkeys(kinds, "1"), **parameters}.items()}
    answer = client.http.post(f"{REPORTS}/{report}", data=form)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def ended(client: Client, report: str, report_id: int) -> dict[str, Any]:
    for _ in range(200):
        found: dict[str, Any] = client.http.get(f"{REPORTS}/{report}/{report_id}").json()
        if found["status"] not in {"created", "running"}:
            return found
        time.sleep(0.01)
    raise AssertionError(found)


def fetched(url: str, token: str | None = None) -> httpx.Response:
    with httpx.Client(trust_env=False) as plain:
        answer = plain.get(url)
        assert answer.status_code == 302
        return plain.get(answer.headers["Location"], headers={"Authorization": f"Bearer {token}"} if token else {})


def rows(client: Client, report: str, kind: str, **parameters: str) -> list[dict[str, str]]:
    begun = started(client, report, kind, **parameters)
    content = fetched(ended(client, report, begun["id"])["attachment"]["url"]).content
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_a_report_of_one_kind_is_a_csv_and_of_several_a_zip(school: Client) -> None:
    begun = started(school, "sis_export_csv", "users", "courses")
    assert (begun["status"], begun["progress"], begun["parameters"]) == ("created", 0, {"users": "1", "courses": "1"})
    found = ended(school, "sis_export_csv", begun["id"])
    archive = zipfile.ZipFile(io.BytesIO(fetched(found["attachment"]["url"]).content))
    assert archive.namelist() == ["users.csv", "courses.csv"]
    (user, *_) = rows(school, "sis_export_csv", "users")
    assert [*user] == [
        *("user_id", "integration_id", "authentication_provider_id", "login_id", "password", "first_name", "last_name"),
        *("full_name", "sortable_name", "short_name", "email", "status"),
    ]
    assert (user["user_id"], user["first_name"], user["last_name"]) == ("ada", "Ada", "Byron")


def test_only_the_longer_report_has_numbers_and_what_has_no_sis_id(school: Client) -> None:
    found = rows(school, "provisioning_csv", "users")
    assert [(row["user_id"], row["created_by_sis"]) for row in found] == [
        ("", "false"),
        ("ada", "true"),
        ("bob", "true"),
        ("tea", "true"),
    ]
    assert [row["canvas_user_id"] for row in found] == ["1", "2", "3", "4"]
    assert {row["status"] for row in rows(school, "provisioning_csv", "courses")} == {"unpublished"}
    assert {row["status"] for row in rows(school, "sis_export_csv", "courses")} == {"active"}


def test_what_is_deleted_or_concluded_is_there_only_when_asked_for(school: Client) -> None:
    school.load(
        {"enrollments.csv": "section_id,user_id,role,status\nm1,ada,student,deleted\nm1,tea,teacher,completed\n"}
    )
    assert rows(school, "provisioning_csv", "enrollments") == []
    found = rows(school, "provisioning_csv", "enrollments", include_deleted="1")
    assert [(row["user_id"], row["role"], row["status"]) for row in found] == [
        ("ada", "student", "deleted"),
        ("tea", "teacher", "concluded"),
    ]


def test_a_cross_listed_section_is_told_with_both_courses(school: Client) -> None:
    assert rows(school, "provisioning_csv", "xlist") == []
    school.load({"x.csv": "xlist_course_id,section_id,status\narts,m1,active\n"})
    (found,) = rows(school, "provisioning_csv", "xlist", include_deleted="1")
    assert [found[name] for name in ("xlist_course_id", "section_id", "status", "nonxlist_course_id")] == [
        *("arts", "m1", "active", "maths")
    ]
    assert "created_by_sis" not in found
    school.canvas.by_hand("remove", kind="section", which="m1")
    assert rows(school, "provisioning_csv", "xlist") == []
    assert [row["status"] for row in rows(school, "provisioning_csv", "xlist", include_deleted="1")] == ["deleted"]


def test_rights_are_told_with_who_gave_them(school: Client) -> None:
    school.load({"a.csv": "user_id,account_id,role,status\ntea,,AccountAdmin,active\n"})
    school.canvas.by_hand("right", user="ada", account=1)
    school.canvas.by_hand("right", user="bob", account=1, state="deleted")
    (given, by_hand) = rows(school, "provisioning_csv", "admins")
    assert [*given] == [
        *("admin_user_name", "canvas_user_id", "user_id", "canvas_account_id", "account_id", "role_id", "role"),
        *("status", "created_by_sis"),
    ]
    assert [given[name] for name in ("user_id", "canvas_account_id", "account_id", "role", "status")] == [
        *("tea", "1", "", "AccountAdmin", "active")
    ]
    assert (given["created_by_sis"], by_hand["user_id"], by_hand["created_by_sis"]) == ("true", "ada", "false")
    assert [row["user_id"] for row in rows(school, "sis_export_csv", "admins")] == ["tea"]
    all_of_them = rows(school, "provisioning_csv", "admins", include_deleted="1")
    assert [(row["user_id"], row["status"]) for row in all_of_them][2:] == [("bob", "deleted")]


def test_dates_are_in_the_account_s_zone(school: Client) -> None:
    text = "term_id,name,status,start_date,end_date\nt1,T 1,active,2026-02-01T00:00:00Z,2026-07-01T00:00:00Z\n"
    school.load({"terms.csv": text})
    (term,) = rows(school, "sis_export_csv", "terms")
    assert (term["start_date"], term["end_date"]) == ("2026-01-31T17:00:00-07:00", "2026-06-30T18:00:00-06:00")


def test_files_lie_on_another_host_that_refuses_the_token(school: Client) -> None:
    begun = started(school, "sis_export_csv", "users")
    url = ended(school, "sis_export_csv", begun["id"])["attachment"]["url"]
    assert fetched(url).status_code == 200
    assert fetched(url, school.canvas.token).status_code == 400
    with httpx.Client(trust_env=False) as plain:
        there = httpx.URL(plain.get(url).headers["Location"])
        assert there.netloc != httpx.URL(school.canvas.url).netloc
        assert plain.get(there.copy_set_param("signature", "x")).status_code == 403
        assert plain.get(f"{url}x").status_code == 404


def test_a_report_can_be_slow_stuck_and_end_badly(school: Client) -> None:
    school.canvas.fault("slow_report", seconds=0.05, times=1)
    begun = started(school, "sis_export_csv", "users")
    first = school.http.get(f"{REPORTS}/sis_export_csv/{begun['id']}").json()
    assert (first["status"], "attachment" in first) == ("running", False)
    assert ended(school, "sis_export_csv", begun["id"])["status"] == "complete"
    for state in ("error", "aborted"):
        school.canvas.fault("report_ends", state=state, times=1)
        begun = started(school, "sis_export_csv", "users")
        assert ended(school, "sis_export_csv", begun["id"])["status"] == state
    school.canvas.fault("report_file", what="expired", times=1)
    begun = started(school, "sis_export_csv", "users")
    assert fetched(ended(school, "sis_export_csv", begun["id"])["attachment"]["url"]).status_code == 403


def test_what_is_not_there_is_not_found(school: Client) -> None:
    begun = started(school, "sis_export_csv", "users")
    assert [one["id"] for one in school.http.get(f"{REPORTS}/sis_export_csv").json()] == [begun["id"]]
    assert school.http.delete(f"{REPORTS}/sis_export_csv/{begun['id']}").json()["status"] == "deleted"
    assert school.http.get(f"{REPORTS}/sis_export_csv/{begun['id']}").status_code == 404
    assert school.http.post(f"{REPORTS}/unknown_csv").status_code == 404
