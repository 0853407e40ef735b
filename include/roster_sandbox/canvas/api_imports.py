"""SIS Imports API: posting, listing, aborting, and the messages."""

from __future__ import annotations

import csv
import io
import json
import secrets
import sqlite3
from email.message import Message
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from roster_sandbox.canvas import dates
from roster_sandbox.canvas.answers import US, import_json, message_json
from roster_sandbox.canvas.api_restoring import look_on
from roster_sandbox.canvas.faults import Queue, SlowImport, Stuck
from roster_sandbox.canvas.options import Options, Refused, read_options, refuse_contradictions
from roster_sandbox.canvas.paging import NOT_FOUND, page
from roster_sandbox.canvas.sandbox import Db, Sandbox, find, may_import, may_see_imports, sandbox_of, written_id
from roster_sandbox.canvas.store import transaction

router = APIRouter(prefix="/api/v1/accounts/{account_id}")
files = APIRouter()
_EXTENSIONS = {"text/csv": "csv", "text/plain": "csv", "application/zip": "zip", "text/xml": "xml"}
_ABORTABLE = "('initializing', 'created', 'importing', 'cleanup_batch')"


@router.post("/sis_imports", dependencies=[Depends(may_import)])
async def create(request: Request) -> JSONResponse:
    """Take an upload; the import waits in `created`."""
    sandbox = sandbox_of(request)
    body = await request.body()
    parameters: dict[str, str] = dict(request.query_params)
    content_type = Message()
    content_type["content-type"] = request.headers.get("content-type", "")
    filename, data = "", body
    if content_type.get_content_type() == "multipart/form-data":
        async with request.form() as form:
            parameters.update({name: value for name, value in form.items() if isinstance(value, str)})
            attachment = form.get("attachment")
            if isinstance(attachment, UploadFile):
                filename, data = attachment.filename or "", await attachment.read()
    if any(name.startswith("pre_attachment") for name in parameters):
        raise Refused(400, {"message": "pre_attachment is not simulated by this stand-in."})
    if not filename:
        filename = _raw_name(content_type, parameters)
    account = written_id(request, "account_id")
    answer = await run_in_threadpool(_register, sandbox, account, parameters, filename, data, _base(request))
    sandbox.worker.wake()
    return JSONResponse(answer)


def _raw_name(content_type: Message, parameters: dict[str, str]) -> str:
    """A name for a raw body: `extension` wins, then the content type, and anything unknown counts as a zip."""
    charset = content_type.get_content_charset()
    if charset is not None and charset != "utf-8":
        raise Refused(400, {"errors": [{"message": "Only UTF-8 is supported as charset"}]})
    given = content_type.get_content_type() if content_type["content-type"] else ""
    extension = parameters.get("extension") or _EXTENSIONS.get(given, "zip")
    return f"sis_import.{extension}"


def _register(
    sandbox: Sandbox, account_id: str, parameters: dict[str, str], filename: str, data: bytes, base: str
) -> dict[str, Any]:
    with sandbox.store.connect() as db:
        account = find(db, "accounts", account_id, sandbox.settings.root_account_id)
        if account["id"] != sandbox.settings.root_account_id:
            raise Refused(400, {"errors": ["SIS imports can only be executed on root accounts"]})
        options = read_options(parameters)
        try:
            refuse_contradictions(options, db)
        except Refused as refusal:
            if refusal.saved:
                _insert(db, options, filename, state="initializing")
            raise
        faults = sandbox.faults.of_import()
        stuck = next((fault.state for fault in faults if isinstance(fault, Stuck)), None)
        with transaction(db):
            for fault in faults:
                if isinstance(fault, Queue):
                    _insert_others(db, fault)
            import_id = _insert(
                db,
                options,
                filename,
                state="initializing" if stuck == "initializing" else "created",
                stuck=stuck,
                faults=json.dumps([fault.model_dump(exclude={"times", "after"}) for fault in faults]),
            )
            sandbox.store.upload(import_id).write_bytes(data)
        row = db.execute("SELECT * FROM imports WHERE id = ?", (import_id,)).fetchone()
        return import_json(db, row, base, single=True)


def _insert(
    db: sqlite3.Connection,
    options: Options,
    filename: str | None,
    *,
    state: str,
    stuck: str | None = None,
    faults: str = "[]",
    owner: str = US,
) -> int:
    moment = dates.now()
    cursor = db.execute(
        "INSERT INTO imports (state, created_at, updated_at, options, data, identifier, filename, owner, stuck,"
        " faults, verifier) VALUES (?, ?, ?, ?, '{}', ?, ?, ?, ?, ?, ?)",
        (
            *(state, moment, moment, options.model_dump_json(), options.diffing_data_set_identifier, filename),
            *(owner, stuck, faults, secrets.token_urlsafe(24)),
        ),
    )
    return int(cursor.lastrowid or 0)


def _insert_others(db: sqlite3.Connection, queue: Queue) -> None:
    slow = json.dumps([SlowImport(seconds=queue.seconds).model_dump()])
    for _ in range(queue.imports):
        _insert(db, Options(), None, state="created", faults=slow, owner="somebody else")


@router.get("/sis_imports", dependencies=[Depends(may_see_imports)])
def listed(request: Request, db: Db) -> JSONResponse:
    """Newest first; `created_since`, `created_before` and `workflow_state[]` narrow it."""
    _root_only(request, db)
    query, parameters = "SELECT * FROM imports WHERE 1", list[Any]()
    for name, compare in (("created_since", ">="), ("created_before", "<=")):
        if moment := _moment(request.query_params.get(name)):
            query += f" AND created_at {compare} ?"
            parameters.append(moment)
    if states := request.query_params.getlist("workflow_state[]"):
        query += f" AND state IN ({', '.join('?' * len(states))})"
        parameters += states
    rows, links = page(request, db, query, parameters, newest_first=True)
    return _imports(request, db, rows, links)


@router.get("/sis_imports/importing", dependencies=[Depends(may_see_imports)])
def importing(request: Request, db: Db) -> JSONResponse:
    """What runs now."""
    _root_only(request, db)
    rows, links = page(request, db, "SELECT * FROM imports WHERE state = 'importing'", (), newest_first=True)
    return _imports(request, db, rows, links)


def _imports(request: Request, db: sqlite3.Connection, rows: list[sqlite3.Row], links: dict[str, str]) -> JSONResponse:
    found = [import_json(db, row, _base(request), single=False) for row in rows]
    return JSONResponse({"sis_imports": found}, headers=links)


@router.put("/sis_imports/abort_all_pending", dependencies=[Depends(may_import)])
def abort_all_pending(request: Request, db: Db) -> JSONResponse:
    """Abort what waits; what runs goes on."""
    _root_only(request, db)
    db.execute(
        "UPDATE imports SET state = 'aborted', ended_at = ?, updated_at = ? WHERE state IN ('initializing', 'created')",
        (dates.now(), dates.now()),
    )
    return JSONResponse({"aborted": True})


@router.get("/sis_imports/{import_id}", dependencies=[Depends(may_see_imports)])
def one(request: Request, db: Db) -> JSONResponse:
    """One import, with messages once it has ended; looking lets a job that restores its states go on."""
    _root_only(request, db)
    look_on(db, int(_import(request, db)["id"]))
    return JSONResponse(import_json(db, _import(request, db), _base(request), single=True))


@router.put("/sis_imports/{import_id}/abort", dependencies=[Depends(may_import)])
def abort(request: Request, db: Db) -> JSONResponse:
    """Abort what has not ended; what was applied stays applied."""
    _root_only(request, db)
    row = _import(request, db)
    aborted = db.execute(
        "UPDATE imports SET state = 'aborted', ended_at = ?, updated_at = ?"  # noqa: S608 - a constant
        f" WHERE id = ? AND state IN {_ABORTABLE}",
        (dates.now(), dates.now(), row["id"]),
    )
    if aborted.rowcount == 0:
        raise Refused(404, NOT_FOUND)
    sandbox_of(request).worker.wake()
    return JSONResponse(import_json(db, _import(request, db), _base(request), single=True))


@router.get("/sis_imports/{import_id}/errors", dependencies=[Depends(may_see_imports)])
def errors_of_one(request: Request, db: Db) -> JSONResponse:
    """All messages of an import, newest first."""
    _root_only(request, db)
    return _errors(request, db, "SELECT * FROM messages WHERE import_id = ?", [_import(request, db)["id"]])


@router.get("/sis_import_errors", dependencies=[Depends(may_see_imports)])
def errors_of_all(request: Request, db: Db) -> JSONResponse:
    """All messages of all imports, newest first."""
    _root_only(request, db)
    return _errors(request, db, "SELECT * FROM messages WHERE 1", [])


def _errors(request: Request, db: sqlite3.Connection, query: str, parameters: list[Any]) -> JSONResponse:
    if request.query_params.get("failure") in {"true", "1"}:
        query += " AND failure = 1"
    rows, links = page(request, db, query, parameters, newest_first=True)
    return JSONResponse({"sis_import_errors": [message_json(row) for row in rows]}, headers=links)


@files.get("/files/{import_id}/download")
def download(request: Request, db: Db) -> Response:
    """The file of messages: first sent on to where files lie, and there nobody may show a bearer token."""
    verifier = request.query_params.get("verifier", "")
    given = request.path_params["import_id"]
    row = db.execute("SELECT * FROM imports WHERE id = ?", (given,)).fetchone()
    if row is None or not secrets.compare_digest(str(row["verifier"]).encode(), verifier.encode()):
        raise Refused(404, NOT_FOUND)
    return RedirectResponse(f"{_elsewhere(request)}/stored/{given}?signature={verifier}")


@files.get("/stored/{import_id}")
def stored(request: Request, db: Db) -> Response:
    """The bytes, as an object store hands them out."""
    given, signature = request.path_params["import_id"], request.query_params.get("signature", "")
    row = db.execute("SELECT * FROM imports WHERE id = ?", (given,)).fetchone()
    if row is None or not secrets.compare_digest(str(row["verifier"]).encode(), signature.encode()):
        return Response("<Error><Code>AccessDenied</Code></Error>", 403, media_type="application/xml")
    if "authorization" in request.headers:
        return Response("<Error><Code>InvalidArgument</Code></Error>", 400, media_type="application/xml")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["sis_import_id", "file", "message", "row"])
    for message in db.execute("SELECT * FROM messages WHERE import_id = ? ORDER BY id", (given,)):
        writer.writerow([message["import_id"], message["file"], message["message"], message["row"]])
    return Response(text.getvalue(), media_type="text/csv")


def _elsewhere(request: Request) -> str:
    """The same port under loopback's other name; where it is reached by another name, that one."""
    others = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}
    netloc = request.url.netloc
    for name, other in others.items():
        if netloc.partition(":")[0] == name:
            netloc = netloc.replace(name, other, 1)
            break
    return f"{request.url.scheme}://{netloc}"


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _root_only(request: Request, db: sqlite3.Connection) -> None:
    root = sandbox_of(request).settings.root_account_id
    account = find(db, "accounts", written_id(request, "account_id"), root)
    if account["id"] != root:
        raise Refused(400, {"errors": ["SIS imports can only be executed on root accounts"]})


def _import(request: Request, db: sqlite3.Connection) -> sqlite3.Row:
    given = request.path_params["import_id"]
    row: sqlite3.Row | None = None
    if given.isascii() and given.isdigit():
        row = db.execute("SELECT * FROM imports WHERE id = ?", (int(given),)).fetchone()
    if row is None:
        raise Refused(404, NOT_FOUND)
    return row


def _moment(given: str | None) -> str | None:
    """A moment to compare with; one that cannot be read is no filter at all."""
    try:
        return dates.parsed(given or None)
    except dates.BadDate:
        return None
