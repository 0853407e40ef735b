"""What the two reports of SIS data say: their headers, their rows, and which rows they leave out.

`provisioning_csv` has Canvas's numbers, `sis_export_csv` only what a SIS file has, and only what has a SIS id. Every
query below makes the columns of the longer report; the shorter one picks from them.
"""

from __future__ import annotations

import csv
import io
import sqlite3
import zipfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from roster_sandbox.canvas.importers.admins import ACCOUNT_ADMIN
from roster_sandbox.canvas.settings import BUILT_IN_ROLES

KINDS = ("users", "accounts", "terms", "courses", "sections", "enrollments", "xlist", "user_observers", "admins")
REPORTS = ("sis_export_csv", "provisioning_csv")
_ZONE = ZoneInfo("America/Denver")  # Canvas's own default for an account
_NAMES = ("first_name", "last_name", "full_name", "sortable_name", "short_name")

_HEADERS: dict[str, tuple[str, ...]] = {
    "users": (
        *("canvas_user_id", "user_id", "integration_id", "authentication_provider_id", "login_id"),
        *(*_NAMES, "email", "status", "created_by_sis"),
    ),
    "accounts": (
        *("canvas_account_id", "account_id", "canvas_parent_id", "parent_account_id", "name", "status"),
        "created_by_sis",
    ),
    "terms": ("canvas_term_id", "term_id", "name", "status", "start_date", "end_date", "created_by_sis"),
    "courses": (
        *("canvas_course_id", "course_id", "integration_id", "short_name", "long_name", "canvas_account_id"),
        *("account_id", "canvas_term_id", "term_id", "status", "start_date", "end_date", "course_format"),
        *("canvas_blueprint_course_id", "blueprint_course_id", "created_by_sis"),
    ),
    "sections": (
        *("canvas_section_id", "section_id", "canvas_course_id", "course_id", "integration_id", "name", "status"),
        *("start_date", "end_date", "canvas_account_id", "account_id", "created_by_sis"),
    ),
    "enrollments": (
        *("canvas_course_id", "course_id", "canvas_user_id", "user_id", "role", "role_id", "canvas_section_id"),
        *("section_id", "status", "canvas_associated_user_id", "associated_user_id", "created_by_sis"),
        *("base_role_type", "limit_section_privileges", "canvas_enrollment_id"),
    ),
    "xlist": (
        *("canvas_xlist_course_id", "xlist_course_id", "canvas_section_id", "section_id", "status"),
        *("canvas_nonxlist_course_id", "nonxlist_course_id"),
    ),
    "user_observers": (
        *("canvas_observer_id", "observer_id", "canvas_student_id", "student_id", "status", "created_by_sis"),
    ),
    "admins": (
        *("admin_user_name", "canvas_user_id", "user_id", "canvas_account_id", "account_id", "role_id", "role"),
        *("status", "created_by_sis"),
    ),
}
_SHORT: dict[str, tuple[str, ...]] = {
    "users": (
        *("user_id", "integration_id", "authentication_provider_id", "login_id", "password", *_NAMES, "email"),
        "status",
    ),
    "accounts": ("account_id", "parent_account_id", "name", "status"),
    "terms": ("term_id", "name", "status", "start_date", "end_date"),
    "courses": (
        *("course_id", "integration_id", "short_name", "long_name", "account_id", "term_id", "status", "start_date"),
        *("end_date", "course_format", "blueprint_course_id"),
    ),
    "sections": ("section_id", "course_id", "integration_id", "name", "status", "start_date", "end_date"),
    "enrollments": (
        *("course_id", "user_id", "role", "role_id", "section_id", "status", "associated_user_id"),
        "limit_section_privileges",
    ),
    "xlist": ("xlist_course_id", "section_id", "status"),
    "user_observers": ("observer_id", "student_id", "status"),
    "admins": ("user_id", "account_id", "role_id", "role", "status"),
}
# Columns that a row of the shorter report must have; who made the row decides for links and rights.
_NEEDS: dict[str, tuple[str, ...]] = {
    "users": ("user_id",),
    "accounts": ("account_id",),
    "terms": ("term_id",),
    "courses": ("course_id",),
    "sections": ("section_id", "course_id"),
    "enrollments": (),
    "xlist": ("xlist_course_id", "section_id"),
    "user_observers": (),
    "admins": (),
}
_LOGIN = (
    "(SELECT {what} FROM logins WHERE user_id = {of} AND (state != 'deleted' OR :deleted)"
    " ORDER BY sis_id IS NULL, state = 'deleted', id LIMIT 1)"
)
_OF_USER, _OF_OTHER = (_LOGIN.format(what="sis_id", of=f"e.{who}") for who in ("user_id", "associated_user_id"))
_HAS_ONE = _LOGIN.format(what="1", of="e.user_id")
_OF_ADMIN, _ADMIN_HAS_ONE = (_LOGIN.format(what=what, of="d.user_id") for what in ("sis_id", "1"))
_QUERIES: dict[str, str] = {
    "users": "SELECT l.user_id AS canvas_user_id, l.sis_id AS user_id, l.integration_id,"
    " l.provider AS authentication_provider_id, l.unique_id AS login_id, u.name AS full_name, u.sortable_name,"
    " u.short_name, u.email, l.state AS status, l.import_id FROM logins l JOIN users u ON u.id = l.user_id"
    " WHERE l.state != 'deleted' OR (:deleted AND l.sis_id IS NOT NULL) ORDER BY l.id",
    "accounts": "SELECT a.id AS canvas_account_id, a.sis_id AS account_id, p.id AS canvas_parent_id,"
    " p.sis_id AS parent_account_id, a.name, a.state AS status, a.import_id FROM accounts a"
    " JOIN accounts p ON p.id = a.parent_id WHERE a.state != 'deleted' OR (:deleted AND a.sis_id IS NOT NULL)"
    " ORDER BY a.id",
    "terms": "SELECT id AS canvas_term_id, sis_id AS term_id, name, state AS status, start_at AS start_date,"
    " end_at AS end_date, import_id FROM terms WHERE state != 'deleted' OR (:deleted AND sis_id IS NOT NULL)"
    " ORDER BY id",
    "courses": "SELECT c.id AS canvas_course_id, c.sis_id AS course_id, c.integration_id, c.code AS short_name,"
    " c.name AS long_name, c.account_id AS canvas_account_id, a.sis_id AS account_id, c.term_id AS canvas_term_id,"
    " t.sis_id AS term_id, c.state AS status, CASE WHEN c.restrict_dates THEN c.start_at END AS start_date,"
    " CASE WHEN c.restrict_dates THEN c.end_at END AS end_date, c.format AS course_format, c.import_id"
    " FROM courses c JOIN accounts a ON a.id = c.account_id JOIN terms t ON t.id = c.term_id"
    " WHERE c.state NOT IN ('deleted', 'completed') OR :deleted ORDER BY c.id",
    "sections": "SELECT s.id AS canvas_section_id, s.sis_id AS section_id, c.id AS canvas_course_id,"
    " c.sis_id AS course_id, s.integration_id, s.name, s.state AS status, s.start_at AS start_date,"
    " s.end_at AS end_date, a.id AS canvas_account_id, a.sis_id AS account_id, s.import_id"
    " FROM sections s JOIN courses c ON c.id = s.course_id JOIN accounts a ON a.id = c.account_id"
    " WHERE s.state != 'deleted' AND (c.state != 'deleted' OR :deleted)"
    " OR (:deleted AND s.sis_id IS NOT NULL AND c.sis_id IS NOT NULL) ORDER BY s.id",
    "enrollments": "SELECT c.id AS canvas_course_id, c.sis_id AS course_id, e.user_id AS canvas_user_id,"  # noqa: S608 - all parts are ours
    f" {_OF_USER} AS user_id, e.role, e.type AS base_role_type,"
    " s.id AS canvas_section_id, s.sis_id AS section_id,"
    " CASE WHEN s.state = 'deleted' OR c.state = 'deleted' THEN 'deleted'"
    " WHEN e.state = 'completed' THEN 'concluded' ELSE e.state END AS status,"
    " e.associated_user_id AS canvas_associated_user_id,"
    f" {_OF_OTHER} AS associated_user_id,"
    " e.limit_section AS limit_section_privileges, e.id AS canvas_enrollment_id, e.import_id"
    " FROM enrollments e JOIN sections s ON s.id = e.section_id JOIN courses c ON c.id = s.course_id"
    " WHERE (e.state NOT IN ('deleted', 'completed') OR (:deleted AND (e.state != 'deleted' OR"
    f" e.import_id IS NOT NULL))) AND {_HAS_ONE} = 1 ORDER BY e.id",
    "xlist": "SELECT c.id AS canvas_xlist_course_id, c.sis_id AS xlist_course_id, s.id AS canvas_section_id,"
    " s.sis_id AS section_id, s.state AS status, h.id AS canvas_nonxlist_course_id, h.sis_id AS nonxlist_course_id,"
    " s.import_id FROM sections s JOIN courses c ON c.id = s.course_id JOIN courses h ON h.id = s.nonxlist_course_id"
    " WHERE CASE WHEN :deleted THEN (c.state != 'deleted' AND s.state != 'deleted')"
    " OR (c.sis_id IS NOT NULL AND s.sis_id IS NOT NULL)"
    " ELSE c.state NOT IN ('deleted', 'completed') AND s.state != 'deleted' END ORDER BY s.id",
    "user_observers": "SELECT ol.id AS canvas_observer_id, ol.sis_id AS observer_id, sl.id AS canvas_student_id,"
    " sl.sis_id AS student_id, o.state AS status, o.import_id FROM observer_links o"
    " JOIN (SELECT user_id AS id, sis_id, state FROM logins) ol ON ol.id = o.observer_id"
    " JOIN (SELECT user_id AS id, sis_id, state FROM logins) sl ON sl.id = o.student_id"
    " WHERE (o.state != 'deleted' AND sl.state != 'deleted') OR :deleted ORDER BY o.id",
    "admins": "SELECT u.name AS admin_user_name, d.user_id AS canvas_user_id,"  # noqa: S608 - all parts are ours
    f" {_OF_ADMIN} AS user_id, a.id AS canvas_account_id, a.sis_id AS account_id, d.role, d.state AS status,"
    " d.import_id FROM admins d JOIN accounts a ON a.id = d.account_id JOIN users u ON u.id = d.user_id"
    f" WHERE (d.state != 'deleted' OR :deleted) AND {_ADMIN_HAS_ONE} = 1 ORDER BY d.id",
}
_COURSE_STATES = {"claimed": "unpublished", "created": "unpublished", "completed": "concluded", "available": "active"}


def written(db: sqlite3.Connection, report: str, parameters: Mapping[str, str]) -> tuple[str, bytes]:
    """(extension, content): one kind makes a CSV, several a zip of CSVs; none makes an empty file."""
    kinds = [kind for kind in KINDS if _is_set(parameters, kind)]
    db.execute("BEGIN")  # one snapshot of all tables
    tables = {kind: _csv(db, report, kind, parameters) for kind in kinds}
    db.execute("COMMIT")
    if len(tables) < 2:
        return "csv", "".join(tables.values()).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for kind, content in tables.items():
            archive.writestr(f"{kind}.csv", content)
    return "zip", buffer.getvalue()


def _csv(db: sqlite3.Connection, report: str, kind: str, parameters: Mapping[str, str]) -> str:
    short = report == "sis_export_csv"
    text = io.StringIO()
    writer = csv.DictWriter(text, (_SHORT if short else _HEADERS)[kind], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in _rows(db, kind, parameters):
        if short and not _exported(kind, row):
            continue
        writer.writerow(_as_exported(kind, row) if short else row)
    return text.getvalue()


def _rows(db: sqlite3.Connection, kind: str, parameters: Mapping[str, str]) -> Iterator[dict[str, object]]:
    term = parameters.get("enrollment_term_id")
    in_term = _in_term(db, term) if term and kind in ("courses", "sections", "enrollments", "xlist") else None
    for found in db.execute(_QUERIES[kind], {"deleted": _is_set(parameters, "include_deleted")}):
        row = dict(found)
        by_sis = row.pop("import_id") is not None
        if _is_set(parameters, "created_by_sis") and not by_sis:
            continue
        if in_term is not None and row.get("canvas_course_id", row.get("canvas_xlist_course_id")) not in in_term:
            continue
        yield _spelled(kind, {**row, "created_by_sis": "true" if by_sis else "false"})


def _spelled(kind: str, row: dict[str, object]) -> dict[str, object]:
    """The row in the report's words."""
    for name in ("start_date", "end_date"):
        if row.get(name):
            moment = datetime.fromisoformat(str(row[name]))
            row[name] = moment.astimezone(_ZONE).isoformat()
    if kind == "users":
        last, comma, first = str(row["sortable_name"] or "").partition(",")
        row |= {"first_name": first.strip() if comma else last.strip(), "last_name": last.strip() if comma else ""}
    elif kind == "courses":
        row["status"] = _COURSE_STATES.get(str(row["status"]), row["status"])
    elif kind == "admins":
        row["role_id"] = 1 if row["role"] == ACCOUNT_ADMIN else ""
    elif kind == "enrollments":
        names = {type_: (name, number) for name, (type_, number) in BUILT_IN_ROLES.items()}
        row["role"], row["role_id"] = names.get(str(row["role"]), (row["role"], ""))
        row["limit_section_privileges"] = "true" if row["limit_section_privileges"] else "false"
    return row


def _exported(kind: str, row: Mapping[str, object]) -> bool:
    """Whether the shorter report has the row."""
    if kind in ("user_observers", "admins"):
        return row["created_by_sis"] == "true"
    if kind == "enrollments":
        return bool(row["course_id"] or row["section_id"])
    return all(row[name] for name in _NEEDS[kind])


def _as_exported(kind: str, row: Mapping[str, object]) -> Mapping[str, object]:
    if kind != "courses":
        return row
    words = {"concluded": "completed", "deleted": "deleted"}
    return {**row, "status": words.get(str(row["status"]), "active")}


def _in_term(db: sqlite3.Connection, term: str) -> set[int]:
    return {int(row["id"]) for row in db.execute("SELECT id FROM courses WHERE term_id = ?", (term,))}


def _is_set(parameters: Mapping[str, str], name: str) -> bool:
    return parameters.get(name, "").lower() in {"1", "true", "t", "on", "yes"}
