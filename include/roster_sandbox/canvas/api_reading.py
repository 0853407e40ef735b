"""Reading what is there: accounts, people, terms, courses, sections and enrolments."""

from __future__ import annotations

import sqlite3
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from roster_sandbox.canvas.options import truth
from roster_sandbox.canvas.paging import page
from roster_sandbox.canvas.sandbox import Db, find, may, may_read, sandbox_of, shown, written_id
from roster_sandbox.canvas.settings import BUILT_IN_ROLES

router = APIRouter(prefix="/api/v1")
_ROLE_IDS = dict(BUILT_IN_ROLES.values())
_STATE_WORDS = {"created": "unpublished", "claimed": "unpublished"}


@router.get("/users/self")
def myself(request: Request, db: Db) -> JSONResponse:
    """Whose token it is; `last_login` only where `include[]` asks for it and arrives."""
    row = db.execute("SELECT * FROM users WHERE id = 1").fetchone()
    grant = request.state.grant
    answer = {"id": 1, "name": row["name"], "created_at": row["created_at"], "locale": None, "login_id": "sync"}
    answer |= {"sis_user_id": grant.sis_user_id, "integration_id": None}
    if "last_login" in request.query_params.getlist("include[]"):
        answer["last_login"] = row["created_at"]
    return _answer(request, answer)


@router.get("/accounts/{account_id}/permissions", dependencies=[Depends(may_read)])
def permissions(request: Request, db: Db) -> JSONResponse:
    """Which of the permissions that `permissions[]` names the token's user has; none named, none told."""
    _found(request, db, "accounts", "account_id")
    held = request.state.grant.may
    return JSONResponse({name: name in held for name in request.query_params.getlist("permissions[]")})


@router.get("/accounts/{account_id}/admins", dependencies=[Depends(may("manage_account_memberships"))])
def admins(request: Request, db: Db) -> JSONResponse:
    """Who is an admin of the account: of the root account, the token's user."""
    asked = _found(request, db, "accounts", "account_id")["id"]
    rows, links = page(request, db, "SELECT * FROM users WHERE id = 1 AND ? = ?", (asked, _root(request)))
    told = [
        {"id": 1, "role": "AccountAdmin", "workflow_state": "active", "user": {"id": row["id"], "name": row["name"]}}
        for row in rows
    ]
    return JSONResponse(told, headers=links)


@router.get("/accounts", dependencies=[Depends(may_read)])
def accounts(request: Request, db: Db) -> JSONResponse:
    """The accounts whose admin the token's user is: the root account."""
    root = sandbox_of(request).settings.root_account_id
    rows, links = page(request, db, "SELECT * FROM accounts WHERE id = ?", (root,))
    return _answer(request, [_account(row, root) for row in rows], headers=links)


@router.get("/accounts/{account_id}", dependencies=[Depends(may_read)])
def account(request: Request, db: Db) -> JSONResponse:
    """One account; `self` is the root account."""
    return _answer(request, _account(_found(request, db, "accounts", "account_id"), _root(request)))


@router.get("/accounts/{account_id}/sub_accounts", dependencies=[Depends(may_read)])
def sub_accounts(request: Request, db: Db) -> JSONResponse:
    """Live accounts right below, or with `recursive` all below."""
    top = _found(request, db, "accounts", "account_id")["id"]
    if truth(request.query_params.get("recursive")):
        query = (
            "WITH RECURSIVE below(id) AS (SELECT id FROM accounts WHERE parent_id = ? UNION"
            " SELECT a.id FROM accounts a JOIN below b ON a.parent_id = b.id)"
            " SELECT * FROM accounts WHERE id IN (SELECT id FROM below) AND state = 'active'"
        )
    else:
        query = "SELECT * FROM accounts WHERE parent_id = ? AND state = 'active'"
    rows, links = page(request, db, query, (top,))
    return _answer(request, [_account(row, _root(request)) for row in rows], headers=links)


@router.get("/accounts/{account_id}/terms", dependencies=[Depends(may_read)])
def terms(request: Request, db: Db) -> JSONResponse:
    """Terms that are active, unless `workflow_state[]` asks for others."""
    states = request.query_params.getlist("workflow_state[]") or ["active"]
    where = "" if "all" in states else f" WHERE state IN ({_marks(states)})"
    rows, links = page(request, db, f"SELECT * FROM terms{where}", [] if "all" in states else states)  # noqa: S608
    return _answer(request, {"enrollment_terms": [_term(db, row) for row in rows]}, headers=links)


@router.get("/accounts/{account_id}/users", dependencies=[Depends(may("read_roster"))])
def users(request: Request, db: Db) -> JSONResponse:
    """People with a live log-in; a person appears once, with the first of them."""
    _found(request, db, "accounts", "account_id")
    query = (
        "SELECT u.*, l.sis_id, l.integration_id, l.unique_id, l.import_id AS login_import FROM users u JOIN logins l"
        " ON l.id = (SELECT MIN(id) FROM logins WHERE user_id = u.id AND state != 'deleted')"
        " WHERE u.state != 'deleted'"
    )
    parameters: list[Any] = []
    if term := request.query_params.get("search_term"):
        query += " AND (instr(lower(u.name), ?) OR instr(l.folded, ?) OR l.sis_id = ?)"
        parameters += [term.lower(), term.lower(), term]
    rows, links = page(request, db, query, parameters)
    email = "email" in request.query_params.getlist("include[]")
    return _answer(request, [_user(row, email=email) for row in rows], headers=links)


@router.get("/accounts/{account_id}/courses", dependencies=[Depends(may_read)])
def courses(request: Request, db: Db) -> JSONResponse:
    """Courses of the account and all below; deleted ones only when `state[]` names them."""
    top = _found(request, db, "accounts", "account_id")["id"]
    query = (
        "WITH RECURSIVE below(id) AS (SELECT ? UNION SELECT a.id FROM accounts a JOIN below b ON a.parent_id = b.id)"
        " SELECT * FROM courses WHERE account_id IN (SELECT id FROM below)"
    )
    parameters: list[Any] = [top]
    states = request.query_params.getlist("state[]") or ["created", "claimed", "available", "completed"]
    if "all" not in states:
        query += f" AND state IN ({_marks(states)})"
        parameters += states
    if given := request.query_params.get("enrollment_term_id"):
        query += " AND term_id = ?"
        parameters.append(find(db, "terms", given, _root(request))["id"])
    rows, links = page(request, db, query, parameters)
    return _answer(request, [_course(row, _root(request)) for row in rows], headers=links)


@router.get("/courses/{course_id}", dependencies=[Depends(may_read)])
def course(request: Request, db: Db) -> JSONResponse:
    """One course, in whatever state."""
    return _answer(request, _course(_found(request, db, "courses", "course_id"), _root(request)))


@router.get("/courses/{course_id}/sections", dependencies=[Depends(may_read)])
def sections(request: Request, db: Db) -> JSONResponse:
    """Live sections of a course."""
    home = _found(request, db, "courses", "course_id")
    query = "SELECT * FROM sections WHERE course_id = ? AND state = 'active'"
    rows, links = page(request, db, query, (home["id"],))
    return _answer(request, [_section(row, home) for row in rows], headers=links)


@router.get("/courses/{course_id}/enrollments", dependencies=[Depends(may_read)])
def course_enrollments(request: Request, db: Db) -> JSONResponse:
    """Enrolments in all sections of a course."""
    return _enrollments(request, db, "s.course_id = ?", _found(request, db, "courses", "course_id")["id"])


@router.get("/sections/{section_id}/enrollments", dependencies=[Depends(may_read)])
def section_enrollments(request: Request, db: Db) -> JSONResponse:
    """Enrolments in a section."""
    return _enrollments(request, db, "s.id = ?", _found(request, db, "sections", "section_id")["id"])


def _enrollments(request: Request, db: sqlite3.Connection, where: str, value: int) -> JSONResponse:
    """Deleted, completed and inactive ones are shown only when `state[]` names them."""
    states = request.query_params.getlist("state[]") or ["active", "invited"]
    query = (
        "SELECT e.*, s.sis_id AS section_sis_id, c.id AS course_id, c.sis_id AS course_sis_id, u.name, u.sortable_name,"  # noqa: S608
        " u.short_name, l.sis_id AS user_sis_id, l.unique_id FROM enrollments e JOIN sections s ON s.id = e.section_id"
        " JOIN courses c ON c.id = s.course_id JOIN users u ON u.id = e.user_id LEFT JOIN logins l"
        " ON l.id = (SELECT MIN(id) FROM logins WHERE user_id = e.user_id AND state != 'deleted')"
        f" WHERE {where} AND e.state IN ({_marks(states)})"
    )
    parameters: list[Any] = [value, *states]
    if types := request.query_params.getlist("type[]"):
        query += f" AND e.type IN ({_marks(types)})"
        parameters += types
    rows, links = page(request, db, query, parameters)
    return _answer(request, [_enrollment(row) for row in rows], headers=links)


def _answer(request: Request, told: Any, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(shown(request, told), headers=headers)


def _found(request: Request, db: sqlite3.Connection, table: str, name: str) -> sqlite3.Row:
    return find(db, table, written_id(request, name), _root(request))


def _root(request: Request) -> int:
    return sandbox_of(request).settings.root_account_id


def _marks(values: list[str]) -> str:
    return ", ".join("?" * len(values))


def _account(row: sqlite3.Row, root: int) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "workflow_state": row["state"],
        "parent_account_id": row["parent_id"],
        "root_account_id": None if row["id"] == root else root,
        "sis_account_id": row["sis_id"],
        "integration_id": row["integration_id"],
        "sis_import_id": row["import_id"],
        "default_time_zone": "Etc/UTC",
    }


def _term(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    overrides = db.execute("SELECT * FROM term_overrides WHERE term_id = ?", (row["id"],)).fetchall()
    return {
        "id": row["id"],
        "name": row["name"],
        "start_at": row["start_at"],
        "end_at": row["end_at"],
        "workflow_state": row["state"],
        "sis_term_id": row["sis_id"],
        "sis_import_id": row["import_id"],
        "overrides": {
            item["enrollment_type"]: {"start_at": item["start_at"], "end_at": item["end_at"]} for item in overrides
        },
    }


def _user(row: sqlite3.Row, *, email: bool) -> dict[str, Any]:
    answer = {
        "id": row["id"],
        "name": row["name"],
        "sortable_name": row["sortable_name"],
        "short_name": row["short_name"],
        "created_at": row["created_at"],
        "sis_user_id": row["sis_id"],
        "integration_id": row["integration_id"],
        "sis_import_id": row["login_import"],
        "login_id": row["unique_id"],
    }
    return {**answer, "email": row["email"]} if email else answer


def _course(row: sqlite3.Row, root: int) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "course_code": row["code"],
        "account_id": row["account_id"],
        "root_account_id": root,
        "enrollment_term_id": row["term_id"],
        "sis_course_id": row["sis_id"],
        "integration_id": row["integration_id"],
        "sis_import_id": row["import_id"],
        "workflow_state": _STATE_WORDS.get(row["state"], row["state"]),
        "start_at": row["start_at"],
        "end_at": row["end_at"],
        "restrict_enrollments_to_course_dates": bool(row["restrict_dates"]),
    }


def _section(row: sqlite3.Row, home: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "course_id": row["course_id"],
        "sis_course_id": home["sis_id"],
        "sis_section_id": row["sis_id"],
        "sis_import_id": row["import_id"],
        "integration_id": row["integration_id"],
        "start_at": row["start_at"],
        "end_at": row["end_at"],
        "nonxlist_course_id": None,
    }


def _enrollment(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "course_id": row["course_id"],
        "sis_course_id": row["course_sis_id"],
        "course_section_id": row["section_id"],
        "sis_section_id": row["section_sis_id"],
        "sis_import_id": row["import_id"],
        "user_id": row["user_id"],
        "sis_user_id": row["user_sis_id"],
        "type": row["type"],
        "role": row["role"],
        "role_id": _ROLE_IDS.get(row["role"], 100),
        "enrollment_state": row["state"],
        "associated_user_id": row["associated_user_id"],
        "limit_privileges_to_course_section": bool(row["limit_section"]),
        "start_at": row["start_at"],
        "end_at": row["end_at"],
        "user": {
            "id": row["user_id"],
            "name": row["name"],
            "sortable_name": row["sortable_name"],
            "short_name": row["short_name"],
            "sis_user_id": row["user_sis_id"],
            "login_id": row["unique_id"],
        },
    }
