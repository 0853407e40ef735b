"""Undo: which import, what undoing it would do and can't, as it is shown, and again before anything is sent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from roster.errors import LedgerMoved, RequestUnknown, RunFolderBroken
from roster.ledger import Ledger, Settled
from roster.runs import read_step, reading, write_json
from roster.safety import plan_hash
from roster.steps import Done, Night
from roster.steps.plan import numbered
from roster.steps.report_page import ACTIONS, FILES, table
from roster.undo import REASONS, Later, Undoing, digests, invert

TEXT = "request.md"


def imports(ledger: Ledger) -> Iterator[dict[str, Any]]:
    """The ledger's imports, newest first: version, Canvas's number, when, outcome, rows by what became of them."""
    version, _ = ledger.versions()
    while version > 0:
        one = ledger.settled(version)
        if one.import_id is not None and one.outcome != "refreshed":
            rows = {name: one.facts.get(name) for name in ("rows", "sent", "refused", "doubt")}
            at = f"{one.written:%Y-%m-%d %H:%M}"
            yield {"version": version, "import": one.import_id, "at": at, "outcome": one.outcome, **rows}
        version -= 1


def find_import(ledger: Ledger, import_id: str) -> Settled:
    """The version that Canvas's import of this number made. Raises RequestUnknown."""
    version, _ = ledger.versions()
    while version > 0:
        one = ledger.settled(version)
        if one.import_id == import_id and one.outcome == "taken":
            return one
        version -= 1
    message = f"import {import_id} is none of this ledger's that Canvas took: `roster imports` lists them"
    raise RequestUnknown(message)


def undoing(night: Night, ledger: Ledger, one: Settled, later: Later) -> Undoing:
    """What undoing that version would do to today's ledger. Raises RunFolderBroken where its rows are gone."""
    try:
        sent, before, after = ledger.sent(one), ledger.rows_at(one.version - 1), ledger.rows_at(one.version)
    except (RunFolderBroken, FileNotFoundError):
        message = (
            f"the rows of import {one.import_id} are older than this tenant's retention and were removed: it can't "
            "be undone"
        )
        raise RunFolderBroken(message) from None
    word = night.tenant.sync.on_drop.users
    return invert(sent, before, after, ledger.current()[2], later=later, user_word=word)


def show(night: Night, ledger: Ledger, import_id: str, later: Later, step_name: str = "show") -> Done:
    """Plan the inverse of an import into `show` (or the step of that name).

    Writes changes.parquet, left.parquet, sent.parquet, undone.json (digests), request.md and plan.json as a load reads
    it. counts: undo_hash, rows, left, later, narrowed.
    """
    one = find_import(ledger, import_id)
    made = undoing(night, ledger, one, later)
    version, state, _ = ledger.current()
    sent = numbered(made.changes)
    shown = plan_hash(made.changes)
    counts = {
        "undo_hash": shown,
        "rows": made.changes.height,
        "left": made.left.height,
        "later": made.later,
        "narrowed": True,
    }
    stages = sent.group_by("stage", maintain_order=True)
    with night.run.write(step_name) as step:
        made.changes.write_parquet(step.folder / "changes.parquet")
        made.left.write_parquet(step.folder / "left.parquet")
        sent.write_parquet(step.folder / "sent.parquet")
        write_json(step.folder, "undone.json", digests(ledger.sent(one), made.changes))
        content = {
            "import": {"version": one.version, "import_id": import_id, "written": one.written, "run": one.run},
            "later": later,
            "number": 0,
            "ledger": {"host": ledger.host, "account": ledger.account, "version": version, "state": state},
            "stages": [{"stage": number, "hash": plan_hash(rows), "rows": rows.height} for (number,), rows in stages],
            "counts": {**counts, "changes": _by(made.changes, "action"), "not_undone": _by(made.left, "reason")},
        }
        write_json(step.folder, "plan.json", content)
        (step.folder / TEXT).write_text("\n".join(_lines(night, content)), encoding="utf-8")
    return {"path": step.path, "counts": counts}


def show_again(night: Night, ledger: Ledger, shown: Done, step_name: str) -> Done:
    """Plan it once more. Raises LedgerMoved unless it is, row for row, what was shown."""
    content = read_step(night.store, shown["path"], "plan.json")
    made = show(night, ledger, content["import"]["import_id"], content["later"], step_name)
    if made["counts"]["undo_hash"] != shown["counts"]["undo_hash"]:
        message = "the ledger moved on since this undo was shown: nothing was sent; trigger canvas_undo again"
        raise LedgerMoved(message)
    return made


def remember(night: Night, ledger: Ledger, planned: Done) -> None:
    """Keep what is about to be undone, before it is: the nights to come hold it."""
    with reading(night.store, planned["path"]) as folder:
        undone = json.loads((folder / "undone.json").read_text(encoding="utf-8"))
    content = read_step(night.store, planned["path"], "plan.json")
    ledger.keep_undone(content["ledger"]["version"] + len(content["stages"]), undone)


def _by(frame: pl.DataFrame, name: str) -> list[dict[str, Any]]:
    return frame.group_by("file", "school", name).agg(rows=pl.len()).sort("file", "school", name).to_dicts()


def _lines(night: Night, content: Mapping[str, Any]) -> Iterator[str]:
    """What approvers read: counts only, nobody's data."""
    counts, one = content["counts"], content["import"]
    yield f"**Undo import {one['import_id']}** of {one['written']:%Y-%m-%d %H:%M} UTC in {content['ledger']['host']},"
    yield f"{night.tenant.name}: {counts['rows']:,} rows are sent.\n"
    totals: Counter[tuple[str, str]] = Counter()
    schools: Counter[str] = Counter()
    for line in counts["changes"]:
        totals[line["file"], line["action"]] += line["rows"]
        schools[line["school"] or "(none)"] += line["rows"]
    actions = [action for action in ACTIONS if any(found == action for _, found in totals)]
    files = [file for file in FILES if any(found == file for found, _ in totals)]
    yield from table(("file", *actions), [(file, *(totals[file, action] for action in actions)) for file in files])
    yield from table(("school", "rows"), sorted(schools.items()))
    if counts["left"]:
        yield "Not undone:\n"
        for line in counts["not_undone"]:
            yield f"- {line['rows']:,} of {line['file']}: {REASONS[line['reason']]}"
        yield ""
    word = "left as they are" if content["later"] == "leave" else "undone all the same"
    yield f"{counts['later']:,} rows were changed by later imports: {word}.\n"
    yield f"Hash of what is shown: `{counts['undo_hash']}`"
