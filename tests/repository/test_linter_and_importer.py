"""The linter and the stand-in's importer, written apart, agree on which rows of a set Canvas leaves out or changes.

Left out of the sets, because only Canvas can know: deletes of people, accounts and links (what a delete finds depends
on what is there), rows for accounts that exist (a wrong status is then ignored), a term's dates for one kind of
enrolment, providers, role ids and log-ins of several people's.
"""

from __future__ import annotations

import io
import secrets
import tempfile
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from roster.lint.linting import lint
from roster_sandbox.canvas import dates
from roster_sandbox.canvas.options import Options
from roster_sandbox.canvas.settings import Settings
from roster_sandbox.canvas.store import Store
from roster_sandbox.canvas.worker import Job

LONG = "n" * 256
NAME = st.sampled_from(["Name", "Name", "", LONG, 'with "quotes", and a comma'])
STATUS = st.sampled_from(["active", "active", "active", "Active", "activexyz", "", "gone"])
DATE = st.sampled_from(["", "", "2026-1-05", "5/1/2026", "31/12/2026", "12/31/2026", "2026-02-30", "2026-01-31T25:00"])
COURSE, SECTION, USER = (st.sampled_from([f"{of}1", f"{of}2", f"{of}3", ""]) for of in "csu")
COLUMNS: Mapping[str, Mapping[str, st.SearchStrategy[str]]] = {
    "accounts": {
        "account_id": st.sampled_from(["a1", "a2", "a3", ""]),
        "parent_account_id": st.sampled_from(["", "", "a1", "a2", "a3", "a9"]),
        "name": NAME.filter(lambda name: name != LONG),
        "status": STATUS,
    },
    "terms": {"term_id": st.sampled_from(["t1", "t2", ""]), "name": NAME, "status": STATUS, "start_date": DATE},
    "courses": {
        "course_id": COURSE,
        "short_name": NAME,
        "long_name": NAME,
        "account_id": st.sampled_from(["", "a1", "a2", "a9"]),
        "term_id": st.sampled_from(["", "t1", "t9"]),
        "status": STATUS | st.sampled_from(["published", "deleted"]),
        "start_date": DATE | st.just("<delete>"),
        "course_format": st.sampled_from(["", "online", "Online"]),
    },
    "sections": {
        "section_id": SECTION,
        "course_id": COURSE,
        "name": NAME,
        "status": STATUS | st.just("deleted"),
        "end_date": DATE,
    },
    "users": {
        "user_id": USER,
        "login_id": st.sampled_from(["ada", "ADA", "bob", "cy", "", "l" * 101]),
        "integration_id": st.sampled_from(["", "", "i1", "i2"]),
        "full_name": NAME,
        "email": st.sampled_from(["", "ada@x.org", "no address", "a@b"]),
        "status": STATUS | st.just("suspended"),
    },
    "enrollments": {
        "course_id": COURSE,
        "section_id": SECTION,
        "user_id": USER,
        "role": st.sampled_from(["student", "Students", "Teacher", "observer", "pupil", ""]),
        "associated_user_id": USER,
        "status": STATUS | st.sampled_from(["deleted", "completed", "deleted_last_completed"]),
        "start_date": DATE,
    },
    "user_observers": {"observer_id": USER, "student_id": USER, "status": STATUS},
}
SETS = st.fixed_dictionaries(
    {
        name: st.lists(
            st.tuples(*columns.values()),
            min_size=1,
            max_size=5,
            unique_by=(lambda row: row[0]) if name == "accounts" else None,
        )
        for name, columns in COLUMNS.items()
    }
)


def csv_of(name: str, rows: list[tuple[str, ...]]) -> str:
    quoted = [
        ",".join('"' + value.replace('"', '""') + '"' if '"' in value else value for value in row) for row in rows
    ]
    return "\n".join([",".join(COLUMNS[name]), *quoted, ""])


def imported(folder: Path, upload: bytes) -> list[tuple[str, int | None, str]]:
    """File, row and text of every message of an import into an empty stand-in."""
    store, fixed = Store(folder), Settings()
    store.prepare("Root", fixed.root_account_id, "Admin")
    with store.connect() as db:
        values = (dates.now(), dates.now(), Options().model_dump_json(), secrets.token_urlsafe(8))
        db.execute(
            "INSERT INTO imports (state, created_at, updated_at, options, data, filename, owner, faults, verifier)"
            " VALUES ('importing', ?, ?, ?, '{}', 'a.zip', 'us', '[]', ?)",
            values,
        )
        store.upload(1).write_bytes(upload)
        row: Any = db.execute("SELECT * FROM imports").fetchone()
        Job(db, store, fixed, row, threading.Event()).work()
        return [tuple(found) for found in db.execute("SELECT file, row, message FROM messages").fetchall()]


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def both(files: Mapping[str, str | bytes]) -> tuple[list[tuple[str, int | None, str]], Any]:
    with tempfile.TemporaryDirectory() as scratch:
        upload = zipped(files)
        (Path(scratch) / "a.zip").write_bytes(upload)
        report = lint([Path(scratch) / "a.zip"], most=0)
        return imported(Path(scratch) / "canvas", upload), report


@settings(max_examples=100, deadline=None)
@given(SETS)
def test_they_leave_out_and_change_the_same_rows(rows: dict[str, list[tuple[str, ...]]]) -> None:
    messages, report = both({f"{name}.csv": csv_of(name, found) for name, found in rows.items()})

    def told(*rules: str) -> set[tuple[str, int]]:
        return {
            (one.file.partition("/")[2], record)
            for one in report.findings
            for _, record in one.places
            if (one.rule.id in rules if rules else one.rule.severity == "refused")
        }

    def said(*stems: str) -> set[tuple[str, int | None]]:
        return {(file, row) for file, row, message in messages if any(stem in message for stem in stems)}

    changed = ("Bad date format", "The email address associated")
    # A delete of what is not there, in a section that the set deletes: Canvas would find an enrolment from before.
    of = rows["enrollments"]
    deletes = {("enrollments.csv", number) for number, row in enumerate(of, start=2) if row[5].startswith("deleted")}
    dead = said("is not a valid") & deletes
    refused = {(file, row) for file, row, message in messages if not message.startswith(changed)} - dead
    assert told() == refused
    assert told("date-bad") - refused - dead == said(changed[0]) - refused
    assert told("email-invalid") - refused == said(changed[1]) - refused


PIECES = (
    '"',
    '""',
    ",",
    "\n",
    "\r\n",
    "\r",
    " ",
    "\0",
    "é",
    "status",
    "user_id",
    "login_id,",
    "active",
    '"b"',
    "\ufeff",
)


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(["user_id,login_id,status", "section_id,course_id,name,status", "user_id,status", ""]),
    st.sampled_from(["\n", "\r\n", "\r", ""]),
    st.lists(st.sampled_from(PIECES), max_size=10).map("".join),
)
def test_they_refuse_the_same_files(header: str, end: str, body: str) -> None:
    messages, report = both({"x.csv": (header + end + body).encode()})
    assert bool(report.refused_files) == any(row is None for _, row, _ in messages)
