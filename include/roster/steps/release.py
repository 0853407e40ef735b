"""Release: what was held is asked for, answered, planned again and let go only as it was shown."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import polars as pl

from roster.decisions import Answer, Decision, Request, is_same, keep, last_answer, nothing_held, open_request
from roster.ledger import Ledger
from roster.plan import KEYS
from roster.runs import read_step, reading, write_json
from roster.steps import Done, Night
from roster.steps.hold import TEXT, hold, missed
from roster.steps.plan import Asked, make_plan
from roster.steps.promote import as_made, gate_of, is_configured_as

APPROVE = "Approve"


@dataclass(frozen=True)
class Reply:
    """What came back from the form. by: None where nobody answered in time."""

    option: str
    hash: str | None
    by: str | None


def ask(night: Night, now: datetime, *, by_hand: bool) -> Done | None:
    """Copy the open request into `ask`, for the form; None where there is nothing to ask.

    What was rejected, or this very request without an answer, is asked again only by hand; what was loaded since it
    was made, never; and what was made under another configuration waits for the next night, because it can't be
    approved. counts: held_hash, rows, whole, until (ISO, when waiting ends).
    """
    found = open_request(night.store, night.tenant.id)
    if found is None:
        return None
    request, folder = found
    last = last_answer(night.store, night.tenant.id, request)
    if last is not None and _is_settled(last, request, by_hand=by_hand):
        return None
    if not is_configured_as(night, request.configuration):
        return None
    with reading(night.store, folder) as written, night.run.write("ask") as step:
        shutil.copyfile(written / TEXT, step.folder / TEXT)
        write_json(step.folder, "request.json", request.model_dump(mode="json"))
    until = night.tenant.answer_until(now)
    counts = {"held_hash": request.held_hash, "rows": request.rows, "whole": request.whole, "until": until.isoformat()}
    return {"path": step.path, "counts": counts}


def _is_settled(last: Decision, request: Request, *, by_hand: bool) -> bool:
    if last.answer == "approved":
        return last.outcome == "loaded" and last.at >= request.at
    missed_out = last.answer == "unanswered" and last.request.name == request.name
    return (last.answer == "rejected" or missed_out) and not by_hand


def request_of(night: Night, asked: Done) -> tuple[Request, str]:
    """(request, text) that a form showed."""
    request = Request.model_validate(read_step(night.store, asked["path"], "request.json"))
    text = night.store.read_whole(asked["path"], TEXT).decode()
    return request, text


def decide(night: Night, asked: Done, reply: Reply | None, now: datetime) -> Decision:
    """Keep what was answered. reply: None for a form that was shown more than once, whose answer counts for nothing."""
    request, text = request_of(night, asked)
    decision = Decision(
        name=night.run.name,
        request=request,
        answer=judged(night, reply, partial(_is_still, night, request)),
        by=reply.by if reply else None,
        at=now,
        answered_hash=reply.hash if reply else None,
        shown=text,
        run=night.run.path,
    )
    return keep(night.store, night.tenant.id, decision)


def judged(night: Night, reply: Reply | None, is_still: Callable[[Reply], bool]) -> Answer:
    """What a form was answered. is_still: whether an approval of this reply lets go just what was shown."""
    if reply is None:
        return "cleared"
    if reply.by is None:
        return "unanswered"
    if reply.by not in night.tenant.rollout.approvers:
        return "foreign"
    if reply.option != APPROVE:
        return "rejected"
    return "approved" if is_still(reply) else "outdated"


def _is_still(night: Night, request: Request, reply: Reply) -> bool:
    """True if the request is open, is what was shown, and the set-up is the same."""
    found = open_request(night.store, night.tenant.id)
    if found is None or {found[0].held_hash, reply.hash} != {request.held_hash}:
        return False
    return is_configured_as(night, request.configuration)


def held_keys(night: Night, request: Request) -> pl.DataFrame:
    """plan.KEYS of what a request holds."""
    return _held(night, request).select(*KEYS)


def resent(night: Night, request: Request) -> bool:
    """True if a request holds rows that are sent again unchanged: a resync asked for it."""
    return "resend" in _held(night, request)["action"]


def _held(night: Night, request: Request) -> pl.DataFrame:
    with reading(night.store, request.plan) as folder:
        return pl.read_parquet(folder / "changes.parquet").filter(pl.col("part") == "held")


def plan_rehearsal(night: Night, request: Request, ledger: Ledger) -> Done:
    """Plan the rows of a request against the test environment's ledger into `test.plan`: what it does not have yet."""
    artefact = read_step(night.store, request.artefact, "artefact.json")
    asked = Asked(released=held_keys(night, request), options=request.options)
    return make_plan(as_made(night, artefact), request.artefact, ledger, asked, step_name="test.plan")


def plan_again(night: Night, request: Request, ledger: Ledger) -> Done:
    """Plan against production's ledger of this moment into `production.plan`; the rows of the request are free only if
    they are what was shown, by hash. Else nothing is free, and what is held now makes a new request.
    """
    artefact = read_step(night.store, request.artefact, "artefact.json")
    before = read_step(night.store, request.plan, "plan.json")["gate"]
    gate = gate_of(night, artefact, ledger, rehearsed=not before["drops"], first=ledger.current()[2].is_empty())
    asked = Asked(
        resync=resent(night, request),
        release=request.held_hash,
        released=held_keys(night, request),
        options=request.options,
    )
    return make_plan(as_made(night, artefact), request.artefact, ledger, asked, gate, "production.plan")


def is_released(night: Night, plan: Done) -> bool:
    """True where the rows were still what was shown."""
    content: dict[str, Any] = read_step(night.store, plan["path"], "plan.json")
    return bool(content["released"])


def leaves_open(answer: Answer) -> bool:
    """True for an answer after which the same thing has to be asked afresh."""
    return answer in ("cleared", "foreign", "outdated")


def ask_afresh(
    night: Night, request: Request, *, plan: Done | None, load: Done | None, now: datetime
) -> Request | None:
    """What is still held after a release makes a new request, unless a night has made one in the meantime: if that
    asks for what has just been loaded, it asks for nothing any more.
    """
    found = open_request(night.store, night.tenant.id)
    if found is None:
        return None
    if found[0].name == request.name:
        return hold(night, plan=plan, load=load, now=now)
    if load and not missed(load) and plan and is_released(night, plan) and is_same(found[0], request):
        nothing_held(night.store, night.tenant.id)
    return None
