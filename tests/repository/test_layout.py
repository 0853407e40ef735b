"""Where things lie: what Airflow executes, what git keeps, what is installed, and that tests mirror the code."""

from __future__ import annotations

import ast
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import pytest

PACKAGES = ("roster", "roster_airflow", "roster_sandbox")
EMPTY_WORDS = {"base", "common", "handler", "helper", "helpers", "manager", "misc", "util", "utils"}


def modules(repository: Path) -> list[Path]:
    return [file for name in PACKAGES for file in sorted((repository / "include" / name).rglob("*.py"))]


def test_airflow_executes_one_plugin_and_nothing_else(repository: Path, tmp_path: Path) -> None:
    from airflow._shared.module_loading.file_discovery import find_path_from_directory

    for name in ("roster_plugin.py", "hook.py", "ui/page.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    ignored = (repository / "plugins" / ".airflowignore").read_text(encoding="utf-8")
    (tmp_path / ".airflowignore").write_text(ignored, encoding="utf-8")
    found = [Path(path).name for path in find_path_from_directory(str(tmp_path), ".airflowignore", "glob")]
    assert [name for name in found if name.endswith(".py")] == ["roster_plugin.py"]


def test_every_package_says_what_belongs_in_it(repository: Path) -> None:
    silent = []
    for folder in sorted({module.parent for module in modules(repository)}):
        init = folder / "__init__.py"
        if not init.is_file() or not ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))):
            silent.append(str(folder.relative_to(repository)))
    assert silent == []


def test_no_module_is_named_after_nothing(repository: Path) -> None:
    assert [str(module) for module in modules(repository) if module.stem in EMPTY_WORDS] == []


def test_tests_mirror_the_code(repository: Path) -> None:
    strays = []
    for test in sorted((repository / "tests").rglob("test_*.py")):
        first, *rest = test.relative_to(repository / "tests").parts[:-1]
        if first in PACKAGES and not (repository / "include" / first).joinpath(*rest).exists():
            strays.append(str(test.relative_to(repository)))
    assert strays == []


def test_no_tenant_is_kept_beside_the_code(repository: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "include/tenants"], cwd=repository, capture_output=True, text=True, check=False
    )
    if tracked.returncode:
        pytest.skip("not a git checkout: what git keeps of include/tenants is not known")
    assert [name for name in tracked.stdout.split() if name.endswith((".yaml", ".yml"))] == []


@pytest.mark.parametrize("path", [".env", ".venv/bin/python", ".work/run", "include/roster/__pycache__/plan.pyc"])
def test_git_ignores_what_is_made_or_secret(repository: Path, path: str) -> None:
    asked = subprocess.run(["git", "check-ignore", "--quiet", path], cwd=repository, capture_output=True, check=False)
    if asked.returncode == 128:
        pytest.skip("not a git checkout: git cannot say what it ignores")
    assert asked.returncode == 0


def test_the_installed_project_offers_its_provider_and_commands() -> None:
    """Airflow finds connection types by the entry point of an installed distribution, and by nothing else."""
    points = {(point.group, point.name): point for point in distribution("roster-canvas-sync").entry_points}
    info = points["apache_airflow_provider", "provider_info"].load()()
    assert info["package-name"] == "roster-canvas-sync"
    assert callable(points["console_scripts", "roster"].load())
    assert callable(points["console_scripts", "roster-sandbox"].load())
