"""The tasks of `canvas_undo`: one DAG for all tenants, so whose Canvas it is comes from the run's Params.

The rows of an undo are shown, signed off and planned again; only what was shown is sent, under the same lock and by the
same journal as every load.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from roster.errors import NightFailed, TenantFileWrong
from roster.runs import read_step
from roster_airflow.night import said_by
from roster_airflow.notifications.roster import NOTICE
from roster_airflow.operators.canvas import CanvasSettleOperator, CanvasSisImportOperator
from roster_airflow.recording import recorded
from roster_airflow.release import ANSWER, SignOffOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from roster.ledger import Ledger
    from roster.steps import Done, Night

WHOSE = ("tenant_id", "environment")
"""Template fields of these tasks: rendered from the Params."""
LOOK = timedelta(seconds=30)


class UndoSettleOperator(CanvasSettleOperator):
    """Settle the journal of the Canvas that the Params name."""

    template_fields = WHOSE


class ShowOperator(BaseOperator):
    """Plan the inverse of the import that the Params name, and write down what it would do and what it can't.

    :param tenant_id: whose Canvas it is. (templated)
    :param environment: which of its environments. (templated)
    :param settled: what settling answered: which ledger it is. (templated)
    """

    template_fields = (*WHOSE, "settled")

    def __init__(self, *, tenant_id: str, environment: str, settled: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id
        self.environment = environment
        self.settled = settled

    def execute(self, context: Context) -> Done:
        """Show; log counts and hash, and tell that the form waits."""
        from roster.steps.telling import undo_asked
        from roster.steps.undo import show
        from roster_airflow.telling import tell_meanwhile

        with recorded(context, self.tenant_id) as night:
            if not night.tenant.rollout.approvers:
                message = "rollout.approvers names nobody who may sign an undo off: name somebody, trigger it again"
                raise TenantFileWrong(message)
            params, now = context["params"], datetime.now(UTC)
            until = night.tenant.answer_until(now)
            done = show(night, ledger_of(night, self.settled), str(params["import"]), params["later"], now)
            self.log.info("undo: %s", done["counts"])
            undo = read_step(night.store, done["path"], "plan.json")
            waits = undo_asked(undo, self.environment, night.run.path, until)  # type: ignore[arg-type]
            tell_meanwhile(night, [waits], context)
            return {**done, "counts": {**done["counts"], "until": until.isoformat()}}


class UndoSignOffOperator(SignOffOperator):
    """The form of an undo, for the approvers of the tenant that the Params name.

    :param environment: which of its environments. (templated)
    """

    DOES = "undoes"

    template_fields: tuple[str, ...] = (*SignOffOperator.template_fields, *WHOSE)

    def __init__(self, *, environment: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.environment = environment

    def form(self, night: Night) -> tuple[str, str]:
        """(text, hash) of what was shown."""
        from roster.steps.undo import TEXT

        self.subject = f"{night.tenant.name}: undo an import in {self.environment}?"
        self.assigned_users = [{"id": one, "name": one} for one in night.tenant.rollout.approvers]
        text = night.store.read_whole(self.asked["path"], TEXT).decode()
        return text, str(self.asked["counts"]["undo_hash"])


class UndoDecideOperator(BaseOperator):
    """Keep the answer; skipped unless it lets go what was shown, and the ledger still has it so.

    :param tenant_id: whose Canvas it is. (templated)
    :param settled: what settling answered. (templated)
    :param shown: what showing answered. (templated)
    :param reply: what the form answered. (templated)
    """

    template_fields = ("tenant_id", "settled", "shown", "reply")

    def __init__(self, *, tenant_id: str, settled: Any, shown: Any, reply: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id
        self.settled = settled
        self.shown = shown
        self.reply = reply

    def execute(self, context: Context) -> str:
        """Keep it."""
        from roster.steps.release import Reply
        from roster.steps.undo import decide

        with recorded(context, self.tenant_id) as night:
            reply = Reply(**self.reply) if self.reply else None
            answer = decide(night, ledger_of(night, self.settled), self.shown, reply, datetime.now(UTC))
            context["ti"].xcom_push(ANSWER, answer)
            self.log.info("answer: %s", answer)
            if answer != "approved":
                message = f"not undone: {answer}"
                raise AirflowSkipException(message)
            return answer


class RestoreOperator(BaseOperator):
    """Have Canvas restore what the import deleted, once, and wait for its end; what becomes of it stops nothing.

    Answers with {"state", "why_not"}: `not asked` and why, or how it ended. Raises CanvasFault.

    :param tenant_id: whose Canvas it is. (templated)
    :param environment: which of its environments. (templated)
    :param shown: what showing answered. (templated)
    """

    template_fields = (*WHOSE, "shown")

    def __init__(self, *, tenant_id: str, environment: str, shown: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id
        self.environment = environment
        self.shown = shown

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, unless this run has; defers until it has ended. Nothing is asked once the ledger has moved on."""
        from roster.steps.undo import begun, is_as_shown, not_restored
        from roster_airflow.loading import loading_for
        from roster_airflow.restoring import Restoring

        with recorded(context, self.tenant_id) as night:
            if why_not := not_restored(night, self.shown, datetime.now(UTC)):
                return {"state": "not asked", "why_not": why_not}
            loading = loading_for(night.store, night.tenant, self.environment)  # type: ignore[arg-type]
            import_id = read_step(night.store, self.shown["path"], "plan.json")["imports"][-1]  # the one that drops
            restoring = Restoring(night.store, loading.hook, import_id, f"{night.run.path}/restore.json")

            def may_ask() -> bool:
                return not begun(night, loading.ledger) and is_as_shown(night, loading.ledger, self.shown)

            if not (restoring.is_asked or may_ask()):
                return {"state": "not asked", "why_not": "moved"}
            if state := restoring.go_on(night.tenant.canvas.deadline, may_ask):
                self.log.info("restore_states: %s", state)
                return {"state": state, "why_not": None}
        self.defer(trigger=DateTimeTrigger(moment=datetime.now(UTC) + LOOK), method_name="resume")

    def resume(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Time has passed: look again."""
        return self.execute(context)


class UndoAgainOperator(BaseOperator):
    """Plan the undo against the ledger of this moment; LedgerMoved unless it is what was shown.

    :param tenant_id: whose Canvas it is. (templated)
    :param settled: what settling answered. (templated)
    :param shown: what showing answered. (templated)
    """

    template_fields = ("tenant_id", "settled", "shown")

    def __init__(self, *, tenant_id: str, settled: Any, shown: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id
        self.settled = settled
        self.shown = shown

    def execute(self, context: Context) -> Done:
        """Plan; skipped where nothing was let go."""
        from roster.steps.undo import show_again

        if context["ti"].xcom_pull(task_ids="decide") is None:
            message = "nothing was let go"
            raise AirflowSkipException(message)
        with recorded(context, self.tenant_id) as night:
            return show_again(night, ledger_of(night, self.settled), self.shown, "again")


class UndoLoadOperator(CanvasSisImportOperator):
    """Load the inverse; what it undoes is kept first, so that no night in between sends it again."""

    template_fields: tuple[str, ...] = (*WHOSE, "plan")

    def _act(self, context: Context) -> Done:
        from roster.steps.undo import remember

        with recorded(context, self.tenant_id) as night:
            remember(night, self._loading(night).ledger, self.plan)
        return super()._act(context)


class UndoVerdictOperator(BaseOperator):
    """Write the report; the only task that fails the run.

    :param tenant_id: whose Canvas it is. (templated)
    :param environment: which of its environments. (templated)
    """

    template_fields = WHOSE

    def __init__(self, *, tenant_id: str, environment: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id
        self.environment = environment

    def execute(self, context: Context) -> Done:
        """Report, tell, and raise NightFailed where there are reasons to."""
        from roster.steps.telling import undo_matter
        from roster.steps.undo_report import report
        from roster_airflow.telling import tell

        with recorded(context, self.tenant_id) as night:
            done, reasons = report(night, self._undone(context, night))
            notice = {"tenant": self.tenant_id, "reasons": reasons, "counts": done["counts"]}
            context["ti"].xcom_push(NOTICE, notice)
            self.log.info("report: %s", done["path"])
            told = [] if reasons else [undo_matter(read_step(night.store, done["path"], "report.json"), done["path"])]
            tell(night, told, context, reasons=reasons)
            if reasons:
                raise NightFailed("\n".join(reasons))
            return done

    def _undone(self, context: Context, night: Night) -> Any:
        from roster.steps.undo_report import Undone

        pull = context["ti"].xcom_pull
        return Undone(
            environment=self.environment,
            show=pull(task_ids="show"),
            answer=pull(task_ids="decide", key=ANSWER),
            restore=pull(task_ids="restore"),
            again=pull(task_ids="again"),
            load=pull(task_ids="load"),
            faults=said_by(night),
        )


def ledger_of(night: Night, settled: Mapping[str, Any]) -> Ledger:
    """The ledger that was settled."""
    from roster.ledger import Ledger

    return Ledger(night.store, settled["counts"]["host"], settled["counts"]["account"])
