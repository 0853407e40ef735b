"""`logins.csv`: one more log-in for somebody who has one; a row that is sent again is refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from roster_sandbox.canvas.importers.users import LONGEST_LOGIN, provider_of
from roster_sandbox.canvas.run import Row, Run

_EXISTING = ("existing_user_id", "existing_integration_id", "existing_canvas_user_id")


def apply(run: Run, rows: Sequence[Row]) -> None:
    """Add log-ins; what is there is neither changed nor removed by this file."""
    for row in rows:
        if message := _apply(run, row):
            run.warn(row, message)


def _apply(run: Run, row: Row) -> str | None:
    if row["user_id"] is None:
        return "No user_id given for a user"
    if row["login_id"] is None:
        return f"No login_id given for user {row['user_id']}"
    named = {column: str(row[column]) for column in _EXISTING if row[column]}
    if not named:
        return f"No existing user provided for login with SIS ID {row['user_id']}"
    found = [_person(run, column, value) for column, value in named.items()]
    if None in found:
        return f"Could not find the existing user for login with SIS ID {row['user_id']}, skipping"
    if len(set(found)) > 1:
        return (
            f"An existing user does not match existing user ids provided for login with SIS ID {row['user_id']},"
            " skipping"
        )
    provider, message = provider_of(run, row)
    if message:
        return message
    if _taken(run, row, provider):
        return (
            f"An existing Canvas user with the SIS ID {row['user_id']} or login of {row['login_id']} already exists,"
            " skipping"
        )
    login = str(row["login_id"])
    if len(login) > LONGEST_LOGIN or not login.isprintable():
        return f"Could not save the user with user_id: '{row['user_id']}'. Invalid login_id: '{login}'"
    values = {"sis_id": row["user_id"], "unique_id": login, "folded": login.lower(), "provider": provider}
    more = {"integration_id": row["integration_id"], "state": "active"}
    run.create("logins", {"user_id": found[0], **values, **more})
    run.changed("Pseudonym", None, "active")
    run.counts["logins"] += 1
    return None


def _person(run: Run, column: str, value: str) -> int | None:
    if column == "existing_canvas_user_id":
        person = run.by("users", "id", value)
        return int(person["id"]) if person is not None else None
    login = run.by("logins", "sis_id" if column == "existing_user_id" else "integration_id", value)
    return int(login["user_id"]) if login is not None and login["state"] != "deleted" else None


def _taken(run: Run, row: Row, provider: int | None) -> bool:
    if run.by_sis_id("logins", row["user_id"]) is not None:
        return True
    query = "SELECT * FROM logins WHERE folded = ? AND state != 'deleted'"
    holders: list[sqlite3.Row] = run.db.execute(query, (str(row["login_id"]).lower(),)).fetchall()
    return any(provider is None or holder["provider"] == provider for holder in holders)
