"""A school's database with as many enrolments as asked for, and what reading them into Parquet costs, proof included.

`python -m tests.benchmarks.sis_db ROWS PORT PASSWORD` prints one line of JSON, of a process of its own: against the
PostgreSQL at that port. `measured` starts one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.clever import peak

TEN_MILLION = 10_000_000
DATABASE = "bench"
FILL = """
CREATE TABLE roster AS SELECT 'S' || lpad((n / 25)::text, 9, '0') AS class_id, 'P' || lpad((n % 1250000)::text, 9, '0')
    AS user_id, 'student'::text AS role, DATE '2026-01-05' + (n % 90) AS begin_date, NULL::date AS end_date
    FROM generate_series(1, {rows}) AS n;
CREATE TABLE person AS SELECT DISTINCT user_id AS sourced_id, 'student'::text AS kind,
    'Given ' || user_id AS given_name, 'Family ' || user_id AS family_name,
    user_id || '@pupils.district.example' AS email FROM roster;
CREATE TABLE section AS SELECT DISTINCT class_id AS sourced_id, 'Class ' || class_id AS title, 'K' AS course_id,
    'A' AS school_id, 'T' AS session_id FROM roster
"""
VIEWS = {"enrollments": "roster", "users": "person", "classes": "section"}


def read(rows: int, port: int, password: str) -> dict[str, Any]:
    """Processor seconds, seconds and peak memory (MB) of one extract: so many enrolments, their people and classes."""
    fields = {"host": "127.0.0.1", "port": port, "login": "owner", "password": password, "schema": DATABASE}
    os.environ["AIRFLOW_CONN_BENCH"] = json.dumps({"conn_type": "postgres", **fields})
    from roster.settings import SisDb
    from roster.sources import system
    from roster_airflow.hooks.sis_db import reading

    content = {"name": "bench", "system": "sis_db", "connection": "bench", "views": VIEWS}
    settings, extract = SisDb.model_validate(content), system("sis_db").extract
    with tempfile.TemporaryDirectory(prefix="roster-bench-") as folder:
        cpu, began = time.process_time(), time.perf_counter()
        evidence = extract(reading(settings), settings, Path(folder), last_good=None, now=datetime.now(UTC))
        cpu, took = time.process_time() - cpu, time.perf_counter() - began
        size = (Path(folder) / "enrollments.parquet").stat().st_size
    assert evidence.rows["enrollments"] == rows
    assert evidence.proven, evidence.reasons
    return {"rows": rows, "cpu": cpu, "seconds": took, "peak": peak(), "megabytes": size / 1e6}


def measured(rows: int) -> dict[str, Any]:
    """`read` in a process of its own, so that its peak of memory is nobody else's, of a server that is filled first."""
    from tests.postgres import running_postgres

    with running_postgres() as server:
        server.create(DATABASE)
        with server.connect(DATABASE) as session:
            session.execute(FILL.format(rows=rows))  # type: ignore[call-overload]
        command = [sys.executable, "-m", "tests.benchmarks.sis_db", str(rows), str(server.port), server.password]
        said = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    print(json.dumps(read(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
