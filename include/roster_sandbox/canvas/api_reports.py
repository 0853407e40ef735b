"""Account reports: started, asked after until they are complete, and fetched from the host where files lie."""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
import time
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from roster_sandbox.canvas import dates, provisioning
from roster_sandbox.canvas.faults import ReportEnds, ReportFault, ReportFile, SlowReport
from roster_sandbox.canvas.files_host import Stored
from roster_sandbox.canvas.options import Refused
from roster_sandbox.canvas.paging import NOT_FOUND, page
from roster_sandbox.canvas.sandbox import Db, Sandbox, find, may_read, sandbox_of, written_id

router = APIRouter(prefix="/api/v1/accounts/{account_id}/reports", dependencies=[Depends(may_read)])
files = APIRouter()
_PARAMETER = re.compile(r"parameters\[(\w+)\]")
_FOR_GOOD = 1e12


@router.post("/{report}")
async def start(request: Request) -> JSONResponse:
    """Start one; which kinds it has, and what of them, is in `parameters[…]`."""
    given = dict(request.query_params)
    async with request.form() as form:
        given |= {name: value for name, value in form.items() if isinstance(value, str)}
    parameters = {found[1]: value for name, value in given.items() if (found := _PARAMETER.fullmatch(name))}
    return JSONResponse(await run_in_threadpool(_start, request, parameters))


def _start(request: Request, parameters: dict[str, str]) -> dict[str, Any]:
    sandbox, report = sandbox_of(request), _report(request)
    faults = sandbox.faults.of_report()
    with sandbox.store.connect() as db:
        _account(request, db)
        made = db.execute(
            "INSERT INTO reports (report, parameters, state, created_at, due, ends, verifier)"
            " VALUES (?, ?, 'created', ?, ?, ?, ?)",
            (report, json.dumps(parameters), dates.now(), _due(faults), _ends(faults), secrets.token_urlsafe(24)),
        )
        row = db.execute("SELECT * FROM reports WHERE id = ?", (made.lastrowid,)).fetchone()
        return _json(row, request)


@router.get("/{report}")
def listed(request: Request, db: Db) -> JSONResponse:
    """Those of one type that were not deleted, newest first."""
    _account(request, db)
    query = "SELECT * FROM reports WHERE report = ? AND state != 'deleted'"
    rows, links = page(request, db, query, (_report(request),), newest_first=True)
    return JSONResponse([_json(row, request) for row in rows], headers=links)


@router.get("/{report}/{report_id}")
def one(request: Request, db: Db) -> JSONResponse:
    """One, as far as it has come."""
    _account(request, db)
    row = _row(request, db)
    if row["state"] in {"created", "running"}:
        done = time.time() >= row["due"]
        if done and row["ends"] not in {"error", "aborted", "deleted"}:
            _write(sandbox_of(request), db, row)
        else:
            state = row["ends"] if done else "running"
            db.execute("UPDATE reports SET state = ? WHERE id = ?", (state, row["id"]))
        row = _row(request, db)
    return JSONResponse(_json(row, request))


@router.delete("/{report}/{report_id}")
def delete(request: Request, db: Db) -> JSONResponse:
    """Forget one."""
    _account(request, db)
    row = _row(request, db)
    db.execute("UPDATE reports SET state = 'deleted' WHERE id = ?", (row["id"],))
    return JSONResponse({**_json(row, request), "status": "deleted"})


@files.get("/files/reports/{report_id}/download")
def download(request: Request, db: Db) -> Response:
    """Canvas sends on to where the file lies."""
    given, verifier = request.path_params["report_id"], request.query_params.get("verifier", "")
    row = db.execute("SELECT * FROM reports WHERE id = ?", (given,)).fetchone()
    if row is None or row["file"] is None or not secrets.compare_digest(row["verifier"], verifier):
        raise Refused(404, NOT_FOUND)
    sandbox = sandbox_of(request)
    stored = Stored(sandbox.store.folder / row["file"], expired=row["ends"] == "expired", cut=row["ends"] == "cut")
    return RedirectResponse(sandbox.files.offer(request.url.hostname or "localhost", stored), 302)


def _write(sandbox: Sandbox, db: sqlite3.Connection, row: sqlite3.Row) -> None:
    extension, content = provisioning.written(db, row["report"], json.loads(row["parameters"]))
    file = sandbox.store.folder / f"{row['report']}_{row['id']}.{extension}"
    file.write_bytes(b"\x00 no report" if row["ends"] == "broken" else content)
    db.execute("UPDATE reports SET state = 'complete', file = ? WHERE id = ?", (file.name, row["id"]))


def _json(row: sqlite3.Row, request: Request) -> dict[str, Any]:
    complete = row["state"] == "complete"
    found: dict[str, Any] = {
        "id": row["id"],
        "report": row["report"],
        "status": row["state"],
        "progress": 100 if complete else 0 if row["state"] == "created" else 40,
        "created_at": row["created_at"],
        "parameters": json.loads(row["parameters"]),
        "file_url": None,
    }
    if complete:
        base = f"{request.url.scheme}://{request.url.netloc}"
        url = f"{base}/files/reports/{row['id']}/download?download_frd=1&verifier={row['verifier']}"
        found["attachment"] = {"id": row["id"], "filename": row["file"], "url": url}
        found["file_url"] = f"{base}/accounts/1/files/{row['id']}/download"
    return found


def _due(faults: list[ReportFault]) -> float:
    slow = next((fault for fault in faults if isinstance(fault, SlowReport)), None)
    if slow is None:
        return time.time()
    return _FOR_GOOD if slow.seconds is None else time.time() + slow.seconds


def _ends(faults: list[ReportFault]) -> str:
    for fault in faults:
        if isinstance(fault, ReportEnds):
            return fault.state
        if isinstance(fault, ReportFile):
            return fault.what
    return "complete"


def _report(request: Request) -> str:
    report = str(request.path_params["report"])
    if report not in provisioning.REPORTS:
        raise Refused(404, NOT_FOUND)
    return report


def _row(request: Request, db: sqlite3.Connection) -> sqlite3.Row:
    given = request.path_params["report_id"]
    query = "SELECT * FROM reports WHERE id = ? AND report = ? AND state != 'deleted'"
    row: sqlite3.Row | None = db.execute(query, (given, _report(request))).fetchone()
    if row is None:
        raise Refused(404, NOT_FOUND)
    return row


def _account(request: Request, db: sqlite3.Connection) -> None:
    root = sandbox_of(request).settings.root_account_id
    account = find(db, "accounts", written_id(request, "account_id"), root)
    if account["id"] != root:
        raise Refused(400, {"errors": ["only the root account's reports are simulated by this stand-in"]})
