"""`admins.csv`: rights in an account; only those that an import gave, or adopted, can be taken by one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from roster_sandbox.canvas.run import Row, Run

ACCOUNT_ADMIN = "AccountAdmin"


def apply(run: Run, rows: Sequence[Row]) -> None:
    """Give and take rights; to take one that is none of SIS's does nothing and counts. The status is a whole word, in
    any case.
    """
    for row in rows:
        if message := _apply(run, row):
            run.warn(row, message)


def _apply(run: Run, row: Row) -> str | None:
    if message := _improper(row):
        return message
    status = str(row["status"]).lower()
    if status == "deleted" and run.options.skip_deletes:
        return None
    account = run.by_sis_id("accounts", row["account_id"])
    if row["account_id"] is None:
        account = run.by("accounts", "id", run.settings.root_account_id)
    if account is None:
        return f"Invalid account_id given for admin {row['user_id']}"
    role = str(row["role"] or "")
    if role not in {ACCOUNT_ADMIN, *run.settings.admin_roles}:
        return f"Invalid role '{role or row['role_id']}' for admin {row['user_id']}"
    login = run.by_sis_id("logins", row["user_id"])
    if login is None or login["state"] == "deleted":
        return f"Invalid or unknown user_id '{row['user_id']}' for admin"
    if status == "deleted" and login["user_id"] == run.importer_id:
        return f"Can't remove yourself user_id '{row['user_id']}'"
    _save(run, int(login["user_id"]), int(account["id"]), role, status)
    run.counts["admins"] += 1
    return None


def _improper(row: Row) -> str | None:
    if row["user_id"] is None:
        return "No user_id given for admin"
    if row["status"] is None:
        return f"No status given for admin {row['user_id']}"
    if row["status"].lower() not in {"active", "deleted"}:
        return f"Invalid status '{row['status']}' for admin {row['user_id']}"
    if row["role"] is None and row["role_id"] is None:
        return f"No role_id or role given for admin {row['user_id']}"
    return None


def _save(run: Run, user_id: int, account_id: int, role: str, state: str) -> None:
    query = "SELECT * FROM admins WHERE user_id = ? AND account_id = ? AND role = ?"
    old: sqlite3.Row | None = run.db.execute(query, (user_id, account_id, role)).fetchone()
    if old is None:
        if state == "deleted":
            return
        run.create("admins", {"user_id": user_id, "account_id": account_id, "role": role, "state": state})
    elif state == "deleted" and old["import_id"] is None:
        return
    else:
        run.update("admins", old, {"state": state})
    run.changed("AccountUser", old["state"] if old else None, state)
