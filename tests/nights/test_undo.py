"""A night is undone: what comes back, what stays and is listed, and what the nights after it do."""

from __future__ import annotations

import csv
import html
import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roster.errors import LedgerMoved, RequestUnknown
from roster.import_options import ImportOptions
from roster.steps import Done
from roster.steps.release import Reply
from roster.steps.undo import TEXT, decide, imports, remember, show, show_again
from roster.steps.undo_report import Undone, report
from roster.tenants import RolloutSettings
from roster.undo import REASONS, Later
from tests.nights.disturbed import Nights
from tests.nights.moved import address, moved
from tests.nights.small import School, live, school
from tests.nights.test_reconcile import differences, reconciled


def changed() -> tuple[School, School]:
    """A school, and the night after it: someone renamed, someone gone, someone new, a title, a place lost."""
    before = school()
    after = before.renamed("p01", "Married").without("p12").with_pupil("p13", "algebra")
    return before, after.retitled("biology", "Biology II").leaving("algebra", "p04")


def shown(nights: Nights, import_id: str, later: Later = "leave") -> tuple[Any, Done]:
    night = nights.night()
    return night, show(night, nights.loading.ledger, import_id, later)


def undo(nights: Nights, import_id: str, later: Later = "leave") -> Done:
    night, done = shown(nights, import_id, later)
    again = show_again(night, nights.loading.ledger, done, "again")
    remember(night, nights.loading.ledger, again)
    nights.load(night, again)
    return again


def left(nights: Nights, done: Done) -> set[tuple[str, str]]:
    return set(nights.table(done, "left.parquet").select("file", "reason").iter_rows())


def test_everything_has_its_former_values_and_the_next_night_holds_what_was_undone(nights: Nights) -> None:
    before, after = changed()
    nights.play(before)
    was = live(nights.canvas.state())
    done = nights.play(after)
    assert live(nights.canvas.state()) != was
    undone = undo(nights, done["counts"]["import_id"])
    assert live(nights.canvas.state()) == was
    (new,) = [row for row in nights.canvas.state()["users"] if row["user_id"] == "p13"]
    enrolled = {row["state"] for row in nights.canvas.state()["enrollments"] if row["user_id"] == "p13"}
    assert (new["state"], enrolled) == ("suspended", {"deleted"})
    assert left(nights, undone) == set()
    nights.assert_honest()
    _, plan = nights.plan(after)
    changes = nights.table(plan, "changes.parquet")
    assert set(changes["part"]) == {"held"}
    assert all(any(why.startswith("undone") for why in holds) for holds in changes["holds"].to_list())
    told = nights.play(after, release=plan["counts"]["held_hash"])
    assert told["counts"]["sent"] == changes.height
    assert nights.plan(after)[1]["counts"]["held"] == 0
    assert nights.loading.ledger.undone(nights.loading.ledger.current()[2]) == frozenset()


def test_what_the_source_says_otherwise_is_not_held(nights: Nights) -> None:
    before, after = changed()
    nights.play(before)
    undo(nights, nights.play(after)["counts"]["import_id"])
    _, plan = nights.plan(after.renamed("p01", "Widowed"))
    free = nights.table(plan, "changes.parquet").filter(pl.col("part") == "free")
    assert free.select("file", "key").rows() == [("users.csv", "p01")]


def test_the_first_load_is_undone_but_for_what_may_hold_work(nights: Nights) -> None:
    first = nights.play(school())["counts"]["import_id"]
    undone = undo(nights, first)
    files = ("accounts.csv", "terms.csv", "courses.csv", "sections.csv")
    assert left(nights, undone) == {(file, "created") for file in files}
    assert {file for file, _ in live(nights.canvas.state())} == set(files)
    nights.assert_honest()


@pytest.mark.parametrize(("later", "name"), [("leave", "Widowed"), ("undo", "Family-p01")])
def test_a_row_that_a_later_import_changed_is_decided(nights: Nights, later: Later, name: str) -> None:
    before, after = changed()
    nights.play(before)
    done = nights.play(after)
    nights.play(after.renamed("p01", "Widowed"))
    undone = undo(nights, done["counts"]["import_id"], later)
    assert undone["counts"]["later"] == 1
    assert live(nights.canvas.state())["users.csv", "p01"][1] == f"First-p01 {name}"
    assert (("users.csv", "later") in left(nights, undone)) == (later == "leave")


def test_what_canvas_refused_is_listed_and_not_sent(nights: Nights) -> None:
    before, after = changed()
    nights.play(before)
    nights.canvas.fault("refuse_rows", file="users.csv", pattern="p01", times=1)
    done = nights.play(after)
    _, made = shown(nights, done["counts"]["import_id"])
    assert left(nights, made) == {("users.csv", "refused")}
    assert ("users.csv", "p01") not in set(nights.table(made, "changes.parquet").select("file", "key").iter_rows())


def test_two_who_swapped_log_ins_swap_back(nights: Nights) -> None:
    nights.play(school())
    was = live(nights.canvas.state())
    swapped = moved(school(), p01=address("p02"), p02=address("p01"))
    done = nights.play(swapped)
    assert live(nights.canvas.state()) != was
    undone = undo(nights, done["counts"]["import_id"])
    assert left(nights, undone) == set()
    assert live(nights.canvas.state()) == was
    nights.assert_honest()


def test_a_log_in_that_went_to_somebody_new_comes_back_to_whoever_had_it(nights: Nights) -> None:
    """p01 gives its log-in to p13, who is new, and takes that of p02, who gets another."""
    before = school()
    nights.play(before)
    was = live(nights.canvas.state())
    new = before.with_pupil("p13", "algebra")
    done = nights.play(moved(new, p13=address("p01"), p01=address("p02"), p02="another@small.test"))
    assert done["counts"]["refused"] == 0
    _, made = shown(nights, done["counts"]["import_id"])
    assert nights.content(made, "plan.json")["freed"] == 1
    undone = undo(nights, done["counts"]["import_id"])
    assert left(nights, undone) == set()
    assert live(nights.canvas.state()) == was
    (user,) = [one for one in nights.canvas.state()["users"] if one["user_id"] == "p13"]
    assert (user["state"], user["login_id"][:7]) == ("suspended", "moving-")
    nights.assert_honest()


def test_changed_ids_are_listed_and_stay(nights: Nights) -> None:
    nights.play(school())
    ids = {"p01": "n01"}
    nights.id_changes = [("user", "p01", "n01")]
    done = nights.play(moved(school(), ids))
    _, made = shown(nights, done["counts"]["import_id"])
    assert ("change_sis_id.csv", "id-change") in left(nights, made)
    assert "change_sis_id.csv" not in set(nights.table(made, "changes.parquet")["file"])


def test_what_is_in_doubt_is_listed_and_not_sent(nights: Nights) -> None:
    before, after = changed()
    nights.play(before)
    nights.canvas.fault("wrong_counts", counts={"users": -1})
    done = nights.play(after)
    assert done["counts"]["doubt"]
    _, made = shown(nights, done["counts"]["import_id"])
    assert ("users.csv", "doubt") in left(nights, made)
    assert "users.csv" not in set(nights.table(made, "changes.parquet")["file"])


def test_nothing_is_sent_that_was_not_shown(nights: Nights) -> None:
    before, after = changed()
    nights.play(before)
    done = nights.play(after)
    night, made = shown(nights, done["counts"]["import_id"])
    nights.play(after.renamed("p01", "Widowed"))
    posted = len(nights.canvas.imports())
    with pytest.raises(LedgerMoved, match="moved on since this undo was shown"):
        show_again(night, nights.loading.ledger, made, "again")
    assert len(nights.canvas.imports()) == posted


def test_imports_are_listed_and_one_that_is_none_of_ours_is_told(nights: Nights) -> None:
    done = nights.play(school())
    (line,) = imports(nights.loading.ledger)
    assert (line["import"], line["outcome"], line["refused"]) == (done["counts"]["import_id"], "taken", 0)
    with pytest.raises(RequestUnknown, match="import 99 is none of this ledger's"):
        shown(nights, "99")


def reported(nights: Nights, import_id: str, answer: str | None = "approved") -> tuple[Path, list[str]]:
    """The folder of the report of an undo, and why it failed; without an approval nothing is sent."""
    nights.tenant = nights.tenant.model_copy(update={"rollout": RolloutSettings(approvers=("registrar",))})
    night, done = shown(nights, import_id)
    ledger = nights.loading.ledger
    reply = Reply("Approve", done["counts"]["undo_hash"], "registrar") if answer == "approved" else None
    decide(night, ledger, done, reply, nights.clock())
    again = load = None
    if answer == "approved":
        again = show_again(night, ledger, done, "again")
        remember(night, ledger, again)
        load = nights.load(night, again)
    restore = {"state": "not asked", "why_not": "left"}
    undone = Undone(environment="test", show=done, answer=answer, restore=restore, again=again, load=load)
    verdict, failed = report(night, undone)
    return Path(ledger.store.root) / verdict["path"], failed


def cells(page: str) -> list[list[str]]:
    """The text of the page's table rows."""
    rows = re.findall(r"<tr[ >].*?</tr>", page, re.DOTALL)
    found = [re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL) for row in rows]
    return [[html.unescape(re.sub(r"<[^>]+>", "", cell)) for cell in row] for row in found]


def tiles(page: str) -> dict[str, str]:
    """What is counted at the head of the page."""
    return {name.strip(): number for number, name in re.findall(r"<b>([\d,]+)</b>([^<]+)</li>", page)}


def test_the_page_of_an_undo_says_what_was_done_and_row_by_row_what_was_not(nights: Nights) -> None:
    whole = school().with_pupil("<p13>", "algebra")
    first = nights.play(whole)["counts"]["import_id"]
    nights.play(whole.renamed("<p13>", "Widowed"))
    nights.canvas.fault("refuse_rows", file="users.csv", pattern="p02", times=1)
    folder, failed = reported(nights, first)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert failed == []
    counts = json.loads((folder / "report.json").read_text(encoding="utf-8"))["undo"]["counts"]
    told, rows = tiles(page), cells(page)
    assert (told["came back"], told["as before"], int(told["taken back"])) == ("0", "0", counts["rows"])
    assert (told["refused"], told["in doubt"], int(told["not undone"])) == ("1", "0", counts["left"])
    assert ["users.csv", "18", "1"] in rows
    assert ["sections.csv", "4", REASONS["created"]] in rows
    assert ["users.csv", "<p13>", "North", REASONS["later"]] in rows
    assert "<p13>" not in page
    listed = list(csv.reader((folder / "not-undone.csv").read_text(encoding="utf-8").splitlines()))
    assert listed[0] == ["file", "key", "reason", "school"]
    assert len(listed) - 1 == counts["left"]
    assert "Canvas is not asked to restore states" in page
    assert "Approved by <code>registrar</code>" in page


def test_the_page_of_an_undo_that_was_not_done_says_so(nights: Nights) -> None:
    before, after = changed()
    nights.play(before)
    folder, failed = reported(nights, nights.play(after)["counts"]["import_id"], "cleared")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert failed == []
    assert ">nothing was sent</span>" in page
    assert "What this undo would have done" in page
    assert {"come back", "not undone"} < tiles(page).keys()
    assert "No row of the import is left out." in page
    assert "refused" not in tiles(page)


def test_an_undo_that_failed_before_it_was_shown_has_a_page(nights: Nights) -> None:
    faults = {"show": "import 99 is none of this ledger's"}
    undone = Undone("production", show=None, answer=None, restore=None, again=None, load=None, faults=faults)
    verdict, failed = report(nights.night(), undone)
    page = (Path(nights.loading.ledger.store.root) / verdict["path"] / "report.html").read_text(encoding="utf-8")
    assert failed == ["show: import 99 is none of this ledger's"]
    assert ">failed</span>" in page
    assert "import 99 is none of this ledger&#39;s" in page
    assert "<table>" not in page


def test_what_was_written_over_an_edit_is_given_back_over_it_and_stays_marked(nights: Nights) -> None:
    nights.play(school())
    nights.canvas.edit("user", "p01", name="Al")
    nights.canvas.edit("section", "algebra", name="Y")
    reconciled(nights, "repair")
    done = nights.play(school())
    assert live(nights.canvas.state()) == school().known()
    _, plan = shown(nights, done["counts"]["import_id"])
    text = nights.loading.ledger.store.read_whole(plan["path"], TEXT).decode()
    assert "2 rows are written over what people changed in Canvas, as the import was." in text
    undo(nights, done["counts"]["import_id"])
    there = live(nights.canvas.state())
    assert (there["users.csv", "p01"][1], there["sections.csv", "algebra"][0]) == ("Al", "Y")
    nights.assert_honest()
    assert differences(nights, reconciled(nights)) == {}
    marked = nights.loading.ledger.current()[2].filter("by_hand").select("file", "key")
    assert set(marked.iter_rows()) == {("users.csv", "p01"), ("sections.csv", "algebra")}
    nights.play(school())
    assert nights.held() == {("users.csv", "p01"), ("sections.csv", "algebra")}
    nights.play(school(), release=nights.content(nights.planned[-1], "plan.json")["held_hash"])
    assert live(nights.canvas.state()) == school().known()


def test_a_run_that_wrote_over_edits_is_undone_over_them(nights: Nights) -> None:
    before, after = changed()
    nights.play(before)
    was = live(nights.canvas.state())
    nights.canvas.edit("user", "p01", name="Al")
    night, plan = nights.plan(after, options=ImportOptions(override_sis_stickiness=True))
    done = nights.load(night, plan)
    undo(nights, done["counts"]["import_id"])
    assert live(nights.canvas.state()) == was
    nights.assert_honest()
    assert nights.loading.ledger.current()[2].filter("by_hand").is_empty()
