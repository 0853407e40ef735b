"""How a person's three names follow from the columns of `users.csv`."""

from __future__ import annotations

import sqlite3

from roster_sandbox.canvas.run import Row


def names(row: Row, old: sqlite3.Row | None) -> dict[str, str]:
    """`name`, `sortable_name` and `short_name`; what a row leaves open keeps its old value."""
    first_and_last = " ".join(part for part in (row["first_name"], row["last_name"]) if part)
    name = row["full_name"] or first_and_last or (old["name"] if old else None)
    name = name or row["sortable_name"] or row["short_name"] or str(row["login_id"])
    return {
        "name": name,
        "sortable_name": _sortable(row) or (old["sortable_name"] if old else None) or _last_first(name),
        "short_name": row["short_name"] or (old["short_name"] if old else None) or name,
    }


def _sortable(row: Row) -> str | None:
    if row["sortable_name"]:
        return row["sortable_name"]
    if row["full_name"]:
        return _last_first(row["full_name"])
    if row["first_name"] or row["last_name"]:
        return ", ".join(part for part in (row["last_name"], row["first_name"]) if part)
    return None


def _last_first(name: str) -> str:
    first, _, last = name.rpartition(" ")
    return f"{last}, {first}" if first else name
