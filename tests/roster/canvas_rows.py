"""Canvas rows for tests of plan, holds and ledger: builders of one row each, a small district, and nights over them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from roster.absence import Proof
from roster.canvas import FILES, module
from roster.canvas.wanted import FROZEN, SEPARATOR
from roster.journal import OUTCOMES
from roster.ledger_rows import LEDGER, moved
from roster.plan import Plan, Wanted, Wish, plan
from roster.safety import OPEN, Gate
from roster.steps.plan import numbered
from roster.tenants import Tenant

Row = dict[str, str | None]
NIGHT = datetime(2026, 3, 2, 16, tzinfo=UTC)
EMPTY = pl.DataFrame(schema=LEDGER)


def a_tenant(*, on_drop: Mapping[str, str] | None = None, **safety: Any) -> Tenant:
    """A tenant with this drop policy and these limits."""
    return Tenant.model_validate(
        {
            "id": "banksia",
            "name": "Banksia Schools",
            "timezone": "Australia/Brisbane",
            "sources": [{"name": "clever", "system": "clever_csv", "connection": "clever_banksia"}],
            "canvas": {"test": {"connection": "canvas_banksia_test"}},
            "sync": {"on_drop": dict(on_drop or {})},
            "safety": safety,
        }
    )


# Without limits a test sees what is planned; the tests of limits set their own.
NO_LIMITS: dict[str, Any] = {"deleted": "100%", "updated": "100%", "per_school": False, "at_least": 1_000_000}


def _row(file: str, school: str | None, columns: Row) -> Row:
    return {"file": file, "school": school, **columns}


def an_account(id_: str = "north") -> Row:
    return _row(
        "accounts.csv",
        id_,
        {"account_id": id_, "parent_account_id": None, "name": f"{id_} school", "status": "active"},
    )


def a_term(id_: str = "autumn", end: str | None = "2026-06-26T13:59:59Z") -> Row:
    dates = {"start_date": "2026-01-25T14:00:00Z", "end_date": end}
    return _row("terms.csv", None, {"term_id": id_, "name": f"term {id_}", "status": "active", **dates})


def a_course(id_: str = "maths", school: str = "north", term: str | None = "autumn", **columns: str | None) -> Row:
    return _row(
        "courses.csv",
        school,
        {
            "course_id": id_,
            "short_name": f"short {id_}",
            "long_name": f"long {id_}",
            "account_id": school,
            "term_id": term,
            "status": "active",
        }
        | columns,
    )


def a_section(id_: str = "maths-1", course: str = "maths", school: str = "north", **columns: str | None) -> Row:
    fields = {"section_id": id_, "course_id": course, "name": f"section {id_}", "status": "active"}
    return _row("sections.csv", school, fields | columns)


def a_user(id_: str = "ada", school: str | None = "north", **columns: str | None) -> Row:
    return _row(
        "users.csv",
        school,
        {
            "user_id": id_,
            "login_id": f"{id_}.login",
            "first_name": f"{id_} first",
            "last_name": f"{id_} last",
            "email": f"{id_}@mail.example",
            "status": "active",
        }
        | columns,
    )


def an_enrolment(
    user: str = "ada", section: str = "maths-1", school: str = "north", role: str = "student", **columns: str | None
) -> Row:
    fields = {"section_id": section, "user_id": user, "role": role, "status": "active"}
    return _row("enrollments.csv", school, fields | columns)


def a_link(observer: str = "bea", student: str = "ada", school: str = "north") -> Row:
    columns: Row = {"observer_id": observer, "student_id": student, "status": "active"}
    return _row("user_observers.csv", school, columns)


def a_listing(section: str = "maths-1", course: str = "arts", school: str = "north") -> Row:
    return _row("xlists.csv", school, {"xlist_course_id": course, "section_id": section, "status": "active"})


def key(row: Row) -> str:
    """The row's key, as the transform step makes it."""
    return SEPARATOR.join(str(row[column]) for column in module(str(row["file"])).KEY)


def a_school(school: str = "north", pupils: int = 3, sections: int = 1) -> list[Row]:
    """A school's account, its course with sections, its pupils (north-p1, …), each in every section."""
    names = [f"{school}-p{number}" for number in range(1, pupils + 1)]
    ids = [f"{school}-s{number}" for number in range(1, sections + 1)]
    return [
        an_account(school),
        a_course(f"{school}-c", school),
        *(a_section(section, f"{school}-c", school) for section in ids),
        *(a_user(name, school) for name in names),
        *(an_enrolment(name, section, school) for section in ids for name in names),
    ]


def a_wanted(rows: Iterable[Row], frozen: Iterable[tuple[str, str]] = (), off: Collection[str] = ()) -> Wanted:
    """What the transform step would write of these rows. frozen: file, key. off: files that are not synced."""
    tables: dict[str, list[dict[str, str | None]]] = {m.FILE: [] for m in FILES if m.FILE not in off}
    for row in rows:
        columns = {name: value for name, value in row.items() if name != "file"}
        tables[str(row["file"])].append({**columns, "key": key(row), "record": f"record of {key(row)}"})
    frames = {}
    for file, records in tables.items():
        names = list(dict.fromkeys(name for record in records for name in record)) or [
            *module(file).COLUMNS,
            *("school", "key", "record"),
        ]
        order = [name for name in module(file).COLUMNS if name in names] + ["key", "school", "record"]
        frames[file] = pl.DataFrame(records, schema=dict.fromkeys(names, pl.String)).select(order).sort("key")
    kept = pl.DataFrame([(file, name, "quarantine") for file, name in frozen], schema=FROZEN, orient="row")
    return Wanted(frames, kept)


def a_night(
    rows: Iterable[Row] | Wanted,
    ledger: pl.DataFrame = EMPTY,
    tenant: Tenant | None = None,
    *,
    proven: bool = True,
    present_before: pl.DataFrame | None = None,
    sequence: int = 1,
    run_date: datetime = NIGHT,
    wish: Wish | None = None,
    gate: Gate = OPEN,
) -> Plan:
    """The plan of a night on which absence is proven, without limits, unless told otherwise."""
    return plan(
        rows if isinstance(rows, Wanted) else a_wanted(rows),
        ledger,
        tenant or a_tenant(**NO_LIMITS),
        run_date=run_date,
        sequence=sequence,
        proof=a_proof(proven=proven, present_before=present_before),
        wish=wish,
        gate=gate,
    )


def a_proof(*, proven: bool, present_before: pl.DataFrame | None) -> Proof:
    """The same for every file. present_before: KEYS; None where nothing confirms."""
    if proven:
        return Proof(frozenset(one.FILE for one in FILES))
    if present_before is None:
        return Proof()
    keys = {one.FILE: present_before.filter(pl.col("file") == one.FILE)["key"] for one in FILES}
    return Proof(before=keys)


def after(ledger: pl.DataFrame, changes: pl.DataFrame, outcome: str = "sent", sequence: int = 1) -> pl.DataFrame:
    """The ledger after Canvas answered so about every one of these changes."""
    sent = numbered(changes)
    outcomes = sent.select("file", "row", outcome=pl.lit(outcome)).cast(OUTCOMES)
    return moved(ledger, sent, outcomes, sequence)


def a_ledger(rows: Iterable[Row] | Wanted, sequence: int = 1) -> pl.DataFrame:
    """The ledger of a Canvas that was given these rows and took them."""
    return after(EMPTY, a_night(rows, sequence=sequence).free, sequence=sequence)


def lines(changes: pl.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    """(file without .csv, key, action) of changes, or the columns that are named."""
    if columns:
        return changes.select(columns).rows()
    return [
        (file.removesuffix(".csv"), name, action)
        for file, name, action in changes.select("file", "key", "action").rows()
    ]
