"""`accounts.csv`: parents before children, one row at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from roster_sandbox.canvas.run import Row, Run

_STICKY = ("name", "parent_id")


def apply(run: Run, rows: Sequence[Row]) -> None:
    """Create, rename, move, delete or restore sub-accounts."""
    for row in rows:
        if message := _apply(run, row):
            run.warn(row, message)


def _apply(run: Run, row: Row) -> str | None:
    sis_id = row["account_id"]
    if sis_id is None:
        return "No account_id given for an account"
    parent = run.by_sis_id("accounts", row["parent_account_id"]) if row["parent_account_id"] else _root(run)
    if parent is None:
        return f"Parent account didn't exist for {sis_id}"
    old = run.by_sis_id("accounts", sis_id)
    if old is None and row["name"] is None:
        return f"No name given for account {sis_id}, skipping"
    if old is None and not (row.says("active") or row.says("deleted")):
        return f'Improper status "{row["status"] or ""}" for account {sis_id}, skipping'
    if row.says("deleted"):
        if run.options.skip_deletes:
            return None
        if old is not None and (message := _still_used(run, old)):
            return message
    elif parent["state"] == "deleted":
        return f"Cannot restore sub_account {sis_id}: its parent_account {parent['sis_id']} is deleted"
    if old is not None and _is_below(run, parent, old):
        return f"Setting account {sis_id}'s parent to {parent['sis_id']} would create a loop"
    _save(run, row, sis_id, old, parent)
    run.counts["accounts"] += 1
    return None


def _save(run: Run, row: Row, sis_id: str, old: sqlite3.Row | None, parent: sqlite3.Row) -> None:
    state = "deleted" if row.says("deleted") else "active"
    values: dict[str, object] = {"parent_id": parent["id"]}
    if row["name"]:
        values["name"] = row["name"]
    if row["integration_id"]:
        values["integration_id"] = row["integration_id"]
    if old is None:
        run.create("accounts", {"sis_id": sis_id, "state": state, **values})
        run.changed("Account", None, state)
        return
    if row.says("active") or row.says("deleted"):  # any other word is ignored for an account that is there
        values["state"] = state
    applied = run.update("accounts", old, values, _STICKY)
    run.changed("Account", old["state"], str(applied.get("state", old["state"])))


def _root(run: Run) -> sqlite3.Row | None:
    return run.by("accounts", "id", run.settings.root_account_id)


def _still_used(run: Run, account: sqlite3.Row) -> str | None:
    query = "SELECT 1 FROM accounts WHERE parent_id = ? AND state = 'active'"
    if run.db.execute(query, (account["id"],)).fetchone():
        return f"Cannot delete the sub_account with ID: {account['sis_id']} because it has active sub accounts"
    query = "SELECT 1 FROM courses WHERE account_id = ? AND state != 'deleted'"
    if run.db.execute(query, (account["id"],)).fetchone():
        return f"Cannot delete the sub_account with ID: {account['sis_id']} because it has active courses"
    return None


def _is_below(run: Run, account: sqlite3.Row, top: sqlite3.Row) -> bool:
    above: sqlite3.Row | None = account
    while above is not None:
        if above["id"] == top["id"]:
            return True
        above = run.by("accounts", "id", above["parent_id"])
    return False
