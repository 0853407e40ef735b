"""What a hook supplies for a OneRoster provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Answer:
    """A page as it came. total: X-Total-Count, where it is given; following: path and query of Link's rel=next."""

    body: bytes
    total: int | None = None
    following: str | None = None


class Service(Protocol):
    """A provider that answers requests.

    path: below the service's own, and its query; or what `following` named. What is busy, throttled or away is asked
    again in here; what then still fails is SourceFault.
    """

    def get(self, path: str) -> Answer:
        """The page that is there."""
        ...
