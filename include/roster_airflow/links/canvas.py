"""From a load to its import in Canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from airflow.providers.common.compat.sdk import XCom
from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

# XCom under which the operator puts `CanvasHook.import_link`. It may not be the link's own `xcom_key`: Airflow writes
# that one when the task ends, with what get_link answers.
IMPORT_URL: Final = "canvas_import_url"


class CanvasImportLink(BaseOperatorLink):
    """The page of SIS imports in Canvas."""

    name = "Import in Canvas"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """What the operator pushed, read back: after a deferral the operator is another object."""
        url = XCom.get_value(ti_key=ti_key, key=IMPORT_URL)
        return url if isinstance(url, str) else ""
