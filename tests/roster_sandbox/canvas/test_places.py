"""accounts.csv, terms.csv, courses.csv and sections.csv, statement by statement."""

from __future__ import annotations

import pytest

from .conftest import Client

ACCOUNTS = "account_id,parent_account_id,name,status\n"
TERMS = "term_id,name,status,start_date,end_date\n"
COURSES = "course_id,short_name,long_name,status,account_id,term_id,start_date\n"
SECTIONS = "section_id,course_id,name,status,start_date\n"


def test_accounts_make_a_tree_and_a_blank_parent_is_the_root(client: Client) -> None:
    assert client.messages({"a.csv": ACCOUNTS + "top,,Top,active\nsub,top,Sub,active\n"}) == []
    assert client.live("accounts", "account_id", "name", "parent_account_id") == {
        (None, "Sandbox Canvas", None),
        ("top", "Top", None),
        ("sub", "Sub", "top"),
    }


@pytest.mark.parametrize(
    ("row", "stem"),
    [
        (",,X,active", "No account_id given"),
        ("new,nowhere,X,active", "Parent account didn't exist"),
        ("new,,,active", "No name given"),
        ("new,,X,open", "Improper status"),
        ("top,,Top,deleted", "Cannot delete the sub_account with ID: top because it has active sub accounts"),
        ("sub,top,Sub,deleted", "because it has active courses"),
        ("top,sub,Top,active", "would create a loop"),
        ("new,old,X,active", "Cannot restore sub_account new"),
        ("top,,Top,open", None),
        ("top,,,active", None),
    ],
)
def test_rows_of_accounts(client: Client, row: str, stem: str | None) -> None:
    client.load(
        {
            "a.csv": ACCOUNTS + "top,,Top,active\nsub,top,Sub,active\nold,,Old,deleted\n",
            "c.csv": COURSES + "c,C,C,active,sub,,\n",
        }
    )
    messages = client.messages({"a.csv": ACCOUNTS + row + "\n"})
    assert [stem in message for message in messages] == ([] if stem is None else [True])
    assert client.of("accounts", "account_id", "top")["name"] == "Top"


@pytest.mark.parametrize(
    ("row", "stem"),
    [
        (",T,active,,", "No term_id given"),
        ("t,T,open,,", "Improper status"),
        ("t,,active,,", "No name given for term"),
        ("used,T,deleted,,", "Cannot delete a term with active courses"),
        ("t,T,active,13/13/2026,", "Bad date format for term"),
        ("t,T,active,2026-01-05,2026-1-05 00:00:00", None),
    ],
)
def test_rows_of_terms(client: Client, row: str, stem: str | None) -> None:
    client.load({"t.csv": TERMS + "used,U,active,,\n", "c.csv": COURSES + "c,C,C,active,,used,\n"})
    messages = client.messages({"t.csv": TERMS + row + "\n"})
    assert [stem in message for message in messages] == ([] if stem is None else [True])


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ("2026-1-05 00:00:00", "2026-01-05T00:00:00Z"),
        ("2013-05-03 00:00:00-06:00", "2013-05-03T06:00:00Z"),
        ("2026-01-05T23:59:59Z", "2026-01-05T23:59:59Z"),
        ("2026-01-05T10:00+1000", "2026-01-05T00:00:00Z"),
        ("1/5/2026", "2026-05-01T00:00:00Z"),
        ("5/13/2026", None),
        ("2026-02-30", None),
        ("soon", None),
    ],
)
def test_dates_of_a_term(client: Client, given: str, start: str | None) -> None:
    client.load({"t.csv": TERMS + "t,T,active,2020-01-01,\n"})
    done = client.load({"t.csv": f"{TERMS}t,New,active,{given},\n"})
    found = client.of("terms", "term_id", "t")
    assert (found["start_at"], found["name"]) == (start, "New")  # a bad date clears, and the row goes on
    assert done["data"]["counts"]["terms"] == 1


def test_overrides_of_a_term(client: Client) -> None:
    head = "term_id,name,status,date_override_enrollment_type,start_date,end_date\n"
    client.load({"t.csv": TERMS + "t,T,active,,\n"})
    rows = "t,,active,TeacherEnrollment,2026-01-01,2026-02-01\nt,,active,Teacher,,\nx,,active,TaEnrollment,,\n"
    assert [message.split(" ", 3)[:3] for message in client.messages({"t.csv": head + rows})] == [
        ["Invalid", "date_override_enrollment_type", '"Teacher"'],
        ["Cannot", "set", "date"],
    ]
    terms = client.http.get("/api/v1/accounts/1/terms").json()["enrollment_terms"]
    assert terms[1]["overrides"]["TeacherEnrollment"]["start_at"] == "2026-01-01T00:00:00Z"
    client.load({"t.csv": head + "t,,deleted,TeacherEnrollment,,\n"})
    assert client.http.get("/api/v1/accounts/1/terms").json()["enrollment_terms"][1]["overrides"] == {}


@pytest.mark.parametrize(
    ("row", "stem"),
    [
        (",S,L,active,,,", "No course_id given"),
        ("c,,L,active,,,", "No short_name given"),
        ("c,S,,active,,,", "No long_name given"),
        ("c,S,L,open,,,", "Improper status"),
        ("c,S,L,active,nowhere,,", 'Account not found "nowhere" for course c'),
        ("c,S,L,active,gone,,", "Cannot restore course c"),
        ("c,S,L,active,,,soon", "Bad date format for course"),
        ("c,S,L,active,,never,", None),
        ("c,S,L,active,,over,", None),
    ],
)
def test_rows_of_courses(client: Client, row: str, stem: str | None) -> None:
    client.load({"a.csv": ACCOUNTS + "gone,,Gone,deleted\n", "t.csv": TERMS + "over,O,deleted,,\n"})
    done = client.load({"c.csv": COURSES + row + "\n"})
    assert [stem in error["message"] for error in client.errors(done["id"])] == ([] if stem is None else [True])
    saved = done["data"]["counts"]["courses"] == 1
    assert saved is (stem is None or stem.startswith("Bad date"))
    if saved:  # an unknown or deleted term is ignored without a word
        assert client.of("courses", "course_id", "c")["term"] == "Default Term"


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (["active"], "claimed"),
        (["unpublished"], "claimed"),
        (["published"], "available"),
        (["published", "active"], "available"),
        (["active", "completed"], "completed"),
        (["active", "completed", "active"], "available"),
        (["active", "deleted"], "deleted"),
        (["published", "deleted", "active"], "claimed"),
    ],
)
def test_what_a_status_makes_of_a_course(client: Client, statuses: list[str], state: str) -> None:
    for status in statuses:
        assert client.messages({"c.csv": f"{COURSES}c,C,C,{status},,,\n"}) == []
    assert client.of("courses", "course_id", "c")["state"] == state


def test_blank_course_dates_stay_and_are_cleared_by_a_word(client: Client) -> None:
    for date, start in (("2026-01-01", "2026-01-01T00:00:00Z"), ("", "2026-01-01T00:00:00Z"), ("<delete>", None)):
        client.load({"c.csv": f"{COURSES}c,C,C,active,,,{date}\n"})
        assert client.of("courses", "course_id", "c")["start_at"] == start


@pytest.mark.parametrize(("status", "left"), [("completed", "completed"), ("deleted", "deleted")])
def test_a_course_takes_its_enrolments_along(school: Client, status: str, left: str) -> None:
    school.load(
        {
            "u.csv": "user_id,login_id,status\nmum,mum,active\n",
            "o.csv": "observer_id,student_id,status\nmum,ada,active\n",
        }
    )
    done = school.load({"c.csv": f"{COURSES}maths,M,Mathematics,{status},,,\n"})
    assert {row["state"] for row in school.canvas.state()["enrollments"]} == {left}
    assert done["data"]["statistics"]["Enrollment"]["concluded" if left == "completed" else "deleted"] == 2
    assert done["data"]["statistics"]["Course"]["concluded" if left == "completed" else "deleted"] == 1


@pytest.mark.parametrize(
    ("row", "stem"),
    [
        (",maths,S,active,", "No section_id given for a section in course"),
        ("s,,S,active,", "No course_id given for a section"),
        ("s,maths,,active,", "No name given for section"),
        ("s,maths,S,open,", "Improper status"),
        ("s,nowhere,S,active,", "Section s references course nowhere which doesn't exist"),
        ("s,maths,S,active,soon", "Bad date format for section"),
        ("s,maths,S,active,", None),
    ],
)
def test_rows_of_sections(school: Client, row: str, stem: str | None) -> None:
    messages = school.messages({"s.csv": SECTIONS + row + "\n"})
    assert [stem in message for message in messages] == ([] if stem is None else [True])


def test_a_section_moves_with_its_enrolments_and_loses_them_when_deleted(school: Client) -> None:
    school.load({"s.csv": SECTIONS + "m1,arts,M 1,active,\n"})
    assert school.live("enrollments", "section_id", "course_id") == {("m1", "arts")}
    school.load({"s.csv": SECTIONS + "m1,arts,M 1,deleted,\n"})
    assert school.live("enrollments", "section_id") == set()
    school.load({"s.csv": SECTIONS + "m1,arts,M 1,active,\n"})
    assert school.live("enrollments", "section_id") == set()


def test_sticky_course_names_stay(school: Client) -> None:
    school.canvas.edit("course", "maths", name="By hand", state="available")
    school.load({"c.csv": COURSES + "maths,MM,Other,deleted,,,\n"})
    found = school.of("courses", "course_id", "maths")
    assert (found["name"], found["code"], found["state"]) == ("By hand", "MM", "available")
    assert school.live("enrollments", "user_id") == {("ada",)}
