from __future__ import annotations

from datetime import date

from roster.canvas.enrollments import COLUMNS
from tests.roster.canvas.rosters import a_tenant, added, changed, column, only, rows_of, school_year


def test_a_person_is_enrolled_in_a_section_and_never_by_course() -> None:
    rows = rows_of("enrollments.csv", school_year(), a_tenant())

    assert set(rows) == {"alg1:ada:student", "bio1:ben:student", "alg1:tess:teacher", "bio1:stan:teacher"}
    row = rows["bio1:ben:student"]
    assert only(COLUMNS, row) == {"section_id": "bio1", "user_id": "ben", "role": "student", "status": "active"}
    assert only(("record", "school", "scope"), row) == {"record": "bio1:ben:student", "school": "s", "scope": None}
    assert "course_id" not in COLUMNS


def test_ids_are_those_of_users_and_sections() -> None:
    rows = rows_of("enrollments.csv", school_year(), a_tenant(ids={"user": "{identifier}", "section": "c-{class_id}"}))

    assert "c-alg1:00ada:student" in rows


def test_roles_are_mapped_in_any_case_and_an_unmapped_one_has_no_row() -> None:
    records = changed(school_year(), "enrollments", "alg1:tess:teacher", role=" Aide ")
    records = changed(records, "enrollments", "bio1:stan:teacher", role="Tutor")

    assert {row["role"] for row in rows_of("enrollments.csv", records, a_tenant()).values()} == {"student", "ta"}
    tenant = a_tenant(roles={"TUTOR": "Reading Tutor", "student": "Pupil"})
    assert {row["role"] for row in rows_of("enrollments.csv", records, tenant).values()} == {
        "Pupil",
        "ta",
        "Reading Tutor",
    }


def test_an_enrolment_is_completed_the_day_after_its_end() -> None:
    records = changed(school_year(), "enrollments", "alg1:ada:student", end_date=date(2016, 1, 31))
    records = changed(records, "enrollments", "bio1:ben:student", end_date=date(2016, 2, 1))
    statuses = column(rows_of("enrollments.csv", records, a_tenant()), "status")

    assert (statuses["alg1:ada:student"], statuses["bio1:ben:student"]) == ("completed", "active")


def test_enrolments_follow_their_class_out_of_scope() -> None:
    records = changed(school_year(), "classes", "alg1", session_id="fall")
    rows = rows_of("enrollments.csv", records, a_tenant(orgs={"exclude": ["s"]}))

    assert rows["alg1:ada:student"]["scope"] == "term"
    assert rows["bio1:ben:student"]["scope"] == "school"


GHOSTS = [
    {"sourced_id": "x", "class_id": "ghost", "user_id": "ada", "role": "student"},
    {"sourced_id": "y", "class_id": "alg2", "user_id": "ghost", "role": "student"},
    {"sourced_id": "z", "class_id": "alg2", "user_id": "boo", "role": "teacher"},
]


def test_an_enrolment_of_somebody_unknown_keeps_the_key_it_would_have() -> None:
    """Otherwise its row would look dropped, although it is only in quarantine."""
    tenant = a_tenant(ids={"user": {"student": "S-{sourced_id}", "staff": "T-{sourced_id}"}, "section": "c-{class_id}"})
    rows = rows_of("enrollments.csv", added(school_year(), "enrollments", *GHOSTS), tenant)
    keys = {row["record"]: key for key, row in rows.items() if row["record"] in "xyz"}

    assert keys == {"x": "c-ghost:S-ada:student", "y": "c-alg2:S-ghost:student", "z": "c-alg2:T-boo:teacher"}


def test_an_enrolment_of_somebody_unknown_has_no_key_that_the_templates_cannot_tell() -> None:
    tenant = a_tenant(ids={"user": "{identifier}", "section": "{school_id}-{class_id}"})
    rows = rows_of("enrollments.csv", added(school_year(), "enrollments", *GHOSTS), tenant)

    assert not {"x", "y", "z"} & {row["record"] for row in rows.values()}


def test_what_has_no_row_enrols_nobody() -> None:
    ghosts = [{"sourced_id": "z", "class_id": "alg2", "user_id": "mum", "role": "student"}]
    tenant = a_tenant(exclude={"classes": ["bio1"], "users": ["tess"]})

    assert set(rows_of("enrollments.csv", added(school_year(), "enrollments", *ghosts), tenant)) == {"alg1:ada:student"}
