"""Verdict: the report of a run, and whether it did all it should.

Failed are: a step that did not finish, a source that failed or is stale, a rule of severity stop, a load that did not
settle or refused more than its budget. Held, quarantined and refused within budget are notices.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from roster.canvas import KEPT_IN, module
from roster.checks.catalogue import RULES
from roster.runs import read_step, reading, write_json
from roster.steps import Done, Night
from roster.steps.census import school_names
from roster.steps.report_page import ACTIONS, as_text
from roster.steps.school_report import counted, harmless, write_school_report
from roster.store import MANIFEST
from roster.tenants import Environment

_GONE = "not in tonight's delivery"
STEPS = ("check", "transform", "settle", "plan", "load")
PRODUCTION_STEPS = ("take", "settle", "plan", "load")


@dataclass(frozen=True)
class Outcome:
    """What the steps of a run answered; None for one that did not finish. faults: step → what it said. asked: the
    Params that were set. dry_run: the run was to stop after its plan. order: the steps that had to finish, in order.
    hands_on: the step that wakes the next DAG. environment: whose ledger it was planned against. request: what waits
    for an answer, or was answered. notices: what a person should know besides.
    """

    extracts: Mapping[str, Done | None]
    steps: Mapping[str, Done | None]
    faults: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False
    handed_on: bool = True
    hands_on: str = "hand_on"
    order: Sequence[str] = STEPS
    environment: Environment = "test"
    request: Mapping[str, Any] | None = None
    notices: Sequence[str] = ()

    def path(self, step: str) -> str | None:
        """The folder of a finished step."""
        done = self.steps.get(step)
        return done["path"] if done and done["path"] else None


def verdict(night: Night, outcome: Outcome, seconds: Mapping[str, float] | None = None) -> tuple[Done, list[str]]:
    """Write report.json, report.md, what `school_report` makes, quarantine.csv and messages.csv into `verdict`; answer
    with the reasons to fail.

    seconds: how long each step took.
    """
    report = _report(night, outcome)
    report["seconds"] = {step: round(value, 1) for step, value in (seconds or {}).items()}
    with night.run.write("verdict") as step:
        report["schools"] = by_school(night, outcome, report)
        checked = outcome.path("check") or (report["transform"] or {}).get("check")
        if checked and not night.store.exists(f"{checked}/{MANIFEST}"):
            checked = None  # of a rehearsal that retention removed
        folders = {step: outcome.path(step) for step in ("transform", "plan", "load")}
        report |= counted(night, outcome.environment, check=checked, **folders)
        report["notices"] += _safety_changed(report["since"])
        write_json(step.folder, "report.json", report)
        (step.folder / "report.md").write_text(as_text(report), encoding="utf-8")
        if check := outcome.path("check"):
            _quarantine(night, check, step.folder / "quarantine.csv")
        loads = [path for name in ("settle", "load") if (path := outcome.path(name))]
        if (transform := outcome.path("transform") or outcome.path("take")) and loads:
            _messages(night, transform, loads, step.folder / "messages.csv")
        write_school_report(step.folder, night, report, checked, advice)
    counts = {"failed": len(report["failed"]), "notices": len(report["notices"])}
    return {"path": step.path, "counts": counts}, report["failed"]


def by_school(night: Night, outcome: Outcome, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the night came to, school by school: rows planned by action, rows held and refused, records in quarantine.

    school: its id, null for what belongs to none; name: null where tonight's roster does not know it.
    """
    counts: dict[str | None, Counter[str]] = defaultdict(Counter)
    for line in report["plan"]["counts"]["changes"] if report["plan"] else ():
        counts[line["school"]][line["action"] if line["part"] == "free" else "held"] += line["rows"]
    taken = outcome.path("take")
    names = school_names(night, taken) if taken else {}
    if check := outcome.path("check"):
        with reading(night.store, check) as folder:
            names = dict(pl.read_parquet(folder / "orgs.parquet").select("sourced_id", "name").iter_rows())
            findings = pl.read_parquet(folder / "findings.parquet")
            kept_back = findings.join(
                pl.read_parquet(folder / "quarantine.parquet"), on=["table", "record"], how="semi"
            )
        for school, _, _ in kept_back.select("school", "table", "record").unique(["table", "record"]).iter_rows():
            counts[school]["quarantined"] += 1
    if load := outcome.path("load"):
        with reading(night.store, load) as folder:
            problems = pl.read_parquet(folder / "problems.parquet").filter(pl.col("outcome") == "refused")
        for school, *_ in problems.select("school", "file", "row", "key").unique().iter_rows():
            counts[school]["refused"] += 1
    order = sorted(counts, key=lambda school: (school is None, school or ""))
    columns = (*ACTIONS, "held", "quarantined", "refused")
    return [
        {"school": school, "name": names.get(school or ""), **{name: counts[school][name] for name in columns}}
        for school in order
    ]


def _report(night: Night, outcome: Outcome) -> dict[str, Any]:
    report: dict[str, Any] = {
        "tenant": night.tenant.id,
        "name": night.tenant.name,
        "run": night.run.path,
        "environment": outcome.environment,
        "date": night.today.isoformat(),
        "asked": {name: value for name, value in outcome.asked.items() if value not in (None, False, "keep")},
        "sources": {
            source: read_step(night.store, done["path"], "evidence.json") if done else None
            for source, done in outcome.extracts.items()
        },
    }
    for step, file in (
        ("check", "check.json"),
        ("transform", "artefact.json"),
        ("settle", "settle.json"),
        ("plan", "plan.json"),
        ("load", "load.json"),
    ):
        path = outcome.path(step) or (outcome.path("take") if step == "transform" else None)
        report[step] = read_step(night.store, path, file) if path else None
    report["request"] = dict(outcome.request) if outcome.request else None
    if report["transform"]:
        report["transform"].pop("tenant")
    report["folders"] = {step: outcome.path(step) for step in dict.fromkeys((*STEPS, *outcome.order))}
    report["failed"] = _failed(outcome, report)
    report["notices"] = [*_notices(report), *outcome.notices]
    return report


def _failed(outcome: Outcome, report: Mapping[str, Any]) -> list[str]:
    reasons = []
    for source, done in outcome.extracts.items():
        if done is None:
            reasons.append(f"source {source} failed: {outcome.faults.get(f'extract.{source}', 'see its task log')}")
        elif done["counts"]["stale"]:
            said = outcome.faults.get(f"extract.{source}", "see its task log")
            reasons.append(f"source {source} failed and its last good extract stood in: {said}")
    stops = (report["check"] or {}).get("counts", {}).get("stops", [])
    reasons += [f"rule {rule} (severity stop) found something: nothing of this night went on" for rule in stops]
    broken = next((step for step in outcome.order if outcome.steps.get(step) is None and step in outcome.faults), None)
    missing = next((step for step in outcome.order if outcome.steps.get(step) is None), None)
    if broken and not (broken == "check" and stops):
        reasons.append(f"step {broken} failed: {outcome.faults[broken]}")
    elif missing and not reasons and not (outcome.dry_run and missing == "load"):
        reasons.append(f"step {missing} did not finish: see its task log")
    if not outcome.handed_on:
        step = outcome.hands_on
        reasons.append(f"step {step} failed: {outcome.faults.get(step, 'see its task log')}")
    load = report["load"]
    for one in [*_earlier(report), *([load] if load else [])]:
        if one["counts"]["over_budget"]:
            new, total = one["counts"]["newly_refused"], one["counts"]["rows"]
            reasons.append(
                f"Canvas newly refused {new} of {total} rows, more than the tenant's budget (safety.refused)"
            )
    if load and load["outcome"] == "lost":
        reasons.append("Canvas never started the import: its rows are in doubt and are sent again")
    if load and load["doubts"]:
        reasons += [f"rows in doubt, sent again next time: {doubt}" for doubt in load["doubts"]]
    return reasons


def _earlier(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The imports of other runs that this one settled."""
    settled: list[dict[str, Any]] = (report["settle"] or {}).get("imports", [])
    return settled


def _notices(report: Mapping[str, Any]) -> list[str]:
    notices = []
    for source, evidence in report["sources"].items():
        if evidence and not evidence["proven"]:
            notices.append(f"source {source} proves no absence: {'; '.join(evidence['reasons']) or 'no reason given'}")
    check, plan, load = (report[step] for step in ("check", "plan", "load"))
    said = {reason for evidence in report["sources"].values() if evidence for reason in evidence["reasons"]}
    if report["transform"]:
        notices += [reason for reason in report["transform"]["standing"]["reasons"] if reason not in said]
    for one in _earlier(report):
        taken, refused, doubt = (one["counts"][name] for name in ("sent", "refused", "doubt"))
        notices.append(
            f"import {one['import_id']} of the run {one['run']} was settled in this one: "
            f"{taken} rows taken, {refused} refused, {doubt} in doubt"
        )
    notices += [_refreshed(came) for came in (report["settle"] or {}).get("refreshed", [])]
    if check and check["counts"]["quarantined"]:
        notices.append(f"{check['counts']['quarantined']} records are in quarantine (quarantine.csv says what to mend)")
    if plan:
        notices += plan["gate"]["drops"]
        totals = plan["counts"]["totals"]
        if (release := report["asked"].get("release")) and not plan["released"]:
            notices.append(f"release {release} is not the hash of tonight's held part: nothing was let go by it")
        if totals["held"]:
            notices.append(_how_to_release(report, totals["held"]))
            notices += [f"held: {line['rows']} rows, {line['why']}" for line in plan["counts"]["holds"]]
        for name in ("waiting", "left"):
            for line in plan["counts"][name]:
                why = line.get("reason", "what they refer to is not in Canvas")
                notices.append(f"{name}: {line['rows']} rows of {line['file']} ({why})")
    notices += missed(load)
    if load and load["counts"]["kept_back"]:
        notices.append(
            f"{load['counts']['kept_back']} rows were kept back, because Canvas did not change the ids that they need: "
            "they are planned again the next night"
        )
    if load and (amiss := load.get("amiss")):
        by_rule = ", ".join(f"{rows} × {rule}" for rule, rows in sorted(amiss.items()))
        notices.append(
            f"the linter finds fault with rows of the import: {by_rule} (docs/linting.md says what each means)"
        )
    if load and load["counts"]["refused"]:
        notices.append(f"Canvas refused {load['counts']['refused']} rows (messages.csv says what to do)")
    return notices


def _safety_changed(since: Mapping[str, Any] | None) -> list[str]:
    if since is None:
        return []
    return [
        f"safety.{line['key']} is {line['now']}, on {since['date']} it was {line['before']}" for line in since["safety"]
    ]


def _how_to_release(report: Mapping[str, Any], held: int) -> str:
    if report["load"] and "read" in report["load"]:
        return f"{held} changes trip a limit: production will hold them"
    if report["environment"] == "test":
        return f"{held} changes are held; to let them go, run with release = {report['plan']['held_hash']}"
    return f"{held} changes are held and wait for an answer in {report['tenant']}_canvas_release"


def missed(load: Mapping[str, Any] | None) -> Iterator[str]:
    """Why a load sent nothing although there was something to send; nothing where it did not miss its window."""
    if load and load["outcome"] == "missed":
        yield f"missed: the load window is closed until {load['opens']}; nothing was sent, the next night covers it"


def _refreshed(came: Mapping[str, Any]) -> str:
    """What a refresh of test means for who runs this."""
    if came["anew"]:
        return "Canvas's test environment was refreshed from production, and its ledger began anew, as was confirmed"
    as_of = f"{came['as_of'][:16].replace('T', ' ')} UTC" if came["as_of"] else "an unknown time"
    return (
        f"Canvas's test environment was refreshed from production as of the import of {as_of}: the test ledger follows "
        f"production version {came['production']}. What was made in test alone is gone, tokens too: renew the token in "
        "production, so that the next refresh leaves it working"
    )


def advice(rule: str) -> str:
    """What the rule's documentation says to do."""
    text = RULES[rule].text if rule in RULES else ""
    _, found, after = text.partition("What to do:")
    return " ".join(after.partition("\n\n")[0].partition("Source:")[0].split()) if found else ""


def _quarantine(night: Night, check_path: str, target: Path) -> None:
    """One line per finding that keeps a record back: rule, source row, school, what to do."""
    with reading(night.store, check_path) as folder:
        findings = pl.read_parquet(folder / "findings.parquet").filter(pl.col("severity").is_in(["quarantine", "stop"]))
    columns = ("rule", "severity", "table", "source", "file", "row", "school", "detail")
    rows = [(*row, advice(row[0])) for row in findings.select(columns).sort("rule", "file", "row").iter_rows()]
    _write_csv(target, (*columns, "what to do"), rows)


def _messages(night: Night, transform_path: str, load_paths: Sequence[str], target: Path) -> None:
    """One line per message of Canvas: source row, school, file, what is wrong, what to do."""
    with ExitStack() as stack:
        folders = [stack.enter_context(reading(night.store, path)) for path in load_paths]
        problems = pl.concat([pl.read_parquet(folder / "problems.parquet") for folder in folders])
    if problems.is_empty():
        return
    with reading(night.store, transform_path) as folder:
        records = [
            pl.read_parquet(table).select("key", "record", file=pl.lit(file), table=pl.lit(module(file).TABLE))
            for file in problems["file"].unique().drop_nulls()
            if (table := folder / KEPT_IN.get(file, file).replace(".csv", ".parquet")).exists()
        ]
        lineage = pl.read_parquet(folder / "lineage.parquet").select(
            "table", "record", source_file="file", source_row="row"
        )
    keys = ("key", "record", "file", "table")
    known = pl.concat(records) if records else pl.DataFrame(schema=dict.fromkeys(keys, pl.String))
    rows = (
        problems.join(known, on=["file", "key"], how="left")
        .join(
            lineage.sort("source_file", "source_row").unique(["table", "record"], keep="first"),
            on=["table", "record"],
            how="left",
        )
        .with_columns(
            source_file=pl.when(pl.col("key").is_not_null() & pl.col("source_file").is_null())
            .then(pl.lit(_GONE))
            .otherwise("source_file")
        )
        .select("source_file", "source_row", "school", "file", "row", "outcome", "rule", "message", "advice")
        .sort("file", "row", nulls_last=True)
    )
    header = ("source file", "source row", "school", "file", "row", "outcome", "rule", "message", "what to do")
    _write_csv(target, header, rows.rows())


def _write_csv(target: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([harmless(cell) for cell in row] for row in rows)
