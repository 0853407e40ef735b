"""What a token may do: by its user's account role, and by its developer key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

LEAST = frozenset({"import_sis", "read_sis", "read_roster"})
READING = frozenset({"manage_sis", "read_sis", "read_roster", "read_reports"})
EVERYTHING = READING | {
    "become_user",
    "import_sis",
    "manage_account_memberships",
    "manage_account_settings",
    "manage_developer_keys",
    "manage_role_overrides",
    "manage_user_logins",
}
_OF_RIGHT = {"admin": EVERYTHING, "read": READING, "least": LEAST, "none": frozenset[str]()}


@dataclass(frozen=True)
class Grant:
    """right: of the token's user, one of `admin` (all), `read` (may read imports, not make them), `least` (may import,
    see SIS ids and list people), `none`; permissions: Canvas's names of them, where they are others. scopes: what an
    OAuth key with enforced scopes lets the token do, `url:GET|/api/v1/…`; None where it enforces none. includes:
    whether such a key lets `include[]` through. sis_user_id: of the token's user, where SIS made it.
    """

    right: str
    scopes: frozenset[str] | None = None
    includes: bool = True
    permissions: frozenset[str] | None = None
    sis_user_id: str | None = None

    @cached_property
    def may(self) -> frozenset[str]:
        """The permissions of the token's user, by Canvas's names."""
        return _OF_RIGHT.get(self.right, frozenset()) if self.permissions is None else self.permissions

    def lets(self, method: str, path: str) -> bool:
        """Whether the key allows this call; path: as Canvas's routes have it, ids and all."""
        if self.scopes is None:
            return True
        return any(_pattern(scope).fullmatch(f"{method}|{path}") for scope in self.scopes)

    @property
    def drops_includes(self) -> bool:
        """Whether `include[]` is taken out of a request: by a key that enforces scopes and does not allow it."""
        return self.scopes is not None and not self.includes


@lru_cache(maxsize=1024)
def _pattern(scope: str) -> re.Pattern[str]:
    """Any segment may stand for a `:parameter`."""
    parts = re.split(r":[^/|]+", scope.removeprefix("url:"))
    return re.compile("[^/]+".join(re.escape(part) for part in parts))
