"""The stand-in's file: one SQLite database and the uploads beside it, so that it outlives its process.

Everyone opens a connection of their own for as long as they need it. The importer commits segment by segment, as
Canvas does: what was applied before a kill stays applied.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sis_id TEXT UNIQUE, integration_id TEXT, parent_id INTEGER, name TEXT,
    state TEXT NOT NULL, sticky TEXT NOT NULL DEFAULT '', import_id INTEGER);
CREATE TABLE IF NOT EXISTS terms (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sis_id TEXT UNIQUE, integration_id TEXT, name TEXT, state TEXT NOT NULL,
    start_at TEXT, end_at TEXT, sticky TEXT NOT NULL DEFAULT '', import_id INTEGER);
CREATE TABLE IF NOT EXISTS term_overrides (
    term_id INTEGER NOT NULL, enrollment_type TEXT NOT NULL, start_at TEXT, end_at TEXT,
    PRIMARY KEY (term_id, enrollment_type));
CREATE TABLE IF NOT EXISTS courses (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sis_id TEXT UNIQUE, integration_id TEXT, account_id INTEGER NOT NULL,
    term_id INTEGER NOT NULL, name TEXT, code TEXT, state TEXT NOT NULL, start_at TEXT, end_at TEXT,
    restrict_dates INTEGER NOT NULL DEFAULT 0, format TEXT, grade_passback TEXT, template_id INTEGER,
    sticky TEXT NOT NULL DEFAULT '', import_id INTEGER);
CREATE TABLE IF NOT EXISTS sections (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sis_id TEXT UNIQUE, integration_id TEXT, course_id INTEGER NOT NULL,
    name TEXT, state TEXT NOT NULL, start_at TEXT, end_at TEXT, default_section INTEGER NOT NULL DEFAULT 0,
    nonxlist_course_id INTEGER, sticky TEXT NOT NULL DEFAULT '', import_id INTEGER);
CREATE INDEX IF NOT EXISTS sections_of_course ON sections (course_id);
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, sortable_name TEXT, short_name TEXT, pronouns TEXT,
    declared_user_type TEXT, email TEXT, state TEXT NOT NULL, created_at TEXT NOT NULL,
    sticky TEXT NOT NULL DEFAULT '', import_id INTEGER);
CREATE TABLE IF NOT EXISTS logins (
    id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, sis_id TEXT UNIQUE, integration_id TEXT,
    unique_id TEXT NOT NULL, folded TEXT NOT NULL, provider INTEGER, state TEXT NOT NULL,
    sticky TEXT NOT NULL DEFAULT '', import_id INTEGER);
CREATE INDEX IF NOT EXISTS logins_folded ON logins (folded);
CREATE INDEX IF NOT EXISTS logins_of_user ON logins (user_id);
CREATE INDEX IF NOT EXISTS logins_integration ON logins (integration_id);
CREATE TABLE IF NOT EXISTS enrollments (
    id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, section_id INTEGER NOT NULL, type TEXT NOT NULL,
    role TEXT NOT NULL, associated_user_id INTEGER, state TEXT NOT NULL, start_at TEXT, end_at TEXT,
    limit_section INTEGER NOT NULL DEFAULT 0, linked INTEGER NOT NULL DEFAULT 0,
    sticky TEXT NOT NULL DEFAULT '', import_id INTEGER);
CREATE INDEX IF NOT EXISTS enrollments_key ON enrollments (section_id, user_id);
CREATE INDEX IF NOT EXISTS enrollments_of_user ON enrollments (user_id);
CREATE INDEX IF NOT EXISTS enrollments_observing ON enrollments (associated_user_id);
CREATE TABLE IF NOT EXISTS observer_links (
    id INTEGER PRIMARY KEY AUTOINCREMENT, observer_id INTEGER NOT NULL, student_id INTEGER NOT NULL,
    state TEXT NOT NULL, import_id INTEGER, UNIQUE (observer_id, student_id));
CREATE INDEX IF NOT EXISTS links_of_student ON observer_links (student_id);
CREATE TABLE IF NOT EXISTS admins (
    id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, account_id INTEGER NOT NULL, role TEXT NOT NULL,
    state TEXT NOT NULL, sticky TEXT NOT NULL DEFAULT '', import_id INTEGER, UNIQUE (user_id, account_id, role));
CREATE TABLE IF NOT EXISTS imports (
    id INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT NOT NULL, progress INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL, started_at TEXT, ended_at TEXT, updated_at TEXT NOT NULL, options TEXT NOT NULL,
    data TEXT NOT NULL, identifier TEXT, filename TEXT, owner TEXT NOT NULL, stuck TEXT, faults TEXT NOT NULL,
    attachment_at REAL, verifier TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS imports_state ON imports (state);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, import_id INTEGER NOT NULL, file TEXT NOT NULL, message TEXT NOT NULL,
    row INTEGER, row_info TEXT, failure INTEGER NOT NULL, created_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS messages_of_import ON messages (import_id);
CREATE TABLE IF NOT EXISTS oauth_codes (
    code TEXT PRIMARY KEY, client_id TEXT NOT NULL, scopes TEXT NOT NULL, redirect_uri TEXT NOT NULL,
    made REAL NOT NULL);
CREATE TABLE IF NOT EXISTS oauth_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT, client_id TEXT NOT NULL, scopes TEXT NOT NULL,
    access_token TEXT NOT NULL UNIQUE, refresh_token TEXT NOT NULL UNIQUE, expires REAL NOT NULL,
    refreshes INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS reports (
    id INTEGER PRIMARY KEY AUTOINCREMENT, report TEXT NOT NULL, parameters TEXT NOT NULL, state TEXT NOT NULL,
    created_at TEXT NOT NULL, due REAL NOT NULL, ends TEXT NOT NULL, file TEXT, verifier TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refreshed (settings TEXT NOT NULL);
"""
STATED = ("accounts", "terms", "courses", "sections", "logins", "enrollments", "observer_links")
_CHANGED = """
CREATE TABLE IF NOT EXISTS state_changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, import_id INTEGER NOT NULL, thing TEXT NOT NULL, row_id INTEGER NOT NULL,
    before TEXT, after TEXT NOT NULL, restored INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS changes_of_import ON state_changes (import_id);
CREATE TABLE IF NOT EXISTS progresses (
    id INTEGER PRIMARY KEY AUTOINCREMENT, import_id INTEGER NOT NULL, asked TEXT NOT NULL, fails INTEGER NOT NULL,
    state TEXT NOT NULL);
"""
# What an import changes is written down by the database itself, so that no importer can forget it.
_WRITES = """
CREATE TRIGGER IF NOT EXISTS {0}_made AFTER INSERT ON {0}
WHEN (SELECT state FROM imports WHERE id = NEW.import_id) = 'importing' BEGIN
    INSERT INTO state_changes (import_id, thing, row_id, after) VALUES (NEW.import_id, '{0}', NEW.id, NEW.state);
END;
CREATE TRIGGER IF NOT EXISTS {0}_changed AFTER UPDATE OF state ON {0}
WHEN OLD.state != NEW.state AND (SELECT state FROM imports WHERE id = NEW.import_id) = 'importing' BEGIN
    INSERT INTO state_changes (import_id, thing, row_id, before, after)
    VALUES (NEW.import_id, '{0}', NEW.id, OLD.state, NEW.state);
END;
"""
DATABASE = "canvas.sqlite"
DEFAULT_TERM = "Default Term"


class Store:
    """The folder that holds everything the stand-in knows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uploads = folder / "uploads"
        self._file = folder / DATABASE

    def prepare(self, name: str, root_account_id: int, first_user: str) -> None:
        """Create what is not there yet: the root account, the default term and the person who owns the tokens.

        An import that was running when the process before us died has failed: nobody will finish it.
        """
        self.uploads.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)
        with self.connect() as db:
            db.executescript("PRAGMA journal_mode = WAL;" + _SCHEMA + _CHANGED + "".join(map(_WRITES.format, STATED)))
            db.execute(
                "INSERT OR IGNORE INTO accounts (id, name, state) VALUES (?, ?, 'active')", (root_account_id, name)
            )
            db.execute("INSERT OR IGNORE INTO terms (id, name, state) VALUES (1, ?, 'active')", (DEFAULT_TERM,))
            db.execute(
                "INSERT OR IGNORE INTO users (id, name, sortable_name, short_name, state, created_at)"
                " VALUES (1, ?, ?, ?, 'registered', strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))",
                (first_user, first_user, first_user),
            )
            db.execute(
                "INSERT OR IGNORE INTO logins (id, user_id, unique_id, folded, provider, state)"
                " VALUES (1, 1, 'sandbox-admin', 'sandbox-admin', 1, 'active')"
            )
            db.execute(
                "UPDATE imports SET state = 'failed', ended_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now'),"
                " updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE state = 'importing'"
            )

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """A connection that commits every statement unless `transaction` holds it."""
        db = sqlite3.connect(self._file, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA synchronous = OFF")
            yield db
        finally:
            db.close()

    def upload(self, import_id: int) -> Path:
        """Where the bytes of an import lie."""
        return self.uploads / str(import_id)


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, taking the writer's place at once."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
