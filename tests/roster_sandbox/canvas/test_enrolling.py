"""enrollments.csv and user_observers.csv, statement by statement."""

from __future__ import annotations

import pytest

from .conftest import Client

HEAD = "course_id,section_id,user_id,role,status,associated_user_id,start_date\n"
OBSERVERS = "observer_id,student_id,status\n"
SHORT = "section_id,user_id,role,status\n"


@pytest.mark.parametrize(
    ("row", "stem"),
    [
        (",,ada,student,active,,", "No course_id or section_id given"),
        (",m1,,student,active,,", "No user_id given for an enrollment"),
        (",m1,ada,student,open,,", "Improper status"),
        (",m1,nobody,student,active,,", "User not found for enrollment (User ID: nobody"),
        ("nowhere,none,ada,student,active,,", "Neither course nor section existed"),
        ("maths,none,ada,student,active,,", "referenced a non-existent section"),
        ("nowhere,m1,ada,student,active,,", "referenced a non-existent course"),
        ("arts,m1,ada,student,active,,", "section (m1) and a course (arts) that are unrelated"),
        (",m1,ada,pupil,active,,", "Improper role"),
        (",m1,ada,Teaching,active,,", "Improper role"),
        (",m1,bob,observer,active,nobody,", "non-existent associated user"),
        (",dead,bob,student,active,,", "is not a valid section"),
        ("gone,,bob,student,active,,", "is not a valid course"),
        (",m1,left,student,active,,", "Attempted enrolling with deleted sis login"),
    ],
)
def test_a_row_is_refused(school: Client, row: str, stem: str) -> None:
    school.load(
        {
            "c.csv": "course_id,short_name,long_name,status\ngone,G,G,deleted\n",
            "s.csv": "section_id,course_id,name,status\ndead,maths,D,deleted\n",
            "u.csv": "user_id,login_id,status\nleft,left,active\n",
        }
    )
    school.load({"u.csv": "user_id,login_id,status\nleft,left,deleted\n"})
    before = school.canvas.state()["enrollments"]
    done = school.load({"e.csv": HEAD + row + "\n"})
    (error,) = school.errors(done["id"])
    assert stem in error["message"]
    assert (done["workflow_state"], done["data"]["counts"]["enrollments"]) == ("imported_with_messages", 0)
    assert school.canvas.state()["enrollments"] == before


@pytest.mark.parametrize(
    ("role", "type_"),
    [
        ("student", "StudentEnrollment"),
        ("Students and more", "StudentEnrollment"),
        ("TEACHER", "TeacherEnrollment"),
        ("ta", "TaEnrollment"),
        ("Designer", "DesignerEnrollment"),
        ("observer", "ObserverEnrollment"),
    ],
)
def test_roles(school: Client, role: str, type_: str) -> None:
    school.load({"e.csv": f"{SHORT}a1,bob,{role},active\n"})
    assert ("a1", "bob", type_) in school.live("enrollments", "section_id", "user_id", "type")


@pytest.mark.parametrize(
    ("status", "state"),
    [("active", "active"), ("Completed", "completed"), ("inactive", "inactive"), ("deleted", "deleted")],
)
def test_statuses_of_a_new_enrolment(school: Client, status: str, state: str) -> None:
    done = school.load({"e.csv": f"{SHORT}a1,bob,student,{status}\n"})
    assert school.of("enrollments", "user_id", "bob")["state"] == state
    assert done["data"]["counts"]["enrollments"] == 1


def test_statistics_follow_the_state(school: Client) -> None:
    for status, counted in (
        ("active", {}),
        ("inactive", {"deactivated": 1}),
        ("active", {"restored": 1}),
        ("completed", {"concluded": 1}),
        ("deleted", {"deleted": 1}),
        ("deleted", {}),
        ("active", {"restored": 1}),
    ):
        done = school.load({"e.csv": f"{SHORT}m1,ada,student,{status}\n"})["data"]
        found = {name: number for name, number in done["statistics"]["Enrollment"].items() if number}
        assert (found, done["counts"]["enrollments"]) == (counted, 1)


def test_another_role_is_another_enrolment(school: Client) -> None:
    school.load({"e.csv": SHORT + "m1,ada,teacher,active\n"})
    assert school.live("enrollments", "section_id", "user_id", "type") == {
        ("m1", "ada", "StudentEnrollment"),
        ("m1", "ada", "TeacherEnrollment"),
    }


def test_a_course_alone_gets_a_default_section_once(school: Client) -> None:
    rows = "maths,,bob,student,active,,\nmaths,,tea,teacher,active,,\n"
    school.load({"e.csv": HEAD + rows})
    school.load({"e.csv": HEAD + rows})
    assert [row["course_id"] for row in school.canvas.state()["sections"] if row["default_section"]] == ["maths"]
    assert len(school.live("enrollments", "user_id", "course_id")) == 3


@pytest.mark.parametrize("rows", [["deleted", "active"], ["active", "deleted"]])
def test_delete_beats_active_within_a_segment(school: Client, rows: list[str]) -> None:
    done = school.load({"e.csv": SHORT + "".join(f"m1,ada,student,{status}\n" for status in rows)})
    assert school.of("enrollments", "user_id", "ada")["state"] == "deleted"
    assert done["data"]["counts"]["enrollments"] == 2


def test_a_delete_of_an_earlier_segment_is_undone_by_a_later_one(school: Client) -> None:
    filler = "".join(f"m2,u{n},student,active\n" for n in range(120))
    users = "user_id,login_id,status\n" + "".join(f"u{n},u{n},active\n" for n in range(120))
    school.load({"u.csv": users, "e.csv": SHORT + "m1,ada,student,deleted\n" + filler + "m1,ada,student,active\n"})
    assert school.of("enrollments", "user_id", "ada")["state"] == "active"


def test_two_deleted_last_completed_of_one_file_are_both_deleted(school: Client) -> None:
    school.load({"e.csv": SHORT + "m2,ada,student,active\n"})
    school.load({"e.csv": SHORT + "m1,ada,student,deleted_last_completed\nm2,ada,student,deleted_last_completed\n"})
    assert {row["state"] for row in school.canvas.state()["enrollments"]} == {"deleted"}


def test_one_deleted_last_completed_is_completed(school: Client) -> None:
    school.load({"e.csv": SHORT + "m1,ada,student,deleted_last_completed\n"})
    assert school.of("enrollments", "user_id", "ada")["state"] == "completed"


def test_messages_about_form_come_before_all_others(school: Client) -> None:
    rows = "m1,nobody,student,active\nm1,ada,student,open\n"
    done = school.load({"e.csv": SHORT + rows})
    assert [error["row"] for error in school.errors(done["id"])] == [3, 2]


def test_a_deleted_person_gets_a_deleted_enrolment_that_counts(school: Client) -> None:
    school.canvas.edit("user", "bob", state="deleted")
    done = school.load({"e.csv": SHORT + "m1,bob,student,active\n"})
    assert "Attempted enrolling of deleted user" in school.errors(done["id"])[0]["message"]
    assert done["data"]["counts"]["enrollments"] == 1
    assert school.of("enrollments", "user_id", "bob")["state"] == "deleted"


def test_a_bad_date_of_an_enrolment_clears_and_warns(school: Client) -> None:
    school.load({"e.csv": HEAD + ",m1,ada,student,active,,2026-01-01\n"})
    assert school.of("enrollments", "user_id", "ada")["start_at"] == "2026-01-01T00:00:00Z"
    (message,) = school.messages({"e.csv": HEAD + ",m1,ada,student,active,,soon\n"})
    assert message.startswith("Bad date format for enrollment")
    assert school.of("enrollments", "user_id", "ada")["start_at"] is None


@pytest.mark.parametrize(
    ("row", "stem"),
    [
        (",ada,active", "No observer_id given"),
        ("tea,,active", "No user_id given for a user observer"),
        ("ada,ada,active", "Can't observe yourself"),
        ("tea,ada,activexyz", "Improper status"),
        ("nobody,ada,active", "An observer referenced a non-existent user nobody"),
        ("tea,nobody,active", "A student referenced a non-existent user nobody"),
        ("gone,ada,active", "An observer referenced a non-existent user gone"),
        ("tea,ada,deleted", "Can't delete a non-existent observer"),
    ],
)
def test_an_observer_row_is_refused(school: Client, row: str, stem: str) -> None:
    school.load({"u.csv": "user_id,login_id,status\ngone,gone,active\n"})
    school.load({"u.csv": "user_id,login_id,status\ngone,gone,deleted\n"})
    done = school.load({"o.csv": f"{OBSERVERS}{row}\n"})
    (error,) = school.errors(done["id"])
    assert stem in error["message"]
    assert done["data"]["counts"]["user_observers"] == 0


def states(client: Client, user: str) -> dict[str, str]:
    return {row["section_id"]: row["state"] for row in client.canvas.state()["enrollments"] if row["user_id"] == user}


def test_a_link_mirrors_live_enrolments_and_follows_them(school: Client) -> None:
    school.load({"e.csv": SHORT + "m2,ada,student,completed\na1,ada,teacher,active\n"})
    done = school.load({"o.csv": OBSERVERS + "tea,ada,active\n"})["data"]
    assert states(school, "tea") == {"m1": "active"}  # neither the completed one nor the one as a teacher
    assert (done["counts"]["user_observers"], done["counts"]["enrollments"]) == (1, 0)
    assert done["statistics"]["Enrollment"]["created"] == 1
    assert school.of("enrollments", "user_id", "tea")["associated_user_id"] == "ada"
    school.load({"e.csv": SHORT + "a2,ada,student,active\nm1,ada,student,inactive\n"})
    assert states(school, "tea") == {"m1": "inactive", "a2": "active"}
    school.load({"e.csv": SHORT + "m1,ada,student,active\n"})
    assert states(school, "tea")["m1"] == "active"
    removed = school.load({"o.csv": OBSERVERS + "tea,ada,deleted\n"})["data"]
    assert states(school, "tea") == {"m1": "deleted", "a2": "deleted"}
    assert removed["statistics"]["UserObserver"]["deleted"] == 1
    school.load({"e.csv": SHORT + "m2,ada,student,active\n"})
    assert states(school, "tea") == {"m1": "deleted", "a2": "deleted"}


def test_an_observer_deleted_on_purpose_comes_back_only_with_its_student(school: Client) -> None:
    school.load({"o.csv": OBSERVERS + "tea,ada,active\n"})
    school.load({"e.csv": HEAD + ",m1,tea,observer,deleted,ada,\n"})
    for rows in ("m1,ada,student,active\n", "m1,ada,student,inactive\n", "m1,ada,student,active\n"):
        school.load({"e.csv": SHORT + rows, "o.csv": OBSERVERS + "tea,ada,active\n"})
        assert states(school, "tea") == {"m1": "deleted"}
    school.load({"e.csv": SHORT + "m1,ada,student,deleted\n"})
    school.load({"e.csv": SHORT + "m1,ada,student,active\n"})
    assert states(school, "tea") == {"m1": "active"}


def test_two_students_make_two_observer_enrolments_without_a_link(school: Client) -> None:
    rows = ",m1,tea,observer,active,ada,\n,m1,tea,observer,active,bob,\n,m1,tea,observer,active,bob,\n"
    school.load({"e.csv": HEAD + rows})
    assert school.live("enrollments", "user_id", "associated_user_id", "linked") >= {
        ("tea", "ada", 0),
        ("tea", "bob", 0),
    }
    assert len(school.live("enrollments", "id")) == 3
    assert school.canvas.state()["observer_links"] == []
