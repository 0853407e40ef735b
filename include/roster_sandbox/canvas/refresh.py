"""A refresh: a stand-in becomes a copy of another, as Canvas's test environment becomes one of production.

All that was made in it is gone: places, people, imports with their identifiers and messages, uploads, and tokens. What
the other has is there, its tokens too. Its own are its address, its name, and the faults that are set.
"""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from roster_sandbox.canvas import dates
from roster_sandbox.canvas.keys import DeveloperKey
from roster_sandbox.canvas.settings import Settings
from roster_sandbox.canvas.store import DATABASE, Store, transaction

_ABOUT = "about.json"
# What settings of the other come along, besides its tokens.
_COPIED = ("root_account_id", "providers", "custom_roles")


class NoCopy(Exception):
    """The bytes are not what `copy_of` gives."""


def copy_of(store: Store, settings: Settings) -> bytes:
    """All of a running stand-in at one moment, as a zip: its database, its uploads, and its tokens."""
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory(prefix="roster-canvas-") as scratch, zipfile.ZipFile(buffer, "w") as archive:
        file = Path(scratch) / DATABASE
        with store.connect() as db, _opened(file) as snapshot:
            db.backup(snapshot)
            imports = [row[0] for row in snapshot.execute("SELECT id FROM imports")]
        archive.write(file, DATABASE)
        for number in imports:
            if (upload := store.upload(number)).exists():
                archive.write(upload, f"uploads/{number}")
        about = {
            "tokens": dict(settings.tokens),
            "keys": [key.shown() for key in settings.keys],
            **{name: getattr(settings, name) for name in _COPIED},
        }
        archive.writestr(_ABOUT, json.dumps(about))
    return buffer.getvalue()


def overwrite(store: Store, settings: Settings, copy: bytes) -> Settings:
    """Make the store a copy of the other; answers the settings from then on. Nothing may be importing meanwhile.

    An import that had not ended in the other ends as `failed` here, with what had been applied at that moment: nobody
    goes on with it.
    """
    with tempfile.TemporaryDirectory(prefix="roster-canvas-") as scratch:
        folder = Path(scratch)
        try:
            zipfile.ZipFile(io.BytesIO(copy)).extractall(folder)
            about: dict[str, Any] = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise NoCopy from error
        dead = dict.fromkeys([*_dead(store), *settings.tokens])
        found = {**about, "tokens": {**dead, **about["tokens"]}}
        with _opened(folder / DATABASE) as snapshot, store.connect() as db:
            _end_what_ran(snapshot)
            snapshot.execute("DELETE FROM refreshed")
            snapshot.execute("INSERT INTO refreshed (settings) VALUES (?)", (json.dumps(found),))
            snapshot.execute("UPDATE accounts SET name = ? WHERE id = ?", (settings.name, about["root_account_id"]))
            snapshot.backup(db)
        for upload in store.uploads.iterdir():
            upload.unlink()
        if (folder / "uploads").exists():
            shutil.copytree(folder / "uploads", store.uploads, dirs_exist_ok=True)
    return _as(settings, found)


def remembered(store: Store, settings: Settings) -> Settings:
    """The settings of a stand-in that starts again: a refresh that was before outlives its process."""
    found = _refreshed(store)
    return _as(settings, found) if found else settings


def _as(settings: Settings, found: dict[str, Any]) -> Settings:
    """With what a refresh brought. tokens: null for one that died with it, whoever asks for it at the next start."""
    told = {**settings.tokens, **found["tokens"]}
    tokens = {token: right for token, right in told.items() if right is not None}
    keys = tuple(DeveloperKey.of(shown) for shown in found.get("keys", ()))
    return replace(settings, tokens=tokens, keys=keys, **{name: found[name] for name in _COPIED})


def _dead(store: Store) -> list[str]:
    return [token for token, right in (_refreshed(store) or {"tokens": {}})["tokens"].items() if right is None]


def _refreshed(store: Store) -> dict[str, Any] | None:
    if not (store.folder / DATABASE).exists():
        return None
    with store.connect() as db:
        db.execute("CREATE TABLE IF NOT EXISTS refreshed (settings TEXT NOT NULL)")
        row = db.execute("SELECT settings FROM refreshed").fetchone()
    found: dict[str, Any] | None = json.loads(row["settings"]) if row else None
    return found


def _end_what_ran(db: sqlite3.Connection) -> None:
    now = dates.now()
    with transaction(db):
        db.execute(
            "UPDATE imports SET state = 'failed', ended_at = ?, updated_at = ? WHERE state IN ('created', 'importing')",
            (now, now),
        )


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """A database of nobody else's; every statement is committed."""
    db = sqlite3.connect(file, isolation_level=None)
    try:
        yield db
    finally:
        db.close()
