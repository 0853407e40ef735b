"""`roster`: the same steps from a shell.

It sees connections given as AIRFLOW_CONN_<ID> and by secrets backends, not those made in Airflow's UI. Exit codes: 0
done; 1 the answer is a failure (a stop, a refusal, an import that did not end); 2 the call or the tenant file is wrong.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO

import typer
from rich.console import Console
from rich.table import Table

from roster.errors import CanvasStuck, RequestUnknown, RosterError, StoppedByRule, TenantFileWrong
from roster.runs import Run, run_name
from roster.steps import Done, Night, noon
from roster.store import Store
from roster.tenants import Environment, find_tenant, read_tenant, tenant_files

if TYPE_CHECKING:
    from roster.decisions import Decision

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Rosters for Canvas. Connections come from AIRFLOW_CONN_<ID> and secrets backends, not from Airflow's UI.",
)

TenantId = Annotated[str, typer.Argument(metavar="TENANT", help="Name of a file in ROSTER_TENANTS, without .yaml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AsOf = Annotated[datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Play this day instead of today.")]
Kind = Annotated[Literal["user", "class"], typer.Argument(help="What it is.")]
AnyKind = Annotated[Literal["user", "class", "course", "term", "school"], typer.Argument(help="What it is.")]
OfEnvironment = Annotated[Environment, typer.Option("--environment", help="Which Canvas.")]
RecordId = Annotated[str, typer.Argument(metavar="ID", help="Its SIS id in Canvas.")]

POLL_SECONDS = 5.0
_answers: ContextVar[TextIO] = ContextVar("answers")


@app.command()
def tenants(*, as_json: AsJson = False) -> None:
    """List the tenants and whether their files can be read."""
    from roster.checks.catalogue import severities  # polars
    from roster.checks.frames import UNJUDGED
    from roster.checks.suites import expected, read_suites

    known = [(UNJUDGED, "stop"), *expected(read_suites())]
    lines: list[dict[str, Any]] = []
    for tenant_id, file in tenant_files():
        try:
            tenant = read_tenant(file)
            severities(tenant, known)
            lines.append({"id": tenant_id, "name": tenant.name, "sources": list(tenant.source_names), "fault": None})
        except TenantFileWrong as fault:
            lines.append({"id": tenant_id, "name": None, "sources": [], "fault": str(fault)})
    _show(lines, as_json, "Tenants")
    if any(line["fault"] for line in lines):
        raise typer.Exit(2)


@app.command()
def check(tenant: TenantId, *, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Read the sources and judge them: findings by rule. Touches neither Canvas nor the ledger."""
    with _told():
        night = _night(tenant, as_of)
        _, checked = _extract_and_check(night)
        counts = checked["counts"]
        lines = [{"rule": rule, "records": count} for rule, count in sorted(counts["findings"].items())]
        if as_json:
            _print_json({"folder": checked["path"], **counts})
        else:
            _show([{"table": name, "rows": rows} for name, rows in counts["rows"].items()], as_json, "Roster")
            _show(lines, as_json, "Findings")
            _say(f"{counts['quarantined']} records in quarantine; all of it in {checked['path']}")
        _go_on(checked)


@app.command()
def plan(
    tenant: TenantId,
    *,
    environment: OfEnvironment = "test",
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Plan, and show it: for test from live sources, for production from the last rehearsal. Canvas is not touched."""
    with _told():
        from roster.ledger import Ledger
        from roster.runs import read_step
        from roster.steps.plan import Asked, make_plan
        from roster.steps.promote import plan_production, take
        from roster.steps.transform import transform
        from roster_airflow.hooks.id_changes import id_changes

        night = _night(tenant, as_of)
        of = environment if night.tenant.is_rehearsed else "production"  # as the test DAG of such a tenant does
        ledger: Ledger = _loading(night, of).ledger
        if ledger.open_intent():
            _note("An import has not been settled: the plan takes nothing of it for granted (roster settle)")
        if environment == "production":
            taken = take(night)
            made = plan_production(night, taken, ledger, Asked(only=taken["counts"]["scope"]))
        else:
            extracts, checked = _extract_and_check(night)
            _go_on(checked)
            artefact = transform(night, checked["path"], extracts, id_changes(night.tenant.id_changes))
            made = make_plan(night, artefact["path"], ledger, Asked())
        content = read_step(night.store, made["path"], "plan.json")
        if as_json:
            _print_json({"folder": made["path"], **content})
            return
        _show(content["counts"]["changes"], as_json, "Changes")
        _show(content["counts"]["holds"], as_json, "Held")
        for name in ("waiting", "left", "frozen"):
            _show(content["counts"][name], as_json, name.capitalize())
        if content["held_hash"]:
            _say(f"Held part: {content['held_hash']}")
        _say(f"{made['counts']['free']} rows would be sent; all of it in {made['path']}")


@app.command()
def explain(
    tenant: TenantId,
    kind: AnyKind,
    record_id: RecordId,
    *,
    environment: OfEnvironment = "test",
    as_json: AsJson = False,
) -> None:
    """Why a record is in Canvas as it is, from source row to Canvas's messages. Shows personal data."""
    with _told():
        from roster.explain import explain as look_up
        from roster.explain import newest_run

        night = _night(tenant, None)
        ledger = _loading(night, environment).ledger
        found = look_up(newest_run(night.store, tenant, ledger), ledger, kind, record_id)
        if as_json:
            _print_json(found.as_json())
            return
        for name, value in found.as_json().items():
            for number, line in enumerate(value if isinstance(value, tuple | list) else [value]):
                _say(f"{name if number == 0 else '':>10}  {_words(line)}")


@app.command()
def only(tenant: TenantId, kind: Kind, record_id: RecordId, *, as_json: AsJson = False) -> None:
    """Write a request for one user or class, and print its name: the Param `only` of a run. Ids stay out of Airflow."""
    with _told():
        night = _night(tenant, None)
        name = f"only-{secrets.token_hex(4)}"
        content = {"kind": kind, "id": record_id, "at": datetime.now(UTC).isoformat()}
        night.store.create(f"requests/{tenant}/{name}.json", json.dumps(content, ensure_ascii=False).encode())
        if as_json:
            _print_json({"request": name})
        else:
            _say(f"{name}\nTrigger {tenant}_canvas_test with: only = {name}")


@app.command()
def holds(tenant: TenantId, *, as_json: AsJson = False) -> None:
    """What production holds at present, why, and whether it was answered: counts and the hash."""
    with _told():
        from roster.decisions import last_answer, open_request
        from roster.steps.hold import TEXT

        night = _night(tenant, None)
        found = open_request(night.store, tenant)
        if as_json:
            _print_json(found[0].model_dump(mode="json") if found else None)
        elif found is None:
            _say("Nothing is held.")
        else:
            request, folder = found
            last = last_answer(night.store, tenant, request)
            _say(night.store.read_whole(folder, TEXT).decode())
            _say(f"Waits since {request.since:%Y-%m-%d %H:%M} UTC; {_answered(last) if last else 'not answered yet'}")


@app.command()
def decisions(tenant: TenantId, *, as_json: AsJson = False) -> None:
    """Every answer to a request, newest first: who, when, which hash, and what came of it."""
    with _told():
        from roster.decisions import decisions as kept

        night = _night(tenant, None)
        found = [*kept(night.store, tenant)]
        if as_json:
            _print_json([one.model_dump(mode="json") for one in found])
            return
        lines = [
            {
                "at": f"{one.at:%Y-%m-%d %H:%M}",
                "answer": one.answer,
                "by": one.by,
                "rows": one.request.rows,
                "whole": "yes" if one.request.whole else "",
                "hash": one.request.held_hash[:12],
                "configuration": one.request.configuration[:12],
                "outcome": one.outcome,
                "import": one.import_id,
            }
            for one in found
        ]
        _show(lines, as_json, "Decisions")


@app.command()
def doctor(tenant: TenantId, *, as_json: AsJson = False) -> None:
    """Look whether a night could go well: places, connections, hosts, tokens, rights, clocks. Changes nothing."""
    with _told():
        from roster_airflow.doctor import examine

        words = {True: "ok", False: "NOT OK", None: "-"}
        made = list(examine(find_tenant(tenant)))
        if as_json:
            _print_json([asdict(one) for one in made])
        else:
            _show(
                [{"check": one.check, "": words[one.ok], "says": one.says} for one in made],
                as_json,
                f"Doctor: {tenant}",
            )
    if not all(one.ok for one in made):
        raise typer.Exit(1)


@app.command()
def settle(
    tenant: TenantId,
    *,
    environment: OfEnvironment = "test",
    patience: Annotated[int, typer.Option(help="Seconds to wait for an import that runs.")] = 0,
    refreshed: Annotated[
        bool, typer.Option("--refreshed", help="Test was refreshed: where nothing says what it holds, begin anew.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Settle what the journal has open: look for it in Canvas, read what became of it, and follow a refresh of test."""
    with _told():
        night = _night(tenant, None)
        loading = _loading(night, environment)
        until = time.monotonic() + patience
        before = loading.ledger.versions()
        while wait := loading.settle_journal():
            if time.monotonic() >= until:
                what = f"import {wait.import_id} runs" if wait.import_id else f"it is looked for until {wait.until}"
                message = f"not settled yet: {what} (--patience SECONDS waits for it)"
                raise CanvasStuck(message)
            time.sleep(POLL_SECONDS)
        followed = loading.follow_refresh(confirmed=refreshed)
        if refreshed and followed is None:
            message = "test shows what the journal imported last, or it imported nothing: no refresh to confirm"
            raise RequestUnknown(message)
        settled, opened = before
        outcome = loading.ledger.settled(opened).outcome if opened > settled else "nothing was open"
        if followed:
            facts = followed.facts
            came = "its ledger is empty" if facts["anew"] else f"as production's version {facts['production']}"
            outcome = f"test was refreshed, {came}"
        if as_json:
            _print_json({"outcome": outcome, "version": loading.ledger.versions()[0]})
        else:
            _say(f"Settled: {outcome}; the ledger is at version {loading.ledger.versions()[0]}")


@app.command()
def reconcile(
    tenant: TenantId,
    *,
    environment: OfEnvironment = "test",
    then: Annotated[
        Literal["report", "adopt", "repair"],
        typer.Option(help="report: tell only. adopt: Canvas is right. repair: the next night plans the difference."),
    ] = "report",
    as_json: AsJson = False,
) -> None:
    """Compare Canvas's own report with the ledger; with --then adopt, also make the first ledger of a Canvas."""
    with _told():
        from roster_airflow.reconciling import begin, finish, wait_for

        night = _night(tenant, None)
        loading = _loading(night, environment)
        begin(loading, night, environment)
        done = wait_for(lambda: finish(loading, night, environment, then), lambda: time.sleep(POLL_SECONDS))
        if as_json:
            _print_json({"folder": done["path"], **done["counts"]})
            return
        lines = [{"what": name, "rows": rows} for name, rows in done["counts"].items() if name != "ledger_changed"]
        _show(lines, as_json, f"Canvas and its ledger: {environment}")
        _say(f"All of it in {done['path']}; the ledger is at version {loading.ledger.versions()[0]}")


def _answered(last: Decision) -> str:
    who = f" by {last.by}" if last.by else ""
    return f"last answer{who} at {last.at:%Y-%m-%d %H:%M} UTC: {last.answer}"


def _night(tenant_id: str, as_of: datetime | None) -> Night:
    tenant, store, now = find_tenant(tenant_id), Store.home(), datetime.now(UTC)
    day: date | None = as_of.date() if as_of else None
    run = Run(store, tenant.id, run_name(now, f"cli-{secrets.token_hex(4)}"))
    return Night(store, tenant, run, noon(day, tenant) if day else now, practice=True)


def _extract_and_check(night: Night) -> tuple[dict[str, str], Done]:
    from roster.steps.check import check as judge
    from roster.steps.extract import extract
    from roster_airflow.reading import reading_for

    now = datetime.now(UTC)
    extracts = {
        source.name: extract(night, source.name, reading_for(source), now)["path"] for source in night.tenant.sources
    }
    return extracts, judge(night, extracts)


def _go_on(checked: Done) -> None:
    if stops := checked["counts"]["stops"]:
        message = f"by {', '.join(stops)}: nothing of such a night goes on"
        raise StoppedByRule(message)


def _loading(night: Night, environment: Environment) -> Any:
    from roster_airflow.loading import loading_for

    return loading_for(night.store, night.tenant, environment)


@contextmanager
def _told() -> Iterator[None]:
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
    _note(f"{type(fault).__name__}: {fault}")


def _note(text: str) -> None:
    Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True)


def _console() -> Console:
    return Console(file=_answers.get(None))


def _say(text: str) -> None:
    _console().print(text, markup=False, highlight=False, soft_wrap=True)


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, indent=1, ensure_ascii=False, default=str), file=_answers.get(None))


def _show(lines: list[dict[str, Any]], as_json: bool, title: str) -> None:
    if as_json:
        _print_json(lines)
        return
    if not lines:
        _say(f"{title}: none")
        return
    table = Table(title=title, title_justify="left")
    for name in lines[0]:
        table.add_column(name, justify="right" if isinstance(lines[0][name], int) else "left", overflow="fold")
    for line in lines:
        table.add_row(*(_words(value) for value in line.values()))
    _console().print(table, markup=False)


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={_words(one)}" for name, one in value.items() if one not in (None, [], {}))
    if isinstance(value, list | tuple):
        return ", ".join(_words(one) for one in value)
    return "" if value is None else str(value)


if __name__ == "__main__":
    app()
