"""The tasks of a night but for the check and the two that speak to Canvas: thin, over the steps of the library.

A task answers with the folder that its step wrote and with counts. Nothing heavy is imported before a task runs. They
are operators, not decorated functions, because two hundred tenants are parsed every half minute and these cost a third.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from roster.errors import NightFailed, RequestUnknown, RosterError, SourceFault, TenantFileWrong
from roster.runs import read_step
from roster.steps import Done, Night
from roster_airflow.notifications.roster import NOTICE
from roster_airflow.operators.expectations import STOPPED
from roster_airflow.recording import faults, keep_fault, recorded, seconds

if TYPE_CHECKING:
    from airflow.sdk import Context

    from roster.ledger import Ledger
    from roster.steps.verdict import Outcome

NOTHING = "nothing"
"""XCom of a hand_on that had nothing to hand on, which tells it from one that failed."""
UNREACHABLE = ("CanvasUnreachable", "CanvasBusy", "CanvasTokenDead")


class ExtractOperator(BaseOperator):
    """Read one source whole; when it fails for good, its last good extract stands in and the verdict fails the run.

    :param tenant_id: whose night it is.
    :param source: name of the source in the tenant file.
    """

    def __init__(self, *, tenant_id: str, source: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id
        self.source = source

    def execute(self, context: Context) -> Done:
        """Read, or take the stand-in."""
        from roster.steps.extract import extract, stand_in
        from roster_airflow.reading import reading_for

        with recorded(context, self.tenant_id) as night:
            settings = night.tenant.source(self.source)
            try:
                done = extract(night, self.source, reading_for(settings), datetime.now(UTC))
            except SourceFault as fault:
                if self._asked_again(context, fault):
                    raise
                keep_fault(night, self.task_id, fault)
                self.log.error("%s: %s", type(fault).__name__, fault)
                done = stand_in(night, self.source, fault)
            self.log.info("%s: %s", self.source, done["counts"])
            return done

    def _asked_again(self, context: Context, fault: RosterError) -> bool:
        """True if Airflow will run the task again after this fault."""
        from airflow.sdk import RetryAction

        tried, retries = context["ti"].try_number, self.retries or 0
        if self.retry_policy is not None:
            decision = self.retry_policy.evaluate(fault, tried, retries + 1)
            if decision.action is RetryAction.FAIL:
                return False
        return tried <= retries


class TransformOperator(BaseOperator):
    """Make the artefact: the rows that Canvas should have.

    :param tenant_id: whose night it is.
    :param checked: what the check answered. (templated)
    """

    template_fields = ("checked",)

    def __init__(self, *, tenant_id: str, checked: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id
        self.checked = checked

    def execute(self, context: Context) -> Done:
        """Make it, and log its number and rows."""
        from roster.steps.transform import transform
        from roster_airflow.hooks.id_changes import id_changes

        with recorded(context, self.tenant_id) as night:
            extracts = read_step(night.store, self.checked["path"], "check.json")["extracts"]
            mapping = id_changes(night.tenant.id_changes)
            done = transform(night, self.checked["path"], extracts, mapping)
            self.log.info("artefact %s: %s", done["counts"]["number"], done["counts"]["rows"])
            return done


class PlanOperator(BaseOperator):
    """Plan the difference to the ledger: what is free, what is held and why.

    :param tenant_id: whose night it is.
    :param planned_from: what the step before answered: the artefact of a night, or a request. (templated)
    :param settled: what settling answered: which ledger it is. (templated)
    """

    template_fields = ("planned_from", "settled")

    def __init__(self, *, tenant_id: str, planned_from: Any, settled: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id
        self.planned_from = planned_from
        self.settled = settled

    def execute(self, context: Context) -> Done:
        """Plan, and log the totals."""
        from roster.ledger import Ledger

        with recorded(context, self.tenant_id) as night:
            ledger = Ledger(night.store, self.settled["counts"]["host"], self.settled["counts"]["account"])
            done = self.plan(night, ledger, context["params"])
            self.log.info("plan: %s", done["counts"])
            return done

    def plan(self, night: Night, ledger: Ledger, params: Mapping[str, Any]) -> Done:
        """What the Params ask for of the night's artefact. Raises RequestUnknown where they exclude each other."""
        from roster.import_options import NONE, STICKINESS
        from roster.steps.plan import Asked, make_plan

        options = STICKINESS[params["stickiness"]]
        if params["as_of"] and options != NONE:
            message = (
                "`as_of` plays a day for practice, and `stickiness` would write over what people changed in Canvas for "
                "good: run with one of the two"
            )
            raise RequestUnknown(message)
        asked = Asked(resync=params["resync"], only=params["only"], release=params["release"], options=options)
        return make_plan(night, self.planned_from["path"], ledger, asked)


class HandOnOperator(BaseOperator):
    """Write the pointer to the artefact that was rehearsed, have what was read archived, and carry the asset.

    Skipped where there is no such artefact.

    :param tenant_id: whose night it is.
    """

    def __init__(self, *, tenant_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id

    def execute(self, context: Context) -> str:
        """Hand on; answers the artefact's folder."""
        from roster.steps.hand_on import hand_on
        from roster_airflow.archiving import put_away

        with recorded(context, self.tenant_id) as night:
            steps = answers(context, ("transform", "settle", "plan", "load"))
            extracts = extracted(context, night.tenant.source_names)
            handed = hand_on(
                night,
                extracts={source: done["path"] for source, done in extracts.items() if done},
                transform=steps["transform"],
                plan=steps["plan"],
                load=steps["load"],
                unreachable=_unreachable(steps, faults(night)),
                scope=context["params"]["only"],
                now=datetime.now(UTC),
            )
            if handed is None:
                context["ti"].xcom_push(NOTHING, value=True)
                message = "nothing to hand on: see the verdict"
                raise AirflowSkipException(message)
            if context["params"]["only"] is None:
                put_away(night, {source: done for source, done in extracts.items() if done})
            return handed


class VerdictOperator(BaseOperator):
    """Write the report; the only task that fails the run, with all reasons at once.

    :param tenant_id: whose night it is.
    """

    def __init__(self, *, tenant_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id

    def execute(self, context: Context) -> Done:
        """Report, tell, and raise NightFailed where there are reasons to; its callback tells those."""
        from roster.steps.verdict import verdict

        with recorded(context, self.tenant_id) as night:
            done, reasons = verdict(night, self.outcome(context, night), seconds(night))
            context["ti"].xcom_push(NOTICE, {"reasons": reasons, "counts": done["counts"]})
            self.log.info("report: %s", done["path"])
            report = read_step(night.store, done["path"], "report.json")
            self.tell(night, report, reasons, context)
            if reasons:
                raise NightFailed("\n".join(reasons))
            return done

    def tell(self, night: Night, report: Mapping[str, Any], reasons: Sequence[str], context: Context) -> None:
        """Tell what this run came to; where there is a production, its run tells what waits and whether all is well."""
        from roster.steps.telling import matters_of
        from roster_airflow.telling import tell

        alone = night.tenant.canvas.production is None
        whole = context["ti"].xcom_pull(task_ids="hand_on") is not None
        matters = matters_of(report, "test") if alone else []
        tell(night, matters, context, reasons=reasons, good=alone and whole and not reasons and not night.practice)

    def outcome(self, context: Context, night: Night) -> Outcome:
        """What the tasks of this run answered."""
        from roster.steps.verdict import STEPS, Outcome
        from roster_airflow.archiving import left

        return Outcome(
            extracts=extracted(context, night.tenant.source_names),
            steps=answers(context, STEPS),
            faults=said_by(night),
            asked=dict(context["params"]),
            dry_run=bool(context["params"]["dry_run"]),
            handed_on=handed_on(context, "hand_on"),
            notices=left(night),
        )


class MendOperator(BaseOperator):
    """Say what is wrong with a tenant file.

    :param fault: that.
    """

    def __init__(self, *, fault: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fault = fault

    def execute(self, context: Context) -> None:
        """Fail with it."""
        raise TenantFileWrong(self.fault)


def extracted(context: Context, names: Sequence[str]) -> dict[str, Done | None]:
    """What the extracts of this run answered, by source; None for one that did not finish."""
    return {name: context["ti"].xcom_pull(task_ids=f"extract.{name}") for name in names}


def answers(context: Context, steps: Sequence[str]) -> dict[str, Done | None]:
    """What the steps of this run answered; None for those that did not finish."""
    found: dict[str, Done | None] = {step: context["ti"].xcom_pull(task_ids=step) for step in steps}
    if "check" in found and found["check"] is None:
        found["check"] = context["ti"].xcom_pull(task_ids="check", key=STOPPED)
    return found


def _unreachable(steps: Mapping[str, Done | None], said: Mapping[str, Mapping[str, str]]) -> bool:
    """True if the night ended because the test environment did not answer."""
    ended = next((step for step in ("settle", "plan", "load") if steps[step] is None), "")
    return said.get(ended, {}).get("error") in UNREACHABLE


def handed_on(context: Context, task_id: str) -> bool:
    """True if the task that hands on did what it should, be it nothing."""
    pull = context["ti"].xcom_pull
    return pull(task_ids=task_id) is not None or pull(task_ids=task_id, key=NOTHING) is not None


def said_by(night: Night) -> dict[str, str]:
    """What each step that failed said."""
    return {step: said["message"] for step, said in faults(night).items()}


def broken_id(tenant_id: str) -> str:
    """The id of that DAG; what a DAG's id can't hold of a file's name is replaced."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", f"{tenant_id[:200]}__broken")


def broken(tenant_id: str, fault: str) -> DAG:
    """The DAG that stands for a tenant file which can't be read; its page says why."""
    with DAG(
        broken_id(tenant_id),
        description="This tenant's file can't be read: nothing is synced until it is mended",
        doc_md=f"The tenant file can't be read, so **nothing is synced** for this tenant:\n\n```\n{fault}\n```\n",
        schedule=None,
        tags=["roster", "broken"],
    ) as dag:
        MendOperator(task_id="mend", fault=fault)
    return dag
