from __future__ import annotations

import pytest

from roster.canvas.users import COLUMNS, OPTIONAL
from tests.roster.canvas.rosters import Records, a_tenant, added, changed, column, only, rows_of, school_year

OBSERVERS = {"observers": {"relationships": ["mother", " GRANDMOTHER "]}}


def test_a_user_has_these_columns() -> None:
    rows = rows_of("users.csv", school_year(), a_tenant())

    assert only(set(COLUMNS) - set(OPTIONAL), rows["ada"]) == {
        "user_id": "ada",
        "login_id": "ada@example.org",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada@example.org",
        "status": "active",
    }
    assert only(("record", "school", "scope"), rows["ada"]) == {"record": "ada", "school": "n", "scope": None}
    assert not set(OPTIONAL) & set(rows["ada"])


@pytest.mark.parametrize(
    ("login", "ada", "tess"),
    [
        ("username", "ada.u", "tess.u"),
        ("{identifier}@school", "00ada@school", "00tess@school"),
        ({"student": "identifier", "staff": "{email_name}"}, "00ada", "tess"),
    ],
)
def test_log_ins_follow_the_tenant(login: object, ada: str, tess: str) -> None:
    rows = rows_of("users.csv", school_year(), a_tenant(login_id=login))

    assert (rows["ada"]["login_id"], rows["tess"]["login_id"]) == (ada, tess)


def test_ids_follow_the_tenant_by_kind_and_a_blank_field_makes_no_row() -> None:
    tenant = a_tenant(ids={"user": {"student": "S{identifier}", "staff": "T{sourced_id}"}})
    rows = rows_of("users.csv", changed(school_year(), "users", "ben", identifier=None), tenant)

    assert set(rows) == {"S00ada", "Ttess", "Tstan"}


def test_the_provider_is_a_column_only_if_the_tenant_names_one() -> None:
    everyone = rows_of("users.csv", school_year(), a_tenant(authentication_provider="saml"))
    staff = rows_of("users.csv", school_year(), a_tenant(authentication_provider={"staff": "google"}))

    assert set(column(everyone, "authentication_provider_id").values()) == {"saml"}
    assert column(staff, "authentication_provider_id") == {"ada": None, "ben": None, "tess": "google", "stan": "google"}


def test_preferred_names_are_shown_where_there_are_some_unless_the_tenant_wants_the_legal_ones() -> None:
    records = changed(school_year(), "users", "ada", preferred_given_name="Addie", preferred_family_name=" ")
    preferred = rows_of("users.csv", records, a_tenant())["ada"]
    legal = rows_of("users.csv", records, a_tenant(names="legal"))["ada"]

    assert only(("first_name", "last_name"), preferred) == {"first_name": "Addie", "last_name": "Lovelace"}
    assert only(("first_name", "last_name"), legal) == {"first_name": "Ada", "last_name": "Lovelace"}


def test_names_are_trimmed_squeezed_composed_and_cut_to_what_canvas_keeps() -> None:
    records = changed(school_year(), "users", "ada", given_name="\u00a0Zoe\u0308\t\n Ann\x07 ", family_name="x" * 200)
    row = rows_of("users.csv", records, a_tenant())["ada"]

    assert row["first_name"] == "Zoë Ann"
    assert len(f"{row['last_name']}, {row['last_name']}") <= 255


def test_excluded_users_have_no_row() -> None:
    assert set(rows_of("users.csv", school_year(), a_tenant(exclude={"users": ["AD*", "st?n"]}))) == {"ben", "tess"}


def test_people_of_schools_that_are_filtered_out_are_left() -> None:
    rows = rows_of("users.csv", school_year(), a_tenant(orgs={"include": ["North*"]}))

    assert column(rows, "scope") == {"ada": None, "ben": "school", "tess": None, "stan": "school"}


def test_a_second_school_or_a_class_at_an_included_school_makes_a_person_belong() -> None:
    there = {"sourced_id": "x", "class_id": "alg2", "user_id": "stan", "role": "teacher"}
    records = added(changed(school_year(), "users", "ben", school_ids=["s", "n"]), "enrollments", there)
    rows = rows_of("users.csv", records, a_tenant(orgs={"include": ["North*"]}))

    assert set(column(rows, "scope").values()) == {None}
    assert rows["ben"]["school"] == "s"


def test_an_excluded_class_makes_nobody_belong() -> None:
    there = {"sourced_id": "x", "class_id": "alg2", "user_id": "stan", "role": "teacher"}
    tenant = a_tenant(orgs={"include": ["n"]}, exclude={"classes": ["alg2"]})

    assert rows_of("users.csv", added(school_year(), "enrollments", there), tenant)["stan"]["scope"] == "school"


def test_someone_of_no_school_belongs_only_where_every_school_does() -> None:
    records = changed(school_year(), "users", "stan", school_id=None, school_ids=None)
    records["enrollments"] = [one for one in records["enrollments"] if one["user_id"] != "stan"]

    assert rows_of("users.csv", records, a_tenant(orgs={"exclude": ["s"]}))["stan"]["scope"] is None
    assert rows_of("users.csv", records, a_tenant(orgs={"include": ["n"]}))["stan"]["scope"] == "school"


def test_nobody_is_an_observer_unless_a_relationship_is_listed() -> None:
    assert set(rows_of("users.csv", school_year(), a_tenant())) == {"ada", "ben", "tess", "stan"}


def test_guardians_with_a_listed_relationship_are_users_at_their_child_s_school() -> None:
    rows = rows_of("users.csv", school_year(), a_tenant(**OBSERVERS))

    assert column({key: rows[key] for key in ("mum", "gran")}, "school") == {"mum": "n", "gran": "s"}
    assert "gran" not in rows_of("users.csv", school_year(), a_tenant(observers={"relationships": ["mother"]}))


def test_a_guardian_s_log_in_is_the_address_unless_a_map_says_else() -> None:
    assert (
        rows_of("users.csv", school_year(), a_tenant(login_id="username", **OBSERVERS))["mum"]["login_id"]
        == "mum@example.org"
    )


def test_a_guardian_of_an_excluded_pupil_only_has_no_row() -> None:
    assert "mum" not in rows_of("users.csv", school_year(), a_tenant(exclude={"users": ["ada"]}, **OBSERVERS))


def test_a_guardian_belongs_where_one_of_the_children_does() -> None:
    tenant = a_tenant(orgs={"include": ["n"]}, **OBSERVERS)
    both = {"sourced_id": "gran:ada", "guardian_id": "gran", "student_id": "ada", "relationship": "grandmother"}

    assert rows_of("users.csv", school_year(), tenant)["gran"]["scope"] == "school"
    row = rows_of("users.csv", added(school_year(), "guardians", both), tenant)["gran"]
    assert only(("school", "scope"), row) == {"school": "n", "scope": None}


def _with_a_parent_on_the_staff() -> Records:
    return changed(school_year(), "users", "mum", email="STAN@example.org")


def test_a_guardian_who_is_staff_is_one_user_if_the_tenant_goes_by_the_address() -> None:
    tenant = a_tenant(observers={"relationships": ["mother"], "staff": "same_email"})

    assert set(rows_of("users.csv", _with_a_parent_on_the_staff(), tenant)) == {"ada", "ben", "tess", "stan"}
    assert "mum" in rows_of(
        "users.csv", _with_a_parent_on_the_staff(), a_tenant(observers={"relationships": ["mother"]})
    )


def test_a_staff_user_belongs_as_a_parent_too() -> None:
    tenant = a_tenant(orgs={"include": ["n"]}, observers={"relationships": ["mother"], "staff": "same_email"})
    row = rows_of("users.csv", _with_a_parent_on_the_staff(), tenant)["stan"]

    assert only(("school", "scope"), row) == {"school": "s", "scope": None}
