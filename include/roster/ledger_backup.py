"""A ledger in one file, for the day that ROSTER_HOME is lost: written, looked over, and put back.

The file is a zip of everything below the ledger's folder, and `ledger.json`: whose it is, its version, and the SHA-256
of every member. It holds the records of everybody in that Canvas.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import polars as pl
from pydantic import ValidationError

from roster.errors import LedgerFault, RosterError, RunFolderBroken
from roster.journal import SCHEMA
from roster.ledger import Ledger

ABOUT = "ledger.json"
REPLACED = "ledgers-replaced"
STAMP = "%Y%m%dT%H%M%SZ"


def look_over(ledger: Ledger) -> int:
    """The version of a ledger that is whole: every entry of its journal can be read, and the rows of the newest.

    Rows of older versions may be gone: retention removes them. LedgerFault tells what is broken.
    """
    current, _ = ledger.versions()
    try:
        for version in range(1, current + 1):
            ledger.intent(version)
            ledger.settled(version)
        ledger.open_intent()
        ledger.current()
    except (RunFolderBroken, ValidationError, ValueError, pl.exceptions.PolarsError, OSError) as fault:
        said = fault if isinstance(fault, RosterError) else type(fault).__name__
        message = f"the ledger of {ledger.host}, account {ledger.account}, is broken ({said}): put a backup back"
        raise LedgerFault(message) from None
    return current


def backup(ledger: Ledger, now: datetime) -> bytes:
    """The whole ledger as a zip; LedgerFault where it is broken, so that no good backup is replaced by it.

    Entries of the journal are read before the rows that they name: what is settled meanwhile does no harm.
    """
    version = look_over(ledger)
    content = {name: ledger.store.read(f"{ledger.path}/{name}") for name in _entries_first(ledger)}
    about = {
        "schema": SCHEMA,
        "host": ledger.host,
        "account": ledger.account,
        "version": version,
        "made": now.isoformat(),
        "files": {name: _digest(one) for name, one in content.items()},
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ABOUT, json.dumps(about, indent=1))
        for name, one in content.items():
            archive.writestr(name, one)
    return buffer.getvalue()


def restore(ledger: Ledger, content: bytes, now: datetime, *, instead: bool = False) -> int:
    """Put a backup back, and answer its version. instead: where a ledger is there, that one is kept aside first.

    LedgerFault where the file is no backup of this host and root account, is damaged, or is not to replace what is
    there. Entries of the journal are written after the rows that they name, the newest first: a restore that is broken
    off never looks like an older ledger.
    """
    about, files = _opened(content)
    if (about["host"], about["account"]) != (ledger.host, ledger.account):
        message = (
            f"the backup is of {about['host']}, account {about['account']}, and this is {ledger.host}, account "
            f"{ledger.account}: a ledger belongs to one Canvas"
        )
        raise LedgerFault(message)
    there, _ = ledger.versions()
    if there and not instead:
        message = (
            f"there is a ledger of {ledger.host} at version {there}, and the backup is of version {about['version']}: "
            "--instead puts it in its place, and keeps the present one aside"
        )
        raise LedgerFault(message)
    try:
        _keep_aside(ledger, now)
        ledger.store.remove(ledger.path)
        for name in reversed(files):
            ledger.store.write(f"{ledger.path}/{name}", files[name])
    except OSError as fault:
        message = (
            f"the ledger of {ledger.host} could not be put back whole ({fault.strerror or type(fault).__name__}): mend "
            "that, then restore again with --instead, before any of the tenant's DAGs runs"
        )
        raise LedgerFault(message) from None
    return look_over(ledger)


def aside(ledger: Ledger) -> Iterator[tuple[str, datetime]]:
    """(path, when) of every ledger of this host and root account that a restore has replaced and kept aside."""
    folder, _, account = _aside(ledger).rpartition("/")
    for name in ledger.store.names(folder):
        whose, _, stamp = name.removesuffix(".zip").rpartition("-")
        if whose == account:
            with suppress(ValueError):  # none of ours
                yield f"{folder}/{name}", datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)


def _opened(content: bytes) -> tuple[Mapping[str, Any], dict[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            about = json.loads(archive.read(ABOUT))
            files = {name: archive.read(name) for name in about["files"]}
        whole = all(_digest(files[name]) == said for name, said in about["files"].items())
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, OSError):
        whole, about, files = False, {}, {}
    if not whole:
        message = "the file is no backup of a ledger, or is damaged: take another"
        raise LedgerFault(message)
    if about["schema"] > SCHEMA:
        message = f"the backup was written by a newer release (schema {about['schema']}): install that first"
        raise LedgerFault(message)
    return about, files


def _keep_aside(ledger: Ledger, now: datetime) -> None:
    """What is there, whole or not, as it is."""
    names = _entries_first(ledger)
    if not names:
        return
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, ledger.store.read(f"{ledger.path}/{name}"))
    ledger.store.write(f"{_aside(ledger)}-{now.astimezone(UTC):{STAMP}}.zip", buffer.getvalue())


def _aside(ledger: Ledger) -> str:
    return f"{REPLACED}/{ledger.path.split('/', 1)[1]}"


def _entries_first(ledger: Ledger) -> list[str]:
    names = ledger.store.files(ledger.path)
    return sorted(names, key=lambda name: ("/" in name, name))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
