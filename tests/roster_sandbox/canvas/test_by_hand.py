"""What people do in Canvas's pages, and what an import finds afterwards."""

from __future__ import annotations

import httpx
import pytest

from .conftest import Client

PUPIL = "section_id,user_id,role,status\n"


def test_a_merged_person_keeps_log_ins_and_enrolments_under_the_other(school: Client) -> None:
    school.load({"e.csv": PUPIL + "m1,bob,student,active\nm2,bob,student,active\n"})
    school.canvas.by_hand("enrol", section="m1", user="ada", state="inactive")
    merged = school.canvas.by_hand("merge", user="ada", into="bob")
    people = {row["user_id"]: (row["id"], row["state"]) for row in school.canvas.state()["users"]}
    assert people["ada"] == people["bob"] == (merged, "active")
    enrolled = [row for row in school.canvas.state()["enrollments"] if row["state"] != "deleted"]
    assert sorted(row["section_id"] for row in enrolled) == ["m1", "m2"]
    assert school.messages({"e.csv": PUPIL + "a1,ada,student,active\n"}) == []  # both SIS ids go on working
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        school.canvas.by_hand("merge", user="ada", into="bob")


def test_links_move_with_a_merge_and_nobody_observes_themselves(school: Client) -> None:
    school.load({"o.csv": "observer_id,student_id,status\ntea,ada,active\nbob,ada,active\n"})
    school.canvas.by_hand("merge", user="bob", into="ada")
    assert school.live("observer_links", "observer_id", "student_id") == {("tea", "ada")}


def test_a_section_is_taught_elsewhere_and_goes_home(school: Client) -> None:
    school.canvas.by_hand("cross_list", section="m1", course="arts")
    section = school.of("sections", "section_id", "m1")
    assert (section["course_id"], section["home_course_id"], section["sticky"]) == ("arts", "maths", "course_id")
    school.canvas.by_hand("cross_list", section="m1")
    section = school.of("sections", "section_id", "m1")
    assert (section["course_id"], section["home_course_id"]) == ("maths", None)


def test_a_right_is_given_and_taken_and_goes_along_with_a_merge(school: Client) -> None:
    school.canvas.by_hand("right", user="ada", account=1)
    school.canvas.by_hand("merge", user="ada", into="bob")
    (right,) = school.canvas.state()["admins"]
    assert (right["user_id"], right["role"], right["state"]) == ("ada", "AccountAdmin", "active")  # the older log-in
    school.canvas.by_hand("right", user="bob", account=1, state="deleted")
    assert [one["state"] for one in school.canvas.state()["admins"]] == ["deleted"]


@pytest.mark.parametrize("state", ["completed", "inactive", "deleted", "active"])
def test_an_enrolment_changes_by_hand_and_stays_the_imports(school: Client, state: str) -> None:
    before = school.of("enrollments", "user_id", "ada")
    school.canvas.by_hand("enrol", section="m1", user="ada", state=state)
    assert school.of("enrollments", "user_id", "ada") == {**before, "state": state}
    school.canvas.by_hand("enrol", section="m2", user="ada", role="ta")
    assert ("m2", "TaEnrollment", "active") in school.live("enrollments", "section_id", "type", "state")


@pytest.mark.parametrize(("kind", "which"), [("course", "maths"), ("section", "m1"), ("login", "ada"), ("user", "ada")])
def test_what_is_removed_takes_its_enrolments_along(school: Client, kind: str, which: str) -> None:
    school.canvas.by_hand("remove", kind=kind, which=which)
    assert school.live("enrollments", "user_id") == set()
    if kind != "user":
        school.canvas.by_hand("bring_back", kind=kind, which=which)
        table = {"course": "courses", "section": "sections", "login": "users"}[kind]
        key = {"course": "course_id", "section": "section_id", "login": "user_id"}[kind]
        row = school.of(table, key, which)
        assert row["state"] == ("claimed" if kind == "course" else "active")
        assert row["sticky"] == ("" if kind == "section" else "state")
        assert school.live("enrollments", "user_id") == set()


def test_things_are_made_without_an_import(school: Client) -> None:
    course = school.canvas.by_hand("make", kind="course", name="Chess")
    section = school.canvas.by_hand("make", kind="section", name="Chess 1", course=course, sis_id="chess-1")
    person = school.canvas.by_hand("make", kind="user", name="Cas Parov", login_id="cas@x.org")
    school.canvas.by_hand("enrol", section=section, user=person)
    assert school.of("courses", "name", "Chess")["course_id"] is None
    assert school.of("sections", "section_id", "chess-1")["name"] == "Chess 1"
    assert school.of("users", "login_id", "cas@x.org")["user_id"] is None
    assert ("chess-1", None) in school.live("enrollments", "section_id", "user_id")


@pytest.mark.parametrize(
    "body", [{"action": "merge", "user": "nobody", "into": "ada"}, {"action": "shout"}, {"action": "merge"}]
)
def test_what_makes_no_sense_is_told(school: Client, body: dict[str, str]) -> None:
    answer = school.http.post("/sandbox/by-hand", json=body)
    assert answer.status_code in {404, 422}
    assert answer.json()["errors"]
