"""users.csv and change_sis_id.csv, statement by statement."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from roster_sandbox.canvas import running_canvas

from .conftest import Client

HEAD = "user_id,login_id,full_name,email,status\n"


@pytest.mark.parametrize(
    ("row", "stem"),
    [
        (",x@x.org,X,,active", "No user_id given for a user"),
        ("x,,X,,active", "No login_id given for user"),
        ("x,x@x.org,X,,", "No status given for user"),
        ("x,x@x.org,X,,gone", "Improper status"),
        ("x,ADA@X.ORG,X,,active", "has already claimed x's user_id requested login information"),
        ("bob,ada@x.org,X,,active", "has already claimed bob's user_id requested login information"),
        ("x,ada@x.org,X,,active", "SIS ID ada"),
        ("x,{long},X,,active", "Invalid login_id"),
        ('x,"a\nb",X,,active', "Invalid login_id"),
        ("x,x@x.org,{name},,active", "Could not save the user with user_id"),
        ("x,sandbox-admin,X,,deleted", "Can't remove yourself user_id"),
    ],
)
def test_a_row_is_refused_and_nothing_of_it_saved(school: Client, row: str, stem: str) -> None:
    before = school.canvas.state()["users"]
    done = school.load({"u.csv": HEAD + row.format(long="l" * 101, name="n" * 256) + "\n"})
    (error,) = school.errors(done["id"])
    assert stem in error["message"]
    assert (done["workflow_state"], done["data"]["counts"]["users"]) == ("imported_with_messages", 0)
    assert done["data"]["counts"]["warning_count"] == 1
    assert school.canvas.state()["users"] == before


@pytest.mark.parametrize(
    "email",
    ["nobody", "a@b", "a b@x.org", "a@x..org", ".a@x.org", "a.@x.org", "a@x.org, b@x.org", "é@x.org", "a@x.org."],
)
def test_a_bad_email_saves_the_user_but_does_not_count_the_row(school: Client, email: str) -> None:
    done = school.load({"u.csv": f'{HEAD}new,new,New One,"{email}",active\n'})
    (error,) = school.errors(done["id"])
    assert error["message"].startswith("The email address associated with user 'new' is invalid")
    assert done["data"]["counts"]["users"] == 0
    assert (school.of("users", "user_id", "new")["state"], school.of("users", "user_id", "new")["email"]) == (
        "active",
        None,
    )


def test_a_new_user_counts_a_log_in_and_a_channel_and_a_rename_counts_nothing(school: Client) -> None:
    new = school.load({"u.csv": HEAD + "new,new,New One,new@x.org,active\n"})["data"]
    assert (new["counts"]["users"], new["statistics"]["total_state_changes"]) == (1, 2)
    assert new["statistics"]["Pseudonym"] == {"created": 1, "restored": 0, "deleted": 0}
    assert new["statistics"]["CommunicationChannel"]["created"] == 1
    renamed = school.load({"u.csv": HEAD + "new,new,New Name,,active\n"})["data"]
    assert (renamed["counts"]["users"], renamed["statistics"]["total_state_changes"]) == (1, 0)
    found = school.of("users", "user_id", "new")
    assert (found["name"], found["sortable_name"], found["email"]) == ("New Name", "Name, New", "new@x.org")


@pytest.mark.parametrize(
    ("columns", "row", "names"),
    [
        ("full_name", "Zoë van Dam", ("Zoë van Dam", "Dam, Zoë van", "Zoë van Dam")),
        ("first_name,last_name", "Zoë,van Dam", ("Zoë van Dam", "van Dam, Zoë", "Zoë van Dam")),
        ("full_name,first_name,last_name", "Zed,Zoë,van Dam", ("Zed", "Zed", "Zed")),
        ("sortable_name,short_name", '"Dam, Z",Z', ("Dam, Z", "Dam, Z", "Z")),
        ("short_name", "Z", ("Z", "Z", "Z")),
        ("email", "", ("zoe", "zoe", "zoe")),
    ],
)
def test_names(client: Client, columns: str, row: str, names: tuple[str, str, str]) -> None:
    client.load({"u.csv": f"user_id,login_id,status,{columns}\nz,zoe,active,{row}\n"})
    found = client.of("users", "user_id", "z")
    assert (found["name"], found["sortable_name"], found["short_name"]) == names


def test_deleting_the_last_log_in_takes_enrolments_and_observers_but_not_the_person(school: Client) -> None:
    school.load(
        {
            "u.csv": HEAD + "mum,mum,Mum,,active\n",
            "o.csv": "observer_id,student_id,status\nmum,ada,active\n",
        }
    )
    done = school.load({"u.csv": HEAD + "ada,ada@x.org,Ada,,deleted\n"})
    assert done["data"]["statistics"]["Pseudonym"]["deleted"] == 1
    assert done["data"]["statistics"]["Enrollment"]["deleted"] == 2
    assert school.live("enrollments", "user_id") == set()
    assert school.of("users", "user_id", "ada")["user_state"] == "registered"
    again = school.load({"u.csv": HEAD + "ada,ada@x.org,Ada,,deleted\nnobody,nobody,N,,deleted\n"})
    assert (again["workflow_state"], again["data"]["counts"]["users"]) == ("imported", 0)
    back = school.load({"u.csv": HEAD + "ada,ada@x.org,Ada,,active\n"})
    assert back["data"]["statistics"]["Pseudonym"]["restored"] == 1
    assert school.live("enrollments", "user_id") == set()


def test_suspending_leaves_enrolments_alone_and_a_status_is_a_prefix(school: Client) -> None:
    assert school.messages({"u.csv": HEAD + "ada,ada@x.org,Ada,,SuspendedForever\nbob,bob@x.org,B,,activexyz\n"}) == []
    assert school.of("users", "user_id", "ada")["state"] == "suspended"
    assert school.live("enrollments", "user_id") == {("ada",)}


def test_a_freed_log_in_may_be_taken_and_a_claimed_one_with_the_option(school: Client) -> None:
    school.load({"u.csv": HEAD + "ada,ada@x.org,Ada,,deleted\n"})
    assert school.messages({"u.csv": HEAD + "eve,ada@x.org,Eve,,active\n"}) == []
    row = HEAD + "robert,BOB@x.org,Robert,,active\n"
    assert school.messages({"u.csv": row}, update_sis_id_if_login_claimed="true") == []
    assert ("robert", "BOB@x.org") in school.live("users", "user_id", "login_id")
    assert "bob" not in {user for (user,) in school.live("users", "user_id")}


def test_integration_ids_are_unique_and_a_blank_keeps_the_old(client: Client) -> None:
    head = "user_id,login_id,integration_id,status\n"
    client.load({"u.csv": head + "a,a,i1,active\n"})
    assert "has already claimed b's requested integration_id" in client.messages({"u.csv": head + "b,b,i1,active\n"})[0]
    client.load({"u.csv": head + "a,a,,active\n"})
    assert client.of("users", "user_id", "a")["integration_id"] == "i1"


def test_providers_are_names_or_numbers_and_a_blank_resets(tmp_path: Path) -> None:
    head = "user_id,login_id,authentication_provider_id,status\n"
    with running_canvas(tmp_path, providers={"canvas": 1, "saml": 9}) as canvas:
        headers = {"Authorization": f"Bearer {canvas.token}"}
        with httpx.Client(base_url=canvas.url, headers=headers, trust_env=False) as http:
            client = Client(canvas, http)
            rows = "a,a,saml,active\nb,b,9,active\nc,c,ldap,active\n"
            (message,) = client.messages({"u.csv": head + rows})
            assert message.startswith("unrecognized authentication provider ldap for c")
            assert client.live("users", "user_id", "provider") == {(None, 1), ("a", 9), ("b", 9)}
            client.load({"u.csv": "user_id,login_id,status\na,a,active\n"})
            assert client.of("users", "user_id", "a")["provider"] is None


def test_a_persons_edit_sticks_in_silence_until_it_is_overridden(school: Client) -> None:
    school.canvas.edit("user", "ada", name="Countess")
    row = {"u.csv": HEAD + "ada,ada@x.org,Ada Lovelace,,active\n"}
    assert school.load(row)["workflow_state"] == "imported"
    assert school.of("users", "user_id", "ada")["name"] == "Countess"
    school.load(row, override_sis_stickiness="true")
    found = school.of("users", "user_id", "ada")
    assert (found["name"], found["sticky"]) == ("Ada Lovelace", "name")
    school.load(row, clear_sis_stickiness="true")
    assert school.of("users", "user_id", "ada")["sticky"] == "name"
    school.load(row, override_sis_stickiness="true", clear_sis_stickiness="true", add_sis_stickiness="true")
    assert school.of("users", "user_id", "ada")["sticky"] == ""
    school.load({"u.csv": HEAD + "ada,ada@x.org,Ada,,active\n"}, override_sis_stickiness="1", add_sis_stickiness="1")
    assert "name" in school.of("users", "user_id", "ada")["sticky"].split()


def test_an_edited_log_in_sticks_and_still_blocks_others(school: Client) -> None:
    school.canvas.edit("login", "ada", login_id="countess@x.org")
    school.load({"u.csv": HEAD + "ada,ada@x.org,Ada,,active\n"})
    assert school.of("users", "user_id", "ada")["login_id"] == "countess@x.org"
    assert "SIS ID ada" in school.messages({"u.csv": HEAD + "x,Countess@x.org,X,,active\n"})[0]


def test_skip_deletes_passes_over_rows_that_delete(school: Client) -> None:
    files = {
        "u.csv": HEAD + "ada,ada@x.org,Ada,,deleted\n",
        "e.csv": "section_id,user_id,role,status\nm1,ada,student,deleted\n",
    }
    assert school.load(files, skip_deletes="true")["workflow_state"] == "imported"
    assert school.live("enrollments", "user_id") == {("ada",)}


@pytest.mark.parametrize(
    ("row", "stem"),
    [
        (",new,user", "No old_id"),
        ("ada,,user", "No new_id"),
        ("ada,new,", "No type given"),
        ("ada,new,pupil", "Invalid type"),
        ("ada,bob,user", "referenced an existing user"),
        ("nobody,new,user", "referenced a non-existent user"),
    ],
)
def test_a_change_of_id_is_refused(school: Client, row: str, stem: str) -> None:
    (message,) = school.messages({"c.csv": f"old_id,new_id,type\n{row}\n"})
    assert stem in message


def test_ids_change_before_any_other_file_is_read(school: Client) -> None:
    files = {
        "a.csv": "section_id,user_id,role,status\nm9,countess,student,active\n",
        "z.csv": "old_id,new_id,type\nada,countess,user\nm1,m9,section\n",
    }
    done = school.load(files)
    assert (done["workflow_state"], done["data"]["counts"]["change_sis_ids"]) == ("imported", 2)
    assert school.live("enrollments", "section_id", "user_id") == {("m9", "countess")}
