"""How long Airflow's DAG processor is busy with many tenants, beside as many empty DAGs with as many tasks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.dags.processes import REPOSITORY, said_by
from tests.five_pupils import tenant_file

COPIES = 200
EMPTY = """
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

for number in range({copies}):
    for tasks in {sizes}:
        with DAG(f"empty_{{number}}_{{tasks}}", schedule=None) as dag:
            before = None
            for step in range(tasks):
                task = EmptyOperator(task_id=f"task_{{step}}")
                if before is not None:
                    before >> task
                before = task
        globals()[dag.dag_id] = dag
"""
NIGHT, PRODUCTION, RELEASE = 8, 6, 11
"""Tasks of each of a tenant's DAGs."""
# Forks for each measure, as the DAG processor does, from a process that has imported Airflow. Processor time, because
# other work on the machine is hardly any of it; and, in forks of their own, function calls, which nothing disturbs.
TAKE = """
import cProfile, json, os, sys, time
import airflow.sdk
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.standard.operators.empty import EmptyOperator

files, repeats = json.loads(sys.argv[1])

def take(file, counting):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        calls = cProfile.Profile() if counting else None
        began = time.process_time()
        bag = DagBag(file, collect_dags=False)
        if counting:
            calls.runcall(bag.process_file, file)
            took = sum(entry.callcount for entry in calls.getstats())
        else:
            bag.process_file(file)
            took = time.process_time() - began
        assert not bag.import_errors, bag.import_errors
        os.write(writing, json.dumps([took, len(bag.dags), sum(len(dag.tasks) for dag in bag.dags.values())]).encode())
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    assert status == 0
    return json.loads(os.read(reading, 10_000))

rounds = [True] + [False] * repeats
print(json.dumps([[take(file, counting) for file in files] for counting in rounds]))
"""


@dataclass(frozen=True)
class Parsing:
    """The least seconds of processor time, to which other work has added least, and the function calls."""

    seconds: float
    empty_seconds: float
    calls: int
    empty_calls: int
    dags: int
    empty_dags: int
    tasks: int
    empty_tasks: int

    @property
    def ratio(self) -> float:
        """How many times the processor time of empty DAGs."""
        return self.seconds / self.empty_seconds

    @property
    def ratio_of_calls(self) -> float:
        """How many times the function calls of empty DAGs; the same on every machine, however busy."""
        return self.calls / self.empty_calls


def measure(folder: Path, *, repeats: int, production: bool = False) -> Parsing:
    """Parse COPIES tenants and as many empty DAGs, one after the other, in processes of their own.

    repeats: how often for seconds, which may be never; calls are counted once. production: the tenants have both
    environments.
    """
    tenants, empty = folder / "tenants", folder / "empty.py"
    for number in range(COPIES):
        id_ = f"tenant_{number:03d}"
        tenant_file(tenants, id_, schedule="0 2 * * *", **(_both(id_) if production else {}))
    sizes = (NIGHT, PRODUCTION, RELEASE) if production else (NIGHT,)
    empty.write_text(EMPTY.format(copies=COPIES, sizes=sizes), encoding="utf-8")
    files = [str(REPOSITORY / "dags" / "canvas_sync.py"), str(empty)]
    pairs: list[list[list[Any]]] = said_by(TAKE, files, repeats, ROSTER_TENANTS=str(tenants))
    (calls, dags, tasks), (empty_calls, empty_dags, empty_tasks) = pairs.pop(0)
    ours, theirs = (min((pair[side][0] for pair in pairs), default=float("nan")) for side in (0, 1))
    return Parsing(
        seconds=ours,
        empty_seconds=theirs,
        calls=calls,
        empty_calls=empty_calls,
        dags=dags,
        empty_dags=empty_dags,
        tasks=tasks,
        empty_tasks=empty_tasks,
    )


def _both(id_: str) -> dict[str, Any]:
    connections = {name: {"connection": f"{id_}_{name}"} for name in ("test", "production")}
    return {"canvas": connections, "rollout": {"phase": "live", "approvers": ["principal", f"registrar_{id_}"]}}
