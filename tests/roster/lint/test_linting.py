"""Places, and sets of several files."""

from __future__ import annotations

from pathlib import Path

import pytest

from roster.lint.linting import lint
from tests.roster.lint.cases import CASES, ENROLLED, SET, USERS, zipped


def test_a_finding_has_the_line_and_the_number_that_canvas_gives(tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text('user_id,login_id,full_name,status\n\nu1,a,"two\nlines",active\nu2,b,B,enrolled\n')
    (finding,) = lint([file]).findings
    assert (finding.rule.id, finding.rows, finding.places) == ("status-improper", 1, [(5, 3)])
    assert "  users.csv:5 (Canvas: row 3)" in finding.told()


def test_the_first_places_are_kept_and_all_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text("user_id,login_id,status\n" + "".join(f"u{n},l{n},x\n" for n in range(30)))
    (finding,) = lint([file], most=3).findings
    assert (finding.rows, finding.places) == (30, [(2, 2), (3, 3), (4, 4)])
    assert "and 27 more in users.csv" in finding.told()
    assert len(lint([file], most=0).findings[0].places) == 30


def test_no_value_of_a_file_is_ever_told(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("Geheim,Byron\nu-secret,ada@secret.org\n")
    (tmp_path / "more.csv").write_text("user_id,login_id,Byron,email,status\nu-secret,,ada@secret.org,secret,secret\n")
    report = lint([tmp_path])
    told = "\n".join(one.told() for one in report.findings) + str([one.as_json() for one in report.findings])
    assert len(report.findings) >= 4
    assert [word for word in ("secret", "Geheim", "Byron") if word in told] == []


def test_files_are_read_in_the_order_of_canvas_wherever_they_lie(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped({"z/1.csv": ENROLLED + "s1,u1,student,active\n", **SET}))
    report = lint([archive])
    assert (report.is_clean, report.findings) == (True, [])
    assert report.files["a.zip/z/1.csv"] == ("enrollment", 1)


def test_what_a_refused_row_would_have_made_is_not_there(tmp_path: Path) -> None:
    files = {**SET, "users.csv": USERS.replace("Ada Byron,active", "Ada Byron,enrolled")}
    (tmp_path / "a.zip").write_bytes(zipped({**files, "enrollments.csv": ENROLLED + "s1,u1,student,active\n"}))
    assert list(lint([tmp_path]).counts) == ["reference-unknown", "status-improper"]


def test_changes_refer_to_what_is_in_canvas_already(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"users.csv": USERS, "e.csv": ENROLLED + "s1,u9,student,active\n"}))
    assert list(lint([tmp_path]).counts) == ["reference-unknown", "reference-not-judged"]
    assert lint([tmp_path], whole=False).findings == []


def test_of_changes_no_parent_and_no_holder_is_missed(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("account_id,parent_account_id,name,status\nnorth,district,North,active\n")
    (tmp_path / "users.csv").write_text(USERS)
    (tmp_path / "logins.csv").write_text("user_id,login_id,existing_user_id\nx1,other@x.org,u9\n")
    assert list(lint([tmp_path]).counts) == ["reference-unknown", "logins-again"]
    assert list(lint([tmp_path], whole=False).counts) == ["logins-again"]


def test_a_person_is_known_by_each_of_their_log_ins(tmp_path: Path) -> None:
    logins = "user_id,login_id,existing_user_id\nx1,a1,u1\nx2,a2,x1\nx2,a3,u1\nx3,A1,u1\nx4,a4,x3\n"
    enrolled = ENROLLED + "".join(f"s1,x{n},student,active\n" for n in (1, 2, 3))
    links = "observer_id,student_id,status\nx2,u1,active\nx2,x1,active\nx2,u2,active\n"
    files = {**SET, "logins.csv": logins, "enrollments.csv": enrolled, "user_observers.csv": links}
    (tmp_path / "a.zip").write_bytes(zipped(files))
    found = {(one.file.rpartition("/")[2], one.rule.id): one.places for one in lint([tmp_path]).findings}
    assert found == {
        ("logins.csv", "login-exists"): [(4, 4), (5, 5)],
        ("logins.csv", "reference-unknown"): [(6, 6)],
        ("enrollments.csv", "reference-unknown"): [(4, 4)],
        ("user_observers.csv", "observes-self"): [(2, 2), (3, 3)],
        ("logins.csv", "logins-again"): [],
    }


def test_a_section_goes_with_the_course_that_it_is_listed_in(tmp_path: Path) -> None:
    courses = "course_id,short_name,long_name,status\nc1,M,Maths,deleted\nc2,A,Arts,active\nc3,B,Art,active\n"
    sections = "section_id,course_id,name,status\ns1,c1,M 1,active\ns2,c2,A 1,active\ns3,c3,B 1,active\n"
    lists = (
        "xlist_course_id,section_id,status\nc2,s1,active\nc1,s2,Active\nnew,s3,active\nc1,s3,active\nc1,s3,deleted\n"
    )
    enrolled = "course_id,section_id,user_id,role,status\n"
    enrolled += ",s1,u1,student,active\n,s2,u1,student,active\n,s3,u1,student,active\nnew,,u1,student,active\n"
    files = {"users.csv": USERS, "courses.csv": courses, "sections.csv": sections, "xlists.csv": lists}
    (tmp_path / "a.zip").write_bytes(zipped({**files, "enrollments.csv": enrolled}))
    found = [one for one in lint([tmp_path]).findings if one.file.endswith("enrollments.csv")]
    assert [(one.rule.id, one.column, one.places) for one in found] == [("reference-deleted", "section_id", [(3, 3)])]


def test_a_change_of_ids_that_canvas_refuses_changes_nothing_for_the_next(tmp_path: Path) -> None:
    rows = "a,n1,user\nb,n1,user\nb,n2,user\nn2,b,user\nc,n2,User\na,n3,user\n"
    (tmp_path / "change_sis_id.csv").write_text(f"old_id,new_id,type\n{rows}")
    found = {one.rule.id: one.places for one in lint([tmp_path]).findings}
    assert found == {"change-to-taken-id": [(3, 3)], "change-of-unknown-id": [(7, 7)]}


def test_roles_of_the_account_are_known_by_their_exact_name(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({**SET, "e.csv": ENROLLED + "s1,u1,Tutor,active\ns1,u2,tutor,active\n"}))
    (finding,) = lint([tmp_path], roles=["Tutor"]).findings
    assert (finding.rule.id, finding.places) == ("role-unknown", [(3, 3)])


@pytest.mark.parametrize("rule", ["encoding-not-utf-8", "line-ends-mixed", "nul-in-file", "type-unknown"])
def test_a_file_that_canvas_refuses_is_named_as_such(rule: str, tmp_path: Path) -> None:
    ((name, content),) = CASES[rule][0].items()
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    assert lint([tmp_path / name]).refused_files == {name}


def test_of_a_file_that_is_refused_half_way_nothing_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user_id,login_id,status\nu1,ada,active\n")
    (tmp_path / "b.csv").write_text("user_id,login_id,status\n" + "u2,bob,active\n" * 3 + 'u3,c"y,active\n')
    (tmp_path / "o.csv").write_text("observer_id,student_id,status\nu1,u2,active\n")
    assert lint([tmp_path]).counts == {"quote-inside-field": 1, "reference-unknown": 1}


def test_a_zip_that_is_damaged_inside_is_told(tmp_path: Path) -> None:
    spoilt = bytearray(zipped(SET))
    spoilt[60] ^= 1  # in the first member's content
    (tmp_path / "a.zip").write_bytes(spoilt)
    assert "zip-unreadable" in lint([tmp_path / "a.zip"]).counts
