"""Rules about classes."""

from __future__ import annotations

import pytest

from roster.checks.classes import (
    class_course_missing,
    class_id_template_blank,
    class_id_template_collides,
    class_school_missing,
    class_session_missing,
    class_title_missing,
    class_unknown_course,
    class_unknown_school,
    class_unknown_session,
    class_without_students,
    class_without_teacher,
)
from roster.checks.rule import Rule
from tests.roster.builders import a_class, a_night, a_roster, a_tenant, an_enrollment, an_org, found


@pytest.mark.parametrize(
    ("rule", "faulty", "sound"),
    [
        (class_title_missing, {"title": None}, {}),
        (class_school_missing, {"school_id": None}, {}),
        (class_session_missing, {"session_id": None}, {}),
        (class_unknown_school, {"school_id": "nowhere"}, {"school_id": None}),
        (class_unknown_course, {"course_id": "nothing"}, {"course_id": None}),
        (class_unknown_session, {"session_id": "never"}, {"session_id": None}),
    ],
)
def test_a_fault_of_one_class_is_found_there_only(
    rule: Rule, faulty: dict[str, str | None], sound: dict[str, str | None]
) -> None:
    classes = [a_class("art"), a_class("maths", **faulty), a_class("music", **sound)]
    assert found(rule(a_night(a_roster(classes=classes)))) == ["maths"]


def test_an_excluded_class_is_not_judged() -> None:
    night = a_night(a_roster(classes=[a_class("lunch", title=None)]), a_tenant(exclude={"classes": ["LUN*"]}))
    assert found(class_title_missing(night)) == []


def test_a_class_without_course_is_found_only_where_courses_are_made_of_them() -> None:
    roster = a_roster(classes=[a_class("art"), a_class("maths", course_id=None)])
    shared = a_tenant(courses={"per": "school_term_course"})
    assert found(class_course_missing(a_night(roster))) == []
    assert found(class_course_missing(a_night(roster, shared))) == ["maths"]


def test_a_class_without_teacher_is_found() -> None:
    taught = [an_enrollment("tom", "art", "teacher"), an_enrollment("ada", "maths", "student")]
    roster = a_roster(classes=[a_class("art"), a_class("maths")], enrollments=taught)
    assert found(class_without_teacher(a_night(roster))) == ["maths"]


def test_a_class_whose_only_teacher_has_a_mapped_role_is_taught() -> None:
    roster = a_roster(classes=[a_class("art")], enrollments=[an_enrollment("tom", "art", "Lead")])
    assert found(class_without_teacher(a_night(roster))) == ["art"]
    assert found(class_without_teacher(a_night(roster, a_tenant(roles={"Lead": "teacher"})))) == []


def test_a_class_without_pupils_is_found() -> None:
    attended = [an_enrollment("tom", "art", "teacher"), an_enrollment("ada", "maths", "student")]
    roster = a_roster(classes=[a_class("art"), a_class("maths")], enrollments=attended)
    assert found(class_without_students(a_night(roster))) == ["art"]


def test_classes_that_a_template_makes_one_are_found() -> None:
    classes = [a_class("art"), a_class("maths"), a_class("music", school_id="south")]
    roster = a_roster(orgs=[an_org("north"), an_org("south")], classes=classes)
    assert found(class_id_template_collides(a_night(roster))) == []
    by_school = a_tenant(ids={"section": "{school_id}-{session_id}"})
    assert found(class_id_template_collides(a_night(roster, by_school))) == ["art", "maths"]


def test_a_class_whose_id_the_template_cannot_make_is_found() -> None:
    roster = a_roster(classes=[a_class("art", session_id=None), a_class("maths")])
    assert found(class_id_template_blank(a_night(roster))) == []
    by_term = a_tenant(ids={"section": "{class_id}-{session_id}"})
    assert found(class_id_template_blank(a_night(roster, by_term))) == ["art"]
