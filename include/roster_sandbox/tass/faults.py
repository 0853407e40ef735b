"""All that can be made to go wrong on demand; a fault's fields are the JSON that `POST /sandbox/faults` takes."""

from __future__ import annotations

import re
import threading
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Literal[
    "server_error",  # `status`, 503 unless told
    "cut",  # the connection is closed without an answer
    "cut_body",  # … in the middle of one
    "truncated",  # the first `bytes` of a body that claims to be whole
    "not_json",  # JSON by its type, and none
    "not_agreed",  # JSON of another shape
    "html",  # a web page, with `status`
    "invalid",  # `__invalid`
    "msg",  # `__msg` in place of data
    "error",  # `error_description`
    "filtered",  # the last `records` are missing, silently, as under a Security Role
    "empty",  # a list without records
    "other",  # the echo tells of other parameters
    "huge",  # a reply of `bytes`
    "slow",  # it answers after `seconds`
    "key_changed",  # the app has another key from now on
]


class Fault(BaseModel):
    """One fault: of requests whose `product.method` matches, `times` of them (null: until cleared), `after` so many."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    method: str = ""
    times: int | None = Field(default=1, ge=1)
    after: int = Field(default=0, ge=0)
    status: int = 503
    seconds: float = 1.0
    records: int = 1
    bytes: int = 40

    def acts(self, method: str) -> bool:
        """Whether it acts on this request, which is counted if it is one of those that it is meant for."""
        if not re.search(self.method, method, re.IGNORECASE):
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0


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

    def of(self, method: str) -> Fault | None:
        """The fault that acts on this request."""
        with self._lock:
            return next((fault for fault in self._set if fault.acts(method)), None)
