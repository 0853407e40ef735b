"""What Airflow learns about this package: the connection types with their forms, and the link of the load."""

from __future__ import annotations

from typing import Any

DISTRIBUTION = "roster-canvas-sync"


def get_provider_info() -> dict[str, Any]:
    """The entry point `apache_airflow_provider`; package-name must be the distribution's name."""
    return {
        "package-name": DISTRIBUTION,
        "name": "Roster",
        "description": "Rosters for Canvas.",
        "connection-types": [
            _CANVAS,
            _CLEVER,
        ],
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

_CLEVER = {
    "connection-type": "clever",
    "hook-class-name": "roster_airflow.hooks.clever.CleverHook",
    "hook-name": "Clever",
    "ui-field-behaviour": {
        "hidden-fields": ["schema", "extra"],
        "relabeling": {"login": "Client id", "password": "District token, or client secret"},
        "placeholders": {
            "host": "left out: api.clever.com",
            "login": "left out where the password is the district's token",
            "password": "from Clever's dashboard",
            "port": "left out: 443",
        },
    },
    "conn-fields": {
        "district": {
            "label": "District",
            "description": "Clever's id of the district; needed with client id and secret.",
            "schema": {"type": ["string", "null"]},
        },
        "oauth_host": {
            "label": "Token host",
            "description": "Where the token list is; left out: clever.com.",
            "schema": {"type": ["string", "null"]},
        },
        "timeout": {
            "label": "Patience",
            "description": "Seconds to wait for an answer of Clever; left out: 90.",
            "schema": {"type": ["integer", "null"], "minimum": 5, "maximum": 600},
        },
    },
}
