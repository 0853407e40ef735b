"""What the project is told: a tenant file, connections, two folders; and how a small Airflow is run."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from roster_sandbox.demo.examples import example, tenant_file
from roster_sandbox.demo.keys import LOOPBACK, Keys, free_port
from roster_sandbox.demo.places import REPOSITORY, Places, write_private

ZONE = ZoneInfo("Australia/Brisbane")
"""The time zone of every example's tenant file."""
LEFT_OUT = ("AIRFLOW", "AWS_", "GX_", "ROSTER_", "PYTHON")
"""Beginnings of variables of the person's own shell that say nothing here."""


def write_tenant(places: Places, keys: Keys) -> None:
    """Put the tenant file in place, unless a person has changed the one that is there."""
    if not places.tenant_file.exists():
        text = tenant_file(places.tenant).read_text(encoding="utf-8")
        text = text.replace("TEST_PORT", str(keys.test_port)).replace("PRODUCTION_PORT", str(keys.production_port))
        today = datetime.now(ZONE).date()
        text = re.sub(r"\bTODAY([+-]\d+)", lambda found: str(today + timedelta(days=int(found[1]))), text)
        write_private(places.tenant_file, text)


def go_live(places: Places) -> bool:
    """Turn the tenant from review to live, as a person would in its file; False if it says so already."""
    text = places.tenant_file.read_text(encoding="utf-8")
    live = text.replace("phase: review", "phase: live")
    write_private(places.tenant_file, live)
    return live != text


def write_passwords(places: Places, keys: Keys) -> None:
    """The log-ins of Airflow's UI: admin, approver who may answer requests, and viewer who may only look."""
    log_ins = {"admin": keys.admin, "approver": keys.approver, "viewer": keys.viewer}
    write_private(places.passwords, json.dumps(log_ins))


def connections(places: Places, keys: Keys) -> dict[str, str]:
    """The connections that the tenant file names, as variables that Airflow and the command line read."""
    test = {"conn_type": "canvas", "host": f"http://{LOOPBACK}:{keys.test_port}", "password": keys.test_token}
    production = {
        "conn_type": "canvas",
        "host": f"http://{LOOPBACK}:{keys.production_port}",
        "password": keys.production_token,
    }
    sources = example(places.tenant).connections(places, keys)
    named = {"canvas_test": test, "canvas_production": production, **sources}
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(fields) for name, fields in named.items()}


def environment(places: Places, keys: Keys, port: int, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """All that Airflow is started with; port: of its UI. more: further variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(LEFT_OUT)}
    url = f"http://{LOOPBACK}:{port}"
    return {
        **kept,
        # `airflow standalone` starts its parts by name.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(REPOSITORY / "include"),
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
        "AIRFLOW_HOME": str(places.airflow),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__SECRET_KEY": keys.api_secret,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": keys.jwt_secret,
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__FERNET_KEY": keys.fernet_key,
        # The full name may ask a name server that is not there.
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(places.passwords),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,approver:op,viewer:viewer",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "GX_ANALYTICS_ENABLED": "false",
        "ROSTER_HOME": str(places.home),
        "ROSTER_TENANTS": str(places.tenants),
        **connections(places, keys),
        **(more or {}),
    }
