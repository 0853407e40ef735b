from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from roster.canvas.wanted import files, write
from roster.canvas.xlists import COLUMNS
from tests.roster.canvas.rosters import AS_OF, a_roster, a_tenant, changed, column, only, rows_of, school_year


def test_a_section_on_the_list_is_taught_in_the_course_that_lists_it() -> None:
    tenant = a_tenant(cross_list={"course-bio1": ["sec-alg2"]}, ids={"section": "sec-{class_id}"})
    rows = rows_of("xlists.csv", school_year(), tenant)

    assert set(rows) == {"sec-alg2"}
    assert only(COLUMNS, rows["sec-alg2"]) == {
        "xlist_course_id": "course-bio1",
        "section_id": "sec-alg2",
        "status": "active",
    }
    assert only(("record", "school", "scope"), rows["sec-alg2"]) == {"record": "alg2", "school": "n", "scope": None}


def test_the_course_s_own_section_may_be_listed_with_the_others() -> None:
    assert set(rows_of("xlists.csv", school_year(), a_tenant(cross_list={"alg1": ["alg1", "alg2"]}))) == {"alg2"}


def test_a_section_that_nobody_has_makes_no_row() -> None:
    assert rows_of("xlists.csv", school_year(), a_tenant(cross_list={"alg1": ["ghost"]})) == {}


def test_a_listed_section_out_of_the_window_or_of_another_school_is_left() -> None:
    records = changed(school_year(), "classes", "alg2", session_id="summer")
    rows = rows_of("xlists.csv", records, a_tenant(cross_list={"alg1": ["alg2", "bio1"]}, orgs={"include": ["n"]}))

    assert column(rows, "scope") == {"alg2": "term", "bio1": "school"}


def test_without_a_list_the_file_is_not_synced_and_with_an_empty_one_it_is(tmp_path: Path) -> None:
    nothing = pl.DataFrame(schema={"table": pl.String, "record": pl.String})

    assert "xlists.csv" not in write(a_roster(school_year()), nothing, a_tenant(), date(2016, 2, 1), tmp_path / "off")
    tenant = a_tenant(cross_list={})
    assert write(a_roster(school_year()), nothing, tenant, AS_OF, tmp_path / "on")["xlists.csv"] == 0
    assert (tmp_path / "on" / "csv" / "xlists.csv").read_text() == "xlist_course_id,section_id,status\n"
    assert "xlists.csv" not in files(a_tenant(cross_list={}, course_memberships=False))


def test_a_section_can_be_listed_once_only() -> None:
    with pytest.raises(ValidationError, match="lists section alg2 more than once"):
        a_tenant(cross_list={"alg1": ["alg2"], "bio1": ["alg2"]})
