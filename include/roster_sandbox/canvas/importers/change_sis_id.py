"""`change_sis_id.csv`: new SIS ids, given before any other file is read, so that those use the new ones."""

from __future__ import annotations

from collections.abc import Sequence

from roster_sandbox.canvas.run import Row, Run

_TABLES = {"account": "accounts", "term": "terms", "course": "courses", "section": "sections", "user": "logins"}
_NOT_HERE = frozenset({"group", "group_category"})


def apply(run: Run, rows: Sequence[Row]) -> None:
    """Change the SIS id, the integration id, or both, of what exists."""
    for row in rows:
        if message := _apply(run, row):
            run.warn(row, message)


def _apply(run: Run, row: Row) -> str | None:
    old_id, old_integration = row["old_id"], row["old_integration_id"]
    new_id, new_integration = row["new_id"], row["new_integration_id"]
    if old_id is None and old_integration is None:
        return "No old_id or old_integration_id given for change_sis_id"
    if new_id is None and new_integration is None:
        return "No new_id or new_integration_id given for change_sis_id"
    if row["type"] is None:
        return "No type given for change_sis_id"
    kind = row["type"].lower()
    if kind in _NOT_HERE:
        return f"Groups are not simulated: the {kind} was not changed"
    if kind not in _TABLES:
        return f"Invalid type '{row['type']}' for change_sis_id"
    table = _TABLES[kind]
    old = run.by_sis_id(table, old_id) if old_id else run.by(table, "integration_id", old_integration)
    if old is None:
        return f"An old_id, '{old_id or old_integration}', referenced a non-existent {kind} and was not changed"
    values: dict[str, object] = {}
    for column, new, name in (("sis_id", new_id, "new_id"), ("integration_id", new_integration, "new_integration_id")):
        if new is None:
            continue
        holder = run.by(table, column, new)
        if holder is not None and holder["id"] != old["id"]:
            return f"A {name}, '{new}', referenced an existing {kind} and the {kind} was not updated"
        values[column] = None if name == "new_integration_id" and new == "<delete>" else new
    run.update(table, old, values)
    run.counts["change_sis_ids"] += 1
    return None
