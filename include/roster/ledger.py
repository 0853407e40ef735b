"""The ledger: what one Canvas root account was given, refused, or may have; and the journal of imports that moves it.

Below `ledgers/<host>/<root account>/` every version N has

    N.intent.json    created if absent, before the POST: the lock, and all that is needed to settle it
    N.answer.json    Canvas's whole answer, which it forgets after 30 days
    N.settled.json   created if absent, when it is known what became of it; names the rows of version N

A version without `settled` is an import that is open; nothing is planned or posted until it is settled. An import that
Canvas never showed is *abandoned*: its identifier is never posted again, and if it turns up after all its rows are in
doubt. Where Canvas was written over from another environment, a version takes its rows from that one's ledger. The
ledger never claims more than Canvas was told and did not refuse.
"""

from __future__ import annotations

import io
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from roster.errors import ImportOpen, LedgerFault, LedgerMoved
from roster.import_options import NONE, ImportOptions
from roster.journal import (
    OUTCOMES,
    SCHEMA,
    SENT,
    WATCHED,
    Intent,
    Outcome,
    Refreshed,
    Settled,
    identifier,
    in_doubt,
    version_in,
)
from roster.ledger_rows import LEDGER, as_ledger, digest, moved
from roster.store import Store

_HOST_AND_PORT = re.compile(r"^(.*)_(\d+)$")
_ANOTHER = "another run is loading into this Canvas at this moment: clear the run from its plan on"


class Ledger:
    """The ledger of one host and root account, in a store."""

    def __init__(self, store: Store, host: str, account: str) -> None:
        self.store = store
        self.host, self.account = host, account
        self.path = f"ledgers/{host.replace(':', '_')}/{account}"

    @classmethod
    def of_host(cls, store: Store, host: str) -> list[Ledger]:
        """The ledgers that a host has; of one root account, as a rule."""
        return [cls(store, host, account) for account in store.names(cls(store, host, "").path.rstrip("/"))]

    @classmethod
    def all(cls, store: Store) -> list[Ledger]:
        """Every ledger of the store. A host's port is part of its folder's name, and comes back with it."""
        return [
            cls(store, _HOST_AND_PORT.sub(r"\1:\2", host), account)
            for host in store.names("ledgers")
            for account in store.names(f"ledgers/{host}")
        ]

    def versions(self) -> tuple[int, int]:
        """(highest settled version, highest version with an intent); equal where nothing is open, 0 at the start."""
        names = self.store.names(self.path)
        highest = {"settled": 0, "intent": 0}
        for name in names:
            number, _, kind = name.removesuffix(".json").partition(".")
            if kind in highest:
                highest[kind] = max(highest[kind], int(number))
        return highest["settled"], max(highest.values())

    def open_intent(self) -> Intent | None:
        """The import that is not settled yet."""
        settled, intended = self.versions()
        return self.intent(intended) if intended > settled else None

    def intent(self, version: int) -> Intent:
        """The intent of that version."""
        return Intent.model_validate_json(self.store.read(self._name(version, "intent")))

    def settled(self, version: int) -> Settled:
        """What became of that version; LedgerFault where a newer release of this package wrote it."""
        content = self.store.read_json(self._name(version, "settled"))
        if content.get("model_schema", 0) > SCHEMA:
            message = f"the ledger of {self.host} was written by a newer release (schema {content['model_schema']})"
            raise LedgerFault(message)
        return Settled.model_validate(content)

    def current(self) -> tuple[int, str, pl.DataFrame]:
        """(version, state, rows): the newest settled version, the digest that stands for its content, its LEDGER."""
        version, _ = self.versions()
        if version == 0:
            return 0, "empty", pl.DataFrame(schema=LEDGER)
        settled = self.settled(version)
        return version, settled.state, self._rows(settled.rows)

    def without_answer(self, since: datetime) -> list[Settled]:
        """Imports that Canvas ended since then and whose whole answer is not kept, newest first."""
        kept, found = set(self.store.names(self.path)), list[Settled]()
        version, _ = self.versions()
        while version > 0 and (settled := self.settled(version)).settled >= since:
            if settled.outcome == "taken" and self._name(version, "answer").rpartition("/")[2] not in kept:
                found.append(settled)
            version -= 1
        return found

    def keep_answer(self, version: int, answer: Mapping[str, Any]) -> None:
        """Keep what Canvas answered of an import, which it forgets after 30 days."""
        self.store.create(self._name(version, "answer"), json.dumps(answer).encode())

    def remove_answer(self, version: int) -> bool:
        """Forget it; False where there is none."""
        if there := self.store.exists(name := self._name(version, "answer")):
            self.store.remove(name)
        return there

    def version_of(self, name: str) -> int:
        """The version whose import has this identifier; 0 where none of this ledger has."""
        version = version_in(name)
        is_here = version and self.store.exists(self._name(version, "intent"))
        return version if is_here and self.intent(version).identifier == name else 0

    def rows_at(self, version: int) -> pl.DataFrame:
        """The LEDGER of that version; RunFolderBroken where retention has removed it."""
        return self._rows(self.settled(version).rows) if version else pl.DataFrame(schema=LEDGER)

    def sent(self, entry: Intent | Settled) -> pl.DataFrame:
        """The rows that the import carries."""
        return self._frame(entry.sent)

    def problems(self, entry: Settled) -> pl.DataFrame | None:
        """What Canvas said about the import, as it was read when it was settled."""
        return self._frame(entry.problems) if entry.problems else None

    def settlement_of(self, plan_hash: str, run: str, since: int) -> Settled | None:
        """How this run's import of that plan ended, if that was after version `since` (a step that runs again)."""
        version, _ = self.versions()
        while version > since:
            settled = self.settled(version)
            if settled.run == run and settled.plan_hash == plan_hash and settled.outcome != "surfaced":
                return settled
            version -= 1
        return None

    def intend(
        self,
        sent: pl.DataFrame,
        *,
        plan_hash: str,
        state: str,
        sequence: int,
        run: str,
        now: datetime,
        options: ImportOptions = NONE,
        facts: Mapping[str, Any] | None = None,
    ) -> Intent:
        """Write the import that is about to be posted; the caller alone may then post it.

        state: the digest of the version that the plan was made against. facts: what is known of it by now. Raises
        LedgerMoved where the ledger says otherwise by now, ImportOpen where another import has not been settled.
        """
        if opened := self.open_intent():
            message = f"import {opened.identifier} of {opened.written:%Y-%m-%d %H:%M} UTC has not been settled"
            raise ImportOpen(message)
        version, present, _ = self.current()
        if present != state:
            message = "the ledger moved on since this plan was made: clear the run from its plan on"
            raise LedgerMoved(message)
        following = version + 1
        intent = Intent(
            version=following,
            identifier=identifier(self.host, self.account, following, plan_hash, now),
            plan_hash=plan_hash,
            state=state,
            sent=self._keep("sent", sent),
            sequence=sequence,
            run=run,
            written=now,
            options=options,
            facts=facts or {},
        )
        return self._lock(intent)

    def settle(
        self,
        intent: Intent,
        outcomes: pl.DataFrame,
        *,
        outcome: Outcome,
        import_id: str | None,
        now: datetime,
        facts: Mapping[str, Any] | None = None,
        problems: pl.DataFrame | None = None,
    ) -> Settled:
        """Write what became of an import, as the next version. Settling twice gives the first answer."""
        version, state, before = self.current()
        if version < intent.version:
            sent = self.sent(intent)
            after = before if outcome == "abandoned" else moved(before, sent, outcomes, intent.sequence)
            settled = Settled(
                version=intent.version,
                identifier=intent.identifier,
                plan_hash=intent.plan_hash,
                outcome=outcome,
                import_id=import_id,
                rows=intent.rows or self._keep("rows", after),
                state=state if outcome == "abandoned" else secrets.token_hex(16),
                facts=facts or {},
                problems=None if problems is None else self._keep("problems", problems),
                sent=intent.sent,
                written=intent.written,
                settled=now,
                run=intent.run,
            )
            self.store.create(self._name(intent.version, "settled"), settled.model_dump_json(indent=1).encode())
        return self.settled(intent.version)

    def watched(self, now: datetime) -> list[Settled]:
        """Abandoned imports that may still turn up in Canvas and lost ones that may still start, and have not yet."""
        version, _ = self.versions()
        found: dict[str, Settled] = {}
        surfaced = set()
        while version > 0:
            settled = self.settled(version)
            if settled.outcome == "surfaced":  # written when the import was, long before this version
                surfaced.add(settled.identifier)
            elif now - settled.written > WATCHED:
                break
            elif settled.outcome in ("abandoned", "lost"):
                found[settled.identifier] = settled
            version -= 1
        return [settled for name, settled in found.items() if name not in surfaced]

    def surface(self, late: Settled, import_id: str, now: datetime) -> Settled:
        """An abandoned import turned up in Canvas: its rows are in doubt from the next version on."""
        if opened := self.open_intent():
            message = f"import {opened.identifier} has not been settled"
            raise ImportOpen(message)
        version, state, _ = self.current()
        intent = Intent(
            version=version + 1,
            identifier=late.identifier,
            plan_hash=late.plan_hash,
            state=state,
            sent=late.sent,
            sequence=0,
            run=late.run,
            written=late.written,
            kind="surfaced",
        )
        self._lock(intent)
        return self.settle(intent, in_doubt(self.sent(intent)), outcome="surfaced", import_id=import_id, now=now)

    def refresh(self, rows: pl.DataFrame, came: Refreshed, *, version: int, now: datetime) -> Settled:
        """Canvas was written over: the ledger has these rows from the next version on.

        version: the one that this was found out against; LedgerMoved where the ledger is at another by now.
        """
        if self.versions() != (version, version):
            raise LedgerMoved(_ANOTHER)
        intent = Intent(
            version=version + 1,
            identifier=came.identifier,
            plan_hash="",
            state=self.current()[1],
            sent=self._keep("sent", pl.DataFrame(schema=SENT)),
            sequence=0,
            run="",
            written=now,
            kind="refreshed",
            refreshed=came,
            rows=self._keep("rows", rows),
        )
        return self.settle_refreshed(self._lock(intent), now)

    def newest_import(self) -> tuple[int, datetime] | None:
        """The number of Canvas's import up to which all is known, by the last one of ours or by adopting, and when
        that was written; None where there is none since Canvas was written over.
        """
        version, _ = self.versions()
        while version > 0:
            settled = self.settled(version)
            number = settled.facts.get("newest_import") or settled.import_id
            if number is not None and settled.outcome != "surfaced":
                return int(number), settled.written
            if settled.outcome == "refreshed":
                return None
            version -= 1
        return None

    def reconcile(
        self, rows: pl.DataFrame, facts: Mapping[str, Any], *, version: int, run: str, now: datetime
    ) -> Settled:
        """Canvas's reports told what it has: the ledger has these rows from the next version on. version: as above."""
        if self.versions() != (version, version):
            raise LedgerMoved(_ANOTHER)
        intent = Intent(
            version=version + 1,
            identifier="",
            plan_hash="",
            state=self.current()[1],
            sent=self._keep("sent", pl.DataFrame(schema=SENT)),
            sequence=0,
            run=run,
            written=now,
            kind="reconciled",
            facts=facts,
            rows=self._keep("rows", rows),
        )
        return self.settle_reconciled(self._lock(intent), now)

    def settle_reconciled(self, intent: Intent, now: datetime) -> Settled:
        """Settle what `reconcile` wrote; nothing is asked of Canvas for it."""
        nothing = pl.DataFrame(schema=OUTCOMES)
        return self.settle(intent, nothing, outcome="reconciled", import_id=None, now=now, facts=intent.facts)

    def settle_refreshed(self, intent: Intent, now: datetime) -> Settled:
        """Settle what `refresh` wrote; nothing is asked of Canvas for it."""
        came = intent.refreshed or Refreshed(anew=True)
        return self.settle(
            intent,
            pl.DataFrame(schema=OUTCOMES),
            outcome="refreshed",
            import_id=came.import_id,
            now=now,
            facts=came.model_dump(mode="json"),
        )

    def is_new(self) -> bool:
        """True if nothing was given to this Canvas yet, or since it was written over with what nobody knows."""
        version, _ = self.versions()
        return version == 0 or (self.settled(version).outcome == "refreshed" and self.current()[2].is_empty())

    def keep_undone(self, version: int, digests: Sequence[str]) -> None:
        """Keep what stands for rows that an undo takes back; version: the one that its last import makes."""
        self.store.write(f"{self.path}/undone/{version:08d}.json", json.dumps(list(digests)).encode())

    def undone(self, rows: pl.DataFrame) -> frozenset[str]:
        """What was undone and has not been sent again since. rows: the current LEDGER, which tells."""
        version, found = self.versions()[0], set[str]()
        for name in self.store.names(f"{self.path}/undone"):
            path = f"{self.path}/undone/{name}"
            kept = set(self.store.read_json(path))
            if kept and version >= int(name.removesuffix(".json")):
                there = rows.filter(pl.col("row").is_not_null()).select("file", "key", "row")
                sent_again = kept & {digest(*line) for line in there.iter_rows()}
                kept -= sent_again
                if sent_again:
                    self.store.write(path, json.dumps(sorted(kept)).encode())
            found |= kept
        return frozenset(found)

    def _lock(self, intent: Intent) -> Intent:
        """Create the version; LedgerMoved where somebody else has."""
        if not self.store.create(self._name(intent.version, "intent"), intent.model_dump_json(indent=1).encode()):
            raise LedgerMoved(_ANOTHER)
        return intent

    def _name(self, version: int, kind: str) -> str:
        return f"{self.path}/{version:08d}.{kind}.json"

    def _keep(self, what: str, frame: pl.DataFrame) -> str:
        """Write a frame under a name of its own; the journal entry that names it makes it count."""
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        path = f"{self.path}/{what}/{secrets.token_hex(12)}.parquet"
        self.store.write(path, buffer.getvalue())
        return path

    def _rows(self, path: str) -> pl.DataFrame:
        return as_ledger(self._frame(path))

    def _frame(self, path: str) -> pl.DataFrame:
        return pl.read_parquet(io.BytesIO(self.store.read(path)))
