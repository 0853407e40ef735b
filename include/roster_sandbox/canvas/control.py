"""`/sandbox/…` is no part of Canvas: looking behind the counter, switching faults, a person's edits in the pages, and
what Instructure does: a refresh.

It wants no token and listens where the stand-in listens, on loopback.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Literal

import httpx
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.concurrency import run_in_threadpool

from roster_sandbox.canvas.faults import FAULT
from roster_sandbox.canvas.options import Refused
from roster_sandbox.canvas.refresh import NoCopy
from roster_sandbox.canvas.sandbox import Db, Sandbox, sandbox_of
from roster_sandbox.canvas.store import transaction

router = APIRouter(prefix="/sandbox")
_EDITABLE: dict[str, dict[str, str]] = {
    "account": {"name": "name"},
    "term": {"name": "name", "start_at": "start_at", "end_at": "end_at"},
    "course": {"name": "name", "code": "code", "state": "state", "start_at": "start_at", "end_at": "end_at"},
    "section": {"name": "name", "start_at": "start_at", "end_at": "end_at"},
    "user": {"name": "name", "sortable_name": "sortable_name", "short_name": "short_name", "state": "state"},
    "login": {"login_id": "unique_id", "state": "state"},
}
_TABLES = {"account": "accounts", "term": "terms", "course": "courses", "section": "sections", "login": "logins"}
_STATE: dict[str, str] = {
    "accounts": "SELECT a.sis_id AS account_id, p.sis_id AS parent_account_id, a.name, a.integration_id, a.state,"
    " a.sticky, a.id FROM accounts a LEFT JOIN accounts p ON p.id = a.parent_id ORDER BY a.id",
    "terms": "SELECT sis_id AS term_id, name, integration_id, state, start_at, end_at, sticky, id FROM terms"
    " ORDER BY id",
    "courses": "SELECT c.sis_id AS course_id, c.name, c.code, c.integration_id, c.state, c.start_at, c.end_at,"
    " a.sis_id AS account_id, t.sis_id AS term_id, t.name AS term, c.sticky, c.id FROM courses c"
    " JOIN accounts a ON a.id = c.account_id JOIN terms t ON t.id = c.term_id ORDER BY c.id",
    "sections": "SELECT s.sis_id AS section_id, c.sis_id AS course_id, s.name, s.integration_id, s.state, s.start_at,"
    " s.end_at, s.default_section, h.sis_id AS home_course_id, s.sticky, s.id FROM sections s"
    " JOIN courses c ON c.id = s.course_id LEFT JOIN courses h ON h.id = s.nonxlist_course_id ORDER BY s.id",
    "users": "SELECT l.sis_id AS user_id, l.unique_id AS login_id, l.integration_id, l.provider, l.state, u.name,"
    " u.sortable_name, u.short_name, u.email, u.pronouns, u.declared_user_type, u.state AS user_state,"
    " trim(l.sticky || ' ' || u.sticky) AS sticky, u.id FROM logins l JOIN users u ON u.id = l.user_id ORDER BY l.id",
    "enrollments": "SELECT s.sis_id AS section_id, c.sis_id AS course_id,"
    " (SELECT sis_id FROM logins WHERE user_id = e.user_id ORDER BY state = 'deleted', id LIMIT 1) AS user_id,"
    " (SELECT sis_id FROM logins WHERE user_id = e.associated_user_id ORDER BY state = 'deleted', id LIMIT 1)"
    " AS associated_user_id, e.type, e.role, e.state, e.start_at, e.end_at, e.linked, e.sticky, e.id"
    " FROM enrollments e JOIN sections s ON s.id = e.section_id JOIN courses c ON c.id = s.course_id ORDER BY e.id",
    "observer_links": "SELECT"
    " (SELECT sis_id FROM logins WHERE user_id = o.observer_id ORDER BY state = 'deleted', id LIMIT 1) AS observer_id,"
    " (SELECT sis_id FROM logins WHERE user_id = o.student_id ORDER BY state = 'deleted', id LIMIT 1) AS student_id,"
    " o.state, o.id FROM observer_links o ORDER BY o.id",
    "admins": "SELECT (SELECT sis_id FROM logins WHERE user_id = d.user_id ORDER BY state = 'deleted', id LIMIT 1)"
    " AS user_id, a.sis_id AS account_id, d.role, d.state, d.id FROM admins d JOIN accounts a ON a.id = d.account_id"
    " ORDER BY d.id",
}


class Edit(BaseModel):
    """Somebody changes a thing in Canvas's pages: its kind, its SIS id, and the fields with their new values."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["account", "term", "course", "section", "user", "login"]
    sis_id: str
    fields: dict[str, str | None]


class KeyChange(BaseModel):
    """Somebody changes a developer key; or, with end_access, an hour passes for every access token."""

    model_config = ConfigDict(extra="forbid")
    client_id: str = ""
    is_on: bool | None = None
    scopes: list[str] | None = None
    end_access: bool = False


class Refresh(BaseModel):
    """Canvas writes another environment over this one: the address of that stand-in."""

    model_config = ConfigDict(extra="forbid")
    source: str


@router.get("/state")
def state(db: Db) -> JSONResponse:
    """Everything there is, live and deleted, in the words of the SIS files; `id` is Canvas's own number."""
    db.execute("BEGIN")  # one snapshot of all tables
    return JSONResponse({name: [dict(row) for row in db.execute(query)] for name, query in _STATE.items()})


@router.get("/imports")
def imports(db: Db) -> JSONResponse:
    """Every import that was taken, oldest first, and how many were taken per identifier."""
    rows = db.execute(
        "SELECT id, state, identifier, filename, owner, created_at, started_at, ended_at,"
        " (SELECT COUNT(*) FROM messages m WHERE m.import_id = i.id) AS messages FROM imports i ORDER BY id"
    ).fetchall()
    taken: dict[str, int] = {}
    for row in rows:
        if row["identifier"]:
            taken[row["identifier"]] = taken.get(row["identifier"], 0) + 1
    return JSONResponse({"imports": [dict(row) for row in rows], "posts_by_identifier": taken})


@router.get("/imports/{import_id}/upload")
def upload(request: Request) -> Response:
    """The bytes that were posted."""
    given = request.path_params["import_id"]
    path = sandbox_of(request).store.upload(int(given)) if given.isdecimal() else None
    if path is None or not path.exists():
        raise Refused(404, {"errors": ["no such upload"]})
    return Response(path.read_bytes(), media_type="application/octet-stream")


@router.get("/faults")
def list_faults(request: Request) -> JSONResponse:
    """What is set."""
    return JSONResponse({"faults": sandbox_of(request).faults.listed()})


@router.post("/faults")
async def set_fault(request: Request) -> JSONResponse:
    """Set one more fault; a body that makes no sense is told why."""
    try:
        fault = FAULT.validate_json(await request.body())
    except ValidationError as error:
        raise Refused(422, {"errors": error.errors(include_url=False, include_context=False)}) from error
    faults = sandbox_of(request).faults
    faults.add(fault)
    return JSONResponse({"faults": faults.listed()})


@router.delete("/faults")
def clear_faults(request: Request, db: Db) -> JSONResponse:
    """Forget all faults; imports stuck in `created` or `importing` go on."""
    sandbox_of(request).faults.clear()
    db.execute("UPDATE imports SET stuck = NULL WHERE state IN ('created', 'importing')")
    sandbox_of(request).worker.wake()
    return JSONResponse({"faults": []})


@router.post("/edit")
async def edit(request: Request) -> JSONResponse:
    """Change fields by hand and mark them, so that imports leave them alone."""
    try:
        wanted = Edit.model_validate_json(await request.body())
    except ValidationError as error:
        raise Refused(422, {"errors": error.errors(include_url=False, include_context=False)}) from error
    allowed = _EDITABLE[wanted.kind]
    if unknown := wanted.fields.keys() - allowed.keys():
        raise Refused(422, {"errors": [f"{wanted.kind} has no field {', '.join(sorted(unknown))}"]})
    with sandbox_of(request).store.connect() as db, transaction(db):
        _edit(db, wanted, {allowed[name]: value for name, value in wanted.fields.items()})
    return JSONResponse({"edited": sorted(wanted.fields)})


@router.get("/keys")
def keys(request: Request, db: Db) -> JSONResponse:
    """The tokens that developer keys were given, without what opens anything."""
    rows = db.execute("SELECT client_id, scopes, refreshes, expires FROM oauth_tokens ORDER BY id").fetchall()
    return JSONResponse({"tokens": [dict(row) for row in rows]})


@router.post("/keys")
async def change_key(request: Request) -> JSONResponse:
    """Switch a developer key on or off, or change its scopes; taking one away kills its tokens."""
    try:
        wanted = KeyChange.model_validate_json(await request.body())
    except ValidationError as error:
        raise Refused(422, {"errors": error.errors(include_url=False, include_context=False)}) from error
    sandbox = sandbox_of(request)
    if wanted.end_access:
        with sandbox.store.connect() as db:
            db.execute("UPDATE oauth_tokens SET expires = 0")
        return JSONResponse({"ended": True})
    changes: dict[str, Any] = {} if wanted.is_on is None else {"is_on": wanted.is_on}
    if wanted.scopes is not None:
        changes["scopes"] = frozenset(wanted.scopes)
    if not sandbox.change_key(wanted.client_id, changes):
        raise Refused(404, {"errors": ["no such key"]})
    return JSONResponse({"changed": sorted(changes)})


@router.get("/copy")
def copy(request: Request) -> Response:
    """All of it, for another stand-in to be refreshed from."""
    return Response(sandbox_of(request).copy(), media_type="application/zip")


@router.post("/refresh")
async def refresh(request: Request) -> JSONResponse:
    """Become a copy of the stand-in that `source` is the address of; in another process, too."""
    try:
        wanted = Refresh.model_validate_json(await request.body())
    except ValidationError as error:
        raise Refused(422, {"errors": error.errors(include_url=False, include_context=False)}) from error
    await run_in_threadpool(_refresh, sandbox_of(request), wanted.source.rstrip("/"))
    return JSONResponse({"refreshed_from": wanted.source})


def _refresh(sandbox: Sandbox, source: str) -> None:
    try:
        with httpx.Client(timeout=60, trust_env=False) as client:
            answer = client.get(f"{source}/sandbox/copy").raise_for_status()
        sandbox.become(answer.content)
    except (httpx.HTTPError, httpx.InvalidURL, NoCopy) as error:
        raise Refused(502, {"errors": [f"there is no stand-in at {source}"]}) from error


def _edit(db: sqlite3.Connection, wanted: Edit, values: dict[str, str | None]) -> None:
    table, column, value = _TABLES.get(wanted.kind, "users"), "sis_id", str(wanted.sis_id)
    if wanted.kind == "user":
        login = db.execute("SELECT user_id FROM logins WHERE sis_id = ?", (wanted.sis_id,)).fetchone()
        column, value = "id", str(login["user_id"] if login else "")
    row = db.execute(f"SELECT * FROM {table} WHERE {column} = ?", (value,)).fetchone()  # noqa: S608 - both are ours
    if row is None:
        raise Refused(404, {"errors": [f"no such {wanted.kind}"]})
    if "unique_id" in values:
        values["folded"] = str(values["unique_id"]).lower()
    sticky = " ".join(sorted({*row["sticky"].split(), *values}))
    db.execute(
        f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in (*values, 'sticky'))} WHERE id = ?",  # noqa: S608
        (*values.values(), sticky, row["id"]),
    )
