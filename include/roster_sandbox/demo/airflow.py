"""Airflow by its REST API."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
FINAL = ("success", "failed")
NOT_YET = (httpx.TransportError, httpx.HTTPStatusError)
OF_ALL = ("canvas_reconcile", "canvas_undo")
"""DAGs that there is one of for all tenants."""


class AirflowSilent(Exception):
    """Airflow's API stopped answering."""


@dataclass(frozen=True)
class Task:
    """A task of a run; state None until it is scheduled.

    instance: Airflow's id of the try, which its process bears in its title. seconds: of the last try.
    """

    id: str
    instance: str
    state: str | None
    seconds: float | None
    tries: int


@dataclass(frozen=True)
class Run:
    """A run of a DAG."""

    id: str
    state: str
    after: str
    """ISO instant; a night's day is that of this instant in the tenant's zone."""

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self.state in FINAL


class AirflowApi:
    """One Airflow, as one of its users. DAGs are named without their tenant: `canvas_test`, `canvas_undo`."""

    def __init__(self, url: str, tenant: str, user: str, password: str) -> None:
        self.url = url
        self._tenant = tenant
        self._login = {"username": user, "password": password}
        self._client = httpx.Client(base_url=url, timeout=20, trust_env=False)

    def dag(self, name: str) -> str:
        """The tenant's DAG of that name."""
        return name if name in OF_ALL else f"{self._tenant}_{name}"

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def healthy(self) -> bool:
        """Whether it answers, all its parts are well, and the log-in works."""
        try:
            parts = self._client.get("/api/v2/monitor/health").raise_for_status().json()
            if any((parts.get(name) or {}).get("status") != "healthy" for name in COMPONENTS):
                return False
            self._log_in()
        except (*NOT_YET, ValueError):
            return False
        return True

    def has_dag(self, dag: str) -> bool:
        """Whether the DAG has been read and is not paused."""
        answer = self._send("GET", f"/api/v2/dags/{self.dag(dag)}", known=(200, 404))
        return answer.status_code == 200 and not answer.json()["is_paused"]

    def import_errors(self) -> int:
        """How many DAG files could not be read."""
        return int(self._send("GET", "/api/v2/importErrors").json()["total_entries"])

    def trigger(self, dag: str, conf: dict[str, Any] | None = None) -> Run:
        """Start a run that has no logical date: its day is that of the moment."""
        body = {"logical_date": None, "conf": conf or {}}
        return _run(self._send("POST", f"/api/v2/dags/{self.dag(dag)}/dagRuns", json=body).json())

    def runs(self, dag: str) -> list[Run]:
        """The runs of a DAG, oldest first."""
        path = f"/api/v2/dags/{self.dag(dag)}/dagRuns?order_by=run_after&limit=100"
        return [_run(one) for one in self._send("GET", path).json()["dag_runs"]]

    def request(self, dag: str, run_id: str, task: str) -> dict[str, Any] | None:
        """What a task asks of a person: body, params, response_received; None before it asks."""
        answer = self._send("GET", _asked_path(self.dag(dag), run_id, task), known=(200, 404))
        return answer.json() if answer.status_code == 200 else None

    def answer(self, dag: str, run_id: str, task: str, option: str, fields: dict[str, Any]) -> int:
        """Answer as this user. 200: taken; 403: not this user's to answer; 409: answered before."""
        body = {"chosen_options": [option], "params_input": fields}
        return self._send(
            "PATCH", _asked_path(self.dag(dag), run_id, task), known=(200, 400, 403, 404, 409), json=body
        ).status_code

    def run(self, dag: str, run_id: str) -> Run:
        """How far a run is."""
        return _run(self._send("GET", _run_path(self.dag(dag), run_id)).json())

    def tasks(self, dag: str, run_id: str) -> list[Task]:
        """The tasks of a run, in the order they were started."""
        found = self._send("GET", f"{_run_path(self.dag(dag), run_id)}/taskInstances").json()["task_instances"]
        found.sort(key=lambda task: (task["start_date"] or "9", task["task_id"]))
        return [
            Task(task["task_id"], task["id"], task["state"], task["duration"], task["try_number"]) for task in found
        ]

    def clear(self, dag: str, run_id: str, *tasks: str) -> None:
        """Run these tasks and all that follow them again."""
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": list(tasks),
            "include_downstream": True,
            "only_failed": False,
            "reset_dag_runs": True,
        }
        self._send("POST", f"/api/v2/dags/{self.dag(dag)}/clearTaskInstances", json=body)

    def _send(self, method: str, path: str, *, known: tuple[int, ...] = (200, 201), json: Any = None) -> httpx.Response:
        """One call; a few more where Airflow is busy. Raises AirflowSilent."""
        said = ""
        for pause in (0.0, 0.5, 1.0, 2.0, 4.0):
            time.sleep(pause)
            try:
                answer = self._client.request(method, path, json=json)
            except httpx.TransportError as fault:
                said = type(fault).__name__
                if method == "POST" and not isinstance(fault, httpx.ConnectError):
                    break  # it may have been done
                continue
            if answer.status_code in known:
                return answer
            said = f"answer {answer.status_code}"
            if answer.status_code == 401:
                self._log_in()
            elif answer.status_code < 500:
                break
        message = f"Airflow's API at {self.url} does not do {method} {path}: {said}"
        raise AirflowSilent(message)

    def _log_in(self) -> None:
        answer = self._client.post("/auth/token", json=self._login).raise_for_status()
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def _run_path(dag: str, run_id: str) -> str:
    return f"/api/v2/dags/{dag}/dagRuns/{quote(run_id, safe='')}"


def _asked_path(dag: str, run_id: str, task: str) -> str:
    return f"{_run_path(dag, run_id)}/taskInstances/{task}/-1/hitlDetails"


def _run(answer: dict[str, Any]) -> Run:
    return Run(answer["dag_run_id"], answer["state"], answer["run_after"])
