"""Developer keys: what an application that people let in may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DeveloperKey:
    """One key of Admin, Developer Keys.

    redirect_uris: one of them must be the application's, or have its host. scopes: what the key enforces; None where it
    enforces none. includes: whether a key with scopes lets `include[]` through. is_on: its State. right: of the user
    who consents, as in Settings.tokens.
    """

    client_id: str
    secret: str
    redirect_uris: tuple[str, ...]
    scopes: frozenset[str] | None = None
    includes: bool = False
    is_on: bool = True
    right: str = "admin"
    name: str = "Roster sync"

    def shown(self) -> dict[str, Any]:
        """As JSON: what a refresh carries along."""
        scopes = None if self.scopes is None else sorted(self.scopes)
        return {**self.__dict__, "redirect_uris": list(self.redirect_uris), "scopes": scopes}

    @classmethod
    def of(cls, shown: dict[str, Any]) -> DeveloperKey:
        """From what `shown` gave."""
        scopes = None if shown["scopes"] is None else frozenset(shown["scopes"])
        return cls(**{**shown, "redirect_uris": tuple(shown["redirect_uris"]), "scopes": scopes})
