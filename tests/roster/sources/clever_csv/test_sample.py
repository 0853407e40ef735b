"""Clever's own sample district, which none of us wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from roster.evidence import Evidence
from roster.model import Roster
from roster.sources import system
from roster.sources.files import Folder
from tests.roster.sources.exports import SETTINGS

FAMILY = ("mother", "father", "stepmother", "stepfather", "grandmother", "grandfather")


@pytest.fixture(scope="module")
def sample(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Roster, Evidence]:
    export = samples / "clever-sandbox"
    if not export.is_dir():
        pytest.skip(f"no Clever sample at {export}")
    raw = tmp_path_factory.mktemp("sample")
    clever = system("clever_csv")
    evidence = clever.extract(Folder(export), SETTINGS, raw, last_good=None, now=datetime.now(UTC))
    return clever.to_roster(raw, SETTINGS), evidence


def test_its_evidence(sample: tuple[Roster, Evidence]) -> None:
    evidence = sample[1]
    assert evidence.rows == {"schools": 3, "students": 1004, "teachers": 89, "sections": 379, "enrollments": 8971}
    assert (evidence.complete, evidence.proven, evidence.reasons) == (True, True, ())


def test_its_roster(sample: tuple[Roster, Evidence]) -> None:
    tables = {name: frame.collect() for name, frame in sample[0].tables()}
    assert {name: frame.height for name, frame in tables.items() if name != "users"} == {
        "orgs": 3,
        "academic_sessions": 3,
        "courses": 347,
        "classes": 379,
        "enrollments": 8971 + 460,
        "guardians": 1004,
    }
    kinds = tables["users"].group_by("kind").len().sort("kind").rows()
    assert kinds == [("guardian", 1002), ("staff", 89), ("student", 1004)]
    for name, frame in tables.items():
        assert frame["sourced_id"].is_unique().all(), name
        assert not frame["sourced_id"].null_count(), name
    assert tables["classes"].select("school_id", "session_id", "course_id").n_unique() == 347


def test_its_teachers(sample: tuple[Roster, Evidence]) -> None:
    roster = sample[0]
    teaching = roster.enrollments.filter(role="teacher")
    across = (
        teaching.join(roster.classes, left_on="class_id", right_on="sourced_id")
        .join(roster.users, left_on="user_id", right_on="sourced_id", suffix="_user")
        .filter(pl.col("school_id") != pl.col("school_id_user"))
    )
    assert teaching.collect().height == 460
    assert across.collect().height == 55
    idle = roster.users.filter(kind="staff").join(teaching, left_on="sourced_id", right_on="user_id", how="anti")
    assert idle.collect().height == 12


def test_its_guardians(sample: tuple[Roster, Evidence]) -> None:
    links = sample[0].guardians.filter(pl.col("relationship").str.to_lowercase().is_in(FAMILY)).collect()
    assert (links.height, links["guardian_id"].n_unique()) == (369, 368)
