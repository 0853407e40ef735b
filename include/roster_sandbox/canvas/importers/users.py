"""`users.csv`: a row is a log-in; the person behind it is made with the first and outlives the last."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence

from roster_sandbox.canvas import dates
from roster_sandbox.canvas.importers import naming
from roster_sandbox.canvas.importers.enrolling import set_state
from roster_sandbox.canvas.run import Row, Run

LONGEST_LOGIN = 100
_LOGIN_STICKY = ("unique_id", "folded", "state")
_USER_STICKY = ("name", "sortable_name", "short_name", "pronouns")
_EMAIL = re.compile(
    r"[!#$%&'*+/=?^_`{|}~A-Za-z0-9-]+(\.[!#$%&'*+/=?^_`{|}~A-Za-z0-9-]+)*@([A-Za-z0-9-]+\.)+[A-Za-z0-9-]+"
)
_STATES = ("active", "suspended", "deleted")


def apply(run: Run, rows: Sequence[Row]) -> None:
    """Create, change, suspend, delete or restore log-ins; one whose e-mail is bad is saved but not counted."""
    for row in rows:
        if message := _apply(run, row):
            run.warn(row, message)


def _apply(run: Run, row: Row) -> str | None:
    if message := _improper(row):
        return message
    state = next(word for word in _STATES if row.says(word))
    if state == "deleted" and run.options.skip_deletes:
        return None
    provider, message = provider_of(run, row)
    if message:
        return message
    own, message = _login(run, row, provider)
    if message:
        return message
    if state == "deleted" and (own is None or own["state"] == "deleted"):
        return None  # passed over in silence, and not counted
    if state == "deleted" and own is not None and own["user_id"] == run.importer_id:
        return f"Can't remove yourself user_id '{row['user_id']}'"
    if message := _taken_integration(run, row, own) or _invalid(row):
        return message
    user_id = _save_user(run, row, own)
    _save_login(run, row, own, user_id, provider, state)
    if row["email"] and not _EMAIL.fullmatch(row["email"]):
        return f"The email address associated with user '{row['user_id']}' is invalid (email: refused)"
    if row["email"]:
        _save_email(run, user_id, row["email"])
    run.counts["users"] += 1
    return None


def _improper(row: Row) -> str | None:
    if "\0" in row.text:
        return "Some of the fields contain NULL character"
    if row["user_id"] is None:
        return "No user_id given for a user"
    if row["login_id"] is None:
        return f"No login_id given for user {row['user_id']}"
    if row["status"] is None:
        return f"No status given for user {row['user_id']}"
    if not any(row.says(word) for word in _STATES):
        return f'Improper status "{row["status"]}" for user {row["user_id"]}'
    return None


def _invalid(row: Row) -> str | None:
    login = str(row["login_id"])
    if len(login) > LONGEST_LOGIN or not login.isprintable():
        return f"Could not save the user with user_id: '{row['user_id']}' Invalid login_id: '{login}'"
    names = (row["full_name"], row["first_name"], row["last_name"], row["sortable_name"], row["short_name"])
    if any(len(name or "") > 255 for name in names):
        return f"Could not save the user with user_id: '{row['user_id']}' A name is too long"
    return None


def provider_of(run: Run, row: Row) -> tuple[int | None, str | None]:
    """The provider that the row names, by type or number, or the message that there is none such."""
    given = row["authentication_provider_id"]
    if given is None:
        return None, None
    by_name = run.settings.providers.get(given.lower())
    by_number = next((number for number in run.settings.providers.values() if str(number) == given), None)
    found = by_name or by_number
    if found is None:
        return None, f"unrecognized authentication provider {given} for {row['user_id']}, skipping"
    return found, None


def _login(run: Run, row: Row, provider: int | None) -> tuple[sqlite3.Row | None, str | None]:
    """The log-in that the row is about, or who holds the name it asks for."""
    own = run.by_sis_id("logins", row["user_id"])
    query = "SELECT * FROM logins WHERE folded = ? AND state != 'deleted'"
    holders = run.db.execute(query, (str(row["login_id"]).lower(),)).fetchall()
    if provider is not None:
        holders = [holder for holder in holders if holder["provider"] in {provider, None}]
    holder = next((found for found in holders if own is None or found["id"] != own["id"]), None)
    if holder is None:
        return own, None
    if own is None and (holder["sis_id"] is None or run.options.update_sis_id_if_login_claimed):
        return holder, None
    name = f"SIS ID {holder['sis_id']}" if holder["sis_id"] else f"Canvas ID {holder['user_id']}"
    message = f"Another user ({name}) has already claimed {row['user_id']}'s user_id requested login information"
    return own, f"{message}, skipping"


def _taken_integration(run: Run, row: Row, own: sqlite3.Row | None) -> str | None:
    holder = run.by("logins", "integration_id", row["integration_id"]) if row["integration_id"] else None
    if holder is None or (own is not None and holder["id"] == own["id"]):
        return None
    name = f"SIS ID {holder['sis_id']}" if holder["sis_id"] else f"Canvas ID {holder['user_id']}"
    return f"Another user ({name}) has already claimed {row['user_id']}'s requested integration_id, skipping"


def _save_user(run: Run, row: Row, own: sqlite3.Row | None) -> int:
    old = run.by("users", "id", own["user_id"]) if own is not None else None
    values: dict[str, object] = dict(naming.names(row, old))
    if row["pronouns"]:
        values["pronouns"] = None if row["pronouns"] == "<delete>" else row["pronouns"]
    if row["declared_user_type"]:
        values["declared_user_type"] = None if row["declared_user_type"] == "<delete>" else row["declared_user_type"]
    if old is None:
        return run.create("users", {"state": "registered", "created_at": dates.now(), **values})
    run.update("users", old, values, _USER_STICKY)
    return int(old["id"])


def _save_login(run: Run, row: Row, own: sqlite3.Row | None, user_id: int, provider: int | None, state: str) -> None:
    login = str(row["login_id"])
    values: dict[str, object] = {
        "sis_id": row["user_id"],
        "unique_id": login,
        "folded": login.lower(),
        "provider": provider,
        "state": state,
    }
    if row["integration_id"]:
        values["integration_id"] = row["integration_id"]
    if own is None:
        run.create("logins", {"user_id": user_id, **values})
        run.changed("Pseudonym", None, state)
        return
    applied = run.update("logins", own, values, _LOGIN_STICKY)
    after = str(applied.get("state", own["state"]))
    run.changed("Pseudonym", own["state"], after)
    if after == "deleted" and own["state"] != "deleted":
        _leave_if_last(run, user_id)


def _leave_if_last(run: Run, user_id: int) -> None:
    """Without a live log-in the person loses all enrolments; the person stays."""
    query = "SELECT 1 FROM logins WHERE user_id = ? AND state != 'deleted'"
    if run.db.execute(query, (user_id,)).fetchone():
        return
    query = "SELECT * FROM enrollments WHERE user_id = ? AND state != 'deleted'"
    for enrollment in run.db.execute(query, (user_id,)).fetchall():
        set_state(run, enrollment, "deleted")


def _save_email(run: Run, user_id: int, email: str) -> None:
    old = run.db.execute("SELECT email FROM users WHERE id = ?", (user_id,)).fetchone()["email"]
    if old != email:
        run.db.execute("UPDATE users SET email = ? WHERE id = ?", (email, user_id))
    if old is None:
        run.changed("CommunicationChannel", None, "active")
