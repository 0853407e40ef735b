"""What people were asked to release, and what they decided: kept for good, counts and hashes only.

Below ROSTER_HOME:

    pointers/<tenant>/held.json           the request that is open, or that nothing is held
    decisions/<tenant>/<name>.json        an answer: who, when, what was shown, which hashes
    decisions/<tenant>/<name>.end.json    what came of it
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import takewhile
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from roster.import_options import NONE, ImportOptions
from roster.runs import point, pointed
from roster.store import Store

Answer = Literal["approved", "rejected", "unanswered", "outdated", "foreign", "cleared"]
Outcome = Literal["loaded", "not loaded", "outdated"]

POINTER = "held"


class Request(BaseModel):
    """A held part that waits for a release.

    name: of the run that wrote it. held_hash: what is shown and compared. configuration: hash of the configuration that
    the artefact was made under. whole: nothing at all goes without it, so that its release approves the configuration.
    artefact, plan: folders. since: when this tenant began to wait without an answer in between. options: of
    the import that it becomes.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    host: str
    account: str
    held_hash: str
    configuration: str
    whole: bool
    artefact: str
    number: int
    plan: str
    rows: int
    at: AwareDatetime
    since: AwareDatetime
    options: ImportOptions = NONE


class Decision(BaseModel):
    """An answer to a request. by: user id of Airflow's auth manager, None where nobody answered. shown: the text that
    was shown. answered_hash: the hash that came back with the answer. run: of the release.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    request: Request
    answer: Answer
    by: str | None
    at: AwareDatetime
    answered_hash: str | None
    shown: str
    run: str
    outcome: Outcome | None = None
    import_id: str | None = None


def ask_for(store: Store, tenant: str, request: Request, folder: str) -> None:
    """Make the request the open one. folder: where its text lies."""
    content = {"path": folder, "run": folder, **request.model_dump(mode="json")}
    point(store, tenant, POINTER, content)


def nothing_held(store: Store, tenant: str) -> None:
    """No request is open any more."""
    point(store, tenant, POINTER, {})


def open_request(store: Store, tenant: str) -> tuple[Request, str] | None:
    """(request, folder of its text) of what is held at present; None where nothing is."""
    content = pointed(store, tenant, POINTER)
    return (Request.model_validate(content), content["path"]) if content else None


def keep(store: Store, tenant: str, decision: Decision) -> Decision:
    """Keep an answer under a name of its own; answers with that name in it."""
    number = 1
    while True:
        named = decision.model_copy(update={"name": f"{decision.name}-{number}"})
        content = named.model_dump_json(indent=1, exclude={"outcome", "import_id"}).encode()
        if store.create(f"decisions/{tenant}/{named.name}.json", content):
            return named
        number += 1


def conclude(store: Store, tenant: str, name: str, outcome: Outcome, import_id: str | None) -> None:
    """Keep what came of an answer: the last word counts, for a task may be cleared; but what is loaded stays loaded."""
    path = f"decisions/{tenant}/{name}.end.json"
    if store.exists(path) and store.read_json(path)["outcome"] == "loaded":
        return
    store.write(path, json.dumps({"outcome": outcome, "import_id": import_id}, indent=1).encode())


def decisions(store: Store, tenant: str) -> Iterator[Decision]:
    """Every answer, newest first."""
    names = [name for name in store.names(f"decisions/{tenant}") if not name.endswith(".end.json")]
    found = [_read(store, tenant, name.removesuffix(".json")) for name in names]
    yield from sorted(found, key=lambda decision: (decision.at, decision.name), reverse=True)


def decision(store: Store, tenant: str, name: str) -> Decision:
    """The answer of that name. Raises RunFolderBroken where there is none."""
    return _read(store, tenant, name)


def last_answer(store: Store, tenant: str, request: Request) -> Decision | None:
    """The newest answer to what the request shows: the same hash in the same ledger under the same configuration."""
    for one in decisions(store, tenant):
        if is_same(one.request, request):
            return one
    return None


def cleared_in_a_row(store: Store, tenant: str, request: Request) -> int:
    """How many forms of what the request shows were shown twice, one after the other, up to now."""
    answers = (one.answer for one in decisions(store, tenant) if is_same(one.request, request))
    return sum(1 for _ in takewhile(lambda answer: answer == "cleared", answers))


def is_approved(store: Store, tenant: str, host: str, account: str, configuration: str) -> bool:
    """True if the last whole load that was released into that root account was one under this configuration."""
    for one in decisions(store, tenant):
        if one.request.whole and one.outcome == "loaded" and (one.request.host, one.request.account) == (host, account):
            return one.request.configuration == configuration
    return False


def since_of(store: Store, tenant: str, now: datetime) -> datetime:
    """Since when the tenant waits: now, unless the request before has been left without an answer or has none yet."""
    before = open_request(store, tenant)
    if before is None:
        return now
    last = last_answer(store, tenant, before[0])
    unanswered = last is None or last.answer in ("unanswered", "cleared", "foreign", "outdated")
    return before[0].since if unanswered or (last and last.outcome == "outdated") else now


def is_same(one: Request, other: Request) -> bool:
    """True if both show the same: one hash, ledger, configuration and options."""

    def told(request: Request) -> tuple[str, ...]:
        options = request.options.model_dump_json()
        return request.host, request.account, request.held_hash, request.configuration, options

    return told(one) == told(other)


def _read(store: Store, tenant: str, name: str) -> Decision:
    content: dict[str, Any] = store.read_json(f"decisions/{tenant}/{name}.json")
    end = f"decisions/{tenant}/{name}.end.json"
    return Decision.model_validate(content | (store.read_json(end) if store.exists(end) else {}))
