"""What a run's report says of the matters that people are told of."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from roster.matters import Matter, decide
from roster.steps.telling import SHOWN, Answer, Request, matters_of, undo_asked, undo_matter
from tests.five_pupils import PERSONAL, PUPILS, TEACHERS, tables, without
from tests.paper import START, Paper

pytestmark = pytest.mark.usefixtures("rules_only")

EXPORT = tables(START.date())
LINK = "http://airflow.example/request"


def a_report(**plan: Any) -> dict[str, Any]:
    """A report whose plan holds what is given."""
    counts = {"totals": {"held": 0}, "holds": [], "changes": [], **plan}
    return {"asked": {}, "plan": {"held_hash": "hash-1", "counts": counts}}


def holding(*why: str) -> dict[str, Any]:
    return a_report(
        totals={"held": 7},
        holds=[{"rows": 4, "why": one} for one in why],
        changes=[
            {"file": "users.csv", "school": "S1", "action": "drop", "part": "held", "rows": 4},
            {"file": "users.csv", "school": "S2", "action": "drop", "part": "held", "rows": 1},
            {"file": "sections.csv", "school": "S1", "action": "update", "part": "held", "rows": 2},
            {"file": "users.csv", "school": "S1", "action": "create", "part": "free", "rows": 90},
        ],
    )


def a_request(state: Answer) -> Request:
    return {
        "name": "r1",
        "held_hash": "hash-2",
        "rows": 45,
        "since": "2026-03-02T16:00:00Z",
        "state": state,
        "link": LINK,
    }


def of_kind(matters: list[Matter], kind: str) -> Matter:
    [found] = [matter for matter in matters if matter.kind == kind]
    return found


def test_a_test_run_says_whether_something_is_held() -> None:
    over = of_kind(matters_of(a_report(), "test"), "held")
    assert (over.key, over.stands) == ("held:test", False)
    [held] = matters_of(holding("limit-deleted: 5 of 20 users at S1, allowed 10%"), "test")
    assert (held.key, held.stands, held.title) == ("held:test", True, "7 changes are held (test)")
    assert held.reasons == ("4 rows: limit-deleted: 5 of 20 users at S1, allowed 10%",)
    assert held.counts == {"users": 5, "sections": 2}
    assert held.todo.endswith("release = the hash: hash-1")


def test_a_hold_is_another_at_another_school_but_not_by_its_counts() -> None:
    first, more, elsewhere = (
        matters_of(holding(f"limit-deleted: {count} users at {school}, allowed 10%"), "test")[0].mark
        for count, school in (("5 of 20", "4001"), ("6 of 21", "4001"), ("5 of 20", "4002"))
    )
    assert first == more != elsewhere


def test_many_reasons_are_cut_short() -> None:
    reasons = of_kind(matters_of(holding(*(f"why {n}" for n in range(SHOWN + 3))), "test"), "held").reasons
    assert len(reasons) == SHOWN + 1
    assert reasons[-1] == "and 3 more reasons"


@pytest.mark.parametrize(
    ("state", "stands", "event", "title"),
    [
        ("waiting", True, "", "45 changes wait for approval (production)"),
        ("unanswered", True, "", "45 changes wait for approval (production)"),
        ("rejected", True, "rejected", "45 changes were rejected (production)"),
        ("outdated", True, "outdated", "45 changes were approved, but are others by now (production)"),
        ("approved", True, "", "45 changes are approved (production)"),
        ("loaded", False, "", "45 changes that were approved are loaded (production)"),
    ],
)
def test_a_request_is_one_matter_whatever_becomes_of_it(state: Answer, stands: bool, event: str, title: str) -> None:
    matters = matters_of(holding("why"), "production", a_request(state))
    request = of_kind(matters, "request")
    assert (request.key, request.stands, request.event, request.title) == ("request:production", stands, event, title)
    assert (request.mark, request.link) == ("hash-2", LINK)
    assert request.reasons == ("4 rows: why", "hash hash-2")
    assert bool(request.todo) == stands
    assert not of_kind(matters, "held").stands


def test_a_request_of_a_run_without_a_plan_needs_none() -> None:
    request = of_kind(matters_of({"asked": {}, "plan": None}, "production", a_request("rejected")), "request")
    assert request.reasons == ("hash hash-2",)


def test_production_without_a_request_says_that_none_stands() -> None:
    matters = matters_of(a_report(), "production")
    assert {matter.key: matter.stands for matter in matters} == {
        "request:production": False,
        "held:production": False,
        "missed:production": False,
        "unreachable:test": False,
    }
    assert of_kind(matters_of(holding("why"), "production"), "held").stands


def test_a_missed_window_and_a_test_environment_that_is_away() -> None:
    matters = matters_of(a_report(), "production", missed="not before 07:00", unreachable="no answer from test")
    missed, unreachable = of_kind(matters, "missed"), of_kind(matters, "unreachable")
    assert (missed.stands, missed.reasons) == (True, ("not before 07:00",))
    assert (unreachable.stands, unreachable.reasons) == (True, ("no answer from test",))
    assert missed.todo != unreachable.todo != ""


def test_a_run_that_made_no_plan_says_nothing_of_holds() -> None:
    assert matters_of({"asked": {}, "plan": None}, "test") == []


@pytest.mark.parametrize("name", ["only", "dry_run", "as_of"])
def test_a_run_that_saw_a_part_says_nothing(name: str) -> None:
    assert matters_of({**holding("why"), "asked": {name: "x"}}, "production", missed="x") == []


def test_a_real_report_names_nobody(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    assert not of_kind(matters_of(paper.play(EXPORT).report, "test"), "held").stands
    held = of_kind(matters_of(paper.play(without(EXPORT, "p2", "p3", "p4", "p5")).report, "test"), "held")
    assert held.stands
    assert held.counts["users"] > 0
    said = " ".join((held.title, *held.reasons, held.todo))
    assert [word for word in (*PERSONAL, *PUPILS, *TEACHERS) if word in said.split()] == []


@pytest.mark.parametrize(
    ("imports", "load", "title", "counts"),
    [
        (["4"], {}, "Import 4 was undone (production)", {"users": 3, "admins": 1}),
        (["4", "5"], {}, "Imports 4, 5 were undone (production)", {"users": 3, "admins": 1}),
        (["4"], None, "Import 4 was not undone (production)", {}),
        (["4", "5"], None, "Imports 4, 5 were not undone (production)", {}),
    ],
)
def test_an_undo_is_told_by_its_imports_with_counts_of_what_was_sent(
    imports: list[str], load: dict[str, Any] | None, title: str, counts: dict[str, int]
) -> None:
    changes = [{"file": file, "rows": rows} for file, rows in (("users.csv", 1), ("users.csv", 2), ("admins.csv", 1))]
    undo = {"imports": imports, "counts": {"changes": changes, "left": 7}}
    report = {"environment": "production", "undo": undo, "load": {"counts": {}} if load is not None else None}
    matter = undo_matter({**report, "notices": ["as it is"], "run": "runs/fern/r1"}, "runs/fern/r1/verdict/attempt-1")
    assert (matter.key, matter.title, matter.counts) == ("undo:production", title, counts)
    assert matter.reasons[0] == "as it is"
    assert ("7 rows are not undone: the report says why" in matter.reasons) == (load is not None)
    assert matter.reasons[-1] == "report: runs/fern/r1/verdict/attempt-1/report.html"
    assert matter.todo.startswith("Mend the source") == (load is not None)


def test_an_undo_that_waits_is_another_matter_than_what_comes_of_it() -> None:
    undo = {"imports": ["4"], "counts": {"changes": [{"file": "users.csv", "rows": 3}], "left": 0}}
    until = datetime(2026, 3, 3, 1, 30, tzinfo=ZoneInfo("Australia/Brisbane"))
    asked = undo_asked(undo, "production", "runs/fern/r1", until)
    assert asked.title == "Undoing import 4 waits for approval (production)"
    assert (asked.reasons, asked.counts) == (("until 2026-03-02 15:30 UTC",), {"users": 3})
    report = {"environment": "production", "undo": undo, "load": None, "notices": [], "run": "runs/fern/r1"}
    came = undo_matter(report, "x")
    assert asked.key == came.key
    first, told = decide({}, [asked], until.date())
    again, _ = decide(told, [asked], until.date())
    then, _ = decide(told, [came], until.date())
    assert [[one.title for one in messages] for messages in (first, again, then)] == [
        ["Undoing import 4 waits for approval (production)"],
        [],
        ["Import 4 was not undone (production)"],
    ]
