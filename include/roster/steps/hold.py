"""Hold: the request for what a production run has held, as the approvers are shown it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from roster.decisions import Request, ask_for, last_answer, nothing_held, open_request, since_of
from roster.import_options import ImportOptions
from roster.runs import read_step, write_json
from roster.steps import Done, Night
from roster.steps.census import school_names
from roster.steps.promote import configuration_of
from roster.steps.report_page import MOST_SCHOOLS, by_file, by_school, table

TEXT = "request.md"


def hold(night: Night, *, plan: Done | None, load: Done | None, now: datetime) -> Request | None:
    """Write the request for what this run's plan holds into `hold`, and make it the open one; None if nothing is asked.

    Nothing is asked after a load that did not settle or missed its window (what waited before goes on waiting), in a
    practice, or by a run that `only` narrowed while something else waits. A night that holds nothing ends the waiting.
    """
    if night.practice or plan is None or load is None or load["counts"].get("over_budget") or missed(load):
        return None
    before = open_request(night.store, night.tenant.id)
    content = read_step(night.store, plan["path"], "plan.json")
    if content["held_hash"] is None:
        if not content["narrowed"]:
            nothing_held(night.store, night.tenant.id)
        return None
    if content["narrowed"] and before is not None:
        return None
    return _ask(night, content, plan["path"], now)


def _ask(night: Night, content: Mapping[str, Any], plan: str, now: datetime) -> Request:
    artefact = read_step(night.store, content["artefact"], "artefact.json")
    request = Request(
        name=night.run.name,
        host=content["ledger"]["host"],
        account=content["ledger"]["account"],
        held_hash=content["held_hash"],
        configuration=configuration_of(artefact),
        whole=bool(content["gate"]["everything"]) and not content["narrowed"],
        artefact=content["artefact"],
        number=content["number"],
        plan=plan,
        rows=content["counts"]["totals"]["held"],
        at=now,
        since=since_of(night.store, night.tenant.id, now),
        options=ImportOptions(**content.get("options", {})),
    )
    with night.run.write("hold") as step:
        write_json(step.folder, "request.json", request.model_dump(mode="json"))
        text = "\n".join(shown(night, request, content))
        (step.folder / TEXT).write_text(text, encoding="utf-8")
    ask_for(night.store, night.tenant.id, request, step.path)
    return request


def wakes(night: Night, request: Request) -> bool:
    """False for what was rejected as it stands: the same question every night is none. By hand it is asked again."""
    last = last_answer(night.store, night.tenant.id, request)
    return last is None or last.answer != "rejected"


def missed(load: Done | None) -> bool:
    """True for a load that found the window closed."""
    return load is not None and bool(load["counts"].get("missed"))


def shown(night: Night, request: Request, content: Mapping[str, Any]) -> Iterator[str]:
    """What approvers read, as lines of Markdown: totals, reasons, limits, schools, hash. Counts only, nobody's data."""
    counts = content["counts"]
    yield f"**{request.rows:,} changes** for the production Canvas of {night.tenant.name} ({request.host}) wait."
    yield f"They come from artefact {request.number}, run `{request.name}`.\n"
    if request.whole:
        yield "Nothing goes without this release. It also approves the present set-up of the tenant.\n"
    names = school_names(night, request.artefact)
    held = [line for line in counts["changes"] if line["part"] == "held"]
    yield from by_file(held)
    yield "Why they wait:\n"
    yield from (f"- {_named(line['why'], names)} ({line['rows']:,} rows)" for line in counts["holds"])
    yield ""
    if counts["limits"]:
        yield "Limits that were reached:\n"
        rows = [*_limits(counts["limits"], names)]
        yield from table(("what", "file", "school", "changed", "of", "allowed"), rows)
    yield "By school:\n"
    yield from by_school(held, names)
    yield "Approve only what you expect. Rejected, nothing is sent and Canvas stays as it is.\n"
    yield f"Hash of what is shown: `{request.held_hash}`"


def _named(why: str, names: Mapping[str, str]) -> str:
    """A reason with the school's name in place of its id."""
    return re.sub(r" at (\S+?)(,| look)", lambda found: f" at {names.get(found[1], found[1])}{found[2]}", why)


def _limits(limits: list[dict[str, Any]], names: Mapping[str, str]) -> Iterator[tuple[Any, ...]]:
    for line in limits[:MOST_SCHOOLS]:
        where = "all" if line["school"] is None else names.get(line["school"], line["school"]) or "(none)"
        yield line["kind"], line["file"], where, line["changed"], line["base"], f"{line['share']:.0%}"
