"""All that can be made to go wrong on demand; a fault's fields are the JSON that `POST /sandbox/faults` takes."""

from __future__ import annotations

import re
import threading
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Literal[
    "rate_limited",  # 429; X-RateLimit-Reset is `seconds` from now
    "server_error",  # `status`, 503 unless told
    "cut",  # the connection is closed without an answer
    "cut_body",  # … in the middle of one
    "truncated",  # half of a body that claims to be whole
    "not_json",  # JSON by its type, and none
    "not_agreed",  # JSON of another shape
    "html",  # a web page with status 200
    "token_rotated",  # the district has another token from now on
    "not_found",  # 404
    "bad_request",  # 400
    "too_large",  # 413 for a limit above `most`
    "circle",  # the next link leads to the page itself
    "repeated",  # the page begins with `records` of the page before
    "no_next",  # the next link is missing
    "empty",  # a page without records and without next link
    "deleted",  # `records` of those just read are deleted, then it answers
    "created",  # `records` new ones are made, then it answers
    "slow",  # it answers after `seconds`
    "synced",  # the district is synced, then it answers
    "elsewhere",  # the next link leads to another host
]


class Fault(BaseModel):
    """One fault: of requests whose path and query match, `times` of them (null: until cleared), `after` so many."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    path: str = "^/v3.1/"
    times: int | None = Field(default=1, ge=1)
    after: int = Field(default=0, ge=0)
    status: int = 503
    seconds: float = 1.0
    records: int = 1
    most: int = 100

    def acts(self, target: str) -> bool:
        """Whether it acts on this request, which is counted if it is one of those that it is meant for."""
        if not re.search(self.path, target) or (self.name == "too_large" and _limit(target) <= self.most):
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
