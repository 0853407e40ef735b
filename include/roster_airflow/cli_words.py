"""What every command of `roster` has in common: its answer on standard output, its complaints, its exit codes."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.table import Table

from roster.errors import RequestUnknown, RosterError, TenantFileWrong
from roster.runs import Run, run_name
from roster.steps import Night, noon
from roster.store import Store
from roster.tenants import Environment, find_tenant

if TYPE_CHECKING:
    from roster_airflow.loading import Loading

TenantId = Annotated[str, typer.Argument(metavar="TENANT", help="Name of a file in ROSTER_TENANTS, without .yaml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OfEnvironment = Annotated[Environment, typer.Option("--environment", help="Which Canvas.")]
_answers: ContextVar[TextIO] = ContextVar("answers")


@contextmanager
def told() -> Iterator[None]:
    """Errors of ours as a line on standard error, and an exit code; what Airflow logs goes there as well."""
    token = _answers.set(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (TenantFileWrong, RequestUnknown) as fault:
        _complain(fault)
        raise typer.Exit(2) from None
    except RosterError as fault:
        _complain(fault)
        raise typer.Exit(1) from None
    finally:
        _answers.reset(token)


def _complain(fault: RosterError) -> None:
    note(f"{type(fault).__name__}: {fault}")


def note(text: str) -> None:
    """A line on standard error."""
    Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True)


def _console() -> Console:
    return Console(file=_answers.get(None))


def say(text: str) -> None:
    """A line of the answer."""
    _console().print(text, markup=False, highlight=False, soft_wrap=True)


def print_json(content: Any) -> None:
    """The answer, as JSON."""
    typer.echo(json.dumps(content, indent=1, ensure_ascii=False, default=str), file=_answers.get(None))


def show(lines: list[dict[str, Any]], as_json: bool, title: str) -> None:
    """A table, or the same as JSON."""
    if as_json:
        print_json(lines)
        return
    if not lines:
        say(f"{title}: none")
        return
    table = Table(title=title, title_justify="left")
    for name in lines[0]:
        table.add_column(name, justify="right" if isinstance(lines[0][name], int) else "left", overflow="fold")
    for line in lines:
        table.add_row(*(words(value) for value in line.values()))
    _console().print(table, markup=False)


def words(value: Any) -> str:
    """A value as a person reads it; of a mapping only what is there."""
    if isinstance(value, dict):
        return ", ".join(f"{name}={words(one)}" for name, one in value.items() if one not in (None, [], {}))
    if isinstance(value, list | tuple):
        return ", ".join(words(one) for one in value)
    return "" if value is None else str(value)


def night_of(tenant_id: str, as_of: datetime | None = None) -> Night:
    """A run of a tenant that counts for nothing: now, or that day at noon."""
    tenant, store, now = find_tenant(tenant_id), Store.home(), datetime.now(UTC)
    day: date | None = as_of.date() if as_of else None
    run = Run(store, tenant.id, run_name(now, f"cli-{secrets.token_hex(4)}"))
    return Night(store, tenant, run, noon(day, tenant) if day else now, practice=True)


def loading_of(night: Night, environment: Environment) -> Loading:
    """The Canvas of that environment, and its ledger."""
    from roster_airflow.loading import loading_for

    return loading_for(night.store, night.tenant, environment)
