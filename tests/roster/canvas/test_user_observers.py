from __future__ import annotations

from roster.canvas.user_observers import COLUMNS
from tests.roster.canvas.rosters import a_tenant, added, changed, column, only, rows_of, school_year

LISTED = {"relationships": ["Mother", "grandmother"]}


def test_a_guardian_observes_a_student_at_the_student_s_school() -> None:
    rows = rows_of("user_observers.csv", school_year(), a_tenant(observers=LISTED))

    assert set(rows) == {"mum:ada", "gran:ben"}
    assert only(COLUMNS, rows["mum:ada"]) == {"observer_id": "mum", "student_id": "ada", "status": "active"}
    assert only(("record", "school", "scope"), rows["mum:ada"]) == {"record": "mum:ada", "school": "n", "scope": None}


def test_relationships_that_are_not_listed_make_no_link() -> None:
    assert rows_of("user_observers.csv", school_year(), a_tenant()) == {}
    assert set(rows_of("user_observers.csv", school_year(), a_tenant(observers={"relationships": ["mother"]}))) == {
        "mum:ada"
    }


def test_links_of_a_school_that_is_filtered_out_are_left() -> None:
    rows = rows_of("user_observers.csv", school_year(), a_tenant(observers=LISTED, orgs={"include": ["n"]}))

    assert column(rows, "scope") == {"mum:ada": None, "gran:ben": "school"}


def test_only_a_student_with_a_row_is_observed() -> None:
    links = [
        {"sourced_id": "mum:tess", "guardian_id": "mum", "student_id": "tess", "relationship": "Mother"},
        {"sourced_id": "mum:ghost", "guardian_id": "mum", "student_id": "ghost", "relationship": "Mother"},
        {"sourced_id": "none:ada", "guardian_id": None, "student_id": "ada", "relationship": "Mother"},
    ]
    records = added(school_year(), "guardians", *links)

    assert set(rows_of("user_observers.csv", records, a_tenant(observers=LISTED, exclude={"users": ["ben"]}))) == {
        "mum:ada"
    }


def test_a_guardian_who_is_staff_observes_as_the_staff_user() -> None:
    records = changed(school_year(), "users", "mum", email="Stan@example.org")
    tenant = a_tenant(observers={**LISTED, "staff": "same_email"}, ids={"user": "{kind}-{sourced_id}"})

    assert set(rows_of("user_observers.csv", records, tenant)) == {
        "staff-stan:student-ada",
        "guardian-gran:student-ben",
    }


def test_of_two_staff_users_of_one_address_the_first_by_id_observes() -> None:
    records = changed(school_year(), "users", "mum", email="stan@example.org")
    records = changed(records, "users", "tess", email="STAN@example.org")
    tenant = a_tenant(observers={**LISTED, "staff": "same_email"})

    assert set(rows_of("user_observers.csv", records, tenant)) == {"stan:ada", "gran:ben"}


def test_a_contact_whom_the_source_has_as_staff_under_one_id_observes_as_such() -> None:
    own = {"sourced_id": "stan:ada", "guardian_id": "stan", "student_id": "ada", "relationship": "Mother"}
    records = added(school_year(), "guardians", own)

    for staff in ("separate", "same_email"):
        tenant = a_tenant(observers={**LISTED, "staff": staff}, ids={"user": "{kind}-{sourced_id}"})
        assert set(rows_of("user_observers.csv", records, tenant)) == {
            "staff-stan:student-ada",
            "guardian-mum:student-ada",
            "guardian-gran:student-ben",
        }
