"""Waiting before Canvas's leaky bucket is empty, by what its answers say of it.

Shared by all that use one connection in this process; other processes with the same token are seen only in what is
left. Answers without the headers (where a token is not subject to limits) are not paced.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

REFILL = 10.0
"""What Canvas gives back each second, by its manual."""
LONGEST = 30.0
SPARE = 0.1

log = logging.getLogger(__name__)


class Pace:
    """How full one token's bucket is. refill: by the second."""

    def __init__(self, refill: float = REFILL) -> None:
        self.refill = refill
        self.waited = 0.0
        self._left: float | None = None
        self._most = self._cost = self._since = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Let so much time go by that the next request finds a tenth of the bucket, or two of the dearest requests."""
        if (seconds := self._due(LONGEST)) > 0:
            time.sleep(seconds)

    async def wait_until(self, deadline: datetime) -> None:
        """The same in an event loop, and no longer than until that instant."""
        if (seconds := self._due((deadline - datetime.now(UTC)).total_seconds())) > 0:
            await asyncio.sleep(seconds)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take in what an answer says; one that does not say it changes nothing."""
        left, cost = (_number(headers.get(name)) for name in ("X-Rate-Limit-Remaining", "X-Request-Cost"))
        if left is None:
            return
        with self._lock:
            self._left, self._since = left, time.monotonic()
            self._most, self._cost = max(self._most, left), max(self._cost * 0.9, cost or 0.0)

    def _due(self, most: float) -> float:
        """The seconds to wait now, of at most so many."""
        seconds = min(self._missing(), LONGEST, most)
        if seconds > 0:
            if not self.waited:
                log.info("Canvas's bucket is nearly empty: requests of this process wait for it from now on")
            self.waited += seconds
        return seconds

    def _missing(self) -> float:
        """The seconds until what is wanted is there again."""
        with self._lock:
            if self._left is None:
                return 0.0
            wanted = min(max(self._most * SPARE, 2 * self._cost), self._most)
            return (wanted - self._left) / self.refill - (time.monotonic() - self._since)


@cache
def pace_of(connection: str, place: str) -> Pace:
    """The one of that connection and host in this process."""
    return Pace()


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
