from __future__ import annotations

from datetime import date

from roster import canvas
from roster.canvas.courses import COLUMNS
from tests.roster.canvas.rosters import AS_OF, a_roster, a_tenant, added, changed, column, only, rows_of, school_year

PER_COURSE = {"courses": {"per": "school_term_course"}}


def test_a_course_for_each_class() -> None:
    rows = rows_of("courses.csv", school_year(), a_tenant())

    assert set(rows) == {"alg1", "alg2", "bio1"}
    assert only(COLUMNS, rows["alg1"]) == {
        "course_id": "alg1",
        "short_name": "Algebra One",
        "long_name": "Algebra One",
        "account_id": "n",
        "term_id": "spring",
        "status": "active",
    }
    assert only(("record", "school", "scope"), rows["bio1"]) == {"record": "bio1", "school": "s", "scope": None}


def test_a_course_for_each_school_term_and_course_comes_once_per_class_with_one_content() -> None:
    found = canvas.module("courses.csv").rows(a_roster(school_year()), a_tenant(**PER_COURSE), AS_OF).collect()

    assert sorted(found["course_id"]) == ["n-spring-alg", "n-spring-alg", "s-spring-bio"]
    assert found.select(COLUMNS).unique().sort("course_id").rows()[0] == (
        *("n-spring-alg", "MA1", "Algebra", "n", "spring", "active"),
    )
    assert sorted(found["via"]) == ["alg", "alg", "bio"]


def test_one_course_taught_in_two_terms_is_two_courses() -> None:
    records = changed(school_year(), "classes", "alg2", session_id="summer")

    assert set(rows_of("courses.csv", records, a_tenant(**PER_COURSE))) == {
        "n-spring-alg",
        "n-summer-alg",
        "s-spring-bio",
    }


def test_a_class_without_session_or_course_still_has_a_course() -> None:
    records = changed(school_year(), "classes", "alg2", session_id=None)
    records = changed(records, "classes", "bio1", course_id=None)
    rows = rows_of("courses.csv", records, a_tenant(**PER_COURSE))

    assert only(("term_id", "scope"), rows["n-alg"]) == {"term_id": None, "scope": None}
    assert only(("short_name", "long_name"), rows["s-spring-bio1"]) == {
        "short_name": "Biology One",
        "long_name": "Biology One",
    }


def test_a_class_of_an_unknown_session_has_no_term() -> None:
    rows = rows_of("courses.csv", changed(school_year(), "classes", "alg1", session_id="ghost"), a_tenant())

    assert only(("term_id", "scope"), rows["alg1"]) == {"term_id": None, "scope": None}


def test_courses_outside_the_window_of_terms_are_left() -> None:
    records = changed(school_year(), "classes", "alg1", session_id="fall")

    assert column(rows_of("courses.csv", records, a_tenant()), "scope") == {"alg1": "term", "alg2": None, "bio1": None}


def test_courses_of_a_school_that_is_filtered_out_are_left() -> None:
    rows = rows_of("courses.csv", school_year(), a_tenant(orgs={"exclude": ["South*"]}))

    assert column(rows, "scope") == {"alg1": None, "alg2": None, "bio1": "school"}


def test_classes_are_excluded_by_id_title_or_code() -> None:
    for pattern in ("ALG2", "*two", "a-2"):
        assert set(rows_of("courses.csv", school_year(), a_tenant(exclude={"classes": [pattern]}))) == {"alg1", "bio1"}


def test_names_follow_the_templates_and_a_blank_field_leaves_no_gap() -> None:
    templates = {"short_name": "{class_code} {period} {course_code}", "long_name": "{course} {teacher} {term} {school}"}
    records = changed(school_year(), "classes", "alg2", period=None)
    rows = rows_of("courses.csv", records, a_tenant(courses=templates))

    assert column(rows, "short_name") == {"alg1": "A-1 P1 MA1", "alg2": "A-2 MA1", "bio1": "B-1 P3 SC2"}
    assert rows["alg1"]["long_name"] == "Algebra Teacher Spring North High"
    assert rows["alg2"]["long_name"] == "Algebra Spring North High"


def test_the_primary_teacher_of_the_day_names_a_course() -> None:
    late = {"sourced_id": "x", "class_id": "alg1", "user_id": "stan", "role": "Teacher", "primary": True}
    records = added(
        changed(school_year(), "enrollments", "alg1:tess:teacher", end_date=date(2016, 1, 31)), "enrollments", late
    )

    assert rows_of("courses.csv", records, a_tenant(courses={"long_name": "{teacher}"}))["alg1"]["long_name"] == "Staff"


def test_blank_names_fall_back_on_the_class_s_title_code_and_id() -> None:
    blank = {"courses": {"long_name": "{teacher}"}}
    records = changed(school_year(), "enrollments", "alg1:tess:teacher", primary=False)

    assert rows_of("courses.csv", records, a_tenant(**blank))["alg1"]["long_name"] == "Algebra One"
    records = changed(records, "classes", "alg1", title=None)
    assert rows_of("courses.csv", records, a_tenant(**blank))["alg1"]["long_name"] == "A-1"
    records = changed(records, "classes", "alg1", code=" ")
    assert rows_of("courses.csv", records, a_tenant(**blank))["alg1"]["long_name"] == "alg1"


def test_names_are_cut_where_canvas_would_refuse_them() -> None:
    rows = rows_of("courses.csv", changed(school_year(), "classes", "alg1", title="é" * 300), a_tenant())

    assert rows["alg1"]["long_name"] == "é" * 255


def test_a_course_is_created_published_if_the_tenant_says_so() -> None:
    rows = rows_of("courses.csv", school_year(), a_tenant(courses={"create": "published"}))

    assert set(column(rows, "status").values()) == {"published"}


def test_the_tenant_s_own_course_id_needs_all_its_fields() -> None:
    records = changed(school_year(), "courses", "bio", code=None)
    rows = rows_of(
        "courses.csv",
        changed(records, "classes", "alg2", course_id=None),
        a_tenant(ids={"course": "{code}/{class_id}"}),
    )

    assert set(rows) == {"MA1/alg1"}
