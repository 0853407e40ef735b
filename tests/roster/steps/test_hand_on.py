"""When the pointer is written, and what later nights are measured against."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from roster.runs import pointed
from roster.steps import Night
from roster.steps.hand_on import hand_on
from roster.steps.plan import Asked
from tests.five_pupils import tables, without
from tests.nights import Played
from tests.paper import START, Paper

pytestmark = pytest.mark.usefixtures("rules_only")

EXPORT = tables(START.date())
FEWER = without(EXPORT, "p2", "p3", "p4", "p5")


def pointer(paper: Paper, name: str) -> Any:
    return pointed(paper.store, "fern", name)


def again(played: Played, **changed: Any) -> str | None:
    """hand_on of a played night, told otherwise."""
    extract = played.steps["extract"]
    assert extract is not None
    told: dict[str, Any] = {
        "extracts": {"clever": extract["path"]},
        **{step: played.steps[step] for step in ("transform", "plan", "load")},
        "unreachable": False,
        "scope": None,
        "now": datetime(2026, 3, 3, 5, tzinfo=UTC),
    }
    return hand_on(changed.pop("night", played.night), **{**told, **changed})


def test_a_whole_night_is_pointed_to_and_measured_against(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    played = paper.play(EXPORT)
    tested = pointer(paper, "tested")
    assert tested.pop("at")
    assert tested == {
        "artefact": f"{played.night.run.path}/transform/attempt-1",
        "number": 1,
        "rehearsed": True,
        "unrehearsed": 0,
        "scope": None,
        "run": played.night.run.path,
    }
    assert pointer(paper, "good-clever")["path"] == f"{played.night.run.path}/extract.clever/attempt-1"
    assert pointer(paper, "good-roster")["rows"]["users"] == 12


def test_a_practice_a_night_without_artefact_and_one_that_did_not_settle_are_not(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    played = paper.play(EXPORT)
    paper.store.remove("pointers")
    night = played.night
    assert again(played, night=Night(night.store, night.tenant, night.run, night.run_date, practice=True)) is None
    assert again(played, transform=None) is None
    assert again(played, load=None) is None
    assert again(played, load={"path": "x", "counts": {"over_budget": True}}) is None
    assert paper.store.names("pointers/fern") == []


def test_unreachable_hands_on_unrehearsed_and_is_no_good_night(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    played = paper.play(EXPORT)
    paper.store.remove("pointers")
    assert again(played, plan=None, load=None, unreachable=True) == f"{played.night.run.path}/transform/attempt-1"
    assert pointer(paper, "tested")["rehearsed"] is False
    assert paper.store.names("pointers/fern") == ["tested.json"]


def test_what_only_narrowed_is_handed_on_with_its_scope_and_is_no_good_night(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    played = paper.play(EXPORT)
    paper.store.remove("pointers")
    assert again(played, scope="sch1")
    assert pointer(paper, "tested")["scope"] == "sch1"
    assert paper.store.names("pointers/fern") == ["tested.json"]


def test_an_unproven_night_is_good_only_when_there_is_nothing_left_to_prove(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    paper.play(EXPORT)
    strict = {"name": "clever", "system": "clever_csv", "connection": "x", "control": "control.csv", "shrink": "0%"}
    paper.set(sources=[strict])
    shrunken = paper.play(without(EXPORT, "p5"))
    assert not shrunken.json("plan", "plan.json")["standing"]["proven"]
    assert pointer(paper, "good-roster")["rows"]["users"] == 12
    assert pointer(paper, "tested")["number"] == 2
    paper.play(without(EXPORT, "p5"))
    assert pointer(paper, "good-roster")["rows"]["users"] == 10


def test_a_released_night_is_good(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    paper.play(EXPORT)
    held = paper.play(FEWER)
    shown = held.json("plan", "plan.json")["held_hash"]
    released = paper.play(FEWER, Asked(release=shown))
    assert released.json("plan", "plan.json")["released"] is True
    assert pointer(paper, "good-roster")["run"] == released.night.run.path


def test_the_pointer_never_goes_back_to_an_older_artefact(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    first = paper.play(EXPORT)
    paper.play(EXPORT)
    newest = pointer(paper, "tested")
    assert again(first) is None
    assert pointer(paper, "tested") == newest
