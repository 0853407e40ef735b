"""The task that compares one Canvas of one tenant with its ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import BaseOperator

from roster.errors import RosterError, TenantFileWrong
from roster.matters import Matter, alike
from roster.tenants import read_tenant, tenant_files
from roster_airflow.recording import recorded

if TYPE_CHECKING:
    from airflow.sdk import Context

    from roster.steps import Done, Night
    from roster_airflow.loading import Loading


def targets(params: Mapping[str, Any]) -> list[dict[str, str]]:
    """tenant, environment of all that are asked for; a tenant whose file is wrong has a DAG of its own to say so."""
    found = []
    for tenant_id, file in tenant_files():
        if params["tenant"] not in (None, "", tenant_id):
            continue
        try:
            canvas = read_tenant(file).canvas
        except TenantFileWrong:
            if params["tenant"] == tenant_id:
                raise
            continue
        for environment in ("test", "production"):
            if getattr(canvas, environment) is not None and params["environment"] in (environment, "both"):
                found.append({"tenant": tenant_id, "environment": environment})
    if params["tenant"] and not found:
        message = f"no tenant {params['tenant']} with such an environment: see `roster tenants`"
        raise TenantFileWrong(message)
    return found


class CanvasReconcileOperator(BaseOperator):
    """Start Canvas's report, wait deferred, compare, and tell.

    Answers with the folder and counts. Raises CanvasFault and LedgerFault, which is told as well.

    :param target: tenant and environment. (templated)
    :param poll: seconds between two looks at the report.
    """

    template_fields = ("target",)

    def __init__(self, *, target: Any, poll: float = 30, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target = target
        self.poll = poll

    def execute(self, context: Context) -> Done:
        """Start it, and look."""
        from roster_airflow.reconciling import begin

        with self._told(context) as (night, loading):
            begin(loading, night, self.target["environment"], context["params"]["then"])
        self.log.info("%s, %s: Canvas makes its report", self.target["tenant"], self.target["environment"])
        return self.resume(context)

    def resume(self, context: Context, event: Any = None) -> Done:
        """Look, and look again later where the report is not there yet."""
        from roster_airflow.reconciling import finish, matter_of
        from roster_airflow.telling import tell

        environment, then = self.target["environment"], context["params"]["then"]
        with self._told(context) as (night, loading):
            done = finish(loading, night, environment, then)
            if done is not None:
                self.log.info("%s, %s: %s", self.target["tenant"], environment, done["counts"])
                tell(night, [matter_of(done, environment, then)], context)
                return done
        moment = datetime.now(UTC) + timedelta(seconds=self.poll)
        self.defer(trigger=DateTimeTrigger(moment=moment), method_name="resume")

    @contextmanager
    def _told(self, context: Context) -> Iterator[tuple[Night, Loading]]:
        from roster_airflow.loading import loading_for
        from roster_airflow.telling import tell

        with recorded(context, self.target["tenant"]) as night:
            night.store.probe()
            try:
                yield night, loading_for(night.store, night.tenant, self.target["environment"])
            except RosterError as fault:
                why = (f"{self.target['environment']}: {fault}",)
                dag = str(context["task"].dag_id)
                failed = Matter("failure", dag, f"{dag} failed", reasons=why, mark=alike(why))
                tell(night, [failed], context, reasons=why)
                raise
