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
