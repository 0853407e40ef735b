"""Small Clever exports, written as files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from roster.evidence import Evidence
from roster.model import Roster
from roster.settings import CleverCsv
from roster.sources import Good, system
from roster.sources.files import Folder

NOW = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
SETTINGS = CleverCsv(name="clever", system="clever_csv", connection="export")

FILES: Mapping[str, str] = {
    "schools.csv": "School_id,School_name\n007,Fern Hill\n008,Gum Creek\n",
    "students.csv": (
        "School_id,Student_id,Student_number,Last_name,Middle_name,First_name,Student_email,Username,Contact_name,"
        "Contact_relationship,Contact_type,Contact_email,Contact_sis_id,Password\n"
        "007,0041,N41,Ode,Q,Ann,ann@example.org,anno,Maria Ode,Mother,Primary,maria@example.org,,pw-ann\n"
        "008,0042,N42,Bell,,Bo,bo@example.org,bob,,,,,,pw-bo\n"
    ),
    "teachers.csv": (
        "School_id,Teacher_id,Teacher_number,Last_name,First_name,Teacher_email,Title,Username,Password\n"
        "007,T1,N1,Vaux,Tess,tess@example.org,Head,tessv,pw-tess\n"
        "007,T2,N2,Hall,Hugo,hugo@example.org,,hugoh,pw-hugo\n"
    ),
    "sections.csv": (
        "School_id,Section_id,Teacher_id,Teacher_2_id,Name,Section_number,Course_name,Course_number,Period,"
        "Term_name,Term_start,Term_end\n"
        "007,S1,T1,T2,Maths A,1,Maths,M7,3,Y1,8/1/25,06/30/2026\n"
        "008,S2,T2,,Art B,2,Art,,4,Y1,08/01/2025,6/30/26\n"
    ),
    "enrollments.csv": "School_id,Section_id,Student_id\n007,S1,0041\n008,S2,0042\n",
}


def write(folder: Path, *, modified: datetime = NOW - timedelta(hours=1), **changed: str | bytes | None) -> Path:
    """An export in folder; changed: content by table, None leaves the file out."""
    folder.mkdir(exist_ok=True)
    for name, content in {**FILES, **{f"{stem}.csv": content for stem, content in changed.items()}}.items():
        if content is not None:
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
            touch(folder / name, modified)
    return folder


def touch(file: Path, modified: datetime) -> None:
    """Give the file that time."""
    os.utime(file, (modified.timestamp(), modified.timestamp()))


def extract(
    export: Path, settings: CleverCsv = SETTINGS, *, last_good: Evidence | None = None, now: datetime = NOW
) -> tuple[Path, Evidence]:
    """(folder of raw tables, evidence)"""
    raw = export.with_name(f"{export.name}-raw")
    raw.mkdir(exist_ok=True)
    good = Good(last_good, lambda: nullcontext(raw)) if last_good else None
    evidence = system("clever_csv").extract(Folder(export), settings, raw, last_good=good, now=now)
    return raw, evidence


def roster(export: Path, settings: CleverCsv = SETTINGS) -> Roster:
    """The roster of the export."""
    raw, _ = extract(export, settings)
    return system("clever_csv").to_roster(raw, settings)


def rows(frame: pl.LazyFrame, *columns: str) -> list[tuple[object, ...]]:
    """The rows of these columns, in the frame's order."""
    return frame.select(columns).collect().rows()
