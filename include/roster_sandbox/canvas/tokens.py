"""The tokens that a developer key was given: one record each, whose access token a refresh replaces."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from dataclasses import dataclass

from roster_sandbox.canvas.grants import Grant
from roster_sandbox.canvas.keys import DeveloperKey
from roster_sandbox.canvas.settings import Settings
from roster_sandbox.canvas.store import transaction


@dataclass(frozen=True)
class Issued:
    """refresh_token: only with a code; a refresh gives none."""

    access_token: str
    refresh_token: str | None


def new_code(db: sqlite3.Connection, key: DeveloperKey, scopes: list[str], redirect_uri: str) -> str:
    """A code for the redirect, good once."""
    code = secrets.token_hex(32)
    db.execute(
        "INSERT INTO oauth_codes (code, client_id, scopes, redirect_uri, made) VALUES (?, ?, ?, ?, ?)",
        (code, key.client_id, json.dumps(scopes), redirect_uri, time.time()),
    )
    return code


def of_code(db: sqlite3.Connection, key: DeveloperKey, code: str, settings: Settings) -> Issued | None:
    """The tokens for a code; None for one that is unknown, used, too old, or another key's."""
    with transaction(db):
        found = db.execute(
            "DELETE FROM oauth_codes WHERE code = ? RETURNING client_id, scopes, made", (code,)
        ).fetchone()
        if found is None or found["client_id"] != key.client_id:
            return None
        if time.time() - found["made"] > settings.code_seconds:
            return None
        issued = Issued(_token(), _token())
        db.execute(
            "INSERT INTO oauth_tokens (client_id, scopes, access_token, refresh_token, expires) VALUES (?, ?, ?, ?, ?)",
            (
                key.client_id,
                found["scopes"],
                issued.access_token,
                issued.refresh_token,
                time.time() + settings.access_seconds,
            ),
        )
    return issued


def refreshed(db: sqlite3.Connection, key: DeveloperKey, refresh_token: str, settings: Settings) -> Issued | str:
    """A new access token in place of the old one, which is dead from then on; or why not."""
    with transaction(db):
        found = db.execute(
            "SELECT id, client_id FROM oauth_tokens WHERE refresh_token = ?", (refresh_token,)
        ).fetchone()
        if found is None:
            return "unknown"
        if found["client_id"] != key.client_id:
            return "another key's"
        access = _token()
        db.execute(
            "UPDATE oauth_tokens SET access_token = ?, expires = ?, refreshes = refreshes + 1 WHERE id = ?",
            (access, time.time() + settings.access_seconds, found["id"]),
        )
    return Issued(access, None)


def grant_of(db: sqlite3.Connection, settings: Settings, token: str) -> Grant | None:
    """What an access token may do; None for one that is dead, or whose key is off."""
    found = db.execute(
        "SELECT client_id, scopes, expires FROM oauth_tokens WHERE access_token = ?", (token,)
    ).fetchone()
    if found is None or found["expires"] < time.time():
        return None
    key = key_of(settings, found["client_id"])
    if key is None or not key.is_on:
        return None
    if key.scopes is None:
        return Grant(key.right)
    return Grant(key.right, frozenset(json.loads(found["scopes"])), key.includes)


def revoke(db: sqlite3.Connection, token: str) -> bool:
    """Forget the record behind an access token; whether there was one."""
    return db.execute("DELETE FROM oauth_tokens WHERE access_token = ?", (token,)).rowcount > 0


def forget_key(db: sqlite3.Connection, client_id: str) -> None:
    """Forget every token of a key, as Canvas does when a scope is taken from it."""
    db.execute("DELETE FROM oauth_tokens WHERE client_id = ?", (client_id,))


def key_of(settings: Settings, client_id: str) -> DeveloperKey | None:
    """The key of that id."""
    return next((key for key in settings.keys if key.client_id == client_id), None)


def _token() -> str:
    return f"1~{secrets.token_urlsafe(48)}"
