"""What a connection's token may do in Canvas, found by reading alone: permissions, scopes, and whose it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import msgspec

from roster.canvas_scopes import SCOPES
from roster.errors import CanvasPermissionMissing, CanvasRefused, CanvasScopeMissing

if TYPE_CHECKING:
    from roster_airflow.hooks.canvas import CanvasHook

WHERE: Final = "Admin, Permissions, Account Roles, the role of the token's user"

# Canvas's names, and what its pages call them.
NEEDED: Final[Mapping[str, str]] = {
    "import_sis": "SIS Data - import",
    "read_sis": "SIS Data - read",
    "read_roster": "Users - view list",
}
FOR_SOME: Final[Mapping[str, tuple[str, str]]] = {
    "manage_sis": ("SIS Data - manage", "undo"),
    "read_reports": ("Reports - manage", "reconcile"),
}
TOO_MUCH: Final[Mapping[str, str]] = {
    "become_user": "Users - act as",
    "manage_account_memberships": "Admins - add / remove",
    "manage_account_settings": "Account-level settings - manage",
    "manage_developer_keys": "Developer keys - manage",
    "manage_role_overrides": "Permissions - manage",
    "manage_user_logins": "Users - manage login details",
}

# A number that no thing of Canvas has: “not there” tells that the call is allowed.
_NOTHING: Final = "0"
_FILLED: Final[Mapping[str, str]] = {
    "url:GET|/api/v1/accounts/:id": "/api/v1/accounts/self",
    "url:GET|/api/v1/users/:id": "/api/v1/users/self",
}


class Myself(msgspec.Struct, frozen=True):
    """The token's user: whether SIS made it (UNSET where that can't be seen), and an include that was asked for."""

    sis_user_id: str | msgspec.UnsetType | None = msgspec.UNSET
    last_login: Any = msgspec.UNSET


def permissions(hook: CanvasHook) -> Mapping[str, bool]:
    """Which of the permissions named here the token's user has in the root account."""
    named = [("permissions[]", name) for name in (*NEEDED, *FOR_SOME, *TOO_MUCH)]
    path = f"/api/v1/accounts/self/permissions?{urlencode(named)}"
    return hook.read(path, dict[str, bool], "GET accounts/self/permissions")


def myself(hook: CanvasHook) -> Myself:
    """Whose token it is; asks for an include, to see whether it arrives."""
    path = f"/api/v1/users/self?{urlencode({'include[]': 'last_login'})}"
    return hook.read(path, Myself, "GET users/self")


def missing_scopes(hook: CanvasHook, jobs: Collection[str] = tuple(SCOPES)) -> Mapping[str, list[str]]:
    """The scopes that the token lacks, by job; of calls that only read: others can't be asked without being made."""
    lacks = {scope for scope in _asked(jobs) if scope.startswith("url:GET|") and not _allows(hook, scope)}
    found = {job: [scope for scope in SCOPES[job] if scope in lacks] for job in jobs}
    return {job: scopes for job, scopes in found.items() if scopes}


def unasked_scopes(jobs: Collection[str] = tuple(SCOPES)) -> list[str]:
    """The scopes of calls that change something."""
    return [scope for scope in _asked(jobs) if not scope.startswith("url:GET|")]


def wrongs(hook: CanvasHook) -> Iterator[str]:
    """What is wrong with the token's rights, a line each; nothing of what only some jobs need."""
    try:
        held = permissions(hook)
        if missing := [label for name, label in NEEDED.items() if not held.get(name)]:
            yield f"lacks {', '.join(missing)}: switch on under {WHERE}"
    except CanvasPermissionMissing as fault:  # no right in the account at all, or no scope to ask
        yield str(fault)
    if lacking := missing_scopes(hook, ("sync",)):
        yield f"the developer key lacks {', '.join(lacking['sync'])}: Admin, Developer Keys; then connect again"
    with suppress(CanvasPermissionMissing):  # told above, or the doctor's to tell
        if isinstance(sis_id := myself(hook).sis_user_id, str) and sis_id:
            yield "the token's user has a SIS id: a roster could suspend it; use one that SIS did not make"


def _asked(jobs: Collection[str]) -> list[str]:
    return list(dict.fromkeys(scope for job in jobs for scope in SCOPES[job]))


def _allows(hook: CanvasHook, scope: str) -> bool:
    path = _FILLED.get(scope) or _filled(scope.partition("|")[2])
    try:
        hook.read(path, msgspec.Raw, f"GET {scope.partition('|')[2].removeprefix('/api/v1/')}")
    except CanvasScopeMissing:
        return False
    except (CanvasRefused, CanvasPermissionMissing):
        return True  # the key let it through; what the user may is asked elsewhere
    return True


def _filled(route: str) -> str:
    """A path of that route that leads to nothing, or to one thing."""
    path = route.replace(":account_id", "self").replace(":report", "provisioning_csv")
    return f"{path.replace(':id', _NOTHING)}{'' if ':id' in route else '?per_page=1'}"
