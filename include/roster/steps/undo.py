"""Undo: which import, what undoing it would do and can't, as it is shown, and again before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from roster.canvas import ID_CHANGES
from roster.decisions import Answer
from roster.errors import LedgerMoved, RequestUnknown, RunFolderBroken
from roster.journal import GIVING_BACK, OVERRIDING, Settled
from roster.ledger import Ledger
from roster.runs import read_step, reading, write_json
from roster.safety import plan_hash
from roster.steps import Done, Night
from roster.steps.census import names_of_schools
from roster.steps.plan import numbered
from roster.steps.release import Reply, judged
from roster.steps.report_page import by_file, by_school
from roster.undo import REASONS, UNRESTORED, Later, Undoing, digests, freed, invert, unrestored

TEXT = "request.md"
OVER = (OVERRIDING, GIVING_BACK)
WORDS = {"create": "come back", "update": "as before", "drop": "taken back", "park": "log-in in between"}
"""What an action of the inverse does, as a person reads it."""
STATES_KEPT = timedelta(days=30)
"""How long Canvas can restore what an import changed."""


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


def of_one_plan(ledger: Ledger, one: Settled) -> list[Settled]:
    """All imports of the plan that this one is of, oldest first: where log-ins or ids change hands there are several,
    and undoing one alone would leave people with a log-in in between.
    """
    found, version = [one], ledger.versions()[0]
    while version > 0:
        other = ledger.settled(version)
        if other.run == one.run and other.outcome == "taken" and other.version != one.version:
            found.append(other)
        version -= 1
    return sorted(found, key=lambda settled: settled.version)


def sent_by(ledger: Ledger, imports: list[Settled]) -> pl.DataFrame:
    """SENT of these imports together."""
    return pl.concat([ledger.sent(each) for each in imports])


def undoing(night: Night, ledger: Ledger, imports: list[Settled], later: Later) -> Undoing:
    """What undoing these imports would do to today's ledger. Raises RunFolderBroken where their rows are gone.

    Ids that they changed stay changed: what was before is looked up under the new ids.
    """
    first, last = imports[0].version - 1, imports[-1]
    try:
        for each in imports:
            if ID_CHANGES in ledger.sent(each)["file"]:
                first = each.version
        sent, before, after = sent_by(ledger, imports), ledger.rows_at(first), ledger.rows_at(last.version)
    except (RunFolderBroken, FileNotFoundError):
        message = (
            f"the rows of import {last.import_id} are older than this tenant's retention and were removed: it can't "
            "be undone"
        )
        raise RunFolderBroken(message) from None
    word, now = night.tenant.sync.on_drop.users, ledger.current()[2]
    return invert(sent, before, after, now, later=later, user_word=word, overrode=_overrode(ledger, imports))


def _overrode(ledger: Ledger, imports: list[Settled]) -> frozenset[tuple[str, str]]:
    """File and key of the rows that these imports wrote over what people had changed in Canvas."""
    over = [one for one in imports if ledger.intent(one.version).options.override_sis_stickiness]
    return frozenset(row for one in over for row in ledger.sent(one).select("file", "key").iter_rows())


def show(
    night: Night,
    ledger: Ledger,
    import_id: str,
    later: Later,
    now: datetime | None = None,
    step_name: str = "show",
) -> Done:
    """Plan the inverse of an import, and of the others of its plan, into `show` (or the step of that name).

    Writes changes.parquet, left.parquet, sent.parquet, undone.json (digests), request.md and plan.json as a load reads
    it. counts: undo_hash, rows, left, later, narrowed.
    """
    one = find_import(ledger, import_id)
    imports = of_one_plan(ledger, one)
    made, undone = undoing(night, ledger, imports, later), sent_by(ledger, imports)
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
    over = made.changes.filter(pl.col("stage").is_in(OVER)).height
    stages = sent.group_by("stage", maintain_order=True)
    why_not = unrestored(undone, made, later)
    if why_not is None and now and now - one.written > STATES_KEPT:
        why_not = "old"
    with night.run.write(step_name) as step:
        made.changes.write_parquet(step.folder / "changes.parquet")
        made.left.write_parquet(step.folder / "left.parquet")
        sent.write_parquet(step.folder / "sent.parquet")
        write_json(step.folder, "undone.json", digests(undone, made.changes))
        content = {
            "import": {"version": one.version, "import_id": import_id, "written": one.written, "run": one.run},
            "imports": [each.import_id for each in imports],
            "later": later,
            "number": 0,
            "ledger": {"host": ledger.host, "account": ledger.account, "version": version, "state": state},
            "stages": [
                {
                    "stage": number,
                    "hash": plan_hash(rows),
                    "rows": rows.height,
                    "options": {"override_sis_stickiness": True} if number in OVER else {},
                }
                for (number,), rows in stages
            ],
            "over": over,
            "counts": {**counts, "changes": _by(made.changes, "action"), "not_undone": _by(made.left, "reason")},
            "unrestored": why_not,
            "freed": freed(made.changes),
        }
        write_json(step.folder, "plan.json", content)
        (step.folder / TEXT).write_text("\n".join(_lines(night, content)), encoding="utf-8")
    return {"path": step.path, "counts": counts}


def show_again(night: Night, ledger: Ledger, shown: Done, step_name: str) -> Done:
    """Plan it once more. Raises LedgerMoved unless it is, row for row, what was shown; what has begun goes on."""
    if made := begun(night, ledger):
        return made
    content = read_step(night.store, shown["path"], "plan.json")
    made = show(night, ledger, content["import"]["import_id"], content["later"], step_name=step_name)
    if made["counts"]["undo_hash"] != shown["counts"]["undo_hash"]:
        message = "the ledger moved on since this undo was shown: nothing was sent; trigger canvas_undo again"
        raise LedgerMoved(message)
    return made


def decide(night: Night, ledger: Ledger, shown: Done, reply: Reply | None, now: datetime) -> Answer:
    """Keep what was answered to the form into `decide`: decision.json, with what was shown.

    reply: None for a form that was shown before, whose answer counts for nothing.
    """

    def is_still(reply: Reply) -> bool:
        return reply.hash == shown["counts"]["undo_hash"] and is_as_shown(night, ledger, shown)

    answer = judged(night, reply, is_still)
    with night.run.write("decide") as step:
        content = {
            "answer": answer,
            "by": reply.by if reply else None,
            "at": now,
            "answered_hash": reply.hash if reply else None,
            "shown_hash": shown["counts"]["undo_hash"],
            "shown": night.store.read_whole(shown["path"], TEXT).decode(),
        }
        write_json(step.folder, "decision.json", content)
    return answer


def is_as_shown(night: Night, ledger: Ledger, shown: Done) -> bool:
    """True if the undo would still do, row for row, what was shown, or has begun to do it."""
    if begun(night, ledger):
        return True
    content = read_step(night.store, shown["path"], "plan.json")
    one = find_import(ledger, content["import"]["import_id"])
    made = undoing(night, ledger, of_one_plan(ledger, one), content["later"])
    return bool(plan_hash(made.changes) == shown["counts"]["undo_hash"])


def begun(night: Night, ledger: Ledger) -> Done | None:
    """What this run has planned `again`, if an import of it was written to the journal: that one goes on."""
    path = night.run.latest("again")
    if path is None:
        return None
    content = read_step(night.store, path, "plan.json")
    base, stages = content["ledger"]["version"], {stage["hash"] for stage in content["stages"]}
    opened = ledger.open_intent()
    if opened and opened.run == night.run.path and opened.plan_hash in stages:
        return {"path": path, "counts": _counts(content)}
    ended = [ledger.settlement_of(stage, night.run.path, base) for stage in stages]
    return {"path": path, "counts": _counts(content)} if any(ended) else None


def not_restored(night: Night, shown: Done, now: datetime) -> str | None:
    """Why Canvas is not asked to restore states, a word of UNRESTORED; None where it is."""
    content = read_step(night.store, shown["path"], "plan.json")
    if content["unrestored"]:
        return str(content["unrestored"])
    return "old" if now - datetime.fromisoformat(content["import"]["written"]) > STATES_KEPT else None


def remember(night: Night, ledger: Ledger, planned: Done) -> None:
    """Keep what is about to be undone, before it is: the nights to come hold it."""
    with reading(night.store, planned["path"]) as folder:
        undone = json.loads((folder / "undone.json").read_text(encoding="utf-8"))
    content = read_step(night.store, planned["path"], "plan.json")
    ledger.keep_undone(content["ledger"]["version"] + len(content["stages"]), undone)


def _counts(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: content["counts"][name] for name in ("undo_hash", "rows", "left", "later", "narrowed")}


def _by(frame: pl.DataFrame, name: str) -> list[dict[str, Any]]:
    return frame.group_by("file", "school", name).agg(rows=pl.len()).sort("file", "school", name).to_dicts()


def restoring(why_not: str | None) -> str:
    """Whether Canvas is asked to restore states, in words."""
    if why_not is None:
        return "First Canvas is asked to restore the states of what the import deleted (`restore_states`)."
    return f"Canvas is not asked to restore states: {UNRESTORED[why_not]}."


def _lines(night: Night, content: Mapping[str, Any]) -> Iterator[str]:
    """What approvers read: counts only, nobody's data."""
    counts, one = content["counts"], content["import"]
    word = "import" if len(content["imports"]) == 1 else "imports"
    where = f"the Canvas of {night.tenant.name} ({content['ledger']['host']})"
    yield f"**Undo {word} {', '.join(content['imports'])}** of {one['written']:%Y-%m-%d %H:%M} UTC in {where}:"
    yield f"{counts['rows']:,} rows are sent.\n"
    yield from by_file(counts["changes"], WORDS)
    yield from by_school(counts["changes"], names_of_schools(night), WORDS)
    if counts["left"]:
        yield "Not undone:\n"
        for line in counts["not_undone"]:
            yield f"- {line['rows']:,} of {line['file']}: {REASONS[line['reason']]}"
        yield ""
    if content["freed"]:
        yield f"{content['freed']:,} accounts that are suspended get a log-in in between: theirs goes back to others.\n"
    if content["over"]:
        yield f"{content['over']:,} rows are written over what people changed in Canvas, as the import was.\n"
    yield f"{restoring(content['unrestored'])}\n"
    if counts["later"]:
        word = "left as they are" if content["later"] == "leave" else "undone all the same"
        yield f"{counts['later']:,} rows were changed by later imports: {word}.\n"
    yield "Approve only what you expect. Rejected, nothing is sent and Canvas stays as it is.\n"
    yield f"Hash of what is shown: `{counts['undo_hash']}`"
