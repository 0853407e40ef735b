"""The check of a night as an operator: rules and Great Expectations suites, judged in one task.

The published provider's operators can't be installed beside this Airflow. Theirs answer with the whole result, samples
of the data included; this one leaves that in the run folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from roster.errors import StoppedByRule
from roster_airflow.recording import recorded

if TYPE_CHECKING:
    from airflow.sdk import Context

    from roster.steps import Done

STOPPED = "stopped"
"""XCom of a check that wrote its folder and stopped the night."""


class ExpectationsOperator(BaseOperator):
    """Judge the merged roster of a night; what may not go on is quarantined.

    Answers with the folder that the check wrote (findings, quarantine, data docs) and with counts. Raises StoppedByRule
    where a rule of severity stop found something, after the answer was pushed as STOPPED.

    :param tenant_id: whose night it is.
    :param extracts: source name → what its extract answered. (templated)
    """

    template_fields = ("extracts",)

    def __init__(self, *, tenant_id: str, extracts: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant_id = tenant_id
        self.extracts = extracts

    def execute(self, context: Context) -> Done:
        """Judge, and log what was found: rules and numbers."""
        from roster.steps.check import check

        with recorded(context, self.tenant_id) as night:
            done = check(night, {source: extract["path"] for source, extract in self.extracts.items()})
            self.log.info("records: %s", done["counts"]["rows"])
            if stops := done["counts"]["stops"]:
                context["ti"].xcom_push(STOPPED, done)
                message = f"stopped by {', '.join(stops)}: see findings.parquet of the check in the run folder"
                raise StoppedByRule(message)
            return done
