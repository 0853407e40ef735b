"""What an OAuth key of Canvas has to allow, by the job that needs it.

The words are Canvas's own: verb and route, with the names of its parameters taken literally. `self` as an account's or
a user's id is within them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ACCOUNT: Final = "/api/v1/accounts/:account_id"

SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "connect": (
        "url:GET|/api/v1/accounts/:id",
        f"url:GET|{_ACCOUNT}/sub_accounts",
    ),
    "sync": (
        "url:GET|/api/v1/accounts/:id",
        f"url:GET|{_ACCOUNT}/users",
        f"url:GET|{_ACCOUNT}/sis_imports",
        f"url:GET|{_ACCOUNT}/sis_imports/:id",
        f"url:GET|{_ACCOUNT}/sis_imports/:id/errors",
        f"url:POST|{_ACCOUNT}/sis_imports",
    ),
    "doctor": (
        "url:GET|/api/v1/users/:id",
        f"url:GET|{_ACCOUNT}/permissions",
    ),
    "reconcile": (
        f"url:GET|{_ACCOUNT}/reports/:report/:id",
        f"url:POST|{_ACCOUNT}/reports/:report",
    ),
    "undo": (
        f"url:PUT|{_ACCOUNT}/sis_imports/:id/restore_states",
        "url:GET|/api/v1/progress/:id",
    ),
}
"""connect: the page that makes a connection. sync: every night, and releases. doctor: also the Test button."""


def all_scopes() -> tuple[str, ...]:
    """Those of every job, each once: what the page asks for."""
    return tuple(dict.fromkeys(scope for scopes in SCOPES.values() for scope in scopes))
