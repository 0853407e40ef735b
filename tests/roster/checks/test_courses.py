"""Rules about courses."""

from __future__ import annotations

from roster.checks.courses import course_title_missing, course_unknown_school
from tests.roster.builders import a_course, a_night, a_roster, found


def test_a_course_without_a_title_is_found() -> None:
    courses = [a_course("c1"), a_course("c2", title=None)]
    assert found(course_title_missing(a_night(a_roster(courses=courses)))) == ["c2"]


def test_a_course_of_an_unknown_school_is_found_and_one_of_no_school_is_not() -> None:
    courses = [a_course("c1"), a_course("c2", school_id="nowhere"), a_course("c3", school_id=None)]
    assert found(course_unknown_school(a_night(a_roster(courses=courses)))) == ["c2"]
