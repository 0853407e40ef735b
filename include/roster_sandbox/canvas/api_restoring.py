"""Restoring the states that an import changed: `restore_states`, and the Progress that tells how far it is.

A job runs as it, or its import, is looked at: waiting at the first look, running at the second, done at the third; an
import's jobs one after the other. As in Canvas, what one of them has restored the next does not restore again, and what
is older than 30 days has no record left: it restores nothing, and says nothing of it.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from roster_sandbox.canvas.faults import RestoreFails
from roster_sandbox.canvas.options import Refused
from roster_sandbox.canvas.paging import NOT_FOUND
from roster_sandbox.canvas.sandbox import Db, find, may_import, may_read, sandbox_of, written_id
from roster_sandbox.canvas.store import STATED, transaction

router = APIRouter(prefix="/api/v1")
_TRUE = frozenset({"true", "1", "t", "on"})
_NARROWED = {"undelete_only": "deleted", "unconclude_only": "completed"}


@router.put("/accounts/{account_id}/sis_imports/{import_id}/restore_states", dependencies=[Depends(may_import)])
async def restore_states(request: Request) -> JSONResponse:
    """Put a job into the queue; its Progress is the answer."""
    async with request.form() as form:
        given = {**dict(request.query_params), **{name: str(value) for name, value in form.items()}}
    asked = [name for name in ("batch_mode", *_NARROWED) if given.get(name, "").lower() in _TRUE]
    if len(_NARROWED.keys() & set(asked)) > 1:
        raise Refused(400, {"message": "cannot set both undelete_only and unconclude_only"})
    import_id = request.path_params["import_id"]
    with sandbox_of(request).store.connect() as db:
        find(db, "accounts", written_id(request, "account_id"), sandbox_of(request).settings.root_account_id)
        if not import_id.isdecimal() or not db.execute("SELECT 1 FROM imports WHERE id = ?", (import_id,)).fetchone():
            raise Refused(404, NOT_FOUND)
        fails = isinstance(getattr(request.state, "fault", None), RestoreFails)
        made = db.execute(
            "INSERT INTO progresses (import_id, asked, fails, state) VALUES (?, ?, ?, 'queued')",
            (import_id, json.dumps(asked), fails),
        )
        return JSONResponse(_progress(db, int(made.lastrowid or 0)))


@router.get("/progress/{progress_id}", dependencies=[Depends(may_read)])
def progress(request: Request, db: Db) -> JSONResponse:
    """How far it is; looking lets it go on."""
    given = request.path_params["progress_id"]
    row = db.execute("SELECT * FROM progresses WHERE id = ?", (given,)).fetchone() if given.isdecimal() else None
    if row is None:
        raise Refused(404, NOT_FOUND)
    look_on(db, int(row["import_id"]))
    return JSONResponse(_progress(db, int(row["id"])))


def look_on(db: sqlite3.Connection, import_id: int) -> None:
    """Let the first job of an import that has not ended go on."""
    query = "SELECT * FROM progresses WHERE import_id = ? AND state IN ('queued', 'running') ORDER BY id LIMIT 1"
    with transaction(db):
        if row := db.execute(query, (import_id,)).fetchone():
            _go_on(db, row)


def _go_on(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    asked = json.loads(row["asked"])
    if row["state"] == "queued":
        following, of_import = "running", "restoring"
    elif row["fails"]:
        following, of_import = "failed", "restore_failed"
    else:
        _restore(db, int(row["import_id"]), asked)
        following, of_import = "completed", "partially_restored" if asked else "restored"
    db.execute("UPDATE progresses SET state = ? WHERE id = ?", (following, row["id"]))
    db.execute("UPDATE imports SET state = ? WHERE id = ?", (of_import, row["import_id"]))


def _restore(db: sqlite3.Connection, import_id: int, asked: list[str]) -> None:
    """What was created is deleted again, unless only some states are asked for; batch mode never deleted anything."""
    if "batch_mode" in asked:
        return
    query = (
        "SELECT c.* FROM state_changes c JOIN imports i ON i.id = c.import_id WHERE c.import_id = ? AND NOT c.restored"
        " AND i.created_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-30 days') ORDER BY c.id DESC"
    )
    only = {_NARROWED[name] for name in asked}
    for change in db.execute(query, (import_id,)).fetchall():
        if (only and change["after"] not in only) or change["thing"] not in STATED:
            continue
        state = change["before"] or "deleted"
        db.execute(f"UPDATE {change['thing']} SET state = ? WHERE id = ?", (state, change["row_id"]))  # noqa: S608
        db.execute("UPDATE state_changes SET restored = 1 WHERE id = ?", (change["id"],))


def _progress(db: sqlite3.Connection, number: int) -> dict[str, Any]:
    row = db.execute("SELECT * FROM progresses WHERE id = ?", (number,)).fetchone()
    done = {"queued": 0, "running": 50, "failed": 50, "completed": 100}[row["state"]]
    return {
        "id": row["id"],
        "context_id": row["import_id"],
        "context_type": "SisBatch",
        "tag": "sis_batch_state_restore",
        "completion": done,
        "workflow_state": row["state"],
        "message": None,
        "url": f"/api/v1/progress/{row['id']}",
    }
