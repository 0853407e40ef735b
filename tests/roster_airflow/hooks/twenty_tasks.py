"""Twenty processes that do what tasks do: a connection out of Airflow's database, a request to Canvas, and another.

A program of its own, because a process is forked here that has no threads: Airflow is imported once for all, and drops
the parent's connections to its database in each child.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from typing import Any

from roster.errors import RosterError
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.hooks.canvas_replies import RootAccount

TASKS = 20
PATIENCE = 300.0


def task(connection_id: str, host: str, gate: Any, results: Any) -> None:
    """One of them. gate: passed by all at once, before the second request."""
    hook = CanvasHook(connection_id, "test", (host,))
    try:
        said = [hook.root_account().name]
        gate.wait(PATIENCE)
        gate.wait(PATIENCE)
        said.append(hook.read("/api/v1/accounts/self", RootAccount, "GET accounts/self").name)
    except RosterError as error:
        said = [type(error).__name__]
    results.put((os.getpid(), said))


def main(connection_id: str, host: str) -> None:
    """Start them, and say `ready` when all have a token; after a line of the caller's let them ask again, and tell."""
    CanvasHook(connection_id, "test", (host,)).root_account()  # imports on the way what each would import
    forked = multiprocessing.get_context("fork")
    gate, results = forked.Barrier(TASKS + 1), forked.Queue()
    running = [forked.Process(target=task, args=(connection_id, host, gate, results)) for _ in range(TASKS)]
    for one in running:
        one.start()
    gate.wait(PATIENCE)
    print("ready", flush=True)
    sys.stdin.readline()
    gate.wait(PATIENCE)
    print(json.dumps([results.get(timeout=PATIENCE) for _ in running]), flush=True)
    for one in running:
        one.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
