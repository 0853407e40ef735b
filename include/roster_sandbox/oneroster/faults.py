"""All that can be made to go wrong on demand; a fault's fields are the JSON that `POST /sandbox/faults` takes."""

from __future__ import annotations

import re
import threading
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Literal[
    "rate_limited",  # 429; Retry-After is `seconds`
    "server_error",  # `status`, 503 unless told
    "cut",  # the connection is closed without an answer
    "cut_body",  # … in the middle of one
    "truncated",  # half of a body that claims to be whole
    "not_json",  # JSON by its type, and none
    "not_agreed",  # JSON of another shape
    "html",  # a web page with status 200
    "unauthorised",  # 401
    "tokens_gone",  # every token has ended
    "forbidden",  # 403
    "not_found",  # 404
    "bad_request",  # 400
    "too_large",  # 413 for a limit above `records`
    "by_cursor",  # the next link leads on by a word of its own
    "circle",  # the next link leads to the page itself
    "elsewhere",  # the next link leads to another host
    "no_next",  # no Link at all
    "no_total",  # no X-Total-Count
    "wrong_total",  # X-Total-Count is `records` more than there are
    "repeated",  # the first page comes, whatever the offset
    "skipped",  # the page begins `records` later than was asked for
    "capped",  # the page has `records` records at most
    "empty",  # a page without records and without Link
    "deleted",  # the first `records` of the list are deleted, then it answers
    "created",  # `records` new ones are made at the list's start, then it answers
    "replaced",  # the first `records` are deleted, and as many made at the end: the total stays
    "slow",  # it answers after `seconds`
]


class Fault(BaseModel):
    """One fault: of requests whose path and query match, `times` of them (null: until cleared), `after` so many."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    path: str = "/v1p[12]/"
    times: int | None = Field(default=1, ge=1)
    after: int = Field(default=0, ge=0)
    status: int = 503
    seconds: float = 1.0
    records: int = 1

    def acts(self, target: str) -> bool:
        """Whether it acts on this request, which is counted if it is one of those that it is meant for."""
        if not re.search(self.path, target) or (self.name == "too_large" and _limit(target) <= self.records):
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0


def _limit(target: str) -> int:
    found = re.search(r"[?&]limit=(\d+)", target)
    return int(found[1]) if found else 0


class Faults:
    """Those that are set."""

    def __init__(self) -> None:
        self._set: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Set one more."""
        with self._lock:
            self._set.append(fault)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._set.clear()

    def of(self, target: str) -> Fault | None:
        """The fault that acts on this request."""
        with self._lock:
            return next((fault for fault in self._set if fault.acts(target)), None)
