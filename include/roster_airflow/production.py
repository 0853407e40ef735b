"""The tasks of `<tenant>_canvas_production` beside those that speak to Canvas: thin, over the steps of the library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from roster_airflow.night import NOTHING, PlanOperator, VerdictOperator, answers, handed_on, said_by
from roster_airflow.recording import recorded

if TYPE_CHECKING:
    from airflow.sdk import Context

    from roster.ledger import Ledger
    from roster.steps import Done, Night
    from roster.steps.verdict import Outcome


class TakeOperator(BaseOperator):
    """Take the artefact that the last rehearsal handed on. Raises NotRehearsed.

    :param tenant_id: whose night it is.
    """

    def __init__(self, *, tenant_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id

    def execute(self, context: Context) -> Done:
        """Take it, and log its number."""
        from roster.steps.promote import take

        with recorded(context, self.tenant_id) as night:
            taken = take(night)
            self.log.info("artefact %s, rehearsed: %s", taken["counts"]["number"], taken["counts"]["rehearsed"])
            return taken


class ProductionPlanOperator(PlanOperator):
    """Plan the artefact that was taken against production's ledger; what needs a release is held.

    Raises ArtefactOutdated.
    """

    def plan(self, night: Night, ledger: Ledger, params: Mapping[str, Any]) -> Done:
        """No more than the run, and the rehearsal, were asked for."""
        from roster.import_options import STICKINESS
        from roster.steps.plan import Asked
        from roster.steps.promote import plan_production, within

        only = within(self.planned_from["counts"]["scope"], params["only"])
        asked = Asked(resync=params["resync"], only=only, options=STICKINESS[params["stickiness"]])
        return plan_production(night, self.planned_from, ledger, asked)


class HoldOperator(BaseOperator):
    """Make what is held the open request, and carry the asset that asks for it; skipped where nothing is to be asked.

    :param tenant_id: whose night it is.
    """

    def __init__(self, *, tenant_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id

    def execute(self, context: Context) -> str:
        """Hold; answers the hash of what is held."""
        from roster.steps.hold import hold, wakes

        with recorded(context, self.tenant_id) as night:
            steps = answers(context, ("plan", "load"))
            request = hold(night, plan=steps["plan"], load=steps["load"], now=datetime.now(UTC))
            if request is None or not wakes(night, request):
                context["ti"].xcom_push(NOTHING, value=True)
                message = "there is nothing to ask: see the verdict"
                raise AirflowSkipException(message)
            return request.held_hash


class ProductionVerdictOperator(VerdictOperator):
    """Write the report of a production run; it alone fails the run."""

    def tell(self, night: Night, report: Mapping[str, Any], reasons: Sequence[str], context: Context) -> None:
        """Tell what waits, what was missed, and whether the night was good."""
        from roster.steps.telling import matters_of
        from roster.steps.verdict import missed
        from roster_airflow.telling import tell

        too_late, request, matters = " ".join(missed(report["load"])), report["request"], []
        if request:
            request["link"] = dag_page(f"{night.tenant.id}_canvas_release")
        if report["plan"]:  # else it can't speak for anything but its failure, which Airflow's callback tells
            away = " ".join(report["plan"]["gate"]["drops"]) if night.tenant.is_rehearsed else ""
            matters = matters_of(report, "production", request, missed=too_late, unreachable=away)
        good = bool(report["load"]) and not (reasons or night.practice or too_late)
        tell(night, matters, context, reasons=reasons, good=good, review=night.tenant.rollout.phase == "review")

    def outcome(self, context: Context, night: Night) -> Outcome:
        """What the tasks of this run answered, and the request that is open after it."""
        from roster.steps.verdict import PRODUCTION_STEPS, Outcome

        return Outcome(
            extracts={},
            steps=answers(context, PRODUCTION_STEPS),
            faults=said_by(night),
            asked=dict(context["params"]),
            dry_run=bool(context["params"]["dry_run"]),
            handed_on=handed_on(context, "hold"),
            hands_on="hold",
            order=PRODUCTION_STEPS,
            environment="production",
            request=waiting(night),
        )


def dag_page(dag_id: str) -> str:
    """The page of a DAG."""
    from airflow.configuration import conf

    return f"{conf.get('api', 'base_url', fallback='')}/dags/{dag_id}"


def waiting(night: Night) -> dict[str, Any] | None:
    """The open request as reports tell it; None where nothing waits."""
    from roster.decisions import last_answer, open_request

    found = open_request(night.store, night.tenant.id)
    if found is None:
        return None
    request, _ = found
    last = last_answer(night.store, night.tenant.id, request)
    return {
        "name": request.name,
        "held_hash": request.held_hash,
        "rows": request.rows,
        "since": request.since.isoformat(),
        "state": last.answer if last and last.answer in ("rejected", "unanswered") else "waiting",
    }
