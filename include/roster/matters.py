"""What is to be told of a run, and whether it has been: one message per matter, however many nights it lasts.

A matter is one thing of one tenant that a person should know of: a DAG that fails, a request that waits. Each run says
of the matters it can speak for whether they stand. What has been told is kept in `matters/<tenant>/`, as numbered
versions of which of two writers one gets the next.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from roster.errors import RunFolderBroken
from roster.store import Store

Kind = Literal["failure", "late", "missed", "unreachable", "held", "request", "differs", "undo"]
State = Literal["new", "changed", "still", "over"]

WEEKLY = timedelta(days=7)
DAILY = timedelta(days=1)
EVENTS = ("undo",)
"""Kinds of what happens and does not last: told once, and with another mark it is another one."""
KEPT = 20
"""Versions that stay: a writer that was held up must not find its number free again."""
ATTEMPTS = 50
_NUMBER = re.compile(r"\b\d[\d.,:]*\b")


@dataclass(frozen=True)
class Matter:
    """One thing to be told. Texts name no person.

    subject: what it is about within the tenant: an environment, or a DAG. stands: False says that it is over, if it
    ever was. mark: tells it from another of its kind; where that changes it is told anew, a request at its next
    reminder. event: what a person or the clock did to a request, told at once.
    """

    kind: Kind
    subject: str
    title: str
    stands: bool = True
    reasons: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    todo: str = ""
    link: str = ""
    mark: str = ""
    event: str = ""

    @property
    def key(self) -> str:
        """What it is known by from night to night."""
        return f"{self.kind}:{self.subject}"


@dataclass(frozen=True)
class Told:
    """What is remembered of an open matter. since: the day it was first told; last: the day it was last told."""

    since: str
    last: str
    mark: str
    event: str


_MEMORY = TypeAdapter(dict[str, Told])


@dataclass(frozen=True)
class Message:
    """One message that is due. since: the first day of the matter; before: what was remembered of it until now."""

    matter: Matter
    state: State
    since: date
    before: Told | None

    @property
    def title(self) -> str:
        """Its first line."""
        return f"{self.matter.title}, still" if self.state == "still" else self.matter.title

    @property
    def lines(self) -> list[str]:
        """What follows the title: reasons, counts, since when, what to do."""
        counts = ", ".join(f"{name} {count}" for name, count in self.matter.counts.items())
        moved = self.state == "still" and self.before is not None and self.before.mark != self.matter.mark
        changed = "It is not what it was when you were last told." if moved else ""
        since = "" if self.state == "new" else f"Since {self.since.isoformat()}."
        return [line for line in (*self.matter.reasons, counts, since, changed, self.matter.todo) if line]


def alike(reasons: Sequence[str]) -> str:
    """A mark of reasons that stays the same while only their numbers change."""
    return "\n".join(sorted(_NUMBER.sub("#", reason) for reason in reasons))


def decide(
    told: Mapping[str, Told], matters: Sequence[Matter], day: date, remind: timedelta = DAILY
) -> tuple[list[Message], dict[str, Told]]:
    """The messages that are due today, and what is to be remembered. remind: how often of a request that waits."""
    messages, then = [], dict(told)
    for matter in matters:
        before = then.get(matter.key)
        if before and matter.kind in EVENTS:
            if before.mark == matter.mark:
                continue
            before = None
        answered = matter.kind != "request" or matter.event == "rejected"
        state = _state(matter, before, day, WEEKLY if answered else remind)
        if not matter.stands:
            then.pop(matter.key, None)
        elif state is not None or before is None:
            then[matter.key] = Told(before.since if before else str(day), str(day), matter.mark, matter.event)
        else:
            then[matter.key] = replace(before, event=matter.event)
        if state is not None:
            since = date.fromisoformat(before.since) if before else day
            messages.append(Message(matter, state, since, before))
    return messages, then


def _state(matter: Matter, before: Told | None, day: date, remind: timedelta) -> State | None:
    if not matter.stands:
        return "over" if before else None
    if before is None:
        return "new"
    if matter.event and matter.event != before.event:
        return "changed"
    if matter.kind != "request" and matter.mark != before.mark:
        return "changed"
    return "still" if day - date.fromisoformat(before.last) >= remind else None


def due(store: Store, tenant_id: str, matters: Sequence[Matter], day: date, remind: timedelta = DAILY) -> list[Message]:
    """The messages that are due, each to one caller only: from now on they count as told."""
    for _ in range(ATTEMPTS):
        version, told = _recalled(store, tenant_id)
        messages, then = decide(told, matters, day, remind)
        if then == told or _remember(store, tenant_id, version + 1, then):
            return messages
    message = f"matters/{tenant_id}: another writer was always first"
    raise RunFolderBroken(message)


def untold(store: Store, tenant_id: str, messages: Sequence[Message]) -> None:
    """Nobody could be told of these: they are due again the next time."""
    for _ in range(ATTEMPTS if messages else 0):
        version, told = _recalled(store, tenant_id)
        for message in messages:
            if message.before is None:
                told.pop(message.matter.key, None)
            else:
                told[message.matter.key] = message.before
        if _remember(store, tenant_id, version + 1, told):
            return


def _recalled(store: Store, tenant_id: str) -> tuple[int, dict[str, Told]]:
    """The newest version's number, and what it remembers: nothing where it is damaged, and all is told once more."""
    names = store.names(f"matters/{tenant_id}")
    if not names:
        return 0, {}
    try:
        told = _MEMORY.validate_json(store.read(f"matters/{tenant_id}/{names[-1]}"))
    except ValidationError:
        told = {}
    return int(names[-1].removesuffix(".json")), told


def _remember(store: Store, tenant_id: str, version: int, told: Mapping[str, Told]) -> bool:
    content = json.dumps({key: asdict(said) for key, said in told.items()}, indent=1).encode()
    if not store.create(f"matters/{tenant_id}/{version:08d}.json", content):
        return False
    for name in store.names(f"matters/{tenant_id}")[:-KEPT]:
        with suppress(FileNotFoundError):  # the other writer removed it first
            store.remove(f"matters/{tenant_id}/{name}")
    return True
