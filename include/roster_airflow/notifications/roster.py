"""A run that failed or is late is told of, by Airflow's callbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from airflow.sdk import BaseNotifier, Context
from airflow.sdk.exceptions import AirflowRuntimeError

from roster.errors import RosterError
from roster.matters import Matter, alike
from roster.store import Store
from roster.tenants import find_tenant
from roster_airflow.telling import deliver

VERDICT: Final = "verdict"
# XCom that the verdict pushes before it fails the run: {"reasons": [text, …], "counts": {name: number, …}}; "tenant"
# where the DAG's id does not name it.
NOTICE: Final = "notice"
# Between a tenant's id and the rest of its DAGs' ids.
OF_TENANT: Final = "_canvas_"

TODO: Final = {
    "failed": "docs/running-it.md says what to do about each of them; the run's report has the rest.",
    "is late": "Nothing, if it ends soon: the run goes on. Otherwise see in its grid what it waits for.",
}


class RosterNotifier(BaseNotifier):
    """Tells whoever the tenant names under `notify` of a run: that it failed, or that it is late.

    `on_failure_callback` of a DAG (once per run, in the DAG processor), or the callback of a deadline (in the
    triggerer) with said="is late". Whose run it is, is read from the DAG's id, or said by
    the verdict. Reasons are the verdict's, or the text
    of a RosterError; of any other error only its class is told, because its text may name people.
    """

    def __init__(self, *, said: Literal["failed", "is late"] = "failed", context: Context | None = None) -> None:
        super().__init__(context=context)
        self.said = said

    def notify(self, context: Context) -> None:
        """Tell of the run, from a DAG's callback."""
        self._tell(context, _notice(context))

    async def async_notify(self, context: Context) -> None:
        """Tell of the run, from a deadline."""
        await asyncio.to_thread(self._tell, context, {})

    def _tell(self, context: Context, notice: Mapping[str, Any]) -> None:
        dag, run = _names(context)
        reasons = tuple(str(reason) for reason in notice.get("reasons", ())) or _reasons(context)
        matter = Matter(
            kind="failure" if self.said == "failed" else "late",
            subject=dag,
            title=f"{dag} {self.said}",
            reasons=reasons,
            counts={str(name): int(count) for name, count in notice.get("counts", {}).items()},
            todo=TODO[self.said],
            mark=alike(reasons) if self.said == "failed" else run,
        )
        try:
            tenant = find_tenant(str(notice.get("tenant") or dag.rpartition(OF_TENANT)[0]))
        except RosterError as fault:
            self.log.error("%s: nobody was told: %s", matter.title, fault)
            return
        try:
            store = Store.home()
        except (RosterError, OSError, ValueError) as fault:
            self.log.error("What was told before can't be read: %s", type(fault).__name__)
            store = None
        deliver(tenant, store, [matter], (dag, run), datetime.now(UTC).astimezone(tenant.zone).date())


def _names(context: Context) -> tuple[str, str]:
    """The ids of DAG and run, from a callback's context or from the simpler one of a deadline."""
    run: Any = context.get("dag_run")
    if isinstance(run, Mapping):
        return str(run.get("dag_id")), str(run.get("dag_run_id") or run.get("run_id"))
    dag: Any = context.get("dag")
    return str(getattr(dag, "dag_id", None) or getattr(run, "dag_id", "")), str(context.get("run_id", ""))


def _reasons(context: Context) -> tuple[str, ...]:
    error = context.get("exception")
    if isinstance(error, RosterError):
        return tuple(str(error).splitlines())
    if isinstance(error, BaseException):
        return (type(error).__name__,)
    deadline: Any = context.get("deadline")
    if isinstance(deadline, Mapping):
        return (f"not done by {deadline.get('deadline_time')}",)
    reason = context.get("reason")  # a word of Airflow's, such as task_failure
    return (str(reason),) if reason else ()


def _notice(context: Context) -> Mapping[str, Any]:
    """What the verdict pushed; empty where it did not come to that."""
    task: Any = context.get("ti")
    if task is None:
        return {}
    try:
        notice = task.xcom_pull(task_ids=VERDICT, key=NOTICE)
    except AirflowRuntimeError:
        return {}
    return notice if isinstance(notice, Mapping) else {}
