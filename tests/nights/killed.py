"""A load in a process of its own, which kills itself where it is told to."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from roster.errors import LedgerFault
from roster.import_options import NONE, ImportOptions
from roster.journal import Intent, Settled
from roster.ledger import Ledger
from roster.runs import Run
from roster.steps import Night
from roster.store import Store
from roster.tenants import Tenant
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.hooks.canvas_replies import SisImport
from roster_airflow.loading import Loading, Wait

POINTS = ("before-intent", "before-post", "while-posting", "after-post", "while-settling", "after-settling")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingHook(CanvasHook):
    """Dies before, in the middle of or right after its POST."""

    dies = "never"

    def post_import(self, zip_path: Path, identifier: str, options: ImportOptions = NONE) -> SisImport:
        if self.dies == "before-post":
            die()
        posted = super().post_import(zip_path, identifier, options)
        if self.dies == "after-post":
            die()
        return posted

    def run_and_check(self, session: Any, prepped_request: Any, extra_options: dict[Any, Any]) -> Any:
        if self.dies == "while-posting" and prepped_request.method == "POST":
            body, sent = prepped_request.body, []
            read = body.read

            def dying_read(size: int = -1) -> bytes:
                if sent:
                    time.sleep(0.1)  # what was read first is on its way
                    die()
                sent.append(size)
                return bytes(read(200))

            body.read = dying_read
        return super().run_and_check(session, prepped_request, extra_options)


class DyingLedger(Ledger):
    """Dies before an intent is written, or on the way to or right after a settlement."""

    dies = "never"

    def intend(self, sent: Any, **facts: Any) -> Intent:
        if self.dies == "before-intent":
            die()
        return super().intend(sent, **facts)

    def settle(self, intent: Intent, outcomes: Any, **facts: Any) -> Settled:
        if self.dies == "while-settling":
            self.store.create = lambda *_: die()  # type: ignore[assignment]  # its rows are written, its entry is not
        settled = super().settle(intent, outcomes, **facts)
        if self.dies == "after-settling":
            die()
        return settled


@dataclass(frozen=True)
class Task:
    """What a process has to load. connection: to Canvas, as JSON. tenant: as JSON. run: name of the run's folder."""

    home: str
    connection: str
    tenant: str
    run: str
    date: datetime
    plan: str
    dies: str = "never"


def work(task: Task, pipe: Connection) -> None:
    """Say ready; then load, each time one is told to, and say how that ended."""
    os.environ["AIRFLOW_CONN_CANVAS_TEST"] = task.connection
    hook, store = DyingHook("canvas_test", "test", ("127.0.0.1",)), Store(task.home)
    ledger = DyingLedger(store, hook.address.netloc, hook.root_account().id)
    hook.dies = ledger.dies = task.dies
    tenant = Tenant.model_validate_json(task.tenant)
    night = Night(store, tenant, Run(store, tenant.id, task.run), task.date)
    pipe.send("ready")
    while pipe.recv():
        pipe.send(_load(Loading(hook, ledger, late=timedelta(seconds=0.5)), night, task.plan))


def _load(loading: Loading, night: Night, plan: str) -> str:
    try:
        while isinstance(done := loading.load(night, plan), Wait):
            time.sleep(0.02)
    except LedgerFault as fault:
        return type(fault).__name__
    return f"{done['counts']['sent']} sent"
