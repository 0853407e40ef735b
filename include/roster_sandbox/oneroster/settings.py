"""What a stand-in is: who may ask, and which of the things that the specification leaves open it does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Fixed while the stand-in runs.

    lifetime: seconds that a token lasts. scope: last parts of the scopes that may be asked for. most: records of a
    page, however many are asked for. totals, links: whether X-Total-Count and Link are given. sorts: whether it knows
    `sort`.
    """

    client_id: str = "oneroster-client"
    client_secret: str = "oneroster-secret"
    lifetime: float = 3600.0
    scope: frozenset[str] = frozenset({"roster-core.readonly", "roster.readonly"})
    most: int = 10_000
    usual: int = 100
    totals: bool = True
    links: bool = True
    sorts: bool = True
