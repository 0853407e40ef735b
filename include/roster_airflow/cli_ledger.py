"""`roster ledger`: look over, back up and put back what a Canvas was given."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from roster_airflow.cli_words import AsJson, OfEnvironment, TenantId, loading_of, night_of, print_json, say, told

app = typer.Typer(no_args_is_help=True, help="What a Canvas was given: look over, back up, put back.")


@app.command()
def show(tenant: TenantId, *, environment: OfEnvironment = "test", as_json: AsJson = False) -> None:
    """Look whether the ledger is whole: whose it is, its version, its rows by file. Changes nothing."""
    with told():
        from roster.ledger_backup import look_over
        from roster.ledger_rows import live

        ledger = loading_of(night_of(tenant), environment).ledger
        version = look_over(ledger)
        rows = live(ledger.current()[2]).group_by("file").len().sort("file")
        counts = {str(file): int(count) for file, count in rows.iter_rows()}
        about = {"host": ledger.host, "account": ledger.account, "version": version, "rows": counts}
        if as_json:
            print_json(about)
            return
        say(f"{ledger.host}, root account {ledger.account}: whole, at version {version}")
        for file, count in counts.items():
            say(f"{count:>10}  {file}")


@app.command()
def backup(
    tenant: TenantId,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The zip to write; it must not be there yet.")],
    *,
    environment: OfEnvironment = "test",
) -> None:
    """Write the ledger into one file, for its owner only: it holds the records of everybody in that Canvas."""
    with told():
        from roster.errors import RequestUnknown
        from roster.ledger_backup import backup as pack

        ledger = loading_of(night_of(tenant), environment).ledger
        content = pack(ledger, datetime.now(UTC))
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as fault:
            message = f"{file} can't be written: {fault.strerror}"
            raise RequestUnknown(message) from None
        with os.fdopen(handle, "wb") as target:
            target.write(content)
        say(f"{file}: the ledger of {ledger.host} at version {ledger.versions()[0]}")


@app.command()
def restore(
    tenant: TenantId,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A zip that `backup` or housekeeping wrote.")],
    *,
    environment: OfEnvironment = "test",
    instead: Annotated[
        bool, typer.Option("--instead", help="A ledger is there: keep it aside, and put this in its place.")
    ] = False,
) -> None:
    """Put a backup back. Pause the tenant's DAGs before; run `roster reconcile` after, if Canvas had imports since."""
    with told():
        from roster.errors import LedgerBehind, RequestUnknown
        from roster.ledger_backup import restore as put_back

        loading = loading_of(night_of(tenant), environment)
        try:
            content = file.read_bytes()
        except OSError as fault:
            message = f"{file} can't be read: {fault.strerror}"
            raise RequestUnknown(message) from None
        version = put_back(loading.ledger, content, datetime.now(UTC), instead=instead)
        say(f"The ledger of {loading.ledger.host} is at version {version} again.")
        try:
            loading.not_behind()
        except LedgerBehind as behind:
            say(f"Canvas went on since: {behind}")
