"""The tasks of `<tenant>_canvas_release`: ask, wait for an answer, keep it, and let go what was shown.

An answer counts once, for the form that was shown once: a form that is shown again after a clear or a retry keeps its
first text in Airflow, so its answer is never taken and a fresh request is made instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import BaseOperator, Param
from airflow.sdk.definitions.param import ParamsDict  # airflow.sdk itself does not offer it
from airflow.sdk.exceptions import AirflowSkipException
from airflow.utils.helpers import build_airflow_dagrun_url

from roster.errors import NotRehearsed, RosterError
from roster_airflow.night import NOTHING, UNREACHABLE, PlanOperator, VerdictOperator, answers, handed_on, said_by
from roster_airflow.operators.canvas import CanvasSettleOperator
from roster_airflow.recording import faults, recorded

if TYPE_CHECKING:
    from airflow.sdk import Context

    from roster.ledger import Ledger
    from roster.steps import Done, Night
    from roster.steps.verdict import Outcome

MOST_FORMS = 3
"""Where so many forms come to nothing one after the other, another would too: a person has to look."""
ANSWER = "answer"
"""XCom of `decide`, whatever was answered: {"decision": its name, "answer": one of roster.decisions.Answer}."""


class AskOperator(BaseOperator):
    """Take the open request for the form; skipped where there is nothing to ask.

    :param tenant_id: whose release it is.
    """

    def __init__(self, *, tenant_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id

    def execute(self, context: Context) -> Done:
        """Take it; log counts and hash."""
        from roster.steps.release import ask

        with recorded(context, self.tenant_id) as night:
            by_hand = context["dag_run"].run_type == "manual"
            asked = ask(night, datetime.now(UTC), by_hand=by_hand)
            if asked is None:
                message = "nothing waits for an answer"
                raise AirflowSkipException(message)
            self.log.info("asked: %s", asked["counts"])
            return asked


class SignOffOperator(ApprovalOperator):
    """The form: what is held in numbers, its hash as a field, and two buttons, for the tenant's approvers only.

    Answers with {"option", "hash", "by"}; with None where the form was shown before, so that no answer of it counts.
    Both answers go on to the next task. A time-out is answered by nobody.

    :param tenant_id: whose release it is.
    :param asked: what asking answered. (templated)
    :param approvers: user ids of the auth manager.
    """

    DOES = "releases"
    """What an answer with another hash does to nothing; the form says so."""

    template_fields: tuple[str, ...] = ("subject", "body", "asked")

    def __init__(self, *, tenant_id: str, asked: Any, approvers: Sequence[str], **kwargs: Any) -> None:
        users: Any = [{"id": one, "name": one} for one in approvers]
        super().__init__(defaults=self.REJECT, assigned_users=users, **kwargs)
        self.tenant_id = tenant_id
        self.asked = asked

    def execute(self, context: Context) -> None:
        """Show the form and wait; never wait twice."""
        with recorded(context, self.tenant_id) as night:
            if not night.store.create(f"{night.run.path}/sign_off.shown", b""):
                self.log.warning("the form was shown before: a fresh request is made")
                return
            text, shown = self.form(night)
            self.body = f"{text}\n\nRun: {_link(context)}"
            self.params = ParamsDict({"hash": _hash_field(shown, self.DOES)})
            until = datetime.fromisoformat(self.asked["counts"]["until"])
            self.response_timeout = until - datetime.now(UTC)
        super().execute(context)

    def form(self, night: Night) -> tuple[str, str]:
        """(text, hash) of what is asked."""
        from roster.steps.release import request_of

        request, text = request_of(night, self.asked)
        return text, request.held_hash

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """The answer, whichever it is: an ApprovalOperator would skip what follows a rejection."""
        answer = HITLOperator.execute_complete(self, context, event)
        by = answer["responded_by_user"]
        return {
            "option": answer["chosen_options"][0],
            "hash": answer["params_input"].get("hash"),
            "by": by["id"] if by else None,
        }


class DecideOperator(BaseOperator):
    """Keep the answer; skipped unless it lets go what was shown.

    :param tenant_id: whose release it is.
    :param asked: what asking answered. (templated)
    :param reply: what the form answered. (templated)
    """

    template_fields = ("asked", "reply")

    def __init__(self, *, tenant_id: str, asked: Any, reply: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id
        self.asked = asked
        self.reply = reply

    def execute(self, context: Context) -> str:
        """Keep it; answers the decision's name."""
        from roster.steps.release import Reply, decide

        with recorded(context, self.tenant_id) as night:
            reply = Reply(**self.reply) if self.reply else None
            decision = decide(night, self.asked, reply, datetime.now(UTC))
            context["ti"].xcom_push(ANSWER, {"decision": decision.name, "answer": decision.answer})
            self.log.info("answer: %s", decision.answer)
            if decision.answer != "approved":
                message = f"not released: {decision.answer}"
                raise AirflowSkipException(message)
            return decision.name


class RehearsalPlanOperator(PlanOperator):
    """Plan the rows of the request that was asked against the test environment's ledger."""

    def plan(self, night: Night, ledger: Ledger, params: Mapping[str, Any]) -> Done:
        """What test does not have yet."""
        from roster.steps.release import plan_rehearsal, request_of

        request, _ = request_of(night, self.planned_from)
        return plan_rehearsal(night, request, ledger)


class PlanAgainOperator(PlanOperator):
    """Plan the rows of the request against production's ledger of this moment."""

    def plan(self, night: Night, ledger: Ledger, params: Mapping[str, Any]) -> Done:
        """They are free only if they are what was shown."""
        from roster.steps.release import plan_again, request_of

        request, _ = request_of(night, self.planned_from)
        return plan_again(night, request, ledger)


class ReleaseSettleOperator(CanvasSettleOperator):
    """Settle production's journal for a release: after the test environment took the rows, and within the load window.

    Raises NotRehearsed where test did not take them; in phase live a test environment that is away is passed over.
    """

    def execute(self, context: Context) -> Done:
        """Settle; defers until the window opens."""
        if context["ti"].xcom_pull(task_ids="decide") is None:
            message = "nothing was released"
            raise AirflowSkipException(message)
        with recorded(context, self.tenant_id) as night:
            if night.tenant.is_rehearsed:
                pull = context["ti"].xcom_pull
                _require_rehearsal(night, pull(task_ids="test.load"), whole=pull(task_ids="ask")["counts"]["whole"])
            if opens := night.tenant.opens(datetime.now(UTC)):
                self.log.info("released; the load window is closed until %s", opens)
                self.defer(trigger=DateTimeTrigger(moment=opens), method_name="opened")
        return super().execute(context)

    def opened(self, context: Context, event: Any = None) -> Done:
        """The window has come: look at everything again."""
        return self.execute(context)


class ConcludeOperator(BaseOperator):
    """Keep what came of the answer; carry the asset where something has to be asked afresh, else be skipped.

    :param tenant_id: whose release it is.
    """

    def __init__(self, *, tenant_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id

    def execute(self, context: Context) -> str:
        """Conclude; answers why it is asked afresh."""
        from roster.decisions import cleared_in_a_row, conclude, decision
        from roster.steps.release import ask_afresh, leaves_open

        with recorded(context, self.tenant_id) as night:
            pull = context["ti"].xcom_pull
            answer = pull(task_ids="decide", key=ANSWER)
            afresh: str | None = None
            if answer:
                kept = decision(night.store, night.tenant.id, answer["decision"])
                if cleared_in_a_row(night.store, night.tenant.id, kept.request) >= MOST_FORMS:
                    message = (
                        f"{MOST_FORMS} forms in a row were shown and could not be answered: see the log of sign_off, "
                        f"then trigger {night.tenant.id}_canvas_release by hand; the next night asks as well"
                    )
                    raise RosterError(message)
                if leaves_open(kept.answer):
                    afresh = kept.answer
                elif kept.answer == "approved":
                    plan, load = pull(task_ids="production.plan"), pull(task_ids="production.load")
                    outcome = _outcome(plan, load)
                    import_id = load["counts"]["import_id"] if load else None
                    conclude(night.store, night.tenant.id, kept.name, outcome, import_id)
                    self.log.info("released part: %s", outcome)
                    if ask_afresh(night, kept.request, plan=plan, load=load, now=datetime.now(UTC)):
                        afresh = "what is held now is another thing"
            if afresh is None:
                context["ti"].xcom_push(NOTHING, value=True)
                message = "nothing is left to ask"
                raise AirflowSkipException(message)
            return afresh


class ReleaseVerdictOperator(VerdictOperator):
    """Write the report of a release; it alone fails the run."""

    def tell(self, night: Night, report: Mapping[str, Any], reasons: Sequence[str], context: Context) -> None:
        """Tell what became of the request."""
        from roster.steps.telling import request_matters
        from roster_airflow.telling import tell

        request = report["request"]
        matters = []
        if request:
            request["link"] = _link(context)
            matters = request_matters(report, "production", request)
        tell(night, matters, context, reasons=reasons, review=night.tenant.rollout.phase == "review")

    def outcome(self, context: Context, night: Night) -> Outcome:
        """What the tasks of this run answered, under the names that a report has for them."""
        from roster.steps.verdict import Outcome

        pull, said = context["ti"].xcom_pull, said_by(night)
        asked, answer = pull(task_ids="ask"), pull(task_ids="decide", key=ANSWER)
        done = answers(context, [f"{group}.{step}" for group in ("test", "production") for step in STEPS])
        steps: dict[str, Done | None] = {"ask": asked}
        for name, value in done.items():
            steps[name.removeprefix("production.")] = value
        order: list[str] = []
        if answer and answer["answer"] == "approved":
            order = list(STEPS)
        elif asked and not answer:
            order = ["decide"]
        return Outcome(
            extracts={},
            steps=steps,
            faults={step.removeprefix("production."): text for step, text in said.items()},
            handed_on=handed_on(context, "conclude"),
            hands_on="conclude",
            order=order,
            environment="production",
            request=_told(night, asked, answer),
        )


STEPS = ("settle", "plan", "load")


def _told(night: Night, asked: Done | None, answer: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The request of this run, and what was answered, as reports tell it."""
    from roster.decisions import decision
    from roster.steps.release import request_of

    if asked is None:
        return None
    request, _ = request_of(night, asked)
    told = {"name": request.name, "held_hash": request.held_hash, "rows": request.rows}
    told["since"] = request.since.isoformat()
    if not answer:
        return {**told, "state": "waiting"}
    kept = decision(night.store, night.tenant.id, answer["decision"])
    said = {"not loaded": "approved", "cleared": "waiting", "foreign": "waiting"}
    state = kept.outcome or kept.answer
    return {**told, "state": said.get(state, state), "by": kept.by, "at": kept.at.isoformat()}


def _outcome(plan: Done | None, load: Done | None) -> Any:
    if plan is not None and not plan["counts"]["released"]:
        return "outdated"
    # Canvas may have ended the import without taking a row: then everything is asked again the next night.
    return "loaded" if load is not None and load["counts"]["sent"] else "not loaded"


def _require_rehearsal(night: Night, load: Done | None, *, whole: bool) -> None:
    """Raise NotRehearsed unless test took the rows, or is away from a live tenant. whole: it is not live yet."""
    if load is None:
        said = [fault for step, fault in faults(night).items() if step.startswith("test.")]
        live = night.tenant.rollout.phase == "live" and not whole
        if live and said and all(one["error"] in UNREACHABLE for one in said):
            return
        message = "the test environment did not take what was released: production was not touched"
        raise NotRehearsed(message)
    if load["counts"]["over_budget"]:
        message = "the test environment refused more of what was released than safety.refused allows: not promoted"
        raise NotRehearsed(message)


def _hash_field(shown: str, does: str) -> Param:
    description = f"Of what is shown above: leave it as it is. An answer with another hash {does} nothing."
    return Param(shown, type="string", title="Hash", description=description)


def _link(context: Mapping[str, Any] | Context) -> str:
    run = context["dag_run"]
    return str(build_airflow_dagrun_url(run.dag_id, run.run_id))
