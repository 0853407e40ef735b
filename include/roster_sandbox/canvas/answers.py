"""An import as the API shows it."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import Any

FINAL = ("imported", "imported_with_messages", "failed", "failed_with_messages", "aborted")
SHOWN_MESSAGES = 24
US = "Sandbox Admin"


def import_json(db: sqlite3.Connection, row: sqlite3.Row, base_url: str, *, single: bool) -> dict[str, Any]:
    """A SisImport; only the single call shows messages and their file, and only when the import has ended."""
    options = json.loads(row["options"])
    answer: dict[str, Any] = {
        "id": row["id"],
        "created_at": row["created_at"],
        "started_at": row["started_at"],
        "ended_at": row["ended_at"],
        "updated_at": row["updated_at"],
        "progress": row["progress"],
        "workflow_state": row["state"],
        "data": {"import_type": options.pop("import_type"), **json.loads(row["data"])},
        "diffed_against_import_id": None,
        "csv_attachments": [],
        "diffed_csv_attachments": [],
        "user": {"id": 1 if row["owner"] == US else 2, "name": row["owner"]},
        **options,
    }
    if row["identifier"]:
        answer["diffing_threshold_exceeded"] = False
    if single and row["state"] in FINAL:
        answer.update(_messages(db, row, base_url))
    return answer


def _messages(db: sqlite3.Connection, row: sqlite3.Row, base_url: str) -> dict[str, Any]:
    hidden = next((fault["keep"] for fault in json.loads(row["faults"]) if fault["name"] == "hidden_messages"), None)
    shown: dict[str, Any] = {}
    total = 0
    for name, failure in (("processing_errors", 1), ("processing_warnings", 0)):
        found = db.execute(
            "SELECT file, message FROM messages WHERE import_id = ? AND failure = ? ORDER BY id", (row["id"], failure)
        ).fetchall()
        total += len(found)
        keep = SHOWN_MESSAGES if hidden is None else hidden
        listed = [[message["file"], message["message"]] for message in found[:keep]]
        if hidden is None and len(found) > keep:
            listed.append(["", f"and {len(found) - keep} more"])
        if listed:
            shown[name] = listed
    if total and row["attachment_at"] is not None and row["attachment_at"] <= time.time():
        name = f"sis_errors_attachment_{row['id']}.csv"
        url = f"{base_url}/files/{row['id']}/download?download_frd=1&verifier={row['verifier']}"
        shown["errors_attachment"] = {
            "id": row["id"],
            "filename": name,
            "display_name": name,
            "content-type": "text/csv",
            "url": url,
        }
    return shown


def message_json(row: sqlite3.Row) -> dict[str, Any]:
    """A SisImportError."""
    return {
        "sis_import_id": row["import_id"],
        "file": row["file"],
        "message": row["message"],
        "row_info": row["row_info"],
        "row": row["row"],
    }
