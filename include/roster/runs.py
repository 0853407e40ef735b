"""Run folders: `runs/<tenant>/<UTC stamp>-<short id>/<step>/attempt-N/`, and the pointers beside them.

A step reads whole folders, works in local scratch and uploads, manifest last. What is there is never written into
again: a step that runs a second time writes attempt-2.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from roster.errors import RunFolderBroken
from roster.store import MANIFEST, Store


def run_name(started: datetime, run_id: str) -> str:
    """Folder name of an Airflow run: its stamp in UTC and a short id, the same on every retry."""
    digest = hashlib.sha256(run_id.encode()).hexdigest()[:8]
    return f"{started.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest}"


@dataclass(frozen=True)
class Run:
    """One run of one tenant."""

    store: Store
    tenant: str
    name: str

    @property
    def path(self) -> str:
        """The run's folder in the store."""
        return f"runs/{self.tenant}/{self.name}"

    @contextmanager
    def write(self, step: str) -> Iterator[Writing]:
        """A new attempt of the step: fill `folder`; at the end it is uploaded to `path`, unless there was an error."""
        number = 1
        while not self.store.create(f"{self.path}/{step}/attempt-{number}.claim", b""):
            number += 1
        path = f"{self.path}/{step}/attempt-{number}"
        with tempfile.TemporaryDirectory(prefix="roster-") as scratch:
            yield Writing(path, Path(scratch))
            self.store.upload(Path(scratch), path)

    def latest(self, step: str) -> str | None:
        """Path of the newest whole attempt of the step."""
        attempts = [name for name in self.store.names(f"{self.path}/{step}") if not name.endswith(".claim")]
        for name in sorted(attempts, key=lambda name: -int(name.removeprefix("attempt-"))):
            path = f"{self.path}/{step}/{name}"
            if self.store.exists(f"{path}/{MANIFEST}"):
                return path
        return None


@dataclass(frozen=True)
class Writing:
    """Where a step writes: `folder` on this machine, `path` in the store once it is done."""

    path: str
    folder: Path


@contextmanager
def reading(store: Store, path: str) -> Iterator[Path]:
    """The folder of a finished step on this machine: itself on a local store, else a copy for as long as needed."""
    if store.is_local:
        store.verify(path)
        yield store.local_path(path)
        return
    with tempfile.TemporaryDirectory(prefix="roster-") as scratch:
        store.download(path, Path(scratch))
        yield Path(scratch)


def read_step(store: Store, path: str, name: str) -> Any:
    """One JSON file of a finished step."""
    return json.loads(store.read_whole(path, name))


def write_json(folder: Path, name: str, content: Any) -> None:
    """A JSON file as people read it, dates as ISO 8601."""
    (folder / name).write_text(json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


def next_number(store: Store, tenant: str, content: dict[str, Any]) -> int:
    """The next number of the tenant's artefacts, taken for good with what is known of it; numbers order artefacts."""
    taken = [int(name) for name in store.names(f"artefacts/{tenant}")]
    number = max(taken, default=0) + 1
    while not store.create(f"artefacts/{tenant}/{number:08d}", json.dumps(content, indent=1).encode()):
        number += 1
    return number


def artefacts_before(store: Store, tenant: str, number: int) -> Iterator[dict[str, Any]]:
    """What is kept of the tenant's earlier artefacts (path, standing, practice), newest first."""
    for name in reversed(store.names(f"artefacts/{tenant}")):
        if int(name) < number:
            yield store.read_json(f"artefacts/{tenant}/{name}")


def newest_artefact(store: Store, tenant: str) -> str | None:
    """The folder of the tenant's newest artefact that is no practice and is still there; None where there is none."""
    for name in reversed(store.names(f"artefacts/{tenant}")):
        content = store.read_json(f"artefacts/{tenant}/{name}")
        if not content.get("practice") and store.exists(f"{content['path']}/{MANIFEST}"):
            return str(content["path"])
    return None


def point(store: Store, tenant: str, pointer: str, content: dict[str, Any]) -> None:
    """Set a pointer of the tenant (`tested`, `good-<source>`); the newest wins."""
    store.write(f"pointers/{tenant}/{pointer}.json", json.dumps(content, indent=1, default=str).encode())


def pointed(store: Store, tenant: str, pointer: str) -> dict[str, Any] | None:
    """What the pointer holds; None where it was never set."""
    path = f"pointers/{tenant}/{pointer}.json"
    if not store.exists(path):
        return None
    content: dict[str, Any] = store.read_json(path)
    return content


def require(path: str | None, what: str) -> str:
    """The path, or RunFolderBroken naming what is missing."""
    if path is None:
        message = f"{what} is not there: run the step before it again"
        raise RunFolderBroken(message)
    return path
