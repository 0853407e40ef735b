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
            _ONEROSTER,
            _TASS,
        ],
        "extra-links": ["roster_airflow.links.canvas.CanvasImportLink"],
        "notifications": ["roster_airflow.notifications.roster.RosterNotifier"],
    }


_CANVAS = {
    "connection-type": "canvas",
    "hook-class-name": "roster_airflow.hooks.canvas.CanvasHook",
    "hook-name": "Canvas",
    "ui-field-behaviour": {
        "hidden-fields": ["schema", "extra"],
        "relabeling": {"login": "Client id", "password": "Access token, or client secret"},
        "placeholders": {
            "host": "school.test.instructure.com",
            "login": "of a developer key; left out where the password is a token",
            "password": "made in Canvas: Account, Settings, New Access Token",
            "port": "left out: 443",
        },
    },
    "conn-fields": {
        "timeout": {
            "label": "Patience",
            "description": "Seconds to wait for an answer of Canvas; left out: 90.",
            "schema": {"type": ["integer", "null"], "minimum": 5, "maximum": 600},
        },
        "refresh_token": {
            "label": "Refresh token",
            "description": "With a client id; Admin, Connect Canvas puts it here.",
            "schema": {"type": ["string", "null"], "format": "password"},
        },
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


def _tass_app(product: str, label: str) -> dict[str, Any]:
    """The fields of one API product beside LMS Integration. Airflow masks what has `token` in its name."""
    return {
        f"{product}_app_code": {
            "label": f"{label}: app code",
            "description": f"Left out where {label} is not read.",
            "schema": {"type": ["string", "null"]},
        },
        f"{product}_token_key": {
            "label": f"{label}: token key",
            "description": "As API Gateway Maintenance shows it.",
            "schema": {"type": ["string", "null"], "format": "password"},
        },
        f"{product}_version": _VERSION | {"label": f"{label}: version"},
    }


_VERSION = {
    "description": "2, or 3 where the app has a Security Role; left out: 3.",
    "schema": {"type": ["string", "null"], "enum": ["2", "3", None]},
}

_TASS = {
    "connection-type": "tass",
    "hook-class-name": "roster_airflow.hooks.tass.TassHook",
    "hook-name": "TASS",
    "ui-field-behaviour": {
        "hidden-fields": ["schema", "extra"],
        "relabeling": {
            "host": "Endpoint",
            "login": "LMS Integration: app code",
            "password": "LMS Integration: token key",
        },
        "placeholders": {
            "host": "https://tass.school.edu.au/tassweb/api/",
            "login": "from API Gateway Maintenance",
            "password": "from API Gateway Maintenance",
            "port": "left out: 443",
        },
    },
    "conn-fields": {
        "company": {
            "label": "Company",
            "description": "TASS company code that the Test button asks for, such as 10.",
            "schema": {"type": ["string", "null"]},
        },
        "lms_version": _VERSION | {"label": "LMS Integration: version"},
        **_tass_app("idm", "IdM"),
        **_tass_app("student_details", "Student Details"),
        **_tass_app("employee_hr", "Employee HR"),
        "timeout": {
            "label": "Patience",
            "description": "Seconds to wait for an answer of TASS; left out: 180.",
            "schema": {"type": ["integer", "null"], "minimum": 5, "maximum": 1800},
        },
    },
}

_ONEROSTER = {
    "connection-type": "oneroster",
    "hook-class-name": "roster_airflow.hooks.oneroster.OneRosterHook",
    "hook-name": "OneRoster",
    "ui-field-behaviour": {
        "hidden-fields": ["schema", "extra"],
        "relabeling": {
            "host": "Address of the service",
            "login": "Client id, or consumer key",
            "password": "Client secret, or consumer secret",
        },
        "placeholders": {
            "host": "https://sis.example/ims/oneroster/v1p1",
            "login": "from the provider",
            "password": "from the provider",
            "port": "left out: 443",
        },
    },
    "conn-fields": {
        "auth": {
            "label": "Credentials",
            "description": "oauth2 (client credentials), or oauth1 (each request is signed); left out: oauth2.",
            "schema": {"type": ["string", "null"], "enum": ["oauth1", "oauth2", None]},
        },
        "token_url": {
            "label": "Token address",
            "description": "Where tokens are given out, with oauth2; it does not follow from the service's address.",
            "schema": {"type": ["string", "null"]},
        },
        "scope": {
            "label": "Scope",
            "description": "Scopes to ask for, with oauth2; left out: the specification's for reading rosters.",
            "schema": {"type": ["string", "null"]},
        },
        "signature": {
            "label": "Signature",
            "description": "HMAC-SHA256 or HMAC-SHA1, with oauth1; left out: HMAC-SHA256.",
            "schema": {"type": ["string", "null"], "enum": ["HMAC-SHA256", "HMAC-SHA1", None]},
        },
        "timeout": {
            "label": "Patience",
            "description": "Seconds to wait for an answer of the provider; left out: 90.",
            "schema": {"type": ["integer", "null"], "minimum": 5, "maximum": 600},
        },
    },
}
