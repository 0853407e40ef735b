"""Which headers make which kind of file; the traps stand here one by one."""

from __future__ import annotations

import pytest

from roster_sandbox.canvas.kinds import KINDS, kind_of


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("old_id,new_id,type", "change_sis_id"),
        ("old_integration_id,new_id,type", "change_sis_id"),
        ("account_id,parent_account_id,name,status", "account"),
        ("term_id,name,status", "term"),
        ("abstract_course_id,short_name,long_name,status", "abstract_course"),
        ("course_id,abstract_course_id,short_name,long_name,status", "course"),
        ("course_id,short_name,long_name,account_id,term_id,status", "course"),
        ("section_id,course_id,name,status", "section"),
        ("xlist_course_id,section_id,status", "xlist"),
        ("user_id,login_id,status", "user"),
        ("user_id,login_id,existing_user_id", "login"),
        ("existing_canvas_user_id,user_id,login_id", "login"),
        ("course_id,user_id,role,section_id,status", "enrollment"),
        ("section_id,user_integration_id,role,status", "enrollment"),
        ("user_id,account_id,role,status", "admin"),
        ("group_category_id,category_name,status", "group_category"),
        ("group_id,name,status", "group"),
        ("group_id,user_id,status", "group_membership"),
        ("enrollment_id,grade_publishing_status", "grade_publishing_results"),
        ("observer_id,student_id,status", "user_observer"),
        (" User_ID , LOGIN_ID,status", "user"),
        ("course_id,name,term_id,status", "term"),
        ("section_id,course_id,name,term_id,status", "term"),
        ("section_id,course_id,user_id,status", "enrollment"),
        ("account_id,name,status", None),
        ("course_id,long_name,status", None),
        ("user_id,full_name,status", None),
        ("", None),
    ],
)
def test_a_header_makes_a_kind(header: str, kind: str | None) -> None:
    found = kind_of(header.split(","))
    assert (found.name if found else None) == kind


def test_kinds_are_processed_in_the_known_order() -> None:
    assert [kind.name for kind in KINDS] == [
        *("change_sis_id", "account", "term", "abstract_course", "course", "section", "xlist", "user", "login"),
        *("enrollment", "admin", "group_category", "group", "group_membership", "grade_publishing_results"),
        "user_observer",
    ]
