"""The error's class decides whether a task is tried again."""

from __future__ import annotations

import json

import pytest
from airflow.sdk import DAG, RetryAction, task
from airflow.serialization.serialized_objects import DagSerialization

from roster import errors
from roster_airflow.retries import by_error

ASKED_AGAIN = {
    errors.SourceBusy,
    errors.SourceUnreachable,
    errors.SourceIncomplete,
    errors.CanvasBusy,
    errors.CanvasUnreachable,
}
EVERY_ERROR = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("error", EVERY_ERROR)
def test_what_is_busy_or_away_is_asked_again_and_all_else_fails_at_once(error: type[errors.RosterError]) -> None:
    decision = by_error().evaluate(error("said"), try_number=1, max_tries=3)
    if error in ASKED_AGAIN:
        assert decision.action is RetryAction.RETRY
        assert decision.retry_delay is not None
        assert decision.retry_delay.total_seconds() >= 60
    else:
        assert decision.action is RetryAction.FAIL


def test_what_is_no_error_of_ours_is_retried_as_the_task_says() -> None:
    assert by_error().evaluate(OSError("disk"), try_number=1, max_tries=3).action is RetryAction.DEFAULT


def test_the_reason_does_not_repeat_the_error() -> None:
    decision = by_error().evaluate(errors.CanvasBusy("Ottoline Quux"), try_number=1, max_tries=3)
    assert "Ottoline" not in str(decision.reason)


def test_a_dag_with_the_policy_serialises_and_twice_alike() -> None:
    def serialised() -> str:
        with DAG("retried", schedule=None, default_args={"retries": 3, "retry_policy": by_error()}) as dag:

            @task
            def step() -> None:
                """Does nothing."""

            step()
        return json.dumps(DagSerialization.to_dict(dag), sort_keys=True)

    first, again = serialised(), serialised()
    assert first == again
    restored = DagSerialization.from_dict(json.loads(first)).get_task("step")
    assert restored.has_retry_policy
    assert restored.retries == 3
