"""The report of an undo: what was shown, what was answered, what came back and what did not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from roster.runs import read_step, write_json
from roster.steps import Done, Night
from roster.steps.census import names_of_schools
from roster.steps.report_page import table
from roster.steps.school_report import write_list
from roster.steps.undo import TEXT, restoring
from roster.steps.undo_page import as_page, not_undone

ANSWERED = {
    "rejected": "was rejected",
    "unanswered": "was answered by nobody in time",
    "outdated": "would do something else by now than what was shown",
    "foreign": "was answered by somebody who is not among rollout.approvers",
    "cleared": "was asked twice, and such an answer counts for nothing",
}
STATES = {
    "restored": "Canvas restored the states.",
    "partially_restored": "Canvas restored the states of what the import had deleted.",
    "restore_failed": "Canvas began to restore states and failed",
    "unknown": "Nobody knows whether Canvas restored states: its answer was lost",
}
LOST = (
    "what it did beside the rows (group memberships, grades of what was deleted) may not have come back: look in Canvas"
)


@dataclass(frozen=True)
class Undone:
    """What the tasks answered; None for one that did not end. faults: task → what it said. environment: whose it is."""

    environment: str
    show: Done | None
    answer: str | None
    restore: Mapping[str, Any] | None
    again: Done | None
    load: Done | None
    faults: Mapping[str, str] = field(default_factory=dict)


def report(night: Night, undone: Undone) -> tuple[Done, list[str]]:
    """Write report.json, report.md, report.html and not-undone.csv into `verdict`; answer with the reasons to fail.

    The first two have counts and hashes only; the others name rows by their ids.
    """
    shown = read_step(night.store, undone.show["path"], "plan.json") if undone.show else None
    decision = night.run.latest("decide")
    load = read_step(night.store, undone.load["path"], "load.json") if undone.load else None
    failed, notices = [*_failed(undone, load)], [*_notices(undone, load)]
    content = {
        "tenant": night.tenant.id,
        "name": night.tenant.name,
        "run": night.run.path,
        "environment": undone.environment,
        "date": night.today.isoformat(),
        "undo": shown,
        "answer": read_step(night.store, decision, "decision.json") if decision else None,
        "restore": undone.restore,
        "load": load,
        "failed": failed,
        "notices": notices,
    }
    with night.run.write("verdict") as step:
        write_json(step.folder, "report.json", content)
        text = night.store.read_whole(undone.show["path"], TEXT).decode() if undone.show else ""
        left = not_undone(night, undone.show)
        write_list(step.folder / "not-undone.csv", left.columns, left.rows())
        page = as_page(content, left, names_of_schools(night))
        (step.folder / "report.html").write_text(page, encoding="utf-8")
        (step.folder / "report.md").write_text("\n".join(_lines(content, text)), encoding="utf-8")
    return {"path": step.path, "counts": {"failed": len(failed), "notices": len(notices)}}, failed


def _failed(undone: Undone, load: Mapping[str, Any] | None) -> Iterator[str]:
    for step, said in undone.faults.items():
        yield f"{step}: {said}"
    if undone.answer != "approved":
        if not undone.answer and not undone.faults:
            yield "it was not answered: see the log of the task that failed"
        return
    state = (undone.restore or {}).get("state")
    if state not in ("not asked", "restored", "partially_restored"):
        yield f"{STATES.get(str(state), 'States were not restored')}: {LOST}"
    if load is None:
        restored = ""
        if state in ("restored", "partially_restored"):
            restored = "; states were restored, which the ledger does not know: run `roster reconcile`"
        yield f"the rows were not loaded{restored}"
    elif load["outcome"] == "lost" or load["counts"]["doubt"]:
        yield f"{load['counts']['doubt']:,} rows are in doubt: the next night asks again"
    if load and load["counts"]["over_budget"]:
        yield f"Canvas refused {load['counts']['newly_refused']:,} rows: more than safety.refused allows"


def _notices(undone: Undone, load: Mapping[str, Any] | None) -> Iterator[str]:
    if undone.answer and undone.answer != "approved":
        yield f"Nothing was sent: the undo {ANSWERED[undone.answer]}."
    restore = undone.restore or {}
    if restore.get("state") == "not asked":
        yield restoring(restore["why_not"])
    elif restore.get("state") in ("restored", "partially_restored"):
        yield STATES[restore["state"]]
    if load and load["counts"]["refused"]:
        yield f"Canvas refused {load['counts']['refused']:,} rows: messages are in the load's folder."


def _lines(content: Mapping[str, Any], text: str) -> Iterator[str]:
    yield f"# Undo in {content['environment']}, {content['date']}\n"
    for title, lines in (("Failed", content["failed"]), ("To know", content["notices"])):
        if lines:
            yield f"## {title}\n"
            yield from (f"- {line}" for line in lines)
            yield ""
    if load := content["load"]:
        names = ("rows", "sent", "refused", "doubt", "kept_back")
        yield from table(("import", *names), [(load["import_id"], *(load["counts"][name] for name in names))])
    yield "## What was shown\n"
    yield text
