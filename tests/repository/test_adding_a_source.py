"""docs/adding-a-source.md, built as it stands: its files and edits in a copy of the project, and its test run there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGE = "docs/adding-a-source.md"
BLOCKS = r"(?P<blocks>(?:```(?:python|diff)\n.*?^```\n\n?)+)"
STEP = re.compile(r"^(?:New file|In) `(?P<file>[\w/.]+)`.*?\n\n" + BLOCKS, re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"```(python|diff)\n(.*?)^```", re.DOTALL | re.MULTILINE)
ASK = """
from roster.tenants import read_tenant
from roster_airflow.provider_info import get_provider_info
from pathlib import Path
import json, sys
[kind] = [one for one in get_provider_info()["connection-types"] if one["connection-type"] == "larkspur"]
tenant = read_tenant(Path(sys.argv[1]))
print(json.dumps([kind["hook-class-name"], type(tenant.source("larks")).__name__]))
"""
TENANT = """id: larks
name: Larks
timezone: Australia/Brisbane
sources: [{name: larks, system: larkspur, connection: larkspur}]
canvas: {test: {connection: canvas}}
"""


def steps(page: str) -> Iterator[tuple[str, str, str]]:
    """(file, python | diff, content) of the page, in its order."""
    for step in STEP.finditer(page):
        for kind, content in BLOCK.findall(step["blocks"]):
            yield step["file"], kind, content


def edited(text: str, diff: str) -> str:
    """The text with the added lines behind (or among) those that the diff shows as there."""
    lines = diff.splitlines(keepends=True)
    there = "".join(line[1:] for line in lines if not line.startswith("+"))
    assert text.count(there) == 1, f"the page shows what is not there once:\n{there}"
    return text.replace(there, "".join(line[1:] for line in lines))


@pytest.fixture(scope="module")
def built(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(
        repository / "include", copy / "include", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    for file, kind, content in steps((repository / PAGE).read_text(encoding="utf-8")):
        target = copy / file
        target.parent.mkdir(parents=True, exist_ok=True)
        if kind == "diff":
            target.write_text(edited(target.read_text(encoding="utf-8"), content), encoding="utf-8")
        else:
            assert not target.exists()
            target.write_text(content, encoding="utf-8")
    return copy


def run(built: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(built / "include"), "AIRFLOW_HOME": str(built / "airflow")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=built,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_page_has_every_part_of_a_source(repository: Path) -> None:
    made = [file for file, _, _ in steps((repository / PAGE).read_text(encoding="utf-8"))]
    assert len(made) == len(set(made)) + 2  # registry and provider info in two edits each
    parts = ("roster/settings/larkspur", "sources/larkspur/reading", "sources/larkspur/mapping", "hooks/larkspur")
    for part in (*parts, "roster/settings/__init__", "provider_info", "roster_sandbox/larkspur", "test_larkspur"):
        assert any(part in file for file in made), part


def test_what_the_page_says_makes_a_source_that_works(built: Path) -> None:
    done = run(built, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/roster_airflow/hooks/test_larkspur.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_a_tenant_can_name_it_and_airflow_knows_its_connection(built: Path) -> None:
    (built / "larks.yaml").write_text(TENANT, encoding="utf-8")
    done = run(built, "-c", ASK, str(built / "larks.yaml"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == '["roster_airflow.hooks.larkspur.LarkspurHook", "Larkspur"]'


def test_what_it_makes_is_clean(built: Path, repository: Path) -> None:
    """By the project's own rules, tests apart."""
    new = [file for file, kind, _ in steps((repository / PAGE).read_text(encoding="utf-8")) if kind == "python"]
    library = [file for file in new if not file.startswith("tests/")]
    done = run(built, "-m", "ruff", "check", "--config", str(repository / "pyproject.toml"), "--no-cache", *library)
    assert done.returncode == 0, done.stdout
