"""`roster`: the same steps from a shell.

It sees connections given as AIRFLOW_CONN_<ID> and by secrets backends, not those made in Airflow's UI. Exit codes: 0
done; 1 the answer is a failure (a stop, a refusal, an import that did not end); 2 the call or the tenant file is wrong.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from roster.errors import CanvasStuck, RequestUnknown, StoppedByRule, TenantFileWrong
from roster.steps import Done, Night
from roster.tenants import find_tenant, read_tenant, tenant_files
from roster_airflow.cli_ledger import app as ledger_app
from roster_airflow.cli_words import (
    AsJson,
    OfEnvironment,
    TenantId,
    loading_of,
    night_of,
    note,
    print_json,
    say,
    show,
    told,
    words,
)

if TYPE_CHECKING:
    from roster.decisions import Decision

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Rosters for Canvas. Connections come from AIRFLOW_CONN_<ID> and secrets backends, not from Airflow's UI.",
)

AsOf = Annotated[datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Play this day instead of today.")]
Kind = Annotated[Literal["user", "class"], typer.Argument(help="What it is.")]
AnyKind = Annotated[Literal["user", "class", "course", "term", "school"], typer.Argument(help="What it is.")]
RecordId = Annotated[str, typer.Argument(metavar="ID", help="Its SIS id in Canvas.")]

POLL_SECONDS = 5.0


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
    show(lines, as_json, "Tenants")
    if any(line["fault"] for line in lines):
        raise typer.Exit(2)


@app.command()
def check(tenant: TenantId, *, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Read the sources and judge them: findings by rule. Touches neither Canvas nor the ledger."""
    with told():
        night = night_of(tenant, as_of)
        _, checked = _extract_and_check(night)
        counts = checked["counts"]
        lines = [{"rule": rule, "records": count} for rule, count in sorted(counts["findings"].items())]
        if as_json:
            print_json({"folder": checked["path"], **counts})
        else:
            show([{"table": name, "rows": rows} for name, rows in counts["rows"].items()], as_json, "Roster")
            show(lines, as_json, "Findings")
            say(f"{counts['quarantined']} records in quarantine; all of it in {checked['path']}")
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
    with told():
        from roster.ledger import Ledger
        from roster.runs import read_step
        from roster.steps.plan import Asked, make_plan
        from roster.steps.promote import plan_production, take
        from roster.steps.transform import transform
        from roster_airflow.hooks.id_changes import id_changes

        night = night_of(tenant, as_of)
        of = environment if night.tenant.is_rehearsed else "production"  # as the test DAG of such a tenant does
        ledger: Ledger = loading_of(night, of).ledger
        if ledger.open_intent():
            note("An import has not been settled: the plan takes nothing of it for granted (roster settle)")
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
            print_json({"folder": made["path"], **content})
            return
        show(content["counts"]["changes"], as_json, "Changes")
        show(content["counts"]["holds"], as_json, "Held")
        for name in ("waiting", "left", "frozen"):
            show(content["counts"][name], as_json, name.capitalize())
        if content["held_hash"]:
            say(f"Held part: {content['held_hash']}")
        say(f"{made['counts']['free']} rows would be sent; all of it in {made['path']}")


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
    with told():
        from roster.explain import explain as look_up
        from roster.explain import newest_run

        night = night_of(tenant, None)
        ledger = loading_of(night, environment).ledger
        found = look_up(newest_run(night.store, tenant, ledger), ledger, kind, record_id)
        if as_json:
            print_json(found.as_json())
            return
        for name, value in found.as_json().items():
            for number, line in enumerate(value if isinstance(value, tuple | list) else [value]):
                say(f"{name if number == 0 else '':>10}  {words(line)}")


@app.command()
def only(tenant: TenantId, kind: Kind, record_id: RecordId, *, as_json: AsJson = False) -> None:
    """Write a request for one user or class, and print its name: the Param `only` of a run. Ids stay out of Airflow."""
    with told():
        night = night_of(tenant)
        _write_request(night, {"kind": kind, "id": record_id}, as_json=as_json)


@app.command()
def claim(tenant: TenantId, user_id: RecordId, *, as_json: AsJson = False) -> None:
    """Decide that a log-in which Canvas refused as claimed is this person's: the row goes alone, and takes it over."""
    with told():
        night = night_of(tenant)
        _write_request(night, {"kind": "user", "id": user_id, "claim": True}, as_json=as_json)


def _write_request(night: Night, content: dict[str, Any], *, as_json: bool) -> None:
    """Keep a request where a run finds it by its name."""
    name = f"{'claim' if content.get('claim') else 'only'}-{secrets.token_hex(4)}"
    content["at"] = datetime.now(UTC).isoformat()
    body = json.dumps(content, ensure_ascii=False).encode()
    night.store.create(f"requests/{night.tenant.id}/{name}.json", body)
    if as_json:
        print_json({"request": name})
    else:
        say(f"{name}\nTrigger {night.tenant.id}_canvas_test with: only = {name}")


@app.command()
def holds(tenant: TenantId, *, as_json: AsJson = False) -> None:
    """What production holds at present, why, and whether it was answered: counts and the hash."""
    with told():
        from roster.decisions import last_answer, open_request
        from roster.steps.hold import TEXT

        night = night_of(tenant, None)
        found = open_request(night.store, tenant)
        if as_json:
            print_json(found[0].model_dump(mode="json") if found else None)
        elif found is None:
            say("Nothing is held.")
        else:
            request, folder = found
            last = last_answer(night.store, tenant, request)
            say(night.store.read_whole(folder, TEXT).decode())
            say(f"Waits since {request.since:%Y-%m-%d %H:%M} UTC; {_answered(last) if last else 'not answered yet'}")


@app.command()
def imports(tenant: TenantId, *, environment: OfEnvironment = "test", as_json: AsJson = False) -> None:
    """The imports of a ledger, newest first: Canvas's number, when, and what became of their rows."""
    with told():
        from roster.steps.undo import imports as listed

        show([*listed(loading_of(night_of(tenant), environment).ledger)], as_json, "Imports")


@app.command()
def undo(
    tenant: TenantId,
    *,
    import_id: Annotated[str, typer.Option("--import", help="Canvas's number of it: see `roster imports`.")],
    environment: OfEnvironment = "test",
    later: Annotated[Literal["leave", "undo"], typer.Option(help="Rows that later imports changed.")] = "leave",
    as_json: AsJson = False,
) -> None:
    """Show what undoing an import would do, and what it can't. Nothing is sent."""
    with told():
        from roster.runs import read_step
        from roster.steps.undo import TEXT, show

        night = night_of(tenant)
        made = show(night, loading_of(night, environment).ledger, import_id, later)
        if as_json:
            print_json({"folder": made["path"], **read_step(night.store, made["path"], "plan.json")})
        else:
            say(night.store.read_whole(made["path"], TEXT).decode())


@app.command()
def decisions(tenant: TenantId, *, as_json: AsJson = False) -> None:
    """Every answer to a request, newest first: who, when, which hash, and what came of it."""
    with told():
        from roster.decisions import decisions as kept

        night = night_of(tenant, None)
        found = [*kept(night.store, tenant)]
        if as_json:
            print_json([one.model_dump(mode="json") for one in found])
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
        show(lines, as_json, "Decisions")


@app.command()
def doctor(tenant: TenantId, *, as_json: AsJson = False) -> None:
    """Look whether a night could go well: places, connections, hosts, tokens, rights, clocks. Changes nothing."""
    with told():
        from roster_airflow.doctor import examine

        made = list(examine(find_tenant(tenant)))
        if as_json:
            print_json([asdict(one) for one in made])
        else:
            show(
                [{"check": one.check, "": one.word, "says": one.says} for one in made],
                as_json,
                f"Doctor: {tenant}",
            )
    if not all(one.ok for one in made):
        raise typer.Exit(1)


@app.command()
def lint(
    files: Annotated[list[Path], typer.Argument(metavar="FILES", help="CSVs, zips, folders: together one import.")],
    *,
    changes: Annotated[
        bool, typer.Option("--changes", help="What rows refer to may be in Canvas already: do not look for it here.")
    ] = False,
    role: Annotated[list[str] | None, typer.Option(help="A custom role of the account; may be repeated.")] = None,
    most: Annotated[int, typer.Option(min=0, help="Places shown of each finding; 0: all.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Read Canvas SIS files as Canvas would; say what it would refuse or take amiss. No tenant; nothing is sent."""
    from roster.lint.linting import lint as read

    if missing := [path for path in files if not path.exists()]:
        note(f"{missing[0]} is not there")
        raise typer.Exit(2)
    report = read(files, whole=not changes, roles=role or (), most=most)
    if as_json:
        print_json({"files": report.as_json(), "findings": [one.as_json() for one in report.findings]})
    else:
        for one in report.findings:
            say(one.told())
        rows = sum(count for _, count in report.files.values())
        say(f"{rows} rows of {len(report.files)} files; findings by rule: {words(report.counts) or 'none'}")
    if not report.is_clean:
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
    with told():
        night = night_of(tenant, None)
        loading = loading_of(night, environment)
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
        outcome: str = loading.ledger.settled(opened).outcome if opened > settled else "nothing was open"
        if followed:
            facts = followed.facts
            came = "its ledger is empty" if facts["anew"] else f"as production's version {facts['production']}"
            outcome = f"test was refreshed, {came}"
        if as_json:
            print_json({"outcome": outcome, "version": loading.ledger.versions()[0]})
        else:
            say(f"Settled: {outcome}; the ledger is at version {loading.ledger.versions()[0]}")


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
    with told():
        from roster_airflow.reconciling import begin, finish, wait_for

        night = night_of(tenant)
        loading = loading_of(night, environment)
        begin(loading, night, environment, then)
        done = wait_for(lambda: finish(loading, night, environment, then), lambda: time.sleep(POLL_SECONDS))
        if as_json:
            print_json({"folder": done["path"], **done["counts"]})
            return
        lines = [{"what": name, "rows": rows} for name, rows in done["counts"].items() if name != "ledger_changed"]
        show(lines, as_json, f"Canvas and its ledger: {environment}")
        say(f"All of it in {done['path']}; the ledger is at version {loading.ledger.versions()[0]}")


def _answered(last: Decision) -> str:
    who = f" by {last.by}" if last.by else ""
    return f"last answer{who} at {last.at:%Y-%m-%d %H:%M} UTC: {last.answer}"


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


app.add_typer(ledger_app, name="ledger")

if __name__ == "__main__":
    app()
