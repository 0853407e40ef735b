"""The one plugin. Airflow runs every .py of this folder under its bare name, so what it registers lives in include/."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from roster_airflow.deadlines import RunMade
from roster_airflow.links.canvas import CanvasImportLink
from roster_airflow.ui.menu import CONNECT_CANVAS, Pages


class RosterPlugin(AirflowPlugin):
    """What the roster sync adds to Airflow."""

    name = "roster"
    deadline_references = [RunMade]  # noqa: RUF012 -- Airflow declares these as plain lists
    operator_extra_links = [CanvasImportLink()]  # noqa: RUF012
    fastapi_apps = [{"name": "roster", "app": Pages(), "url_prefix": "/roster"}]  # noqa: RUF012
    external_views = [CONNECT_CANVAS]  # noqa: RUF012
