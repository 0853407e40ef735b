"""What has to be so before a night can go well: places, connections, hosts, tokens, rights, clocks.

Each check says what it found, or what to do, and none keeps the next from being made. Nothing is written but a file
in ROSTER_HOME that is removed again, and the proof that the store keeps two writers apart.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import msgspec
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from roster.errors import (
    CanvasNotEmpty,
    CanvasPermissionMissing,
    CanvasRefused,
    CanvasScopeMissing,
    RosterError,
    StoreNotExclusive,
    TenantFileWrong,
)
from roster.ledger import Ledger
from roster.store import Store
from roster.tenants import Environment, NotifyTarget, Tenant
from roster_airflow.hooks import canvas_rights as rights
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.notifications.channels import BY_TYPE
from roster_airflow.reading import seen as visible

CLOCKS_APART = 60.0
"""Seconds. An import that Canvas does not show is given up after five minutes of our clock."""
NOT_ASKED = "not asked, because of the one above"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. ok: None if it could not be, because another failed before it. says: what was
    found, or what to do. warns: nights go well, and it should be mended all the same.
    """

    check: str
    ok: bool | None
    says: str
    warns: bool = False

    @property
    def word(self) -> str:
        """How it went, in a word."""
        return "warning" if self.warns else {True: "ok", False: "NOT OK", None: "-"}[self.ok]


class Warned(str):
    """What a check found that is well enough for nights, and should be mended."""

    __slots__ = ()


def examine(tenant: Tenant) -> Iterator[Check]:
    """Every check of a tenant, one after the other."""
    yield from _in_order([("ROSTER_HOME", _home), ("ROSTER_HOME: two writers", _two_writers)])
    for source in tenant.sources:
        yield _tried(f"source {source.name}", partial(visible, source))
    seen: dict[str, Environment] = {}
    for environment in _environments(tenant):
        yield from _canvas(tenant, environment, seen)
    for target in tenant.notify:
        yield _tried(f"notify {target.connection}", partial(_target, target))
    if tenant.ping is not None:
        yield _tried(f"ping {tenant.ping}", partial(_of_type, tenant.ping, ("http",)))
    if tenant.canvas.production is not None:
        yield _tried("approvers", partial(_approvers, tenant.rollout.approvers))


def _in_order(checks: list[tuple[str, Callable[[], str]]]) -> Iterator[Check]:
    """Checks of which each makes sense only if the one before went well."""
    well = True
    for name, act in checks:
        made = _tried_if(well, name, act)
        well = made.ok is True
        yield made


def _tried_if(well: bool, name: str, act: Callable[[], str]) -> Check:
    return _tried(name, act) if well else Check(name, None, NOT_ASKED)


def _tried(name: str, act: Callable[[], str]) -> Check:
    try:
        return Check(name, True, said := act(), isinstance(said, Warned))
    except RosterError as fault:
        return Check(name, False, f"{type(fault).__name__}: {fault}")
    except Exception as fault:  # whatever is wrong with a disk, bucket or provider: the next check is made all the same
        return Check(name, False, f"{type(fault).__name__}: could not be used; its log-in, address and rights?")


def _home() -> str:
    """That ROSTER_HOME can be written, by this user, and is nobody else's to change."""
    store = Store.home()
    name = f"doctor-{secrets.token_hex(8)}"
    store.write(name, b"a file of roster doctor\n")
    store.read(name)
    store.remove(name)
    if not store.is_local:
        return f"{store.root} can be written and read"
    root = store.local_path("")
    for folder in (root, *(one for one in root.iterdir() if one.is_dir())):
        found, told = folder.stat(), folder if folder == root else f"{root}/{folder.name}"
        allowed = 0o022 if folder == root else 0o077
        if found.st_uid != os.geteuid():
            message = f"{told} belongs to another user than this one: run nights and `roster` as the same"
            raise TenantFileWrong(message)
        if found.st_mode & allowed:
            message = f"{told} is open to other users of this machine ({found.st_mode & 0o777:03o}): chmod 700 {told}"
            raise TenantFileWrong(message)
    return f"{store.root} can be written and read, by this user alone"


def _two_writers() -> str:
    store = Store.home()
    store.probe()
    name = f"doctor-{secrets.token_hex(8)}"
    try:
        if not store.create(name, b"one") or store.create(name, b"two"):
            message = "ROSTER_HOME lets two writers create one file, so it can't hold a ledger: use another"
            raise StoreNotExclusive(message)
    finally:
        store.remove(name)
    return "of two exclusive creates of one file the second fails, as it must"


def _environments(tenant: Tenant) -> list[Environment]:
    named: tuple[Environment, ...] = ("test", "production")
    return [one for one in named if getattr(tenant.canvas, one) is not None]


def _canvas(tenant: Tenant, environment: Environment, seen: dict[str, Environment]) -> Iterator[Check]:
    settings = tenant.environment(environment)
    hook = CanvasHook(settings.connection, environment, settings.hosts)
    hook.retry_delays = ()

    def connection() -> str:
        found = _of_type(settings.connection, ("canvas",))
        return f"{found}, {'an OAuth key' if _is_oauth(settings.connection) else 'a token'}"

    def host() -> str:
        place = hook.address.netloc
        if (other := seen.setdefault(place, environment)) != environment:
            message = f"{place} is the host of {other} as well: correct one of the two connections"
            raise TenantFileWrong(message)
        return f"{place} is one of {environment}"

    def token() -> str:
        account = hook.root_account()
        if not account.is_root:
            message = "the token's account is not a root account, and only those take SIS imports"
            raise CanvasRefused(message)
        return f"it works, for root account {account.id}"

    def imports() -> str:
        hook.sis_imports(datetime.now(UTC))
        return "SIS imports are switched on and can be seen; whether one may be posted Canvas tells only of a post"

    def ids() -> str:
        holds = hook.holds_sis_users()
        version, _ = Ledger(Store.home(), hook.address.netloc, hook.root_account().id).versions()
        if holds and version == 0:
            message = (
                "it holds users with SIS ids, and ROSTER_HOME has no ledger of it: is it the right one? If so, `roster "
                f"reconcile {tenant.id} --environment {environment} --then adopt` makes a ledger of what Canvas has"
            )
            raise CanvasNotEmpty(message)
        return f"SIS ids can be seen; the ledger is at version {version}"

    def clock() -> str:
        apart = (datetime.now(UTC) - hook.clock()).total_seconds()
        if abs(apart) > CLOCKS_APART:
            message = (
                f"the clock here is {abs(apart):.0f} seconds {'ahead of' if apart > 0 else 'behind'} Canvas's: set it"
            )
            raise TenantFileWrong(message)
        return f"{abs(apart):.0f} seconds apart"

    where = f"canvas.{environment}"
    there = True
    for made in _in_order([(f"{where}: connection", connection), (f"{where}: host", host)]):
        yield made
        there = made.ok is True
    known = _tried_if(there, f"{where}: token", token)
    yield known
    for name, look in _RIGHTS:
        yield _tried_if(known.ok is True, f"{where}: {name}", partial(look, hook))
    yield _tried_if(known.ok is True, f"{where}: SIS imports", imports)
    yield _tried_if(known.ok is True, f"{where}: SIS ids and ledger", ids)
    yield _tried_if(there, f"{where}: clock", clock)  # a refusal has the hour as well


def _permissions(hook: CanvasHook) -> str:
    """Those that every night needs; a warning where undo or reconcile lack theirs."""
    held = rights.permissions(hook)
    if missing := [label for name, label in rights.NEEDED.items() if not held.get(name)]:
        message = f"the token's user lacks {', '.join(missing)}: switch on in Canvas under {rights.WHERE}"
        raise CanvasPermissionMissing(message)
    without = [f"{label} (for {job})" for name, (label, job) in rights.FOR_SOME.items() if not held.get(name)]
    if without:
        return Warned(f"enough for nights; without {', '.join(without)}: switch on in Canvas under {rights.WHERE}")
    return "all that nights, undo and reconcile need"


def _no_more(hook: CanvasHook) -> str:
    held = rights.permissions(hook)
    if more := [label for name, label in rights.TOO_MUCH.items() if held.get(name)]:
        return Warned(
            f"not needed, and a danger if the token leaks: {', '.join(more)}: switch off under {rights.WHERE}"
        )
    return "the user may not manage the account, its admins or log-ins, and may not act as others"


def _scopes(hook: CanvasHook) -> str:
    missing = rights.missing_scopes(hook)
    told = "; ".join(f"{job}: {', '.join(scopes)}" for job, scopes in missing.items())
    what = f"the developer key lacks, for {told}: tick in Canvas under Admin, Developer Keys; then connect again"
    if "sync" in missing:
        raise CanvasScopeMissing(what)
    if missing:
        return Warned(what)
    if not _is_oauth(hook.canvas_conn_id):
        return "every call that reads is allowed; a token without a developer key has no scopes"
    return f"every call that reads is allowed; can't be asked without being made: {', '.join(rights.unasked_scopes())}"


def _includes(hook: CanvasHook) -> str:
    arrived = rights.myself(hook).last_login is not msgspec.UNSET
    return "allowed" if arrived else "dropped by the developer key without a word; nothing here asks for one"


def _user(hook: CanvasHook) -> str:
    match rights.myself(hook).sis_user_id:
        case msgspec.UNSET:
            return Warned("whether SIS made the token's user can't be seen: it needs “SIS Data - read”")
        case str() as sis_id if sis_id:
            message = (
                "the token's user has a SIS id, so that a roster could suspend it, and Canvas refuses a row that "
                "removes who imports it: make a user by hand, or take the SIS id off in Canvas under People, its log-in"
            )
            raise CanvasRefused(message)
    return "made by hand, not by SIS"


_RIGHTS: tuple[tuple[str, Callable[[CanvasHook], str]], ...] = (
    ("permissions", _permissions),
    ("no more than needed", _no_more),
    ("scopes", _scopes),
    ("includes", _includes),
    ("the token's user", _user),
)


def _is_oauth(name: str) -> bool:
    """True for a connection that holds a developer key: its client id stands in place of a log-in."""
    return bool(_connection(name).login)


def _target(target: NotifyTarget) -> str:
    said = _of_type(target.connection, tuple(BY_TYPE))
    if (_connection(target.connection).conn_type == "smtp") != bool(target.to):
        message = "`to` belongs to a connection of type smtp, and must name an address there"
        raise TenantFileWrong(message)
    return said


def _approvers(named: tuple[str, ...]) -> str:
    if not named:
        message = "name at least one under rollout.approvers: nobody could release what is held"
        raise TenantFileWrong(message)
    return f"{len(named)} named; whether Airflow knows them its log-in page tells"


def _of_type(name: str, types: tuple[str, ...]) -> str:
    found = _connection(name).conn_type
    if found not in types:
        message = f"connection {name} is of type {found}, and must be {' or '.join(types)}"
        raise TenantFileWrong(message)
    return f"connection {name} of type {found}"


def _connection(name: str) -> Connection:
    try:
        return BaseHook.get_connection(name)
    except AirflowNotFoundException:
        message = f"there is no connection {name}: give it as AIRFLOW_CONN_{name.upper()} or as a secret"
        raise TenantFileWrong(message) from None
