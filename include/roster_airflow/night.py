"""The tasks of a night but for the two that speak to Canvas: thin, over the steps of the library.

A task answers with the folder that its step wrote and with counts. Nothing heavy is imported before a task runs.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from roster.errors import NightFailed, RosterError, SourceFault, StoppedByRule, TenantFileWrong
from roster.steps import Done
from roster_airflow.notifications.roster import NOTICE
from roster_airflow.recording import faults, keep_fault, recorded

STOPPED = "stopped"
"""XCom of a check that wrote its folder and stopped the night."""
UNREACHABLE = ("CanvasUnreachable", "CanvasBusy")

log = logging.getLogger(__name__)


@task
def extract(tenant_id: str, source: str) -> Done:
    """Read one source whole; when it fails for good, its last good extract stands in and the verdict fails the run."""
    from roster.steps.extract import extract as read, stand_in
    from roster_airflow.hooks.delivery import delivery

    context = get_current_context()
    with recorded(context, tenant_id) as night:
        settings = next(one for one in night.tenant.sources if one.name == source)
        try:
            done = read(night, source, delivery(settings), datetime.now(UTC))
        except SourceFault as fault:
            if _asked_again(context, fault):
                raise
            keep_fault(night, context["task"].task_id, fault)
            log.error("%s: %s", type(fault).__name__, fault)  # noqa: TRY400
            done = stand_in(night, source, fault)
        log.info("%s: %s", source, done["counts"])
        return done


@task
def check(tenant_id: str, extracts: Sequence[Done]) -> Done:
    """Judge the merged roster: rules and Great Expectations suites; what may not go on is quarantined."""
    from roster.steps.check import check as judge

    with recorded(get_current_context(), tenant_id) as night:
        done = judge(night, _paths(night.tenant.source_names, extracts))
        log.info("records: %s", done["counts"]["rows"])
        for rule, count in sorted(done["counts"]["findings"].items()):
            log.info("rule %s: %s", rule, count)
        if stops := done["counts"]["stops"]:
            get_current_context()["ti"].xcom_push(STOPPED, done)
            message = f"stopped by {', '.join(stops)}: see quarantine.csv of the verdict in the run folder"
            raise StoppedByRule(message)
        return done


@task
def transform(tenant_id: str, checked: Done, extracts: Sequence[Done]) -> Done:
    """Make the artefact: the rows that Canvas should have."""
    from roster.steps.transform import transform as make

    with recorded(get_current_context(), tenant_id) as night:
        done = make(night, checked["path"], _paths(night.tenant.source_names, extracts))
        log.info("artefact %s: %s", done["counts"]["number"], done["counts"]["rows"])
        return done


@task
def plan(tenant_id: str, transformed: Done, settled: Done) -> Done:
    """Plan the difference to the ledger: what is free, what is held and why."""
    from roster.ledger import Ledger
    from roster.steps.plan import Asked, make_plan

    context = get_current_context()
    with recorded(context, tenant_id) as night:
        params = context["params"]
        ledger = Ledger(night.store, settled["counts"]["host"], settled["counts"]["account"])
        asked = Asked(resync=params["resync"], only=params["only"], release=params["release"])
        done = make_plan(night, transformed["path"], ledger, asked)
        log.info("plan: %s", done["counts"])
        return done


@task(trigger_rule="all_done")
def hand_on(tenant_id: str) -> str:
    """Write the pointer to the artefact that was rehearsed, and carry the asset; skipped where there is none."""
    from roster.steps.hand_on import hand_on as point

    context = get_current_context()
    with recorded(context, tenant_id) as night:
        steps = _answers(context, ("transform", "plan", "load"))
        extracts = _extracts(context, night.tenant.source_names)
        said = faults(night)
        unreachable = steps["load"] is None and any(
            said.get(step, {}).get("error") in UNREACHABLE for step in ("settle", "load")
        )
        handed = point(
            night,
            extracts={source: done["path"] for source, done in extracts.items() if done},
            transform=steps["transform"],
            plan=steps["plan"],
            load=steps["load"],
            unreachable=unreachable,
            scope=context["params"]["only"],
            now=datetime.now(UTC),
        )
        if not handed:
            message = "nothing to hand on: see the verdict"
            raise AirflowSkipException(message)
        return steps["transform"]["path"] if steps["transform"] else ""


@task(trigger_rule="all_done")
def verdict(tenant_id: str) -> Done:
    """Write the report; the only task that fails the run, with all reasons at once."""
    from roster.steps.verdict import STEPS, Outcome, verdict as report

    context = get_current_context()
    with recorded(context, tenant_id) as night:
        outcome = Outcome(
            extracts=_extracts(context, night.tenant.source_names),
            steps=_answers(context, STEPS),
            faults={step: said["message"] for step, said in faults(night).items()},
            asked=dict(context["params"]),
            dry_run=bool(context["params"]["dry_run"]),
        )
        done, reasons = report(night, outcome)
        context["ti"].xcom_push(NOTICE, {"reasons": reasons, "counts": done["counts"]})
        log.info("report: %s", done["path"])
        if reasons:
            raise NightFailed("\n".join(reasons))
        return done


def _paths(names: Sequence[str], extracts: Sequence[Done]) -> dict[str, str]:
    return {name: done["path"] for name, done in zip(names, extracts, strict=True)}


def _extracts(context: Any, names: Sequence[str]) -> dict[str, Done | None]:
    return {name: context["ti"].xcom_pull(task_ids=f"extract.{name}") for name in names}


def _answers(context: Any, steps: Sequence[str]) -> dict[str, Done | None]:
    """What the steps of this run answered; None for those that did not finish."""
    answers = {step: context["ti"].xcom_pull(task_ids=step) for step in steps}
    if "check" in answers and answers["check"] is None:
        answers["check"] = context["ti"].xcom_pull(task_ids="check", key=STOPPED)
    return answers


def _asked_again(context: Any, fault: RosterError) -> bool:
    """True if Airflow will run the task again after this fault."""
    from airflow.sdk import RetryAction

    ti, tries = context["ti"], context["task"].retries + 1
    decision = context["task"].retry_policy.evaluate(fault, ti.try_number, tries)
    return decision.action is not RetryAction.FAIL and ti.try_number < tries


def broken_id(tenant_id: str) -> str:
    """The id of that DAG; what a DAG's id can't hold of a file's name is replaced."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", f"{tenant_id}__broken")


def broken(tenant_id: str, fault: str) -> DAG:
    """The DAG that stands for a tenant file which can't be read; its page says why."""
    with DAG(
        broken_id(tenant_id),
        description="This tenant's file can't be read: nothing is synced until it is mended",
        doc_md=f"The tenant file can't be read, so **nothing is synced** for this tenant:\n\n```\n{fault}\n```\n",
        schedule=None,
        tags=["roster", tenant_id, "broken"],
    ) as dag:
        mend(fault)
    return dag


@task(retries=0)
def mend(fault: str) -> None:
    """Say what is wrong with the tenant file."""
    raise TenantFileWrong(fault)
