"""The queue of imports: one at a time, in the order they were created, each in segments."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from roster_sandbox.canvas import dates, strict_csv
from roster_sandbox.canvas.faults import (
    IMPORT_FAULTS,
    AbortHalfway,
    FailHalfway,
    LateAttachment,
    RefuseFile,
    RefuseRows,
    SlowImport,
    WrongCounts,
)
from roster_sandbox.canvas.importers import APPLY
from roster_sandbox.canvas.kinds import COUNTS, KINDS, Kind, kind_of
from roster_sandbox.canvas.options import Options
from roster_sandbox.canvas.refusing import Refuser
from roster_sandbox.canvas.run import Row, Run
from roster_sandbox.canvas.settings import Settings
from roster_sandbox.canvas.store import Store, transaction
from roster_sandbox.canvas.upload import Unreadable, unpack

_TICK = 0.02
_AT_ONCE = 50


class Interrupted(Exception):
    """The import ends before its rows do: aborted, failed, or the stand-in is being stopped."""

    def __init__(self, state: str | None) -> None:
        super().__init__(state)
        self.state = state


class Worker:
    """The thread that runs imports until it is stopped."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._resting_until = 0.0
        self._thread = threading.Thread(target=self._work, name="canvas-imports", daemon=True)

    def start(self) -> None:
        """Begin with what the queue holds."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the running segment; what runs then is failed at the next start, like after a kill."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout=30)

    def wake(self) -> None:
        """There is something new in the queue."""
        self._wake.set()

    def _work(self) -> None:
        with self._store.connect() as db:
            while not self._stopping.is_set():
                self._wake.clear()
                if time.monotonic() < self._resting_until or not self._run_next(db):
                    self._wake.wait(0.1)

    def _run_next(self, db: sqlite3.Connection) -> bool:
        row = db.execute("SELECT * FROM imports WHERE state = 'created' ORDER BY id LIMIT 1").fetchone()
        if row is None or row["stuck"] == "created":
            return False
        started = db.execute(
            "UPDATE imports SET state = 'importing', started_at = ?, updated_at = ? WHERE id = ? AND state = 'created'",
            (dates.now(), dates.now(), row["id"]),
        )
        if started.rowcount == 0:
            return True
        try:
            Job(db, self._store, self._settings, row, self._stopping).work()
        except Interrupted as interruption:
            if interruption.state == "aborted":
                self._resting_until = time.monotonic() + self._settings.pause_after_abort
        except BaseException:  # a fault of the stand-in's own: nobody shall wait for the import
            db.execute("UPDATE imports SET state = 'failed', ended_at = ? WHERE id = ?", (dates.now(), row["id"]))
            raise
        return True


@dataclass(frozen=True)
class Source:
    """A file of the upload that could be read."""

    kind: Kind
    file: str
    header: list[str]
    records: list[tuple[int, list[str]]]


class Job:
    """One import from its upload to its final state."""

    def __init__(
        self, db: sqlite3.Connection, store: Store, settings: Settings, row: sqlite3.Row, stopping: threading.Event
    ) -> None:
        self._db = db
        self._row = row
        self._id = int(row["id"])
        self._upload = store.upload(self._id)
        self._settings = settings
        self._stopping = stopping
        self._faults: list[Any] = IMPORT_FAULTS.validate_json(row["faults"])
        self._run = Run(db, self._id, Options.model_validate_json(row["options"]), settings)
        self._data: dict[str, Any] = {}
        self._done = 0

    def work(self) -> None:
        """Read, apply segment by segment, finish; raises Interrupted where it ends early."""
        with transaction(self._db):
            sources = self._read()
            total = sum(len(source.records) for source in sources)
            self._data["supplied_batches"] = _names(sources)
            self._data["completed_importers"] = []
            self._data["running_immediately"] = total <= _AT_ONCE
            self._write_data()
        self._wait_while_stuck()
        self._apply(sources, total)
        self._finish()

    def _read(self) -> list[Source]:
        name = str(self._row["filename"] or "")
        try:
            contents = unpack(name, self._upload.read_bytes() if self._upload.exists() else b"")
        except Unreadable as error:
            self._run.fail_file(name, f"Error while importing CSV: {error}")
            return []
        for member in contents.unknown:
            self._run.warn_file(member, "Skipping unknown file type")
        sources = [source for file, data in contents.files if (source := self._source(file, data)) is not None]
        return sorted(sources, key=lambda source: KINDS.index(source.kind))

    def _source(self, file: str, data: bytes) -> Source | None:
        for fault in self._faults:
            if isinstance(fault, RefuseFile) and Refuser.names(fault.file, file):
                self._run.fail_file(file, fault.message)
                return None
        try:
            table = strict_csv.read(data)
        except strict_csv.InvalidEncoding:
            self._run.fail_file(file, "Invalid UTF-8: the file was not imported")
            return None
        except strict_csv.Malformed as error:
            self._run.fail_file(file, f"Malformed CSV: {error}")
            return None
        kind = kind_of(table.header)
        if kind is None:
            self._run.fail_file(file, "Couldn't find Canvas CSV import headers")
            return None
        if kind.name not in APPLY:
            self._run.fail_file(file, f"Files of {kind.name} are not simulated by this stand-in")
            return None
        if b"\0" in data and kind.name != "user":
            self._run.fail_file(file, "Error while importing CSV: the file contains NULL characters")
            return None
        return Source(kind, file, [name.lower() for name in table.header], table.records)

    def _apply(self, sources: list[Source], total: int) -> None:
        size = min(max(-(-total // 99), 100), 1000)
        segments = sum(-(-len(source.records) // size) for source in sources)
        slow = sum(fault.seconds for fault in self._faults if isinstance(fault, SlowImport))
        halfway = next((fault for fault in self._faults if isinstance(fault, FailHalfway | AbortHalfway)), None)
        left = None if halfway is None else int(halfway.share * total)
        if not segments:
            self._sleep(slow)
        refuser = Refuser([fault for fault in self._faults if isinstance(fault, RefuseRows)])
        for source in sources:
            for start in range(0, len(source.records), size):
                self._sleep(slow / segments)
                records = source.records[start : start + size]
                if left is not None:
                    records, left = records[:left], left - len(records)
                self._apply_segment(source, records, refuser, total)
                if left is not None and halfway is not None and left <= 0:
                    self._break_off(halfway)
            if source.kind.name not in self._data["completed_importers"]:
                self._data["completed_importers"].append(source.kind.name)
        if halfway is not None:
            self._break_off(halfway)

    def _apply_segment(
        self, source: Source, records: list[tuple[int, list[str]]], refuser: Refuser, total: int
    ) -> None:
        with transaction(self._db):
            self._check()
            rows = [row for row in _rows(source, records) if not refuser.refuses(self._run, row)]
            APPLY[source.kind.name](self._run, rows)
            self._done += len(records)
            self._db.execute(
                "UPDATE imports SET progress = ?, updated_at = ? WHERE id = ?",
                (min(99, 100 * self._done // max(total, 1)), dates.now(), self._id),
            )

    def _finish(self) -> None:
        run = self._run
        counts = {name: run.counts[name] for name in COUNTS}
        for fault in self._faults:
            if isinstance(fault, WrongCounts):
                counts.update({name: counts.get(name, 0) + more for name, more in fault.counts.items()})
        self._data["counts"] = counts
        self._data["statistics"] = run.written_statistics()
        if run.counts["error_count"]:
            state, progress = "failed_with_messages", min(99, self._progress())
        else:
            state, progress = ("imported_with_messages" if run.counts["warning_count"] else "imported"), 100
        delay = next((fault.seconds for fault in self._faults if isinstance(fault, LateAttachment)), None)
        with transaction(self._db):
            self._check()
            self._write_data()
            self._end(state, progress, time.time() + (self._settings.attachment_delay if delay is None else delay))

    def _break_off(self, fault: FailHalfway | AbortHalfway) -> None:
        state = "aborted" if isinstance(fault, AbortHalfway) else fault.state
        with transaction(self._db):
            self._check()
            if state == "failed_with_messages":
                self._run.fail_file(str(self._row["filename"]), "Error while importing CSV. Please contact support")
            self._write_data()
            self._end(state, min(99, self._progress()), time.time())
        raise Interrupted(state)

    def _end(self, state: str, progress: int, attachment_at: float) -> None:
        self._db.execute(
            "UPDATE imports SET state = ?, progress = ?, ended_at = ?, updated_at = ?, attachment_at = ? WHERE id = ?",
            (state, progress, dates.now(), dates.now(), attachment_at, self._id),
        )

    def _write_data(self) -> None:
        self._db.execute("UPDATE imports SET data = ? WHERE id = ?", (json.dumps(self._data), self._id))

    def _progress(self) -> int:
        return int(self._current()["progress"])

    def _current(self) -> sqlite3.Row:
        row: sqlite3.Row = self._db.execute("SELECT * FROM imports WHERE id = ?", (self._id,)).fetchone()
        return row

    def _check(self) -> None:
        """Leave when somebody aborted the import, or the stand-in stops."""
        if self._stopping.is_set():
            raise Interrupted(None)
        if (state := self._current()["state"]) != "importing":
            raise Interrupted(str(state))

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._check()
            self._stopping.wait(_TICK)

    def _wait_while_stuck(self) -> None:
        while self._current()["stuck"] == "importing":
            self._check()
            self._stopping.wait(_TICK)


def _names(sources: list[Source]) -> list[str]:
    return list(dict.fromkeys(source.kind.name for source in sources))


def _rows(source: Source, records: list[tuple[int, list[str]]]) -> Iterator[Row]:
    """The records as rows; of a repeated column the first counts, and one of nothing but blanks is passed over."""
    for number, fields in records:
        values: dict[str, str | None] = {}
        for name, text in zip(source.header, fields, strict=False):
            values.setdefault(name, strict_csv.trimmed(text))
        if any(value is not None for value in values.values()):
            yield Row(source.file, number, values, ",".join(fields))
