"""Why a record is in Canvas as it is, for every kind and every fate."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from roster.errors import RequestUnknown
from roster.explain import Explanation, explain, newest_run
from roster.retention import prune
from roster.sources.id_changes import ID_CHANGES
from tests.five_pupils import changed, tables, without
from tests.nights.both import on_paper
from tests.nights.small import school
from tests.paper import START, Paper

pytestmark = pytest.mark.usefixtures("rules_only")

EXPORT = tables(START.date())


@pytest.fixture
def paper(tmp_path: Path) -> Paper:
    return Paper(tmp_path)


def ask(paper: Paper, kind: str, id_: str) -> Explanation:
    return explain(newest_run(paper.store, "fern", paper.ledger), paper.ledger, kind, id_)


@pytest.mark.parametrize(
    ("kind", "id_", "source", "related"),
    [
        ("school", "sch1", "schools.csv:2", {("courses.csv", "account_id"): 2}),
        ("course", "c1", "", {("sections.csv", "course_id"): 1}),
        ("class", "c1", "sections.csv:2", {("enrollments.csv", "section_id"): 6}),
        ("user", "p1", "students.csv:2", {("enrollments.csv", "user_id"): 2, ("user_observers.csv", "student_id"): 1}),
        ("user", "t2", "teachers.csv:3", {("enrollments.csv", "user_id"): 1}),
    ],
)
def test_each_kind_from_source_to_ledger(
    paper: Paper, kind: str, id_: str, source: str, related: dict[tuple[str, str], int]
) -> None:
    paper.play(EXPORT)
    found = ask(paper, kind, id_)
    assert found.id == id_
    assert any(line.endswith(source) for line in found.sources)
    assert found.wanted
    assert found.ledger
    assert found.ledger["state"] == "live"
    assert found.ledger["has"]["status"] == "active"
    assert [line["action"] for line in found.planned] == ["create"]
    assert {(line["file"], line["by"]): line["rows"] for line in found.related if line["state"] == "live"}.items() >= (
        related.items()
    )
    assert found.as_json()["kind"] == kind


def test_a_term_by_its_id(paper: Paper) -> None:
    played = paper.play(EXPORT)
    [term] = played.table("transform", "terms.parquet")["key"]
    found = ask(paper, "term", term)
    assert found.ledger
    assert [line["rows"] for line in found.related if line["file"] == "courses.csv"] == [2]


def test_a_record_by_its_id_in_the_source(tmp_path: Path) -> None:
    paper = Paper(tmp_path, sync={"ids": {"user": "{kind}-{sourced_id}"}})
    paper.play(EXPORT)
    assert ask(paper, "user", "p1").id == ask(paper, "user", "student-p1").id == "student-p1"


def test_a_quarantined_record(paper: Paper) -> None:
    paper.play(changed(EXPORT, "students.csv", "p2", "Student_email", "aoife@five.example"))
    found = ask(paper, "user", "p2")
    assert found.frozen == "quarantine"
    assert {line["severity"] for line in found.findings} >= {"quarantine"}
    assert (found.wanted, found.ledger, found.planned) == (None, None, ())


def test_a_held_drop(paper: Paper) -> None:
    paper.play(EXPORT)
    paper.play(without(EXPORT, "p2", "p3", "p4", "p5"))
    [planned] = ask(paper, "user", "p5").planned
    assert (planned["action"], planned["part"], planned["new"]["status"]) == ("drop", "held", "suspended")
    assert any(hold.startswith("limit-deleted") or hold.startswith("waits") for hold in planned["holds"])


def test_a_drop_that_went(paper: Paper) -> None:
    paper.play(EXPORT)
    paper.play(without(EXPORT, "p5"))
    found = ask(paper, "user", "p5")
    assert found.sources == ()
    assert found.ledger
    assert found.ledger["state"] == "dropped"


def test_a_refused_row_with_what_canvas_said(paper: Paper) -> None:
    paper.canvas.refuses["users.csv", "p3"] = "An existing Canvas user with the SIS ID x has already claimed y's login"
    paper.play(EXPORT)
    found = ask(paper, "user", "p3")
    assert found.ledger
    assert found.ledger["state"] == "refused"
    assert found.ledger["refused"]["user_id"] == "p3"
    [message] = found.messages
    assert message["outcome"] == "refused"
    assert message["message"].startswith("An existing Canvas user")
    assert message["advice"]


CLAIMED = "The Canvas user with SIS ID x has already claimed y's user_id requested login information, skipping"
REFUSED = ("1", "2026-03-02T16:00+00:00", "refused", "canvas-login-claimed", CLAIMED)


def told(found: Explanation) -> list[tuple[str, ...]]:
    assert all(line["advice"] for line in found.messages)
    return [tuple(value for name, value in line.items() if name != "advice") for line in found.messages]


def test_what_canvas_said_last_is_told_of_a_row_that_was_not_sent_again(paper: Paper) -> None:
    paper.canvas.refuses["users.csv", "p3"] = CLAIMED
    paper.play(EXPORT)
    later = changed(without(EXPORT, "p3"), "students.csv", "p1", "Last_name", "Otherwise")
    paper.play(later)
    assert paper.ledger.versions() == (2, 2)
    found = ask(paper, "user", "p3")
    assert (found.sources, found.wanted, found.planned) == ((), None, ())
    assert told(found) == [REFUSED]
    assert told(ask(paper, "user", "p1")) == []


def test_what_was_taken_since_is_not_told_as_refused(paper: Paper) -> None:
    paper.canvas.refuses["users.csv", "p3"] = CLAIMED
    paper.play(EXPORT)
    assert told(ask(paper, "user", "p3")) == [REFUSED]
    paper.canvas.refuses.clear()
    paper.play(EXPORT)
    assert told(ask(paper, "user", "p3")) == []


def test_what_canvas_said_is_told_for_400_days(paper: Paper) -> None:
    """Longer than the run folders and the rows that were sent are kept."""
    paper.canvas.refuses["users.csv", "p3"] = CLAIMED
    paper.canvas.refuses["users.csv", "p4"] = CLAIMED
    paper.play(EXPORT)
    del paper.canvas.refuses["users.csv", "p4"]
    for name in ("Une", "Deux"):
        paper.play(changed(without(EXPORT, "p3"), "students.csv", "p1", "Last_name", name))
    first = paper.ledger.settled(1)
    for days, kept in ((90, [REFUSED]), (399, [REFUSED]), (401, [])):
        prune(paper.store, paper.tenant, [paper.ledger], START + timedelta(days=days))
        assert not paper.store.exists(first.sent)
        assert told(ask(paper, "user", "p3")) == kept
        assert told(ask(paper, "user", "p4")) == []


def test_what_waits_for_another(paper: Paper) -> None:
    paper.play(changed(EXPORT, "students.csv", "p2", "Student_email", "aoife@five.example"))
    played = paper.play(changed(EXPORT, "students.csv", "p2", "Student_email", "aoife@five.example"))
    assert played.table("plan", "waiting.parquet").height
    paper.canvas.refuses["sections.csv", "c2"] = "nothing known"
    found = ask(paper, "class", "c2")
    assert [line["rows"] for line in found.related if line["file"] == "enrollments.csv"]


def test_rows_in_doubt(paper: Paper) -> None:
    paper.play(EXPORT)
    rows = paper.ledger.current()[2]
    assert rows["doubt"].null_count() == rows.height
    post = paper.canvas.post_import
    paper.canvas.post_import = lambda archive, *more: _failed(paper, post(archive, *more))  # type: ignore[method-assign]
    paper.play(changed(EXPORT, "students.csv", "p4", "Last_name", "Otherwise"))
    found = ask(paper, "user", "p4")
    assert found.ledger
    assert found.ledger["state"] == "in doubt"
    assert found.ledger["may have"]["last_name"] == "Otherwise"


def _failed(paper: Paper, posted: object) -> object:
    import msgspec

    paper.canvas.posted[-1] = msgspec.structs.replace(posted, workflow_state="failed")
    return paper.canvas.posted[-1]


@pytest.mark.parametrize("kind", ["user", "class", "course", "term", "school"])
def test_an_unknown_id(paper: Paper, kind: str) -> None:
    paper.play(EXPORT)
    with pytest.raises(RequestUnknown, match=f"no {kind} of that id"):
        ask(paper, kind, "nobody")


def test_before_any_run(paper: Paper) -> None:
    with pytest.raises(RequestUnknown, match="no run of fern"):
        newest_run(paper.store, "fern", paper.ledger)


def test_a_switched_off_file_and_a_run_that_stopped_at_its_plan(tmp_path: Path) -> None:
    paper = Paper(tmp_path, sync={"people": False})
    paper.play(EXPORT)
    run = newest_run(paper.store, "fern", paper.ledger)
    for step in ("load", "check"):
        paper.store.remove(f"{run.path}/{step}")
    assert ask(paper, "class", "c1").messages == ()
    with pytest.raises(RequestUnknown, match="no user"):
        ask(paper, "user", "unheard of")


def test_each_canvas_is_told_of_by_its_own_runs(tmp_path: Path) -> None:
    """What production planned, from the artefact that another run made."""
    rollout = on_paper(tmp_path)
    rollout.rehearse(school())
    run = rollout.promote()
    store = rollout.production.loading.ledger.store
    found = {}
    for side in (rollout.test, rollout.production):
        ledger = side.loading.ledger
        found[ledger.host] = explain(newest_run(store, "sample", ledger), ledger, "user", "p01")
    test, production = found["canvas.test.example"], found["canvas.example"]
    assert production.run == run.night.run.path != test.run
    assert test.wanted == production.wanted
    assert [line["part"] for line in (*test.planned, *production.planned)] == ["free", "held"]
    assert production.planned[0]["holds"] == run.plan()["gate"]["everything"]
    assert (production.ledger, production.messages) == (None, ())
    assert test.ledger is not None
    assert test.ledger["state"] == "live"


def test_someone_whose_id_changes_is_found_by_either_id(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    paper.play(EXPORT)
    paper.set(sync={"ids": {"user": {"staff": "staff-{sourced_id}"}}})
    mapping = [("user", "t1", "staff-t1", "ids.csv", 2), ("section", "t2", "s2", "ids.csv", 3)]
    paper.canvas.refuses["change_sis_id.csv", "t1"] = "A new_id, 'staff-t1', referenced an existing user"
    paper.play(EXPORT, ids=pl.DataFrame(mapping, schema=ID_CHANGES, orient="row"))
    for asked in ("staff-t1", "t1"):
        found = ask(paper, "user", asked)
        assert [line["action"] for line in found.planned] == ["rename"]
        assert found.planned[0]["new"] == {"old_id": "t1", "new_id": "staff-t1", "type": "user"}
        assert [line["rule"] for line in found.messages] == ["canvas-id-change-taken"]
    assert ask(paper, "user", "staff-t2").planned[0]["action"] == "create"
