"""DAG files as Airflow reads them: in a process of its own, told by environment variables alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    """This process's environment, the library on the path, and what is said besides."""
    return {**os.environ, "PYTHONPATH": str(REPOSITORY / "include"), **more}


def said_by(script: str, *arguments: Any, seconds: float = 100, **more: str) -> Any:
    """What a script prints last, as JSON; its arguments are in sys.argv as one piece of JSON."""
    done = run([sys.executable, "-c", script, json.dumps(arguments)], environment(**more), seconds)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def run(command: list[str], variables: Mapping[str, str], seconds: float) -> subprocess.CompletedProcess[str]:
    """The command to its end; what it prints is kept."""
    return subprocess.run(command, env=dict(variables), capture_output=True, text=True, timeout=seconds, check=False)
