"""A plan's imports into Canvas, from the lock to the settled journal; retry, kill, clear and redeploy are one path.

A plan is one import, but where ids or log-ins pass on: those go ahead, in imports of their own. Every function can be
called again at any point: what the journal has open is looked for in Canvas before anything is posted, and an
identifier is posted once. Where something must be waited for, the answer is a Wait; the operator defers on it, the
command line sleeps.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from roster import answers
from roster.canvas.bundle import linted, write_zip
from roster.errors import (
    CanvasFault,
    CanvasNotEmpty,
    CanvasStuck,
    CanvasUnreachable,
    CanvasWrongHost,
    LedgerBehind,
    LedgerMoved,
)
from roster.id_changes import without_failed
from roster.import_options import ImportOptions
from roster.journal import OUTCOMES, Intent, Settled, in_doubt, version_in
from roster.ledger import Ledger
from roster.runs import read_step, reading
from roster.steps import Done, Night
from roster.steps.load import rows_of, write_load
from roster.steps.plan import numbered
from roster.store import Store
from roster.tenants import Environment, Tenant
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.hooks.canvas_answers import keep_answers
from roster_airflow.hooks.canvas_replies import SisImport
from roster_airflow.refresh import CLOCKS_APART, follow_refresh, production_ledgers

LATE = timedelta(minutes=5)
INITIALIZING = timedelta(hours=1)
GIVEN_UP = 6

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wait:
    """What has to happen first: an import that runs since `since` has to end, or an instant has to come."""

    since: datetime
    import_id: str | None = None
    until: datetime | None = None


def _now() -> datetime:
    return datetime.now(UTC)


def _no_ledgers() -> Sequence[Ledger]:
    return ()


@dataclass(frozen=True)
class Loading:
    """A Canvas and the ledger of what it was given. late: how long an import that Canvas does not show may be on its
    way; now: the clock; production: the ledgers of what a refresh brings to test.
    """

    hook: CanvasHook
    ledger: Ledger
    late: timedelta = LATE
    now: Callable[[], datetime] = _now
    production: Callable[[], Sequence[Ledger]] = _no_ledgers

    def settle_open(self) -> Wait | None:
        """Settle what the journal has open, see whether an abandoned import turned up, and follow a refresh of test;
        None when all is settled.
        """
        if wait := self.settle_journal():
            return wait
        self.follow_refresh()
        self.not_behind()
        keep_answers(self.hook, self.ledger, self.now())
        return None

    def not_behind(self) -> None:
        """Raise LedgerBehind where Canvas has had imports of this package's since the last that the ledger knows.

        Later is what has a higher number: Canvas tells whole seconds, and its clock is not ours.
        """
        if (known := self.ledger.newest_import()) is None:
            return
        number, since = known
        later = [one for one in self.hook.sis_imports(since - CLOCKS_APART) if int(one.id) > number]
        names = [one.diffing_data_set_identifier or "" for one in later]
        unknown = [name for name in names if version_in(name) and not self.ledger.version_of(name)]
        # a refresh of test brings production's, and is followed by itself
        ledgers = self.production() if unknown else ()
        if unknown := [name for name in unknown if not any(one.version_of(name) for one in ledgers)]:
            message = (
                f"{self.ledger.host} has had {len(unknown)} imports that its ledger does not know: an older ledger was "
                "put back, or another installation loads into this Canvas. Stop the other; then run `roster reconcile "
                f"TENANT --then adopt --environment {self.hook.environment}`, which makes the ledger what Canvas has"
            )
            raise LedgerBehind(message)

    def newest_import(self) -> int:
        """The number of the newest import of anybody's, of those of the last day or of the ledger's own; 0 for none."""
        number, since = self.ledger.newest_import() or (0, self.now())
        return max([number, *(int(one.id) for one in self.hook.sis_imports(since - CLOCKS_APART))])

    def follow_refresh(self, *, confirmed: bool = False) -> Settled | None:
        """Let the ledger follow a refresh of test, once the journal is settled; None if there was none."""
        if self.hook.environment != "test":
            return None
        return follow_refresh(self.hook, self.ledger, self.production, self.now(), confirmed=confirmed)

    def settle_journal(self) -> Wait | None:
        """`settle_open` without looking for a refresh."""
        if (intent := self.ledger.open_intent()) and (wait := self._settle_intent(intent)):
            return wait
        watched = {late.identifier: late for late in self.ledger.watched(self.now())}
        if not watched:
            return None
        for found in self._imports_since(min(late.written for late in watched.values())):
            late = watched.get(found.diffing_data_set_identifier or "")
            if late is None or (late.outcome == "lost" and found.workflow_state == "initializing"):
                continue
            if not found.is_final and not self._lost(found, late.written):
                return _end_of(found, late.written)
            log.warning("import %s, which was given up, has come to Canvas after all", found.id)
            self.ledger.surface(late, found.id, self.now())
        return None

    def load(self, night: Night, plan_path: str, step: str = "load", *, bound: bool = False) -> Wait | Done:
        """Send the plan's free part, once; Done when all of it is settled. Raises CanvasFault and LedgerFault.

        bound: begin nothing while the tenant's load window is closed; the load is then missed. step: its name.

        Writes `load`: load.json (outcome, counts), problems.parquet (answers.PROBLEMS) and import.zip, numbered where
        there were several.
        """
        if wait := self.settle_journal():
            return wait
        with reading(night.store, plan_path) as folder:
            free = pl.read_parquet(folder / "sent.parquet")
        plan = read_step(night.store, plan_path, "plan.json")
        self._not_over_what_is_unknown()
        base, ended = plan["ledger"], list[Settled]()
        for stage in plan["stages"]:
            settled = self.ledger.settlement_of(stage["hash"], night.run.path, plan["ledger"]["version"])
            if settled is None or settled.outcome == "abandoned":
                sent = self._able(free, stage["stage"])
                if sent.is_empty():
                    continue
                if bound and not ended and (opens := night.tenant.opens(self.now())):
                    log.warning("the load window is closed until %s: nothing is sent", opens)
                    return write_load(night, self.ledger, free.clear(), [], step, missed=opens)
                return self._begin(night, sent, stage, base, plan["number"])
            base = {"version": settled.version, "state": settled.state}
            ended.append(settled)
        keep_answers(self.hook, self.ledger, self.now())
        return write_load(night, self.ledger, free, ended, step)

    def _able(self, free: pl.DataFrame, stage: int) -> pl.DataFrame:
        """The rows of that import, numbered anew: without what an earlier one of the plan did not make possible."""
        before = free.filter(pl.col("stage") < stage)
        sent = free.filter(pl.col("stage") == stage)
        return sent if before.is_empty() else numbered(without_failed(sent, before, self.ledger.current()[2]))

    def _not_over_what_is_unknown(self) -> None:
        """Raise CanvasNotEmpty where Canvas holds SIS users and there is no ledger of them."""
        if self.ledger.is_new() and self.hook.holds_sis_users():
            message = (
                f"{self.ledger.host} already holds users with SIS ids and ROSTER_HOME has no ledger of them: point "
                "ROSTER_HOME to the store that holds it, or make one of what Canvas has: run canvas_reconcile (or "
                f"`roster reconcile TENANT`) with environment {self.hook.environment} and then = adopt"
            )
            raise CanvasNotEmpty(message)

    def _begin(
        self, night: Night, sent: pl.DataFrame, stage: Mapping[str, Any], base: Mapping[str, Any], sequence: int
    ) -> Wait:
        """Lock and post one import. stage: of the plan; base: version and state of the ledger that it may follow."""
        self._not_again_and_again(base)
        if self.follow_refresh():
            message = "Canvas refreshed test from production while this run was going on: clear the run from settle on"
            raise LedgerMoved(message)
        with tempfile.TemporaryDirectory(prefix="roster-") as scratch:
            archive = Path(scratch) / "import.zip"
            write_zip(rows_of(sent), archive)
            if amiss := linted(archive)[1]:
                log.warning("rows that Canvas may refuse or take amiss, by rule of the linter: %s", amiss)
            intent = self.ledger.intend(
                sent,
                plan_hash=stage["hash"],
                state=base["state"],
                sequence=sequence,
                run=night.run.path,
                now=self.now(),
                options=ImportOptions(**stage.get("options", {})),
                facts={"amiss": amiss},
            )
            posted = self._post(intent, archive)
        log.info("import %s posted: %s rows", posted.id, sent.height)
        return _end_of(posted, intent.written)

    def _settle_intent(self, intent: Intent) -> Wait | None:
        if intent.kind == "refreshed":
            self.ledger.settle_refreshed(intent, self.now())
            return None
        if intent.kind == "reconciled":
            self.ledger.settle_reconciled(intent, self.now())
            return None
        found = self._find(intent)
        if found is None:
            due = intent.written + self.late
            if self.now() < due:
                return Wait(intent.written, until=due)
            log.warning("an import of %s rows never reached Canvas", self.ledger.sent(intent).height)
            self._abandon(intent)
        elif not found.is_final and not self._lost(found, intent.written):
            return _end_of(found, intent.written)
        elif intent.kind == "surfaced":
            outcomes = in_doubt(self.ledger.sent(intent))
            self.ledger.settle(intent, outcomes, outcome="surfaced", import_id=found.id, now=self.now())
        else:
            self._settle(intent, found)
        return None

    def _post(self, intent: Intent, archive: Path) -> SisImport:
        if self.ledger.versions()[0] >= intent.version:
            message = "this run was held up for so long that another gave its import up: clear it from its plan on"
            raise LedgerMoved(message)
        try:
            return self.hook.post_import(archive, intent.identifier, intent.options)
        except CanvasUnreachable:
            # Canvas may have taken it: its list tells, now or when this is called again.
            if found := self._find(intent):
                return found
            raise
        except CanvasFault:
            self._abandon(intent)
            raise

    def _not_again_and_again(self, base: Mapping[str, Any]) -> None:
        """Raise CanvasStuck where nothing has happened since the plan but imports that were given up."""
        version, state, _ = self.ledger.current()
        if state == base["state"] and version - base["version"] >= GIVEN_UP:
            message = (
                f"{version - base['version']} imports were posted for this plan and Canvas shows none of them: see in "
                "Canvas whether they came, and whether the clock here is right; then clear the run from its plan on"
            )
            raise CanvasStuck(message)

    def _find(self, intent: Intent) -> SisImport | None:
        shown = self._imports_since(intent.written)
        return next((one for one in shown if one.is_ours(intent.identifier)), None)

    def _imports_since(self, written: datetime) -> list[SisImport]:
        return self.hook.sis_imports(min(written, self.now()) - CLOCKS_APART)

    def _lost(self, found: SisImport, written: datetime) -> bool:
        begun = _end_of(found, written).since
        return found.workflow_state == "initializing" and self.now() - begun > INITIALIZING

    def _abandon(self, intent: Intent) -> None:
        nothing = pl.DataFrame(schema=OUTCOMES)
        self.ledger.settle(intent, nothing, outcome="abandoned", import_id=None, now=self.now())

    def _settle(self, intent: Intent, found: SisImport) -> None:
        """Read the whole answer and write the next version of the ledger."""
        sent = self.ledger.sent(intent)
        _, _, before = self.ledger.current()
        if found.is_final:
            answer = answers.read(sent, found.workflow_state, found.counts, self.hook.messages(found.id), before)
        else:
            reason = f"import {found.id} stayed in {found.workflow_state} for over an hour"
            answer = answers.Answer(in_doubt(sent), pl.DataFrame(schema=answers.PROBLEMS), (reason,))
        facts = {
            "workflow_state": found.workflow_state,
            "counts": dict(found.counts),
            "statistics": dict(found.statistics),
            "rows": sent.height,
            **{outcome: answer.count(outcome) for outcome in ("sent", "refused", "doubt")},
            "newly_refused": answer.newly_refused,
            "doubts": list(answer.doubts),
            "amiss": dict(intent.facts.get("amiss", {})),
        }
        log.info(
            "import %s ended as %s: %s rows taken, %s refused, %s in doubt",
            found.id,
            found.workflow_state,
            *(facts[outcome] for outcome in ("sent", "refused", "doubt")),
        )
        self.ledger.settle(
            intent,
            answer.outcomes,
            outcome="taken" if found.is_final else "lost",
            import_id=found.id,
            now=self.now(),
            facts=facts,
            problems=answer.problems,
        )


def _end_of(found: SisImport, written: datetime) -> Wait:
    """Wait for the end of an import. It runs since it was written, or since it came, where that was much later."""
    return Wait(max(written, found.created_at or written), import_id=found.id)


def loading_for(store: Store, tenant: Tenant, environment: Environment) -> Loading:
    """The Canvas of that environment and its ledger; asks Canvas which root account it is."""
    settings = tenant.environment(environment)
    hook = CanvasHook(settings.connection, environment, settings.hosts)
    other = tenant.canvas.production if environment == "test" else tenant.canvas.test
    if other and {hook.address.netloc, f"{hook.address.host}:{hook.address.port}"} & set(other.hosts):
        message = f"the connection of environment {environment} points at a host of the other environment"
        raise CanvasWrongHost(message)
    ledger = Ledger(store, hook.address.netloc, hook.root_account().id)
    return Loading(hook, ledger, production=lambda: production_ledgers(store, tenant))
