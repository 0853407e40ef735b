"""The link from a load to its import."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.types import TaskInstanceKey
from airflow.serialization.serialized_objects import DagSerialization

from roster_airflow.links import canvas as links
from roster_airflow.links.canvas import IMPORT_URL, CanvasImportLink

KEY = TaskInstanceKey("banksia_canvas_test", "load", "run-1", 2, -1)
URL = "https://banksia.test.instructure.com/accounts/31/sis_import#77"


class Linked(BaseOperator):
    operator_extra_links = (CanvasImportLink(),)


@pytest.mark.parametrize(("pushed", "link"), [(URL, URL), (None, "")])
def test_it_is_what_the_operator_pushed(monkeypatch: pytest.MonkeyPatch, pushed: str | None, link: str) -> None:
    asked: list[Any] = []

    def get_value(*, ti_key: Any, key: str) -> str | None:
        asked.append((ti_key, key))
        return pushed

    monkeypatch.setattr(links.XCom, "get_value", get_value)
    assert CanvasImportLink().get_link(Linked(task_id="load"), ti_key=KEY) == link
    assert asked == [(KEY, "canvas_import_url")]


def test_airflow_does_not_write_over_what_the_operator_pushed() -> None:
    assert CanvasImportLink().xcom_key != IMPORT_URL


def test_a_serialised_task_keeps_its_link() -> None:
    with DAG("linked", schedule=None) as dag:
        Linked(task_id="load")
    restored = DagSerialization.from_dict(DagSerialization.to_dict(dag)).get_task("load")
    assert [(link.name, link.xcom_key) for link in restored.operator_extra_links] == [
        ("Import in Canvas", "_link_CanvasImportLink")
    ]
