"""What a run's report says of the matters that people are told of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NotRequired, TypedDict

from roster.matters import Matter, alike
from roster.tenants import Environment

NARROW = ("only", "dry_run", "as_of")
"""Params under which a run has not seen the whole, and so says nothing of what stands."""
SHOWN = 12
_OF = re.compile(r"\b\d+ of \d+\b")

Answer = Literal["waiting", "unanswered", "rejected", "outdated", "approved", "loaded"]


class Request(TypedDict):
    """A request for the release of a held part. since: when it was first made, as ISO 8601; link: where to answer."""

    name: str
    held_hash: str
    rows: int
    since: str
    state: Answer
    link: NotRequired[str]


_REQUESTS: dict[Answer, tuple[str, str]] = {
    "waiting": (
        "{rows} changes wait for approval ({environment})",
        "Look at them and approve or reject at the link. Until then they stay out of Canvas; all else goes on.",
    ),
    "unanswered": (
        "{rows} changes wait for approval ({environment})",
        "Nobody answered in time, so nothing of it was loaded. The next night asks again: answer that request.",
    ),
    "rejected": (
        "{rows} changes were rejected ({environment})",
        "Nothing of it was loaded. Mend the source if it is wrong. The same changes are not asked for again by "
        "themselves: to ask once more, trigger the release DAG by hand.",
    ),
    "outdated": (
        "{rows} changes were approved, but are others by now ({environment})",
        "Nothing of it was loaded. A new request shows what is held now: answer that one.",
    ),
    "approved": ("{rows} changes are approved ({environment})", "They are loaded as soon as the load window is open."),
    "loaded": ("{rows} changes that were approved are loaded ({environment})", ""),
}


def matters_of(
    report: Mapping[str, Any],
    environment: Environment,
    request: Request | None = None,
    *,
    missed: str = "",
    unreachable: str = "",
) -> list[Matter]:
    """What the run of this report says stands, or does not stand any more. Failures are not among it: Airflow's
    callback tells those.

    missed: why the night did not load in its window; unreachable: what a production run says of a test environment
    that gave no answer. Empty: that does not stand.
    """
    if any(report["asked"].get(name) for name in NARROW):
        return []
    found = request_matters(report, environment, request)
    if environment == "production" or missed:
        found.append(_missed(environment, missed))
    if environment == "production" or unreachable:
        found.append(_unreachable(unreachable))
    return found


def _missed(environment: Environment, why: str) -> Matter:
    if not why:
        return Matter("missed", environment, f"The night loaded in its window again ({environment})", stands=False)
    title = f"The night missed its load window ({environment})"
    todo = "Nothing, if it was once: the next night covers it. Otherwise begin earlier, or widen load_window."
    return Matter("missed", environment, title, reasons=(why,), todo=todo, mark=alike([why]))


def _unreachable(why: str) -> Matter:
    if not why:
        return Matter("unreachable", "test", "Canvas's test environment answers again", stands=False)
    todo = "Renew its token or mend its connection: without a rehearsal production stops after three nights."
    return Matter("unreachable", "test", "Canvas's test environment gives no answer", reasons=(why,), todo=todo)


def request_matters(report: Mapping[str, Any], environment: Environment, request: Request | None) -> list[Matter]:
    """What the report says of what is held, and of the request for it."""
    plan = report.get("plan")
    reasons, counts = _of_plan(plan) if plan else ((), {})
    none_held = Matter("held", environment, f"Nothing is held any more ({environment})", stands=False)
    if request is not None:
        title, todo = (
            text.format(rows=request["rows"], environment=environment) for text in _REQUESTS[request["state"]]
        )
        asked = Matter(
            kind="request",
            subject=environment,
            title=title,
            stands=request["state"] != "loaded",
            reasons=(*reasons, f"hash {request['held_hash']}"),
            counts=counts,
            todo=todo,
            link=request.get("link", ""),
            mark=request["held_hash"],
            event=request["state"] if request["state"] in ("rejected", "outdated") else "",
        )
        return [asked, none_held]
    if not plan:
        return []
    none_asked = Matter("request", environment, f"Nothing waits for approval any more ({environment})", stands=False)
    if not plan["counts"]["totals"]["held"]:
        return [none_asked, none_held]
    held = Matter(
        kind="held",
        subject=environment,
        title=f"{plan['counts']['totals']['held']} changes are held ({environment})",
        reasons=reasons,
        counts=counts,
        todo="If they are wrong, mend the source. If they are right, run the DAG with release = the hash: "
        f"{plan['held_hash']}",
        mark="\n".join(sorted(_OF.sub("#", line["why"]) for line in plan["counts"]["holds"])),
    )
    return [none_asked, held] if environment == "production" else [held]


def _of_plan(plan: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, int]]:
    """Why rows of a plan are held, and how many of each file."""
    lines = [f"{line['rows']} rows: {line['why']}" for line in plan["counts"]["holds"]]
    more = [f"and {len(lines) - SHOWN} more reasons"] if len(lines) > SHOWN else []
    counts: Counter[str] = Counter()
    for line in plan["counts"]["changes"]:
        if line["part"] == "held":
            counts[line["file"].removesuffix(".csv")] += line["rows"]
    return (*lines[:SHOWN], *more), dict(counts)


def undo_asked(undo: Mapping[str, Any], environment: Environment, run: str, until: datetime) -> Matter:
    """The form of an undo waits. undo: plan.json of `show`; run: the path of its run; until: an aware datetime."""
    imports = ("import " if len(undo["imports"]) == 1 else "imports ") + ", ".join(undo["imports"])
    return Matter(
        kind="undo",
        subject=environment,
        title=f"Undoing {imports} waits for approval ({environment})",
        reasons=(f"until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC",),
        counts=_by_file(undo),
        todo="Look at it and approve or reject at the link. Nothing of it is sent before; all else goes on.",
        mark=f"{run} waits",
    )


def undo_matter(report: Mapping[str, Any], folder: str) -> Matter:
    """What came of an undo that did not fail. folder: where its report is."""
    environment, undo, load = report["environment"], report["undo"], report["load"]
    word, was = ("Import", "was") if len(undo["imports"]) == 1 else ("Imports", "were")
    came = was if load else f"{was} not"
    left = undo["counts"]["left"]
    return Matter(
        kind="undo",
        subject=environment,
        title=f"{word} {', '.join(undo['imports'])} {came} undone ({environment})",
        reasons=(
            *report["notices"],
            *([f"{left} rows are not undone: the report says why"] if load and left else []),
            f"report: {folder}/report.html",
        ),
        counts=_by_file(undo) if load else {},
        todo="Mend the source: the nights to come hold what was taken back and it still says." if load else "",
        mark=report["run"],
    )


def _by_file(undo: Mapping[str, Any]) -> dict[str, int]:
    """How many rows of each file are sent."""
    counts: Counter[str] = Counter()
    for line in undo["counts"]["changes"]:
        counts[line["file"].removesuffix(".csv")] += line["rows"]
    return dict(counts)
