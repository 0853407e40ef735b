"""The linter and the stand-in's importer, written apart, agree on which rows of a set Canvas leaves out or changes.

Left out of the sets, because only Canvas can know: deletes of people, accounts and links (what a delete finds depends
on what is there), rows for accounts that exist (a wrong status is then ignored), a term's dates for one kind of
enrolment, providers, role ids, an account's own roles, who has an integration id or a number of Canvas's, and ids that
are changed to ones that were there before. Nor are enrolments compared that name a cross-listed section together with a
course: which of its courses Canvas takes is not confirmed.
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

from roster.lint.kinds import KINDS, NAMES
from roster.lint.linting import lint
from roster_sandbox.canvas import dates
from roster_sandbox.canvas.importers import APPLY
from roster_sandbox.canvas.options import Options
from roster_sandbox.canvas.settings import Settings
from roster_sandbox.canvas.store import Store
from roster_sandbox.canvas.worker import Job

LONG = "n" * 256
NAME = st.sampled_from(["Name", "Name", "", LONG, 'with "quotes", and a comma'])
STATUS = st.sampled_from(["active", "active", "active", "Active", "activexyz", "", "gone"])
DATE = st.sampled_from(["", "", "2026-1-05", "5/1/2026", "31/12/2026", "12/31/2026", "2026-02-30", "2026-01-31T25:00"])
WHOLE = STATUS | st.just("deleted")
COURSE, SECTION, USER = (st.sampled_from([f"{of}1", f"{of}2", f"{of}3", ""]) for of in "csu")
PERSON = USER | st.sampled_from(["l1", "l2"])
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
    "xlists": {"xlist_course_id": COURSE | st.just("c9"), "section_id": SECTION, "status": WHOLE},
    "users": {
        "user_id": USER,
        "login_id": st.sampled_from(["ada", "ADA", "bob", "cy", "", "l" * 101]),
        "integration_id": st.sampled_from(["", "", "i1", "i2"]),
        "full_name": NAME,
        "email": st.sampled_from(["", "ada@x.org", "no address", "a@b"]),
        "status": STATUS | st.just("suspended"),
    },
    "logins": {
        "user_id": st.sampled_from(["l1", "l2", "u1", ""]),
        "login_id": st.sampled_from(["ada", "BOB", "dee", "eve", "", "l" * 101]),
        "authentication_provider_id": st.sampled_from(["", "saml", "google"]),
        "existing_user_id": PERSON,
    },
    "enrollments": {
        "course_id": COURSE | st.just("c9"),
        "section_id": SECTION,
        "user_id": PERSON,
        "role": st.sampled_from(["student", "Students", "Teacher", "observer", "pupil", ""]),
        "associated_user_id": USER,
        "status": STATUS | st.sampled_from(["deleted", "completed", "deleted_last_completed"]),
        "start_date": DATE,
    },
    "admins": {
        "user_id": PERSON,
        "account_id": st.sampled_from(["", "a1", "a2", "a9"]),
        "role": st.sampled_from(["AccountAdmin", "AccountAdmin", ""]),
        "status": WHOLE,
    },
    "user_observers": {"observer_id": PERSON, "student_id": PERSON, "status": STATUS},
}
APART: Mapping[str, str] = {
    "abstract_course": "no roster of ours has one, and the stand-in takes none",
    "group_category": "groups are made by teachers, in Canvas: the stand-in takes none",
    "group": "as group_category",
    "group_membership": "as group_category",
    "grade_publishing_results": "it answers what a grade book asked, which the stand-in has not",
    "differentiation_tag_set": "of tags too the stand-in takes nothing",
    "differentiation_tag": "as differentiation_tag_set",
    "differentiation_tag_membership": "as differentiation_tag_set",
}
"""Types that the linter knows and that have nothing to be compared with, and why."""

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


def test_every_type_is_compared_or_has_a_reason_why_not() -> None:
    compared = {NAMES[file].name for file in COLUMNS} | {"change_sis_id"}
    assert compared == set(APPLY)
    assert compared.isdisjoint(APART)
    assert compared | set(APART) == {kind.name for kind in KINDS}


def csv_of(name: str, rows: list[tuple[str, ...]]) -> str:
    quoted = [
        ",".join('"' + value.replace('"', '""') + '"' if '"' in value else value for value in row) for row in rows
    ]
    return "\n".join([",".join(COLUMNS[name]), *quoted, ""])


def imported(folder: Path, *uploads: bytes) -> list[tuple[str, int | None, str]]:
    """File, row and text of every message of the last of these imports into an empty stand-in."""
    store, fixed = Store(folder), Settings()
    store.prepare("Root", fixed.root_account_id, "Admin")
    with store.connect() as db:
        for number, upload in enumerate(uploads, start=1):
            values = (dates.now(), dates.now(), Options().model_dump_json(), secrets.token_urlsafe(8))
            db.execute(
                "INSERT INTO imports (state, created_at, updated_at, options, data, filename, owner, faults, verifier)"
                " VALUES ('importing', ?, ?, ?, '{}', 'a.zip', 'us', '[]', ?)",
                values,
            )
            store.upload(number).write_bytes(upload)
            row: Any = db.execute("SELECT * FROM imports WHERE id = ?", (number,)).fetchone()
            Job(db, store, fixed, row, threading.Event()).work()
        query = "SELECT file, row, message FROM messages WHERE import_id = ?"
        return [tuple(found) for found in db.execute(query, (len(uploads),)).fetchall()]


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def both(
    files: Mapping[str, str | bytes], before: Mapping[str, str] | None = None
) -> tuple[list[tuple[str, int | None, str]], Any]:
    with tempfile.TemporaryDirectory() as scratch:
        upload = zipped(files)
        (Path(scratch) / "a.zip").write_bytes(upload)
        report = lint([Path(scratch) / "a.zip"], most=0)
        return imported(Path(scratch) / "canvas", *([zipped(before)] if before else []), upload), report


def told(report: Any, *rules: str) -> set[tuple[str, int]]:
    """File and row of what breaks one of the rules, or of what is refused."""
    return {
        (one.file.partition("/")[2], record)
        for one in report.findings
        for _, record in one.places
        if (one.rule.id in rules if rules else one.rule.severity == "refused")
    }


@settings(max_examples=100, deadline=None)
@given(SETS)
def test_they_leave_out_and_change_the_same_rows(rows: dict[str, list[tuple[str, ...]]]) -> None:
    messages, report = both({f"{name}.csv": csv_of(name, found) for name, found in rows.items()})

    def said(*stems: str) -> set[tuple[str, int | None]]:
        return {(file, row) for file, row, message in messages if any(stem in message for stem in stems)}

    changed = ("Bad date format", "The email address associated")
    # A delete of what is not there, in a section that the set deletes: Canvas would find an enrolment from before.
    of = rows["enrollments"]
    deletes = {("enrollments.csv", number) for number, row in enumerate(of, start=2) if row[5].startswith("deleted")}
    dead = said("is not a valid") & deletes
    listed = {section for _, section, _ in rows["xlists"]}
    apart = {
        ("enrollments.csv", number)
        for number, row in enumerate(of, start=2)
        if row[0] and row[1] in listed and ("enrollments.csv", number) in said("that are unrelated")
    }
    refused = {(file, row) for file, row, message in messages if not message.startswith(changed)} - dead - apart
    assert told(report) - apart == refused
    assert told(report, "date-bad") - refused - dead - apart == said(changed[0]) - refused
    assert told(report, "email-invalid") - refused == said(changed[1]) - refused


BEFORE = {
    "accounts.csv": "account_id,parent_account_id,name,status\nk1,,A,active\nk2,,B,active\n",
    "terms.csv": "term_id,name,status\nk1,A,active\nk2,B,active\n",
    "courses.csv": "course_id,short_name,long_name,status\nk1,A,A,active\nk2,B,B,active\n",
    "sections.csv": "section_id,course_id,name,status\nk1,k1,A,active\nk2,k2,B,active\n",
    "users.csv": "user_id,login_id,status\nk1,ada,active\nk2,bob,active\n",
}
CHANGES = st.tuples(
    st.sampled_from(["k1", "k2", "k1", "k2", ""]),
    st.sampled_from(["n1", "n2", "n1", "n2", ""]),
    st.sampled_from(["user", "user", "User", "course", "section", "term", "account", "lesson", ""]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(CHANGES, min_size=1, max_size=6))
def test_they_leave_out_the_same_changes_of_ids(rows: list[tuple[str, ...]]) -> None:
    content = "\n".join(["old_id,new_id,type", *(",".join(row) for row in rows), ""])
    messages, report = both({"change_sis_id.csv": content}, BEFORE)
    assert told(report) == {(file, row) for file, row, _ in messages}


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
