"""A refresh of test: Canvas writes production over it, and the ledger of test becomes what production's was by then.

It is certain where a working token finds an import of the journal gone, in the list and by its number, or finds an
import that was posted to production. What came along is told by the newest of production's identifiers in that list.
Where there is none, nothing says what test holds now, and a person confirms that its ledger begins anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from roster.errors import CanvasRefreshed, RosterError, RunFolderBroken
from roster.journal import WATCHED, Refreshed, Settled, in_doubt, version_in
from roster.ledger import Ledger
from roster.ledger_rows import LEDGER, moved
from roster.store import Store
from roster.tenants import Tenant
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.hooks.canvas_replies import SisImport

# Canvas's clock is not ours: what it lists as older than the intent may be the intent's import all the same.
CLOCKS_APART = timedelta(days=1)

Shown = Mapping[str, SisImport]
"""Imports that Canvas lists, by their identifier."""

log = logging.getLogger(__name__)


def production_ledgers(store: Store, tenant: Tenant) -> list[Ledger]:
    """The ledgers of the tenant's production, by the host of its connection; none where it has no production."""
    settings = tenant.canvas.production
    if settings is None:
        return []
    return Ledger.of_host(store, CanvasHook(settings.connection, "production", settings.hosts).address.netloc)


def follow_refresh(
    hook: CanvasHook,
    ledger: Ledger,
    production: Callable[[], Sequence[Ledger]],
    now: datetime,
    *,
    confirmed: bool = False,
) -> Settled | None:
    """Let the ledger of test follow a refresh; None if there was none. The journal must have nothing open.

    production: its ledgers. confirmed: a person says that the ledger begins anew where production's does not tell what
    came along; otherwise that raises CanvasRefreshed.
    """
    version, _ = ledger.versions()
    last = _last(ledger)
    known = next((one.facts for one in last if one.outcome == "refreshed"), None)
    if _is_gone(hook, last, now):
        ledgers = production()
    elif (len(last) == 2 and known is None) or not (ledgers := _with_news(hook, production, known or {})):
        return None
    shown = _by_identifier(hook.sis_imports())
    rows, came, reason = _came_along(ledgers, shown)
    if came.anew and not confirmed:
        message = (
            f"Canvas has refreshed {ledger.host}: what was imported last is gone from it, and {reason}. To begin its "
            "ledger anew, run `roster settle TENANT --environment test --refreshed`; then clear this run from settle on"
        )
        raise CanvasRefreshed(message)
    log.warning("test was refreshed: its ledger follows version %s of production's", came.production or "none")
    return ledger.refresh(_with_own(ledger, rows, shown, now), came, version=version, now=now)


def _last(ledger: Ledger) -> list[Settled]:
    """The newest two entries of the journal that Canvas shows, newest first; nothing from before its last refresh.

    The one before the last is asked for as well: Canvas may have been refreshed while the last was on its way.
    """
    found: list[Settled] = []
    version, _ = ledger.versions()
    while version > 0 and len(found) < 2:
        settled = ledger.settled(version)
        if settled.outcome in ("taken", "refreshed"):
            found.append(settled)
        if settled.outcome == "refreshed":
            break
        version -= 1
    return found


def _is_gone(hook: CanvasHook, last: Sequence[Settled], now: datetime) -> bool:
    """True if list and single call agree that an import of these is not there."""
    asked = [one for one in last[:1] if one.import_id]
    asked += [one for one in last[1:] if one.import_id and now - one.written < WATCHED]
    if not asked:
        return False
    shown = _by_identifier(hook.sis_imports(min(one.written for one in asked) - CLOCKS_APART))
    return any(one.identifier not in shown and not hook.has_import(str(one.import_id), one.identifier) for one in asked)


def _with_news(hook: CanvasHook, production: Callable[[], Sequence[Ledger]], facts: Mapping[str, Any]) -> list[Ledger]:
    """Production's ledgers of which test shows a newer import than it knows: too little of its own could be missing.

    facts: of the refresh that the ledger followed last.
    """
    try:
        ledgers = production()
    except RosterError as fault:  # production's runs say so too, and test has not missed anything yet
        log.warning("production's ledger was not looked at: %s", fault)
        return []
    known = {one.path: facts["production"] if facts.get("account") == one.account else 0 for one in ledgers}
    newer = [one for one in ledgers if one.versions()[1] > known[one.path]]
    if not newer:
        return []
    written = min(one.intent(known[one.path] + 1).written for one in newer)
    shown = _by_identifier(hook.sis_imports(written - CLOCKS_APART))
    return [one for one in newer if any(one.version_of(name) > known[one.path] for name in shown)]


def _newest(ledgers: Sequence[Ledger], shown: Shown) -> tuple[Ledger, int] | None:
    """The ledger and version of production's newest import among these."""
    for identifier in sorted(shown, key=version_in, reverse=True):
        for ledger in ledgers:
            if version := ledger.version_of(identifier):
                return ledger, version
    return None


def _came_along(ledgers: Sequence[Ledger], shown: Shown) -> tuple[pl.DataFrame, Refreshed, str]:
    """What Canvas holds of production, where that is from, and why the ledger has to begin anew where it does."""
    nothing = pl.DataFrame(schema=LEDGER)
    if (found := _newest(ledgers, shown)) is None:
        return nothing, Refreshed(anew=True), "no import of production's ledger is in its list"
    ledger, version = found
    identifier = ledger.intent(version).identifier
    came = Refreshed(
        host=ledger.host,
        account=ledger.account,
        production=version,
        identifier=identifier,
        import_id=shown[identifier].id,
        as_of=shown[identifier].created_at,
    )
    try:
        return _rows_at_refresh(ledger, version, shown), came, ""
    except RunFolderBroken:
        reason = f"the rows of production's version {version}, which came along, were removed by retention"
        return nothing, came.model_copy(update={"anew": True}), reason


def _rows_at_refresh(ledger: Ledger, version: int, shown: Shown) -> pl.DataFrame:
    """The rows of that version, with all in doubt that was under way when test was written over."""
    intent = ledger.intent(version)
    settled = ledger.settled(version) if version <= ledger.versions()[0] else None
    if settled and settled.facts.get("workflow_state") == shown[intent.identifier].workflow_state:
        rows = ledger.rows_at(version)
    else:
        rows = _doubtful(ledger, ledger.rows_at(version - 1), version)
    for earlier in range(version - 1, 0, -1):
        before = ledger.settled(earlier)
        if intent.written - before.written > WATCHED:
            break
        if before.outcome == "abandoned" and before.identifier in shown:
            rows = _doubtful(ledger, rows, earlier)
    return rows


def _with_own(ledger: Ledger, rows: pl.DataFrame, shown: Shown, now: datetime) -> pl.DataFrame:
    """With the rows in doubt of imports that came to test after it had been refreshed."""
    came = []
    for version in range(ledger.versions()[0], 0, -1):
        intent = ledger.intent(version)
        if intent.kind == "import" and now - intent.written > WATCHED:
            break
        if intent.kind == "import" and intent.identifier in shown:
            came.append(version)
    for version in reversed(came):
        rows = _doubtful(ledger, rows, version)
    return rows


def _doubtful(ledger: Ledger, rows: pl.DataFrame, version: int) -> pl.DataFrame:
    intent = ledger.intent(version)
    sent = ledger.sent(intent)
    return moved(rows, sent, in_doubt(sent), intent.sequence)


def _by_identifier(imports: Sequence[SisImport]) -> dict[str, SisImport]:
    return {one.diffing_data_set_identifier: one for one in imports if one.diffing_data_set_identifier}
