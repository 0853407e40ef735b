"""The one plugin. Airflow runs every .py of this folder under its bare name, so what it registers lives in include/."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from roster_airflow.links.canvas import CanvasImportLink


class RosterPlugin(AirflowPlugin):
    """What the roster sync adds to Airflow."""

    name = "roster"
    operator_extra_links = [CanvasImportLink()]  # noqa: RUF012 -- Airflow declares it as a plain list
