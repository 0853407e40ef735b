from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from roster_sandbox.demo.airflow import Run, Task
from roster_sandbox.demo.report import Report
from roster_sandbox.demo.show import Screen, moves, summary, told
from roster_sandbox.demo.stage import DAG, PRODUCTION, RELEASE, Part, Played

CONTENT: dict[str, Any] = {
    "date": "2026-02-02",
    "run": "runs/banksia/a-run",
    "failed": [],
    "notices": ["a notice"],
    "plan": {
        "counts": {
            "changes": [
                {"file": "users.csv", "school": "1", "action": "create", "why": "create", "part": "free", "rows": 11},
                {"file": "users.csv", "school": "2", "action": "create", "why": "create", "part": "free", "rows": 20},
                {"file": "users.csv", "school": "2", "action": "drop", "why": "gone", "part": "free", "rows": 3},
                {"file": "enrollments.csv", "school": "2", "action": "drop", "why": "gone", "part": "held", "rows": 77},
            ],
            "waiting": [{"file": "enrollments.csv", "rows": 4}],
            "left": [{"file": "users.csv", "reason": "not-proven", "rows": 5}],
            "frozen": [
                {"file": "terms.csv", "reason": "term", "rows": 2},
                {"file": "users.csv", "reason": "quarantine", "rows": 1},
            ],
            "holds": [{"rows": 77, "why": "deleted over 10%"}],
        }
    },
    "load": {
        "import_id": "12",
        "workflow_state": "imported_with_messages",
        "problems": [{"rule": "canvas-login-taken", "advice": "Mend it.", "outcome": "refused", "rows": 6}],
    },
}


@pytest.fixture
def report(tmp_path: Path) -> Report:
    folder = tmp_path / "runs" / "banksia" / "a-run" / "verdict" / "attempt-1"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(CONTENT), encoding="utf-8")
    (folder / "quarantine.csv").write_text("rule,severity\nuser-x,quarantine\nuser-x,stop\nuser-y,quarantine\n")
    docs = folder.parents[1] / "check" / "attempt-1" / "docs"
    docs.mkdir(parents=True)
    (docs / "index.html").touch()
    return Report.read(tmp_path, folder / "report.json")


def played(report: Report | None, *wrong: str) -> Played:
    tasks = [Task("check", "1", "success", 6.25, 1), Task("plan", "2", "failed", None, 2)]
    return Played((Part(DAG, Run("id", "success", "2026-02-02T00:00:00Z"), tasks, 31.4, report),), list(wrong))


def test_what_production_holds_and_who_is_asked_is_told(report: Report) -> None:
    first = played(report)
    waits = [Task("ask", "1", "success", 0.4, 1), Task("sign_off", "2", "awaiting_input", None, 1)]
    production = Part(PRODUCTION, Run("p", "success", "2026-02-02T00:01:00Z"), [], 12.0, report)
    asked = Part(RELEASE, Run("r", "running", "2026-02-02T00:02:00Z"), waits, 3.0, None)
    lines = list(summary(2, Played((*first.parts, production, asked), [])))
    head = (
        "Night 2: rehearsal success in 31 seconds, production success in 12 seconds, release waits for an answer in 3 "
    )
    assert f"{head}seconds" in lines
    assert "Sent to Canvas (production) (import 12, imported_with_messages)" in lines
    where = lines.index("Held in production, for an approver")
    assert lines[where + 1] == "  77 rows, deleted over 10%"
    assert "  sign_off           awaiting_input" in lines
    assert Played((*first.parts, production, asked), []).waits
    assert not first.waits


def test_each_night_has_a_story() -> None:
    assert len({told(1), told(2), told(3)}) == 3
    assert "a fifth" in told(2)


def test_the_summary_says_what_went_what_did_not_and_how_long_it_took(report: Report) -> None:
    lines = list(summary(3, played(report)))
    assert "Night 3: rehearsal success in 31 seconds" in lines
    assert "Sent to Canvas (test) (import 12, imported_with_messages)" in lines
    assert [line.split() for line in lines if "users.csv  " in line] == [["users.csv", "31", "3"]]
    for said in (
        "  quarantined: 2 by user-x",
        "  quarantined: 1 by user-y",
        "  waiting: 4 rows of enrollments.csv for what is in quarantine or held",
        "  left: 5 rows of users.csv (not-proven)",
        "  left as it is: 2 rows of terms.csv (their term does not run now)",
        "  held: 77 rows, deleted over 10%",
        "  refused by Canvas: 6 by canvas-login-taken: Mend it.",
        "  check                 6.2",
        f"  run folder   {report.home}/runs/banksia/a-run",
        f"  data docs    {report.home}/runs/banksia/a-run/check/attempt-1/docs/index.html",
    ):
        assert said in lines
    assert lines[-1] == "Canvas holds exactly what the district implies, and was sent no other rows."


def test_what_is_wrong_is_not_called_right(report: Report) -> None:
    lines = list(summary(1, played(report, "users.csv: 1 missing")))
    assert lines[-2:] == ["NOT AS IT SHOULD BE", "  users.csv: 1 missing"]
    assert not any("exactly" in line for line in lines)
    assert not any("exactly" in line for line in summary(1, played(None, "no report")))


def test_a_night_with_nothing_to_send_says_so(report: Report) -> None:
    report.content["plan"]["counts"]["changes"] = []
    assert "Sent to Canvas (test): nothing" in list(summary(1, played(report)))


def test_progress_is_plain_where_nobody_looks_on() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    task = Task("check", "1", "success", 6.25, 1)
    plain, coloured = io.StringIO(), Terminal()
    Screen(plain).task(task)
    Screen(coloured).task(task)
    assert plain.getvalue()[10:] == "check              success  6.2 s\n"
    assert "\033[32msuccess\033[0m" in coloured.getvalue()
    Screen(plain).task(Task("load", "1", "running", 2.0, 2))
    assert plain.getvalue().endswith("load               running  (try 2)\n")


def test_the_moves_are_twelve() -> None:
    assert sum(int(part.split()[0]) for part in moves().split(", ")) == 12
