from __future__ import annotations

from roster.canvas.sections import COLUMNS
from tests.roster.canvas.rosters import a_tenant, changed, column, only, rows_of, school_year


def test_a_class_is_a_section_of_its_course() -> None:
    rows = rows_of("sections.csv", school_year(), a_tenant(courses={"per": "school_term_course"}))

    assert only(COLUMNS, rows["alg2"]) == {
        "section_id": "alg2",
        "course_id": "n-spring-alg",
        "name": "Algebra Two",
        "status": "active",
    }
    assert only(("record", "school", "scope"), rows["alg2"]) == {"record": "alg2", "school": "n", "scope": None}


def test_no_column_makes_canvas_take_sections_for_terms() -> None:
    assert "term_id" not in COLUMNS


def test_name_and_id_follow_the_tenant_s_templates() -> None:
    tenant = a_tenant(ids={"section": "{school_id}/{class_id}"}, section_name="{class_code} {teacher} ({period})")

    assert rows_of("sections.csv", school_year(), tenant)["n/alg1"]["name"] == "A-1 Teacher (P1)"


def test_a_blank_name_falls_back() -> None:
    records = changed(school_year(), "classes", "alg1", title=None, code=None)

    assert rows_of("sections.csv", records, a_tenant())["alg1"]["name"] == "alg1"


def test_sections_outside_the_window_or_of_other_schools_are_left() -> None:
    rows = rows_of(
        "sections.csv",
        changed(school_year(), "classes", "alg1", session_id="summer"),
        a_tenant(orgs={"include": ["n"]}),
    )

    assert column(rows, "scope") == {"alg1": "term", "alg2": None, "bio1": "school"}


def test_a_class_without_id_has_no_row() -> None:
    records = school_year()
    records["classes"][0]["sourced_id"] = None

    assert set(rows_of("sections.csv", records, a_tenant())) == {"alg2", "bio1"}
