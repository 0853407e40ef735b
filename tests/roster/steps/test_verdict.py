"""The report of a run: reasons, notices, counts, and the two lists a data team works through."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roster.checks.catalogue import RULES
from roster.sources.id_changes import ID_CHANGES
from roster.steps.report_page import table
from roster.steps.verdict import STEPS, Outcome, advice, verdict
from tests.five_pupils import FAMILY, PERSONAL, PUPILS, TEACHERS, changed, tables, without
from tests.nights import Played, night_of
from tests.paper import START, Paper

pytestmark = pytest.mark.usefixtures("rules_only")

EXPORT = tables(START.date())
SAME_MAIL = changed(EXPORT, "students.csv", "p2", "Student_email", "aoife@five.example")

SHRINKS_NOT = {"name": "clever", "system": "clever_csv", "connection": "x", "control": "control.csv", "shrink": "0%"}


@pytest.fixture
def paper(tmp_path: Path) -> Paper:
    return Paper(tmp_path)


def lines(played: Played, name: str) -> list[dict[str, str]]:
    done = played.steps["verdict"]
    assert done is not None
    with (played.night.store.local_path(done["path"]) / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def text(played: Played, name: str) -> str:
    done = played.steps["verdict"]
    assert done is not None
    return played.night.store.read(f"{done['path']}/{name}").decode()


def test_a_night_as_it_should_be(paper: Paper) -> None:
    played = paper.play(EXPORT)
    assert (played.report["failed"], played.report["notices"]) == ([], [])
    assert [line["create"] for line in played.report["schools"]] == [30, 1]  # the term belongs to none
    assert played.report["schools"][0] == {
        "school": "sch1",
        "name": "Fern Hill",
        "create": 30,
        **dict.fromkeys(("update", "drop", "resend", "rename", "park", "held", "quarantined", "refused"), 0),
    }
    page = text(played, "report.md")
    assert page.startswith("# Fern Schools, 2026-03-03: done\n")
    assert "| users.csv | 12 | · | · | · | · | · | · | · |" in page
    assert "| sch1 | Fern Hill | 30 |" in page
    assert lines(played, "quarantine.csv") == []


def test_the_report_names_nobody(paper: Paper) -> None:
    """It is kept for ever, so it holds counts and hashes, and words of the tenant's own."""
    paper.canvas.refuses["users.csv", "p3"] = f"An existing Canvas user with the SIS ID p9 has already claimed {FAMILY}"
    paper.play(EXPORT)
    nights = [paper.play(SAME_MAIL), paper.play(without(SAME_MAIL, "p4", "p5", "t2"))]
    for played in nights:
        report, page = text(played, "report.json"), text(played, "report.md")
        assert [word for word in PERSONAL if word in report + page] == []
        ids = {*PUPILS, *TEACHERS}
        assert ids & set(_words(json.loads(report))) == set()
    assert FAMILY in text(nights[0], "messages.csv")


def _words(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [word for key, one in value.items() for word in [key, *_words(one)]]
    if isinstance(value, list):
        return [word for one in value for word in _words(one)]
    return str(value).replace("/", " ").replace(":", " ").split()


def test_quarantine_by_row_with_what_to_do(paper: Paper) -> None:
    played = paper.play(SAME_MAIL)
    found = lines(played, "quarantine.csv")
    assert {(line["source"], line["file"], line["row"], line["school"]) for line in found} == {
        ("clever", "students.csv", "2", "sch1"),
        ("clever", "students.csv", "3", "sch1"),
    }
    assert {line["severity"] for line in found} == {"quarantine"}
    assert all(line["what to do"] == advice(line["rule"]) != "" for line in found)
    assert played.reasons == []
    assert played.report["notices"][0].startswith("2 records are in quarantine")
    assert any(line.startswith("waiting: ") for line in played.report["notices"])
    assert played.report["schools"][0]["quarantined"] == 2


def test_every_message_of_canvas_leads_to_a_row_of_the_source(paper: Paper) -> None:
    paper.canvas.refuses["users.csv", "p3"] = "An existing Canvas user with the SIS ID p9 has already claimed it"
    paper.canvas.refuses["sections.csv", "c2"] = "=HYPERLINK(1)"
    played = paper.play(EXPORT)
    user, section = sorted(lines(played, "messages.csv"), key=lambda line: line["file"], reverse=True)
    assert (user["source file"], user["source row"], user["school"], user["file"]) == (
        *("students.csv", "4", "sch1", "users.csv"),
    )
    assert user["outcome"] == "refused"
    assert user["what to do"]
    assert (section["source file"], section["source row"], section["rule"]) == (
        *("sections.csv", "3", "canvas-unknown-message"),
    )
    assert section["message"] == "'=HYPERLINK(1)"
    assert played.reasons == []
    assert played.report["notices"] == ["Canvas refused 2 rows (messages.csv says what to do)"]
    assert sum(line["refused"] for line in played.report["schools"]) == 2
    assert "canvas-unknown-message" in text(played, "report.md")


def test_a_message_about_a_row_that_is_gone_says_so(paper: Paper) -> None:
    paper.play(EXPORT)
    paper.canvas.refuses["users.csv", "p5"] = "nothing known"
    played = paper.play(without(EXPORT, "p5"))
    assert {line["source file"] for line in lines(played, "messages.csv")} == {"not in tonight's delivery"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_cell_is_no_formula(paper: Paper, start: str) -> None:
    paper.canvas.refuses["users.csv", "p3"] = f"{start}cmd"
    assert [line["message"] for line in lines(paper.play(EXPORT), "messages.csv")] == [f"'{start}cmd"]


def test_held_changes_are_a_notice_with_the_hash_that_lets_them_go(paper: Paper) -> None:
    paper.play(EXPORT)
    played = paper.play(without(EXPORT, "p2", "p3", "p4", "p5"))
    assert played.reasons == []
    held = played.json("plan", "plan.json")["held_hash"]
    assert any(line.endswith(f"run with release = {held}") for line in played.report["notices"])
    assert any(line.startswith("held: ") and "limit-deleted" in line for line in played.report["notices"])
    assert played.report["schools"][0]["held"] > 0


def test_refused_over_budget_fails(paper: Paper) -> None:
    paper.set(safety={"at_least": 0})
    paper.canvas.refuses["users.csv", "p3"] = "nothing known"
    assert paper.play(EXPORT).reasons == [
        "Canvas newly refused 1 of 31 rows, more than the tenant's budget (safety.refused)"
    ]


def judged(paper: Paper, **outcome: Any) -> tuple[Any, list[str]]:
    night = night_of(paper.folder / "home", paper.tenant, START)
    given = {"extracts": {}, "steps": dict.fromkeys(STEPS), **outcome}
    done, reasons = verdict(night, Outcome(**given), {"check": 1.26})
    return json.loads(night.store.read(f"{done['path']}/report.json")), reasons


def test_a_run_that_did_nothing(paper: Paper) -> None:
    report, reasons = judged(paper)
    assert reasons == ["step check did not finish: see its task log"]
    assert (report["check"], report["plan"], report["load"], report["schools"]) == (None, None, None, [])
    assert report["seconds"] == {"check": 1.3}


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({"extracts": {"clever": None}}, ["source clever failed: see its task log"]),
        ({"extracts": {"clever": None}, "faults": {"extract.clever": "cut"}}, ["source clever failed: cut"]),
        ({"faults": {"settle": "Canvas is away"}}, ["step settle failed: Canvas is away"]),
        ({"faults": {"check": "no such rule"}}, ["step check failed: no such rule"]),
        (
            {"faults": {"check": "x"}, "handed_on": False},
            ["step check failed: x", "step hand_on failed: see its task log"],
        ),
        (
            {"faults": {"check": "x", "hold": "no room"}, "handed_on": False, "hands_on": "hold"},
            ["step check failed: x", "step hold failed: no room"],
        ),
        (
            {"extracts": {"clever": None}, "faults": {"settle": "Canvas is away"}},
            ["source clever failed: see its task log", "step settle failed: Canvas is away"],
        ),
    ],
)
def test_what_failed_is_named(paper: Paper, outcome: dict[str, Any], said: list[str]) -> None:
    assert judged(paper, **outcome)[1] == said


def steps_of(played: Played, **changed: Any) -> dict[str, Any]:
    return {step: played.steps.get(step) for step in STEPS} | changed


def test_a_dry_run_may_end_after_its_plan_and_nowhere_else(paper: Paper) -> None:
    played = paper.play(EXPORT)
    asked = {"asked": {"dry_run": True, "only": None}, "dry_run": True}
    report, reasons = judged(paper, steps=steps_of(played, load=None), **asked)
    assert (reasons, report["asked"]) == ([], {"dry_run": True})
    assert judged(paper, steps=steps_of(played, plan=None, load=None), **asked)[1] == [
        "step plan did not finish: see its task log"
    ]


def test_an_import_that_was_lost_or_left_in_doubt_fails(paper: Paper) -> None:
    played = paper.play(EXPORT)
    load = played.json("load", "load.json") | {"outcome": "lost", "doubts": ["users: 3 of 4"]}
    with played.night.run.write("load") as step:
        (step.folder / "load.json").write_text(json.dumps(load), encoding="utf-8")
        played.table("load", "problems.parquet").write_parquet(step.folder / "problems.parquet")
    _, reasons = judged(paper, steps=steps_of(played, load={"path": step.path, "counts": {}}))
    assert reasons == [
        "Canvas never started the import: its rows are in doubt and are sent again",
        "rows in doubt, sent again next time: users: 3 of 4",
    ]


def test_what_the_linter_found_in_the_import_is_told_by_rule(paper: Paper) -> None:
    played = paper.play(EXPORT)
    load = played.json("load", "load.json") | {"amiss": {"text-too-long": 2, "date-bad": 1}}
    with played.night.run.write("load") as step:
        (step.folder / "load.json").write_text(json.dumps(load), encoding="utf-8")
        played.table("load", "problems.parquet").write_parquet(step.folder / "problems.parquet")
    report, reasons = judged(paper, steps=steps_of(played, load={"path": step.path, "counts": {}}))
    assert reasons == []
    assert report["load"]["amiss"] == {"text-too-long": 2, "date-bad": 1}
    assert report["notices"] == [
        "the linter finds fault with rows of the import: 1 × date-bad, 2 × text-too-long "
        "(docs/linting.md says what each means)"
    ]


def test_an_import_of_an_earlier_run_is_told_by_the_run_that_settled_it(paper: Paper) -> None:
    paper.canvas.refuses["users.csv", "p3"] = "nothing known"
    played = paper.play(EXPORT)
    counts = {"rows": 31, "sent": 10, "refused": 20, "newly_refused": 20, "doubt": 1, "over_budget": True}
    imports = [{"import_id": "7", "run": "runs/x/earlier", "outcome": "taken", "counts": counts}]
    with played.night.run.write("settle") as step:
        (step.folder / "settle.json").write_text(json.dumps({"imports": imports}), encoding="utf-8")
        played.table("load", "problems.parquet").write_parquet(step.folder / "problems.parquet")
    settle = {"path": step.path, "counts": {}}
    report, reasons = judged(paper, steps=steps_of(played, settle=settle))

    assert reasons == ["Canvas newly refused 20 of 31 rows, more than the tenant's budget (safety.refused)"]
    assert report["notices"][0] == (
        "import 7 of the run runs/x/earlier was settled in this one: 10 rows taken, 20 refused, 1 in doubt"
    )
    path = played.night.run.latest("verdict")
    assert played.night.store.read(f"{path}/messages.csv").count(b"nothing known") == 2


@pytest.mark.parametrize(
    ("came", "said"),
    [
        (
            {},
            "as of the import of 2026-11-21 02:13 UTC: the test ledger follows production version 12. What was made in",
        ),
        ({"as_of": None}, "as of the import of an unknown time: the test ledger follows production version 12."),
        ({"anew": True}, "and its ledger began anew, as was confirmed"),
    ],
)
def test_a_refresh_of_test_is_told_with_what_to_renew(paper: Paper, came: dict[str, Any], said: str) -> None:
    played = paper.play(EXPORT)
    facts = {"production": 12, "as_of": "2026-11-21T02:13:44Z", "anew": False, **came}
    with played.night.run.write("settle") as step:
        (step.folder / "settle.json").write_text(json.dumps({"imports": [], "refreshed": [facts]}), encoding="utf-8")
        played.table("load", "problems.parquet").clear().write_parquet(step.folder / "problems.parquet")
    report, reasons = judged(paper, steps=steps_of(played, settle={"path": step.path, "counts": {}}))
    assert reasons == []
    (told,) = [line for line in report["notices"] if "refreshed" in line]
    assert told.startswith("Canvas's test environment was refreshed from production")
    assert said in told
    assert ("renew the token in production" in told) is not facts["anew"]


def test_a_source_that_proves_nothing_is_a_notice(paper: Paper) -> None:
    paper.play(EXPORT)
    paper.set(sources=[SHRINKS_NOT])
    played = paper.play(without(EXPORT, "p5"))
    assert played.report["failed"] == []
    assert played.report["notices"][0].startswith(
        "source clever proves no absence: clever: students.csv has 1 of 5 rows"
    )
    assert played.report["notices"][-1] == "left: 2 rows of users.csv (not-proven)"


def test_advice_of_every_rule_and_of_none() -> None:
    assert all(advice(rule) for rule in RULES)
    assert advice("unheard-of") == ""


def test_a_table_of_markdown() -> None:
    assert list(table(("a", "b"), [("x|y", 0), ("z", 12)])) == [
        *("| a | b |", "|---|--:|", "| x\\|y | · |", "| z | 12 |", ""),
    ]
    assert list(table(("a",), [])) == []


def test_a_refused_change_of_ids_leads_to_its_line_of_the_mapping(paper: Paper) -> None:
    paper.play(EXPORT)
    paper.set(sync={"ids": {"user": {"staff": "staff-{sourced_id}"}}, "observers": {"relationships": ["mother"]}})
    mapping = [("user", "t1", "staff-t1", "ids.csv", 2), ("user", "t2", "staff-t2", "ids.csv", 3)]
    ids = pl.DataFrame(mapping, schema=ID_CHANGES, orient="row")
    paper.canvas.refuses["change_sis_id.csv", "t2"] = "A new_id, 'staff-t2', referenced an existing user"
    played = paper.play(changed(EXPORT, "teachers.csv", "t2", "Last_name", "Otherwise"), ids=ids)
    (message,) = lines(played, "messages.csv")
    assert [message[name] for name in ("source file", "source row", "file", "rule")] == [
        *("ids.csv", "3", "change_sis_id.csv", "canvas-id-change-taken"),
    ]
    assert played.report["notices"] == [
        "1 rows were kept back, because Canvas did not change the ids that they need: "
        "they are planned again the next night",
        "Canvas refused 1 rows (messages.csv says what to do)",
    ]
    assert [line["rename"] for line in played.report["schools"]] == [2]
    page = text(played, "report.md")
    assert "| change_sis_id.csv | · | · | · | · | 2 | · | · | · | · | · |" in page
    assert "Import 2: taken" in page
