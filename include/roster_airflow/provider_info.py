"""What Airflow learns about this package: the connection type with its form, and the link of the load."""

from __future__ import annotations

from typing import Any

DISTRIBUTION = "roster-canvas-sync"


def get_provider_info() -> dict[str, Any]:
    """The entry point `apache_airflow_provider`; package-name must be the distribution's name."""
    return {
        "package-name": DISTRIBUTION,
        "name": "Roster",
        "description": "Rosters for Canvas.",
        "connection-types": [_CANVAS],
        "extra-links": ["roster_airflow.links.canvas.CanvasImportLink"],
        "notifications": ["roster_airflow.notifications.roster.RosterNotifier"],
    }


_CANVAS = {
    "connection-type": "canvas",
    "hook-class-name": "roster_airflow.hooks.canvas.CanvasHook",
    "hook-name": "Canvas",
    "ui-field-behaviour": {
        "hidden-fields": ["login", "schema", "extra"],
        "relabeling": {"password": "Access token"},
        "placeholders": {
            "host": "school.test.instructure.com",
            "password": "made in Canvas: Account, Settings, New Access Token",
            "port": "left out: 443",
        },
    },
    "conn-fields": {
        "timeout": {
            "label": "Patience",
            "description": "Seconds to wait for an answer of Canvas; left out: 90.",
            "schema": {"type": ["integer", "null"], "minimum": 5, "maximum": 600},
        }
    },
}
