"""One message for a run that failed or is late."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from airflow.sdk import BaseHook, BaseNotifier, Connection, Context
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError
from airflow.utils.helpers import build_airflow_dagrun_url

from roster.errors import RosterError

VERDICT: Final = "verdict"
# XCom that the verdict pushes before it fails the run: {"reasons": [text, …], "counts": {name: number, …}}.
NOTICE: Final = "notice"

PATIENCE: Final = (10, 30)


class RosterNotifier(BaseNotifier):
    """Tells of a run: one line in the log always, and JSON to the tenant's `notify` connection where it has one.

    `on_failure_callback` of a DAG (once per run, in the DAG processor), or the callback of a deadline (in the
    triggerer) with said="is late". The JSON: `text` (what chat webhooks show), dag, run, said, reasons, counts, link.
    Reasons are the verdict's, or the text of a RosterError; of any other error only its class is told, because its text
    may name people. What can't be told is logged and fails nothing.

    connection: type http; its host is the whole address of the webhook, log-in and password are sent where given.
    """

    def __init__(
        self,
        connection: str | None = None,
        said: Literal["failed", "is late"] = "failed",
        context: Context | None = None,
    ) -> None:
        super().__init__(context=context)
        self.connection = connection
        self.said = said

    def notify(self, context: Context) -> None:
        """Tell of the run, from a DAG's or task's callback."""
        message = self._message(context, _notice(context))
        if self.connection is None:
            return
        try:
            connection = BaseHook.get_connection(self.connection)
        except (AirflowNotFoundException, AirflowRuntimeError) as error:
            self._log_untold(error)
        else:
            self._post(connection, message)

    async def async_notify(self, context: Context) -> None:
        """Tell of the run, from a deadline."""
        message = self._message(context, {})
        if self.connection is None:
            return
        try:
            connection = await BaseHook.aget_connection(self.connection)
        except (AirflowNotFoundException, AirflowRuntimeError) as error:
            self._log_untold(error)
        else:
            await asyncio.to_thread(self._post, connection, message)

    def _message(self, context: Context, notice: Mapping[str, Any]) -> dict[str, Any]:
        dag, run = _names(context)
        reasons = [str(reason) for reason in notice.get("reasons", ())] or _reasons(context)
        counts = {str(name): int(count) for name, count in notice.get("counts", {}).items()}
        link = build_airflow_dagrun_url(dag, run)
        summary = "; ".join(reasons) or "no reason was given"
        totals = ", ".join(f"{name} {count}" for name, count in counts.items())
        self.log.error("%s %s (%s): %s%s", dag, self.said, run, summary, f" [{totals}]" if totals else "")
        lines = [f"{dag} {self.said}", *reasons, totals, link]
        return {
            "text": "\n".join(line for line in lines if line),
            "dag": dag,
            "run": run,
            "said": self.said,
            "reasons": reasons,
            "counts": counts,
            "link": link,
        }

    def _post(self, connection: Connection, message: Mapping[str, Any]) -> None:
        import requests  # here: every process that parses a DAG file imports this module

        login = (connection.login, connection.password or "") if connection.login else None
        try:
            # a webhook's address is a secret, and so is what it answers: neither is logged
            answer = requests.post(
                webhook(connection), json=message, auth=login, timeout=PATIENCE, allow_redirects=False
            )
        except requests.RequestException as error:
            self._log_untold(error)
            return
        if answer.status_code >= 300:
            self.log.error(
                "%s was not told: connection %s answered %s", message["dag"], self.connection, answer.status_code
            )

    def _log_untold(self, error: Exception) -> None:
        self.log.error("Nobody was told: connection %s could not be used (%s)", self.connection, type(error).__name__)


def webhook(connection: Connection) -> str:
    """The address that the fields of an http connection name; https unless they say otherwise."""
    host = connection.host or ""
    address = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    if not connection.port:
        return address
    return re.sub(r"^([a-z]+://[^/?#]*)", rf"\1:{connection.port}", address)


def _names(context: Context) -> tuple[str, str]:
    """The ids of DAG and run, from a callback's context or from the simpler one of a deadline."""
    run: Any = context.get("dag_run")
    if isinstance(run, Mapping):
        return str(run.get("dag_id")), str(run.get("dag_run_id") or run.get("run_id"))
    dag: Any = context.get("dag")
    return str(getattr(dag, "dag_id", None) or getattr(run, "dag_id", "")), str(context.get("run_id", ""))


def _reasons(context: Context) -> list[str]:
    error = context.get("exception")
    if isinstance(error, RosterError):
        return str(error).splitlines()
    if isinstance(error, BaseException):
        return [type(error).__name__]
    deadline: Any = context.get("deadline")
    if isinstance(deadline, Mapping):
        return [f"not done by {deadline.get('deadline_time')}"]
    reason = context.get("reason")  # a word of Airflow's, such as task_failure
    return [str(reason)] if reason else []


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
