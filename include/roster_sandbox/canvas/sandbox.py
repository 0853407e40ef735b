"""One stand-in: its store, its queue, its faults and its settings, for everything that answers requests."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request

from roster_sandbox.canvas import refresh, tokens
from roster_sandbox.canvas.answers import US
from roster_sandbox.canvas.faults import Faults
from roster_sandbox.canvas.files_host import FilesHost
from roster_sandbox.canvas.grants import Grant
from roster_sandbox.canvas.options import Refused
from roster_sandbox.canvas.paging import NOT_FOUND
from roster_sandbox.canvas.settings import Settings
from roster_sandbox.canvas.store import Store
from roster_sandbox.canvas.worker import Worker

UNAUTHORIZED = {"status": "unauthorized", "errors": [{"message": "user not authorized to perform that action"}]}
_PREFIXES = {
    "accounts": {"sis_account_id:": "sis_id", "sis_integration_id:": "integration_id"},
    "terms": {"sis_term_id:": "sis_id", "sis_integration_id:": "integration_id"},
    "courses": {"sis_course_id:": "sis_id", "sis_integration_id:": "integration_id"},
    "sections": {"sis_section_id:": "sis_id", "sis_integration_id:": "integration_id"},
}


class Sandbox:
    """What the parts share. Nothing is opened or started until `start`."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.store = Store(folder)
        self.settings = refresh.remembered(self.store, settings)
        self.faults = Faults()
        self.files = FilesHost()
        self.worker = Worker(self.store, self.settings)
        self._refreshing = threading.Lock()

    def start(self) -> None:
        """Prepare the folder and let the queue run."""
        self.store.prepare(self.settings.name, self.settings.root_account_id, US)
        self.worker.start()

    def stop(self) -> None:
        """Let the running segment end."""
        self.worker.stop()
        self.files.stop()

    def grant_of(self, token: str) -> Grant | None:
        """What a token may do; None for one that is not known, or not any more."""
        if told := self.settings.grants.get(token):
            return told
        right = self.settings.tokens.get(token)
        if right is not None:
            return Grant(right)
        if not self.settings.keys:
            return None
        with self.store.connect() as db:
            return tokens.grant_of(db, self.settings, token)

    def change_key(self, client_id: str, changes: dict[str, Any]) -> bool:
        """Change a developer key; whether there is one. Where it loses a scope, its tokens die, as in Canvas."""
        key = tokens.key_of(self.settings, client_id)
        if key is None:
            return False
        changed = replace(key, **changes)
        keys = tuple(changed if one is key else one for one in self.settings.keys)
        self.settings = replace(self.settings, keys=keys)
        if key.scopes is not None and changed.scopes is not None and key.scopes - changed.scopes:
            with self.store.connect() as db:
                tokens.forget_key(db, client_id)
        return True

    def copy(self) -> bytes:
        """All of it at this moment, for another to become."""
        return refresh.copy_of(self.store, self.settings)

    def become(self, copy: bytes) -> None:
        """Be refreshed: from now on what the other was when it was copied. What is importing here is given up."""
        with self._refreshing:
            self.worker.stop()
            try:
                self.settings = refresh.overwrite(self.store, self.settings, copy)
            finally:
                self.worker = Worker(self.store, self.settings)
                self.worker.start()


def sandbox_of(request: Request) -> Sandbox:
    """The stand-in that the request came to."""
    found: Sandbox = request.state.sandbox
    return found


def connection(request: Request) -> Iterator[sqlite3.Connection]:
    """A connection for as long as the request takes."""
    with sandbox_of(request).store.connect() as db:
        yield db


Db = Annotated[sqlite3.Connection, Depends(connection)]


def may(*permissions: str) -> Callable[[Request], None]:
    """What refuses a token whose user has none of these permissions."""

    def refuse(request: Request) -> None:
        if not request.state.grant.may.intersection(permissions):
            raise Refused(401, UNAUTHORIZED)

    return refuse


def may_read(request: Request) -> None:
    """Refuse a token whose user may nothing."""
    if not request.state.grant.may:
        raise Refused(401, UNAUTHORIZED)


may_import = may("import_sis")
may_see_imports = may("import_sis", "manage_sis")


def shown(request: Request, told: Any) -> Any:
    """An answer without SIS ids, where the token's user may not see them."""
    if request.state.grant.may & {"read_sis", "manage_sis"}:
        return told
    if isinstance(told, list):
        return [shown(request, one) for one in told]
    if not isinstance(told, dict):
        return told
    return {
        name: shown(request, value)
        for name, value in told.items()
        if not name.startswith("sis_") and name != "integration_id"
    }


def written_id(request: Request, name: str) -> str:
    """An id of the path; a percent-encoded slash belongs to it."""
    return str(request.path_params[name]).replace("\ue000", "/")


def find(db: sqlite3.Connection, table: str, given: str, root_account_id: int) -> sqlite3.Row:
    """What an id of the path names, by Canvas's number or by a SIS id; 404 if nothing."""
    column, value = "id", given
    if table == "accounts" and given == "self":
        value = str(root_account_id)
    for prefix, name in _PREFIXES[table].items():
        if given.startswith(prefix):
            column, value = name, given.removeprefix(prefix)
    if column == "id" and not (value.isascii() and value.isdigit() and len(value) < 19):
        raise Refused(404, NOT_FOUND)
    row: sqlite3.Row | None = db.execute(
        f"SELECT * FROM {table} WHERE {column} = ?",  # noqa: S608 - both are ours
        (value,),
    ).fetchone()
    if row is None:
        raise Refused(404, NOT_FOUND)
    return row
