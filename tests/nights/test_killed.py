"""Loads in real processes: killed at any point and taken up again, and several at once for one ledger."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import pytest

from roster.steps import Done, Night
from tests.nights.disturbed import Nights
from tests.nights.killed import POINTS, Task, work
from tests.nights.test_faults import BEFORE, THEN, TONIGHT, put_right

# Its processes are forked from one that has imported everything and done nothing: quick, and without threads.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.nights.killed"])


@contextmanager
def a_process(
    nights: Nights, night: Night, plan: Done, dies: str = "never"
) -> Iterator[tuple[BaseProcess, Connection]]:
    """One that is ready to load the plan."""
    tenant = nights.tenant.model_dump_json(exclude_defaults=True)
    connection = os.environ["AIRFLOW_CONN_CANVAS_TEST"]
    task = Task(str(nights.home), connection, tenant, night.run.name, night.run_date, plan["path"], dies)
    ours, theirs = PROCESSES.Pipe()
    child = PROCESSES.Process(target=work, args=(task, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        assert heard(ours) == "ready"
        yield child, ours
    finally:
        child.kill()
        child.join()
        ours.close()


def heard(pipe: Connection) -> str:
    """What a process says, or that it is no more."""
    try:
        assert pipe.poll(30)
        said: str = pipe.recv()
    except EOFError:
        return "gone"
    return said


@pytest.mark.parametrize("dies", POINTS)
def test_a_load_that_is_killed_is_taken_up_by_the_next_try(nights: Nights, dies: str) -> None:
    nights.play(BEFORE)
    night, plan = nights.plan(TONIGHT)
    with a_process(nights, night, plan, dies) as (child, pipe):
        pipe.send("go")
        assert heard(pipe) == "gone"
        child.join()
        assert child.exitcode == -signal.SIGKILL
    nights.assert_honest()
    ledger = nights.loading.ledger
    assert ledger.versions() == {"before-intent": (1, 1), "after-settling": (2, 2)}.get(dies, (1, 2))
    posted = dies not in ("before-intent", "before-post", "while-posting")
    assert len(nights.canvas.imports()) == (2 if posted else 1)

    done = nights.load(night, plan)

    assert done["counts"]["sent"] == 10
    assert len(nights.canvas.imports()) == 2
    given_up = dies in ("before-post", "while-posting")
    assert ledger.settled(2).outcome == ("abandoned" if given_up else "taken")
    nights.assert_right(TONIGHT)
    put_right(nights, THEN)


def test_a_load_that_is_killed_while_canvas_does_not_answer_is_settled_by_the_next_night(nights: Nights) -> None:
    nights.play(BEFORE)
    night, plan = nights.plan(TONIGHT)
    nights.canvas.fault("slow_answer", method="POST", seconds=0.5, times=1)
    with a_process(nights, night, plan) as (child, pipe):
        pipe.send("go")
        while nights.loading.ledger.open_intent() is None:
            assert child.is_alive()
        child.kill()
    put_right(nights, THEN)


def test_loads_of_two_runs_at_once_send_one_import(nights: Nights) -> None:
    nights.play(BEFORE)
    plans = [nights.plan(source) for source in (TONIGHT, THEN)]
    with a_process(nights, *plans[0]) as (_, one), a_process(nights, *plans[1]) as (_, other):
        for pipe in (one, other):
            pipe.send("go")
        ends = {heard(one), heard(other)}
    # who came second found the other's lock, or its import, or that the ledger had moved on
    assert len(ends & {"10 sent", "13 sent"}) == 1
    assert len(ends & {"LedgerMoved", "ImportOpen"}) == 1
    assert len(nights.canvas.imports()) == 2
    nights.assert_honest()
    put_right(nights, THEN)


def test_two_processes_with_one_plan_send_it_once(nights: Nights) -> None:
    nights.play(BEFORE)
    night, plan = nights.plan(TONIGHT)
    with a_process(nights, night, plan) as (_, one), a_process(nights, night, plan) as (_, other):
        ends = []
        for _ in range(2):
            for pipe in (one, other):
                pipe.send("go")
            ends.append({heard(one), heard(other)})
    assert "10 sent" in ends[0] <= {"10 sent", "LedgerMoved", "ImportOpen"}
    assert ends[1] == {"10 sent"}
    assert len(nights.canvas.imports()) == 2
    nights.assert_right(TONIGHT)
    put_right(nights, THEN)
