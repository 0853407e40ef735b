"""logins.csv, admins.csv and xlists.csv, statement by statement."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from roster_sandbox.canvas import running_canvas

from .conftest import Client

LOGINS = "user_id,login_id,existing_user_id,existing_canvas_user_id,authentication_provider_id\n"
ADMINS = "user_id,account_id,role,status\n"
XLISTS = "xlist_course_id,section_id,status\n"
SECTIONS = "section_id,course_id,name,status\n"
COURSES = "course_id,short_name,long_name,status\n"


@pytest.mark.parametrize(
    ("row", "stem"),
    [
        (",more,ada,,", "No user_id given for a user"),
        ("more,,ada,,", "No login_id given for user more"),
        ("more,more@x.org,,,", "No existing user provided for login"),
        ("more,more@x.org,nobody,,", "Could not find the existing user for login"),
        ("more,more@x.org,ada,1,", "An existing user does not match existing user ids"),
        ("bob,more@x.org,ada,,", "or login of more@x.org already exists"),
        ("more,BOB@x.org,ada,,", "or login of BOB@x.org already exists"),
        ("more,more@x.org,ada,,ldap", "unrecognized authentication provider ldap"),
    ],
)
def test_a_login_that_is_refused(school: Client, row: str, stem: str) -> None:
    before = school.canvas.state()["users"]
    (message,) = school.messages({"l.csv": f"{LOGINS}{row}\n"})
    assert stem in message
    assert school.canvas.state()["users"] == before


def test_a_second_login_is_the_same_person_and_its_repeat_is_refused(school: Client) -> None:
    file = {"l.csv": f"{LOGINS}ada-2,ada,ada,,saml\n"}
    done = school.load(file)
    assert done["data"]["counts"]["logins"] == 1
    assert done["data"]["statistics"]["Pseudonym"]["created"] == 1
    assert school.of("users", "user_id", "ada-2")["id"] == school.of("users", "user_id", "ada")["id"]
    (message,) = school.messages(file)
    assert "already exists" in message


def test_a_login_without_a_provider_is_taken_whoever_provides_the_one_that_is_there(school: Client) -> None:
    school.load({"l.csv": f"{LOGINS}ada-2,ada-2@x.org,ada,,saml\n"})
    assert school.messages({"l.csv": f"{LOGINS}bob-2,ADA-2@x.org,bob,,google\n"}) == []
    (message,) = school.messages({"l.csv": f"{LOGINS}tea-2,ADA-2@x.org,tea,,\n"})
    assert "or login of ADA-2@x.org already exists" in message


def test_somebody_whose_login_is_deleted_gets_no_other(school: Client) -> None:
    school.load({"u.csv": "user_id,login_id,status\nbob,bob@x.org,deleted\n"})
    (message,) = school.messages({"l.csv": f"{LOGINS}bob-2,bob-2@x.org,bob,,\n"})
    assert "Could not find the existing user for login" in message


def test_a_login_goes_by_users_csv_and_leaves_the_person_enrolled(school: Client) -> None:
    school.load({"l.csv": f"{LOGINS}ada-2,ada,ada,,\n"})
    assert school.messages({"u.csv": "user_id,login_id,status\nada-2,ada,deleted\n"}) == []
    assert school.of("users", "user_id", "ada-2")["state"] == "deleted"
    assert school.live("enrollments", "user_id") == {("ada",)}


@pytest.mark.parametrize(
    ("row", "stem"),
    [
        (",,AccountAdmin,active", "No user_id given for admin"),
        ("tea,,AccountAdmin,", "No status given for admin"),
        ("tea,,,active", "No role_id or role given for admin"),
        ("tea,,AccountAdmin,activated", "Invalid status"),
        ("tea,nowhere,AccountAdmin,active", "Invalid account_id"),
        ("tea,,accountadmin,active", "Invalid role"),
        ("nobody,,AccountAdmin,active", "Invalid or unknown user_id"),
    ],
)
def test_an_admin_that_is_refused(school: Client, row: str, stem: str) -> None:
    (message,) = school.messages({"a.csv": f"{ADMINS}{row}\n"})
    assert message.startswith(stem)
    assert school.canvas.state()["admins"] == []


def test_a_right_is_given_and_taken(school: Client) -> None:
    given = school.load({"a.csv": f"{ADMINS}tea,,AccountAdmin,active\n"})
    assert (given["data"]["counts"]["admins"], given["data"]["statistics"]["AccountUser"]["created"]) == (1, 1)
    assert school.live("admins", "user_id", "account_id", "role") == {("tea", None, "AccountAdmin")}
    assert school.messages({"a.csv": f"{ADMINS}tea,,AccountAdmin,deleted\nbob,,AccountAdmin,deleted\n"}) == []
    assert school.live("admins", "user_id") == set()


def test_a_role_of_the_school_s_own_is_known_by_its_exact_name(tmp_path: Path) -> None:
    with (
        running_canvas(tmp_path / "own", admin_roles=frozenset({"Office"})) as canvas,
        httpx.Client(base_url=canvas.url, headers={"Authorization": f"Bearer {canvas.token}"}, trust_env=False) as http,
    ):
        client = Client(canvas, http)
        client.load({"u.csv": "user_id,login_id,status\ntea,tea,active\n"})
        (message,) = client.messages({"a.csv": f"{ADMINS}tea,,Office,active\ntea,,office,active\n"})
        assert message.startswith("Invalid role 'office'")
        assert client.live("admins", "user_id", "role") == {("tea", "Office")}


@pytest.mark.parametrize(
    ("row", "stem"),
    [
        (",m1,active", "No xlist_course_id given"),
        ("arts,,active", "No section_id given"),
        ("arts,m1,activated", "Improper status"),
        ("arts,nowhere,active", "A cross-listing referenced a non-existent section"),
    ],
)
def test_a_cross_list_that_is_refused(school: Client, row: str, stem: str) -> None:
    (message,) = school.messages({"x.csv": f"{XLISTS}{row}\n"})
    assert message.startswith(stem)
    assert school.of("sections", "section_id", "m1")["course_id"] == "maths"


def test_a_cross_list_survives_its_home_course_and_is_undone_by_another(school: Client) -> None:
    assert school.load({"x.csv": f"{XLISTS}arts,m1,active\n"})["data"]["counts"]["xlists"] == 1
    where = school.of("sections", "section_id", "m1")
    assert (where["course_id"], where["home_course_id"]) == ("arts", "maths")
    school.load({"s.csv": f"{SECTIONS}m1,maths,M 1 anew,active\n"})
    where = school.of("sections", "section_id", "m1")
    assert (where["course_id"], where["home_course_id"], where["name"]) == ("arts", "maths", "M 1 anew")
    school.load({"c.csv": COURSES + "third,T,Third,active\n", "s.csv": f"{SECTIONS}m1,third,M 1,active\n"})
    where = school.of("sections", "section_id", "m1")
    assert (where["course_id"], where["home_course_id"]) == ("third", None)


@pytest.mark.parametrize(("named", "where"), [("arts", "maths"), ("nobody-knows", "maths"), ("maths", "arts")])
def test_a_section_goes_home_if_the_named_course_has_it_or_is_not_known(school: Client, named: str, where: str) -> None:
    school.load({"x.csv": f"{XLISTS}arts,m1,active\n"})
    assert school.messages({"x.csv": f"{XLISTS}{named},m1,deleted\n"}) == []
    assert school.of("sections", "section_id", "m1")["course_id"] == where


def test_an_unknown_course_is_made_after_the_home_course_and_follows_it(school: Client) -> None:
    school.load({"x.csv": f"{XLISTS}both,m1,active\n"})
    assert school.of("courses", "course_id", "both")["name"] == "Mathematics"
    school.load({"c.csv": COURSES + "maths,M,Mathematics anew,active\n"})
    assert school.of("courses", "course_id", "both")["name"] == "Mathematics anew"


def test_a_section_whose_course_is_edited_stays_without_a_word(school: Client) -> None:
    edited = {"override_sis_stickiness": "true", "add_sis_stickiness": "true"}
    school.load({"s.csv": f"{SECTIONS}m1,arts,M 1,active\n"}, **edited)
    file = {"x.csv": f"{XLISTS}maths,m1,active\n"}
    assert school.messages(file) == []
    assert school.of("sections", "section_id", "m1")["course_id"] == "arts"
    school.load(file, override_sis_stickiness="true")
    assert school.of("sections", "section_id", "m1")["course_id"] == "maths"


def test_the_status_of_links_lists_and_rights_is_a_whole_word_in_any_case(school: Client) -> None:
    rows = {
        "x.csv": f"{XLISTS}arts,m1,{{}}\n",
        "a.csv": f"{ADMINS}tea,,AccountAdmin,{{}}\n",
        "o.csv": "observer_id,student_id,status\ntea,ada,{}\n",
    }
    assert len(school.messages({name: row.format("activated") for name, row in rows.items()})) == 3
    assert school.messages({name: row.format("Active") for name, row in rows.items()}) == []
    assert school.of("sections", "section_id", "m1")["course_id"] == "arts"
    assert school.messages({name: row.format("DELETED") for name, row in rows.items()}) == []
    state = school.canvas.state()
    assert [one["state"] for table in ("admins", "observer_links") for one in state[table]] == ["deleted", "deleted"]
    assert school.of("sections", "section_id", "m1")["course_id"] == "maths"
