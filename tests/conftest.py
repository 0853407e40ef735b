"""What every test stands on: an Airflow of its own in a temporary folder, and no way out but loopback.

Airflow reads its configuration while it is imported, so the environment is set while this is, before any other
conftest and any test module. What the developer's own shell says of Airflow, of tenants or of AWS is taken out first:
a test never sees a real connection.
"""

from __future__ import annotations

import base64
import gc
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres, running_postgres

REPOSITORY = Path(__file__).resolve().parents[1]

OF_THE_TESTS = ("AWS_CA_BUNDLE", "ROSTER_LIVED_IN", "ROSTER_PICTURES", "ROSTER_ROLLOUTS", "ROSTER_SAMPLES")
"""Settings of the tests themselves."""


def _settings(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        # A file: Airflow refuses SQLite in memory.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow' / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "airflow" / "logs"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "GX_ANALYTICS_ENABLED": "false",
        "ROSTER_HOME": str(home / "roster"),
        "ROSTER_TENANTS": str(home / "tenants"),
    }


def _share_of_cores() -> int:
    """The cores that one of pytest-xdist's workers has to itself; all of them without workers."""
    return max(1, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def _a_home() -> Path:
    for name in list(os.environ):
        if name.startswith(("AIRFLOW", "AWS_", "ROSTER_")) and name not in OF_THE_TESTS:
            del os.environ[name]
    home = Path(tempfile.mkdtemp(prefix="roster-tests-"))
    for folder in ("airflow", "roster", "tenants"):
        (home / folder).mkdir(mode=0o700)
    os.environ.update(_settings(home))
    os.environ["POLARS_MAX_THREADS"] = str(_share_of_cores())  # or threads of one worker wait for another's
    return home


HOME = _a_home()
gc.disable()  # a third of the collection would be looking for garbage in modules


def pytest_unconfigure() -> None:
    shutil.rmtree(HOME, ignore_errors=True)


# First: before pytest deselects by marker.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("night"):
            item.add_marker(pytest.mark.e2e)


def pytest_collection_finish() -> None:
    """What is there now stays to the end: no test need have it searched for garbage again."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def disks_are_not_waited_for() -> Iterator[None]:
    """What reaches the disk only matters when the power goes, which no test can show; a night waits for hundreds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def samples() -> Path:
    """Exports that none of us wrote, read where they lie; `ROSTER_SAMPLES` says where, if not beside the repository."""
    folder = Path(os.environ.get("ROSTER_SAMPLES") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no sample data at {folder}: set ROSTER_SAMPLES to the folder that holds it")
    return folder


@pytest.fixture
def rules_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check without Great Expectations, which takes seconds and has tests of its own."""
    monkeypatch.setattr("roster.checks.judgement.read_suites", lambda _: ())


@pytest.fixture(scope="session")
def airflow_db() -> Path:
    """Airflow's metadata database, migrated: an SQLite file of this test session."""
    from airflow.utils.db import initdb

    initdb()
    return Path(os.environ["AIRFLOW_HOME"]) / "airflow.db"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of this test session; make a database of your own in it."""
    with running_postgres() as server:
        yield server
