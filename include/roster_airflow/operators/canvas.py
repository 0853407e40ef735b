"""The two acts on Canvas: settle what is open, and load a plan."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from roster.tenants import Environment, find_tenant
from roster_airflow.links.canvas import IMPORT_URL, CanvasImportLink
from roster_airflow.recording import recorded

if TYPE_CHECKING:
    from airflow.sdk import Context

    from roster.steps import Done, Night
    from roster_airflow.loading import Loading, Wait


class CanvasSettleOperator(BaseOperator):
    """Settle what the journal of a Canvas has open, before anything is planned against its ledger.

    Answers with {"path": "", "counts": {"host", "account", "version"}}. Raises CanvasFault, LedgerFault.

    :param tenant_id: whose Canvas it is.
    :param environment: which of its environments.
    :param poll: seconds before the first look at an import that is under way.
    """

    operator_extra_links = (CanvasImportLink(),)

    def __init__(self, *, tenant_id: str, environment: Environment = "test", poll: float = 5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id
        self.environment = environment
        self.poll = poll

    def execute(self, context: Context) -> Done:
        """Settle; defers where an import has to end first."""
        # Airflow reads the link of every task when it ends, and logs an error where nothing was pushed.
        context["ti"].xcom_push(IMPORT_URL, "")
        return self._act(context)

    def _act(self, context: Context) -> Done:
        from roster.steps.load import settled_since

        with recorded(context, self.tenant_id) as night:
            night.store.probe()
            loading = self._loading(night)
            if wait := loading.settle_open():
                self._defer(context, loading, wait)
            return settled_since(night, loading.ledger, context["dag_run"].run_after)

    def resume(self, context: Context, event: dict[str, Any] | None = None) -> Done:
        """What was waited for has come: from the start again, which finds it."""
        from roster_airflow.triggers.canvas import event_fault  # here: it brings aiohttp

        with recorded(context, self.tenant_id):
            if isinstance(event, dict) and "import_id" in event and (fault := event_fault(event, self.environment)):
                raise fault
        return self._act(context)

    def _loading(self, night: Night) -> Loading:
        from roster_airflow.loading import loading_for

        return loading_for(night.store, night.tenant, self.environment)

    def _link(self, context: Context, loading: Loading, import_id: str) -> None:
        context["ti"].xcom_push(IMPORT_URL, loading.hook.import_link(import_id))

    def _defer(self, context: Context, loading: Loading, wait: Wait) -> NoReturn:
        from roster_airflow.triggers.canvas import INITIALIZING_LIMIT, SisImportTrigger

        if wait.import_id is None:
            moment = wait.until or wait.since
            self.log.info("an import was written to the journal and is not in Canvas: looked for until %s", moment)
            self.defer(trigger=DateTimeTrigger(moment=moment), method_name="resume")
        tenant = find_tenant(self.tenant_id)
        settings = tenant.environment(self.environment)
        self._link(context, loading, wait.import_id)
        trigger = SisImportTrigger(
            settings.connection,
            wait.import_id,
            loading.ledger.account,
            deadline=(wait.since + tenant.canvas.deadline).isoformat(),
            lost_after=(wait.since + INITIALIZING_LIMIT + timedelta(minutes=1)).isoformat(),
            environment=self.environment,
            hosts=settings.hosts,
            poll=self.poll,
        )
        self.log.info("waiting for import %s to end", wait.import_id)
        self.defer(trigger=trigger, method_name="resume")


class CanvasSisImportOperator(CanvasSettleOperator):
    """Load the free part of a plan: lock, post one zip, wait, read all messages, settle.

    Whatever happened to an earlier try, it goes on from the journal: an import is posted once. Answers with
    roster.steps.Done of `load`; skipped in a dry run. Raises CanvasFault, LedgerFault.

    :param plan: the plan step's Done.
    """

    template_fields: tuple[str, ...] = ("plan",)

    def __init__(self, *, plan: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan

    def execute(self, context: Context) -> Done:
        """Load; defers while the import runs."""
        if context["params"].get("dry_run"):
            message = "a dry run ends after its plan"
            raise AirflowSkipException(message)
        return super().execute(context)

    def _act(self, context: Context) -> Done:
        with recorded(context, self.tenant_id) as night:
            loading = self._loading(night)
            bound = self.environment == "production" and not self.plan["counts"]["narrowed"]
            done = loading.load(night, self.plan["path"], self.task_id, bound=bound)
            if not isinstance(done, dict):
                self._defer(context, loading, done)
            if found := done["counts"]["import_id"]:  # a try that finds it ended has not waited for it
                self._link(context, loading, found)
            return done


class CanvasReadOperator(BaseOperator):
    """Instead of a rehearsal, where there is no test environment: read the bundle as strictly as Canvas would.

    Answers as a load that sent nothing. Raises CanvasRefused where Canvas would refuse a file.

    :param tenant_id: whose night it is.
    :param plan: the plan step's Done.
    """

    template_fields = ("plan",)

    def __init__(self, *, tenant_id: str, plan: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id
        self.plan = plan

    def execute(self, context: Context) -> Done:
        """Write it, and read it."""
        from roster.steps.load import read_strictly

        if context["params"].get("dry_run"):
            message = "a dry run ends after its plan"
            raise AirflowSkipException(message)
        with recorded(context, self.tenant_id) as night:
            return read_strictly(night, self.plan["path"])
