"""What happens after an error, by its class."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from roster.errors import (
    CanvasBusy,
    CanvasUnreachable,
    RosterError,
    SourceBusy,
    SourceIncomplete,
    SourceUnreachable,
)


def by_error() -> ExceptionRetryPolicy:
    """The one policy of every task: a system that is busy or away is asked again, all else of ours fails at once.

    How often is the task's `retries`. What is no RosterError (a lost worker, a full disk) is retried as the task says.
    """
    return ExceptionRetryPolicy(
        rules=[
            RetryRule(
                [SourceIncomplete],
                retry_delay=timedelta(minutes=15),
                reason="the delivery may still be on its way",
            ),
            RetryRule(
                [SourceBusy, CanvasBusy],
                retry_delay=timedelta(minutes=5),
                reason="the other system asked for patience",
            ),
            RetryRule(
                [SourceUnreachable, CanvasUnreachable],
                retry_delay=timedelta(minutes=3),
                reason="no answer",
            ),
            RetryRule(RosterError, action=RetryAction.FAIL, reason="asking again would not help: see the error"),
        ]
    )
