"""The staged roll-out without Airflow: nights over two Canvases, what is held, and people's answers."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from roster.configuration import configuration_hash
from roster.decisions import Decision, Request, conclude, decision
from roster.errors import CanvasBusy, CanvasTokenDead, CanvasUnreachable, NotRehearsed, RosterError
from roster.import_options import NONE
from roster.ledger import Ledger
from roster.runs import pointed, read_step, write_json
from roster.steps import Done, Night
from roster.steps.hand_on import hand_on
from roster.steps.hold import hold, wakes
from roster.steps.load import read_strictly, settled_since
from roster.steps.plan import Asked, make_plan
from roster.steps.promote import plan_production, take, within
from roster.steps.release import (
    APPROVE,
    Reply,
    ask,
    ask_afresh,
    decide,
    leaves_open,
    plan_again,
    plan_rehearsal,
    request_of,
)
from roster.steps.verdict import PRODUCTION_STEPS, Outcome, verdict
from roster.store import Store
from roster.tenants import Tenant
from roster_airflow.loading import Loading
from roster_airflow.release import _outcome
from tests.nights import finish, night_of
from tests.nights.small import School, write_artefact
from tests.paper import PaperCanvas

FIRST = datetime(2016, 2, 1, 7, tzinfo=UTC)
AWAY = (CanvasUnreachable, CanvasBusy, CanvasTokenDead)
Keys = frozenset[tuple[str, str]]
Form = tuple[Night, Done]
"""The run that asks, and what it asks."""


class Side(Protocol):
    """One Canvas and its ledger."""

    @property
    def loading(self) -> Loading: ...

    def carry_through(self, act: Callable[[], Any]) -> Any:
        """The act, until it no longer waits."""
        ...


@dataclass
class Plain:
    """A side on which nothing goes wrong."""

    loading: Loading

    def carry_through(self, act: Callable[[], Any]) -> Any:
        return finish(act, self.loading)


@dataclass
class Promoted:
    """A run of production: what its steps answered, what ended it, what it asks, and its report."""

    night: Night
    steps: dict[str, Done | None] = field(default_factory=dict)
    fault: RosterError | None = None
    request: Request | None = None
    wakes: bool = False
    report: dict[str, Any] = field(default_factory=dict)
    folder: Path = Path()

    def table(self, step: str, name: str) -> pl.DataFrame:
        done = self.steps.get(step)
        assert done is not None, self.fault
        return pl.read_parquet(self.night.store.local_path(done["path"]) / name)

    def plan(self) -> Any:
        done = self.steps["plan"]
        assert done is not None
        return read_step(self.night.store, done["path"], "plan.json")

    def keys(self, part: str) -> set[tuple[str, str]]:
        """File and key of a part of the plan."""
        changes = self.table("plan", "changes.parquet")
        return set(changes.filter(pl.col("part") == part).select("file", "key").iter_rows())

    def why(self) -> set[str]:
        """Why rows are held, by the word before the colon."""
        return {line["why"].partition(":")[0] for line in self.plan()["counts"]["holds"]}

    def untouched(self) -> dict[str, set[tuple[str, str]]]:
        """File and key of what this run has left as it is, by what the report calls it."""
        found = {name: self.table("plan", f"{name}.parquet") for name in ("waiting", "left")}
        return {name: set(frame.select("file", "key").iter_rows()) for name, frame in found.items()} | {
            "held": self.keys("held"),
            "frozen": set(self._frozen().select("file", "key").iter_rows()),
            "refused": self._refused(),
        }

    def _frozen(self) -> pl.DataFrame:
        return pl.read_parquet(self.night.store.local_path(self.plan()["artefact"]) / "frozen.parquet")

    def _refused(self) -> set[tuple[str, str]]:
        problems = self.table("load", "problems.parquet").filter(pl.col("outcome") == "refused")
        return set(problems.select("file", "key").unique().iter_rows())

    def messages(self) -> list[dict[str, str]]:
        """messages.csv of the report."""
        file = self.folder / "messages.csv"
        if not file.exists():
            return []
        with file.open(encoding="utf-8") as lines:
            return list(csv.DictReader(lines))


@dataclass
class Released:
    """A run of the release after an answer came. asked_afresh: whether it wakes another one."""

    night: Night
    decision: Decision
    steps: dict[str, Done | None] = field(default_factory=dict)
    fault: RosterError | None = None
    asked_afresh: bool = False


@dataclass
class Rollout:
    """One tenant's nights in test and production. hour: of the day; releases of one day are told apart by it."""

    home: Path
    tenant: Tenant
    test: Side
    production: Side
    day: int = 0
    minutes: int = 0
    made: dict[int, tuple[School, Keys]] = field(default_factory=dict)

    def night(self, kind: str) -> Night:
        """The next run of that kind, on this day."""
        self.minutes += 1
        moment = FIRST + timedelta(days=self.day, minutes=self.minutes)
        return night_of(self.home, self.tenant, moment, name=kind)

    def set(self, **keys: Any) -> None:
        """Other values for keys of the tenant file."""
        other = a_tenant(**keys)
        self.tenant = self.tenant.model_copy(update={key: getattr(other, key) for key in keys})

    def go(self, phase: str) -> None:
        """Review or live."""
        self.tenant = self.tenant.model_copy(
            update={"rollout": self.tenant.rollout.model_copy(update={"phase": phase})}
        )

    def rehearse(
        self,
        school: School,
        *,
        quarantined: Keys = frozenset(),
        standing: str = "proven",
        only: str | None = None,
        away: bool = False,
    ) -> RosterError | None:
        """The night in test, on a new day; answers what ended it. standing: proven, complete or nothing. away: test
        gives no answer.
        """
        self.day += 1
        self.minutes = 0
        night = self.night("test")
        with night.run.write("check") as step:
            write_json(step.folder, "check.json", {"counts": {"rows": {}}})
        proof = {"complete": standing in ("proven", "complete"), "proven": standing == "proven"}
        artefact = write_artefact(
            night,
            school,
            quarantined,
            standing={
                "run_date": night.run_date.isoformat(),
                "deliveries": {"clever": night.run.name},
                "reasons": [],
                **proof,
            },
            tenant=night.tenant.model_dump(mode="json"),
            configuration=configuration_hash(night.tenant),
            check=step.path,
        )
        self.made[artefact["counts"]["number"]] = (school, quarantined)
        plan = load = fault = None
        try:
            if away:
                message = "test gives no answer"
                raise CanvasUnreachable(message)
            side = self.test if self.tenant.is_rehearsed else self.production
            side.carry_through(side.loading.settle_open)
            plan = make_plan(night, artefact["path"], side.loading.ledger, Asked(only=only))
            load = (
                self._load(side, night, plan, "load")
                if self.tenant.is_rehearsed
                else read_strictly(night, plan["path"])
            )
        except RosterError as error:
            fault = error
        hand_on(
            night,
            extracts={},
            transform=artefact,
            plan=plan,
            load=load,
            unreachable=isinstance(fault, AWAY),
            scope=only,
            now=night.run_date,
        )
        night.store.remove(step.path)  # it has no roster: reports leave it out, as after its retention
        return fault

    def promote(self, **params: Any) -> Promoted:
        """A run of production, as its tasks go; whatever ended it is in the answer."""
        night = self.night("production")
        run, began = Promoted(night), datetime.now(UTC)
        loading, step = self.production.loading, "settle"
        try:
            self.production.carry_through(loading.settle_open)
            run.steps["settle"] = settled_since(night, loading.ledger, began)
            step = "take"
            run.steps["take"] = taken = take(night)
            step = "plan"
            only = within(taken["counts"]["scope"], params.get("only"))
            asked = Asked(resync=params.get("resync", False), only=only, options=params.get("options", NONE))
            run.steps["plan"] = plan = plan_production(night, taken, loading.ledger, asked)
            step = "load"
            run.steps["load"] = self._load(self.production, night, plan, "load", bound=only is None)
        except RosterError as error:
            run.fault = error
        run.request = hold(night, plan=run.steps.get("plan"), load=run.steps.get("load"), now=night.run_date)
        run.wakes = run.request is not None and wakes(night, run.request)
        outcome = Outcome(
            extracts={},
            steps=run.steps,
            faults={step: str(run.fault)} if run.fault else {},
            order=PRODUCTION_STEPS,
            environment="production",
        )
        done, _ = verdict(night, outcome)
        run.report = read_step(night.store, done["path"], "report.json")
        run.folder = night.store.local_path(done["path"])
        return run

    def ask(self, *, by_hand: bool = False) -> Form | None:
        """A run of the release up to its form; None where there is nothing to ask."""
        night = self.night("release")
        asked = ask(night, night.run_date, by_hand=by_hand)
        return (night, asked) if asked else None

    def approve(self, form: Form | None = None) -> Released:
        """Ask and approve, as it is shown."""
        form = form or self.ask()
        assert form is not None, "nothing is asked"
        return self.answer(form, self.reply(form))

    def reply(self, form: Form, option: str = APPROVE, by: str | None = "registrar") -> Reply:
        """An answer that leaves the form's hash as it is."""
        return Reply(option, request_of(*form)[0].held_hash, by)

    def answer(self, form: Form, reply: Reply | None) -> Released:
        """The run of the release from the answer on; the tenant file may have changed since it asked."""
        night, asked = replace(form[0], tenant=self.tenant), form[1]
        now = self.night("answer").run_date
        request, _ = request_of(night, asked)
        run = Released(night, decide(night, asked, reply, now))
        kept = run.decision
        if leaves_open(kept.answer):
            run.asked_afresh = True
        elif kept.answer == "approved":
            try:
                self._let_go(run, request)
            except RosterError as error:
                run.fault = error
            plan, load = run.steps.get("production.plan"), run.steps.get("production.load")
            outcome, import_id = _outcome(plan, load), load["counts"]["import_id"] if load else None
            conclude(night.store, night.tenant.id, kept.name, outcome, import_id)
            afresh = ask_afresh(night, request, plan=plan, load=load, now=now)
            run.asked_afresh = afresh is not None
            run.decision = decision(night.store, night.tenant.id, kept.name)
        return run

    def _let_go(self, run: Released, request: Request) -> None:
        night = run.night
        try:
            if night.tenant.is_rehearsed:
                self._rehearse_again(run, request)
        except AWAY:
            if night.tenant.rollout.phase != "live":
                raise
        self.production.carry_through(self.production.loading.settle_open)
        run.steps["production.plan"] = plan = plan_again(night, request, self.production.loading.ledger)
        run.steps["production.load"] = self._load(self.production, night, plan, "production.load", bound=True)

    def _rehearse_again(self, run: Released, request: Request) -> None:
        self.test.carry_through(self.test.loading.settle_open)
        plan = plan_rehearsal(run.night, request, self.test.loading.ledger)
        run.steps["test.load"] = loaded = self._load(self.test, run.night, plan, "test.load")
        if loaded["counts"]["over_budget"]:
            message = "not promoted"
            raise NotRehearsed(message)

    def _load(self, side: Side, night: Night, plan: Done, step: str, *, bound: bool = False) -> Done:
        done: Done = side.carry_through(lambda: side.loading.load(night, plan["path"], step, bound=bound))
        return done

    def handed(self) -> tuple[int, School, Keys]:
        """Number of the artefact that production may take, the school that it was made of, and what it kept back."""
        pointer = pointed(self.production.loading.ledger.store, self.tenant.id, "tested")
        assert pointer is not None
        return pointer["number"], *self.made[pointer["number"]]

    def count(self) -> int:
        """Imports that were ever to be posted to production."""
        return len([*self.posted()])

    def posted(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Run folder and rows of everything that was ever to be posted to production, oldest first."""
        ledger = self.production.loading.ledger
        for version in range(1, ledger.versions()[1] + 1):
            intent = ledger.intent(version)
            if intent.kind == "import":
                yield intent.run, ledger.sent(intent)


def _read(_side: Side, night: Night, plan: Done, _step: str) -> Done:
    return read_strictly(night, plan["path"])


def a_tenant(**keys: Any) -> Tenant:
    """A tenant of both environments in phase review, with two approvers."""
    return Tenant.model_validate(
        {
            "id": "sample",
            "name": "Sample",
            "timezone": "America/New_York",
            "sources": [{"name": "clever", "system": "clever_csv", "connection": "clever_files"}],
            "canvas": {
                "test": {"connection": "canvas_test", "hosts": ["127.0.0.1"]},
                "production": {"connection": "canvas_production"},
            },
            "rollout": {"approvers": ["principal", "registrar"]},
            **keys,
        }
    )


def on_paper(folder: Path, **keys: Any) -> Rollout:
    """A roll-out over two Canvases of paper."""
    store = Store(str(folder / "home"))
    sides = []
    for host in ("canvas.test.example", "canvas.example"):
        hook: Any = PaperCanvas()
        hook.environment = "production"  # a Canvas of paper is never refreshed
        sides.append(Plain(Loading(hook, Ledger(store, host, "1"))))
    return Rollout(folder / "home", a_tenant(**keys), *sides)
