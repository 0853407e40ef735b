"""What is removed after a tenant's retention, and what never is."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from roster.decisions import decisions
from roster.explain import newest_run
from roster.ledger import Ledger
from roster.ledger_backup import backup, restore
from roster.retention import ledgers_of, prune
from roster.runs import Run, pointed
from roster.steps.plan import Asked
from tests.five_pupils import PERSONAL, PUPILS, changed, tables, without
from tests.nights import small
from tests.nights.both import FIRST, on_paper
from tests.paper import START, Paper

pytestmark = pytest.mark.usefixtures("rules_only")

EXPORT = tables(START.date())
LATER = START + timedelta(days=90)


def renamed(name: str) -> dict[str, list[list[str]]]:
    return changed(EXPORT, "students.csv", "p1", "Last_name", name)


def test_what_is_named_stays_and_the_rest_goes(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    for name in ("Une", "Deux", "Trois"):
        paper.play(renamed(name))
    held = paper.play(without(renamed("Trois"), "p2", "p3", "p4", "p5"))
    only = paper.play(renamed("Quatre"), Asked(only="sch1"))
    assert [held.json("plan", "plan.json")["held_hash"] is None, only.json("plan", "plan.json")["held_hash"]] == [
        False,
        None,
    ]
    runs = paper.store.names("runs/fern")
    good, tested = (pointed(paper.store, "fern", name) for name in ("good-clever", "tested"))
    assert good is not None
    assert tested is not None
    ledgers = ledgers_of(paper.store, paper.tenant)
    assert [(one.host, one.account) for one in ledgers] == [(paper.ledger.host, paper.ledger.account)]
    version, _, rows = paper.ledger.current()

    removed = prune(paper.store, paper.tenant, ledgers, LATER)

    kept = {f"runs/fern/{name}" for name in paper.store.names("runs/fern")}
    assert kept == {good["path"].rpartition("/extract.")[0], tested["run"], held.night.run.path, only.night.run.path}
    assert removed["runs"] == len(runs) - len(kept) > 0
    assert removed["ledger files"] > 0
    assert removed["artefacts"] == removed["runs"]
    assert paper.ledger.current()[0] == version
    assert paper.ledger.current()[2].equals(rows)
    assert not any(prune(paper.store, paper.tenant, ledgers, LATER).values())
    assert paper.play(renamed("Quatre")).reasons == []


def test_what_a_run_came_to_is_kept_without_anybody_in_it(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    first = paper.play(renamed("Une"))
    for _ in range(2):
        paper.play(EXPORT)
    prune(paper.store, paper.tenant, [paper.ledger], LATER)
    assert not paper.store.exists(first.night.run.path)
    text = paper.store.read(f"history/fern/{first.night.run.name}.json").decode()
    report = json.loads(text)
    assert report["plan"]["counts"]["totals"]["free"] == 31
    assert len(report["plan"]["free_hash"]) == 64
    assert [
        word for word in (*PERSONAL, *PUPILS, "Une") if f'"{word}"' in text or (word in PERSONAL and word in text)
    ] == []


def test_young_runs_and_strange_folders_stay(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    for _ in range(3):
        paper.play(EXPORT)
    paper.store.write("runs/fern/lost+found/x", b"")
    assert not any(prune(paper.store, paper.tenant, [paper.ledger], START + timedelta(days=20)).values())
    prune(paper.store, paper.tenant, [paper.ledger], LATER)
    assert "lost+found" in paper.store.names("runs/fern")


def test_a_run_without_a_verdict_leaves_a_line(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    run = Run(paper.store, "fern", "20260101T000000Z-abc")
    with run.write("check") as step:
        (step.folder / "check.json").write_text("{}", encoding="utf-8")
    assert prune(paper.store, paper.tenant, [], LATER)["runs"] == 1
    assert paper.store.read_json(f"history/fern/{run.name}.json") == {"run": run.path, "failed": ["it had no verdict"]}


def test_an_open_import_keeps_its_run_and_its_rows(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    played = paper.play(EXPORT)
    for _ in range(2):
        paper.play(renamed("Deux"))
    sent = played.table("plan", "sent.parquet")
    intent = paper.ledger.intend(
        sent, plan_hash="h", state=paper.ledger.current()[1], sequence=9, run=played.night.run.path, now=START
    )
    prune(paper.store, paper.tenant, [paper.ledger], LATER)
    assert paper.store.exists(played.night.run.path)
    assert paper.ledger.sent(intent).equals(sent)


def test_an_abandoned_import_keeps_its_rows_while_it_may_turn_up(tmp_path: Path) -> None:
    paper = Paper(tmp_path, retention="1 days")
    played = paper.play(EXPORT)
    sent, moment = played.table("plan", "sent.parquet"), LATER - timedelta(days=10)
    intent = paper.ledger.intend(
        sent, plan_hash="h", state=paper.ledger.current()[1], sequence=9, run=played.night.run.path, now=moment
    )
    late = paper.ledger.settle(
        intent, sent.clear().select("file", "row", outcome="action"), outcome="abandoned", import_id=None, now=moment
    )
    paper.nights = (LATER - START).days - 5
    paper.play(renamed("Deux"))
    prune(paper.store, paper.tenant, [paper.ledger], LATER)
    assert paper.ledger.sent(late).equals(sent)
    prune(paper.store, paper.tenant, [paper.ledger], LATER + timedelta(days=60))
    assert not paper.store.exists(late.sent)


def test_a_version_that_was_current_until_lately_keeps_its_rows(tmp_path: Path) -> None:
    """Of production's: a refresh of test brings back what was current then, however old it was."""
    paper = Paper(tmp_path)
    paper.play(EXPORT)
    paper.nights = 50
    paper.play(renamed("Deux"))
    prune(paper.store, paper.tenant, [paper.ledger], START + timedelta(days=60))
    assert paper.ledger.rows_at(1).height == paper.ledger.rows_at(2).height > 0
    prune(paper.store, paper.tenant, [paper.ledger], START + timedelta(days=90))
    assert not paper.store.exists(paper.ledger.settled(1).rows)


def test_a_ledger_that_was_replaced_goes_with_retention(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    paper.play(EXPORT)
    other = Ledger(paper.store, paper.ledger.host, "77")
    paper.store.write(f"ledgers-replaced/{other.path.removeprefix('ledgers/')}-20200101T000000Z.zip", b"")
    strange = f"ledgers-replaced/{paper.ledger.path.removeprefix('ledgers/')}-by-hand.zip"
    paper.store.write(strange, b"")
    kept = backup(paper.ledger, START)
    for moment in (START, LATER):
        restore(paper.ledger, kept, moment, instead=True)
    assert len(paper.store.files("ledgers-replaced")) == 4
    assert prune(paper.store, paper.tenant, [paper.ledger], LATER)["ledger files"] == 1
    assert [path.rpartition("-")[2] for path in paper.store.files("ledgers-replaced")] == [
        f"{LATER:%Y%m%dT%H%M%SZ}.zip",
        "hand.zip",
        "20200101T000000Z.zip",
    ]
    assert paper.ledger.current()[0] == 1


def test_old_requests_go(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    for name, moment in (("old", START), ("new", LATER)):
        paper.store.write(f"requests/fern/{name}.json", json.dumps({"at": moment.isoformat()}).encode())
    assert prune(paper.store, paper.tenant, [], LATER)["requests"] == 1
    assert paper.store.names("requests/fern") == ["new.json"]


def test_a_tenant_without_runs(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    assert ledgers_of(paper.store, paper.tenant) == []
    assert not any(prune(paper.store, paper.tenant, [Ledger(paper.store, "h", "1")], LATER).values())


FAR = FIRST + timedelta(days=90)


def test_of_each_canvas_the_newest_run_and_the_open_request_stay_however_old(tmp_path: Path) -> None:
    rollout = on_paper(tmp_path)
    rollout.rehearse(small.school())
    rollout.promote()
    rollout.approve()
    rollout.go("live")
    half = small.school()
    for person in small.PUPILS[6:]:
        half = half.without(person)
    rollout.rehearse(half)
    waiting = rollout.promote()
    assert waiting.request is not None
    for name in ("Ash", "Birch"):
        rollout.rehearse(half.renamed("p01", name))
        newest = rollout.promote(only="north")  # leaves what waits as it is
        assert newest.request is None
    store = rollout.production.loading.ledger.store
    ledgers = ledgers_of(store, rollout.tenant)
    assert {one.host for one in ledgers} == {"canvas.example", "canvas.test.example"}

    removed = prune(store, rollout.tenant, ledgers, FAR)

    assert removed["runs"] > 0
    assert store.exists(waiting.night.run.path)
    assert store.exists(waiting.request.artefact)
    assert store.exists(newest.night.run.path)
    for ledger in ledgers:
        assert store.exists(newest_run(store, "sample", ledger).path)
    assert [one.answer for one in decisions(store, "sample")] == ["approved"]
    assert not any(prune(store, rollout.tenant, ledgers, FAR).values())
    assert rollout.approve().decision.outcome == "loaded"
    assert [one.answer for one in decisions(store, "sample")] == ["approved", "approved"]


def test_a_request_that_is_open_no_longer_keeps_nothing(tmp_path: Path) -> None:
    rollout = on_paper(tmp_path)
    rollout.rehearse(small.school())
    first = rollout.promote()
    rollout.approve()
    for name in ("Ash", "Birch"):
        rollout.rehearse(small.school().renamed("p01", name))
        rollout.promote()
        rollout.approve()
    store = rollout.production.loading.ledger.store
    prune(store, rollout.tenant, ledgers_of(store, rollout.tenant), FAR)
    assert not store.exists(first.night.run.path)
    assert len([*decisions(store, "sample")]) == 3  # with all that was shown
    assert all(one.shown.startswith("**") for one in decisions(store, "sample"))
