"""requirements.txt: one lock for three Pythons, that names no index and answers what pyproject.toml asks."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# The oldest and the newest patch release of each: markers may look at python_full_version.
PYTHONS = ["3.11.0", "3.11.14", "3.12.0", "3.12.12", "3.13.0", "3.13.9"]


@pytest.fixture(scope="module")
def lock(repository: Path) -> list[Requirement]:
    lines = (repository / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(bare) for line in lines if (bare := line.split("#")[0].strip())]


@pytest.fixture(scope="module")
def direct(repository: Path) -> list[Requirement]:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    return [Requirement(line) for line in asked]


def on(python: str, lock: list[Requirement]) -> list[Requirement]:
    environment = {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "sys_platform": "linux",
    }
    return [line for line in lock if line.marker is None or line.marker.evaluate(environment)]


def version(line: Requirement) -> str:
    (pin,) = line.specifier
    assert pin.operator == "==", line
    return pin.version


@pytest.mark.parametrize("python", PYTHONS)
def test_each_python_gets_one_version_of_each(lock: list[Requirement], python: str) -> None:
    names = [canonicalize_name(line.name) for line in on(python, lock)]
    assert len(names) == len(set(names))
    assert len(names) > 200


@pytest.mark.parametrize("python", PYTHONS)
def test_whatever_the_project_asks_for_is_locked(
    lock: list[Requirement], direct: list[Requirement], python: str
) -> None:
    locked = {canonicalize_name(line.name): version(line) for line in on(python, lock)}
    for asked in direct:
        assert asked.specifier.contains(locked[canonicalize_name(asked.name)]), asked


def test_it_names_no_index_and_no_address(repository: Path) -> None:
    lines = (repository / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "://" in line or line.startswith("-") or " @ " in line] == []


def test_the_published_great_expectations_provider_stays_out(lock: list[Requirement]) -> None:
    """It cannot stand beside this Airflow, and a resolver falls back to a release for Great Expectations 0.x."""
    assert "airflow-provider-great-expectations" not in {canonicalize_name(line.name) for line in lock}


def test_the_celery_executor_can_be_imported() -> None:
    """Its provider sets no upper bound on Celery, whose 5.7 took away what it imports."""
    from airflow.providers.celery.executors.celery_executor import CeleryExecutor

    assert CeleryExecutor.__name__ == "CeleryExecutor"
