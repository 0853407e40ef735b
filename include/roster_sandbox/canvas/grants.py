"""What a token may do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Grant:
    """right: of the token's user, one of `admin` (all), `read` (may read imports, not make them), `none`. scopes: what
    an OAuth key with enforced scopes lets the token do, `url:GET|/api/v1/…`; None where it enforces none. includes:
    whether such a key lets `include[]` through.
    """

    right: str
    scopes: frozenset[str] | None = None
    includes: bool = True
