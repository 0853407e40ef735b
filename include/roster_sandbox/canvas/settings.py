"""What a stand-in is: its name, who may do what, and how patient it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from roster_sandbox.canvas.grants import Grant
from roster_sandbox.canvas.keys import DeveloperKey

DEFAULT_TOKEN = "sandbox-token"
PROVIDERS = {"canvas": 1, "saml": 2, "google": 3}
BUILT_IN_ROLES = {
    "student": ("StudentEnrollment", 3),
    "teacher": ("TeacherEnrollment", 4),
    "ta": ("TaEnrollment", 5),
    "designer": ("DesignerEnrollment", 6),
    "observer": ("ObserverEnrollment", 7),
}


@dataclass(frozen=True)
class Settings:
    """Fixed while the stand-in runs, but for what a refresh brings.

    tokens: token to right, one of `admin` (all), `read` (may read imports, not make them), `least`, `none` (a user
    without rights). grants: token to a right told more exactly. providers: type name to number. custom_roles: name to
    enrolment type. admin_roles: names of an account's roles beside AccountAdmin. pause_after_abort: seconds until the
    next import starts after a running one was aborted; Canvas waits 600. attachment_delay: seconds by which the file
    of messages trails the end of an import. keys: developer keys. access_seconds, code_seconds: how long the tokens
    and codes of such a key live.
    """

    name: str = "Sandbox Canvas"
    tokens: Mapping[str, str] = field(default_factory=lambda: {DEFAULT_TOKEN: "admin"})
    grants: Mapping[str, Grant] = field(default_factory=dict)
    root_account_id: int = 1
    providers: Mapping[str, int] = field(default_factory=lambda: dict(PROVIDERS))
    custom_roles: Mapping[str, str] = field(default_factory=dict)
    admin_roles: frozenset[str] = frozenset()
    pause_after_abort: float = 600.0
    attachment_delay: float = 0.0
    keys: tuple[DeveloperKey, ...] = ()
    access_seconds: float = 3600.0
    code_seconds: float = 600.0
