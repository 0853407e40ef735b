"""What Airflow learns from the provider's entry point and from the plugin."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from airflow.sdk.module_loading import import_string

from roster_airflow.provider_info import get_provider_info

# In a process of its own: Airflow looks for providers once, among the distributions on sys.path.
ASK = """
import json
from airflow.providers_manager import ProvidersManager
manager = ProvidersManager()
hook = manager.hooks["canvas"]
clever = manager.hooks["clever"]
tass = manager.hooks["tass"]
oneroster = manager.hooks["oneroster"]
print(json.dumps({
    "oneroster": {
        "hook": oneroster.hook_class_name,
        "behaviour": manager.field_behaviours["oneroster"],
        "fields": [name for name in manager.connection_form_widgets if name.startswith("extra__oneroster__")],
        "testable": oneroster.connection_testable,
    },
    "clever": {
        "hook": clever.hook_class_name,
        "behaviour": manager.field_behaviours["clever"],
        "fields": [name for name in manager.connection_form_widgets if name.startswith("extra__clever__")],
        "testable": clever.connection_testable,
    },
    "tass": {
        "hook": tass.hook_class_name,
        "behaviour": manager.field_behaviours["tass"],
        "fields": [name for name in manager.connection_form_widgets if name.startswith("extra__tass__")],
        "testable": tass.connection_testable,
    },
    "hook": hook.hook_class_name,
    "package": hook.package_name,
    "behaviour": manager.field_behaviours["canvas"],
    "fields": [name for name in manager.connection_form_widgets if name.startswith("extra__canvas__")],
    "testable": hook.connection_testable,
}))
"""


@pytest.fixture(scope="module")
def project(repository: Path) -> dict[str, object]:
    with (repository / "pyproject.toml").open("rb") as file:
        found: dict[str, object] = tomllib.load(file)["project"]
    return found


def test_it_is_what_airflow_expects() -> None:
    schema = json.loads((files("airflow") / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_the_distribution_is_the_projects(project: dict[str, object]) -> None:
    assert get_provider_info()["package-name"] == project["name"]
    assert project["entry-points"] == {
        "apache_airflow_provider": {"provider_info": "roster_airflow.provider_info:get_provider_info"}
    }


def test_every_class_that_it_names_is_there() -> None:
    info = get_provider_info()
    for path in (*info["extra-links"], *info["notifications"]):
        assert import_string(path)
    types = [kind["connection-type"] for kind in info["connection-types"]]
    assert types == ["canvas", "clever", "oneroster", "tass"]
    for kind in info["connection-types"]:
        hook = import_string(kind["hook-class-name"])
        assert (hook.conn_type, hook.hook_name) == (kind["connection-type"], kind["hook-name"])


def test_airflow_offers_the_connection_type_with_its_form(
    tmp_path: Path, repository: Path, project: dict[str, object]
) -> None:
    installed = tmp_path / "roster_canvas_sync-0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0\n")
    (installed / "entry_points.txt").write_text(
        "[apache_airflow_provider]\nprovider_info = roster_airflow.provider_info:get_provider_info\n"
    )
    path = os.pathsep.join([str(tmp_path), str(repository / "include")])
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    offered = json.loads(said.stdout.splitlines()[-1])
    assert offered["hook"] == "roster_airflow.hooks.canvas.CanvasHook"
    assert offered["package"] == project["name"]
    assert offered["testable"] is True
    assert offered["fields"] == ["extra__canvas__timeout", "extra__canvas__refresh_token"]
    behaviour = offered["behaviour"]
    assert set(behaviour["hidden_fields"]) == {"schema", "extra"}
    assert behaviour["relabeling"] == {"login": "Client id", "password": "Access token, or client secret"}
    assert "schema" not in behaviour["placeholders"]
    clever = offered["clever"]
    assert clever["hook"] == "roster_airflow.hooks.clever.CleverHook"
    assert clever["testable"] is True
    assert clever["fields"] == [f"extra__clever__{name}" for name in ("district", "oauth_host", "timeout")]
    assert set(clever["behaviour"]["hidden_fields"]) == {"schema", "extra"}
    oneroster = offered["oneroster"]
    assert oneroster["hook"] == "roster_airflow.hooks.oneroster.OneRosterHook"
    assert oneroster["testable"] is True
    fields = ("auth", "token_url", "scope", "signature", "timeout")
    assert oneroster["fields"] == [f"extra__oneroster__{name}" for name in fields]
    assert set(oneroster["behaviour"]["hidden_fields"]) == {"schema", "extra"}
    tass = offered["tass"]
    assert tass["hook"] == "roster_airflow.hooks.tass.TassHook"
    assert tass["testable"] is True
    apps = [
        f"{product}_{name}"
        for product in ("idm", "student_details", "employee_hr")
        for name in ("app_code", "token_key", "version")
    ]
    assert tass["fields"] == [f"extra__tass__{name}" for name in ("company", "lms_version", *apps, "timeout")]
    assert set(tass["behaviour"]["hidden_fields"]) == {"schema", "extra"}


def test_every_secret_of_a_form_has_a_name_that_airflow_masks() -> None:
    from airflow.sdk._shared.secrets_masker import should_hide_value_for_key

    for kind in get_provider_info()["connection-types"]:
        for name, form in kind["conn-fields"].items():
            secret = form["schema"].get("format") == "password"
            assert not secret or should_hide_value_for_key(name), name


def test_the_plugin_registers_the_link_of_the_load(repository: Path) -> None:
    from airflow.plugins_manager import AirflowPlugin

    from roster_airflow.links.canvas import CanvasImportLink

    found = runpy.run_path(str(repository / "plugins" / "roster_plugin.py"))["RosterPlugin"]
    assert issubclass(found, AirflowPlugin)
    assert [type(link) for link in found.operator_extra_links] == [CanvasImportLink]
    assert len(list((repository / "plugins").glob("*.py"))) == 1
