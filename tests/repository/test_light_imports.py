"""What Airflow imports every few seconds, or keeps in its servers, stays light.

Great Expectations takes seconds to import, pandas and polars a good part of one; DAG files are parsed again and again
in new processes, and the plugin, the triggers and the connection types are loaded by every component.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("great_expectations", "pandas", "polars")

MODULES = (
    "roster.errors",
    "roster.runs",
    "roster.store",
    "roster.tenants",
    "roster_airflow.links",
    "roster_airflow.notifications",
    "roster_airflow.provider_info",
    "roster_airflow.triggers",
)

# Imports one after the other, with whatever packages among them hold; says which one brought what.
PROBE = """
import importlib, json, pkgutil, runpy, sys

modules, files, heavy = json.loads(sys.argv[1])
brought = {}

def note(name):
    new = [found for found in heavy if found in sys.modules and found not in sum(brought.values(), [])]
    brought[name] = new

for name in modules:
    module = importlib.import_module(name)
    note(name)
    for inner in pkgutil.walk_packages(getattr(module, "__path__", []), name + "."):
        importlib.import_module(inner.name)
        note(inner.name)
for file in files:
    runpy.run_path(file)
    note(file)
print(json.dumps(brought))
"""


def brought(modules: tuple[str, ...], files: list[Path], include: Path) -> dict[str, list[str]]:
    """What of HEAVY each module or file was the first to import, in a process of its own."""
    asked = json.dumps([modules, [str(file) for file in files], HEAVY])
    said = subprocess.run(
        [sys.executable, "-c", PROBE, asked],
        env={**os.environ, "PYTHONPATH": str(include)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout.splitlines()[-1])


def test_what_airflow_loads_is_light(repository: Path) -> None:
    files = sorted([*(repository / "dags").glob("*.py"), *(repository / "plugins").glob("*.py")])
    found = brought(MODULES, files, repository / "include")
    assert found.keys() >= {*MODULES, *map(str, files)}
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize("name", HEAVY)
def test_the_probe_sees_a_heavy_import(tmp_path: Path, name: str) -> None:
    package = tmp_path / "weighty"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "inner.py").write_text(f"import {name}\n", encoding="utf-8")
    assert name in brought(("weighty",), [], tmp_path)["weighty.inner"]
