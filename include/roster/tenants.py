"""A tenant: one Canvas root account and what feeds it, as one YAML file `<id>.yaml`.

The models below and those of `roster.settings` are the whole grammar of that file; a key that is not there does not
exist. Reading is cheap, because Airflow does it whenever it parses the DAG files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadCronError, CroniterBadDateError, croniter
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from roster.errors import TenantFileWrong
from roster.settings import SourceSettings
from roster.settings.grammar import Duration, Percent, Settings
from roster.settings.sync import SyncSettings
from roster.tenant_faults import explained, line_of, parsed, shown

Severity = Literal["note", "warn", "quarantine", "stop"]
Environment = Literal["test", "production"]

# A request is answered before the next night renews it; without a schedule, within a day of people's work.
BEFORE_THE_NIGHT, ANSWER_WITHIN = timedelta(minutes=30), timedelta(hours=20)


def _timezone(value: str) -> str:
    # Not asked of available_timezones(): it walks through all files of the list, for every tenant.
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = "must be a time zone of the IANA list, such as Australia/Brisbane"
        raise ValueError(message) from None
    return value


@cache  # most tenants have the same one
def _cron(value: str) -> str:
    if value.startswith("@") or len(value.split()) == 5:
        try:
            croniter(value).get_next()
        except (CroniterBadCronError, CroniterBadDateError):
            pass
        else:
            return value
    message = "must be a cron expression of five fields, such as 0 2 * * *, or @daily"
    raise ValueError(message)


def _targets(value: Any) -> Any:
    """One id, or a list in which an id stands for a webhook, as what it is short for."""
    listed = [] if value is None else value if isinstance(value, list | tuple) else [value]
    if any(not isinstance(one, str | dict) for one in listed):
        message = "must be the id of a connection, or a list of such ids and of mappings (connection, to)"
        raise ValueError(message)
    return [{"connection": one} if isinstance(one, str) else one for one in listed]


class CanvasEnvironment(Settings):
    """One Canvas environment."""

    connection: str
    """Airflow connection of type `canvas`."""
    hosts: tuple[str, ...] = ()
    """Hosts (host or host:port) that belong to this environment although their name does not say so."""


def _said(value: Any) -> Any:
    """`none` is a decision to go without; a blank is an oversight."""
    if value == "none":
        return None
    if value is None or isinstance(value, str):
        message = "must be a mapping with connection, or none where there is no test environment"
        raise ValueError(message)
    return value


class CanvasSettings(Settings):
    """Where the rows go."""

    test: Annotated[CanvasEnvironment | None, BeforeValidator(_said)]
    """Where every night is rehearsed; none where there is no test environment: the plan is made and read, not sent."""
    production: CanvasEnvironment | None = None
    """Where a rehearsed night goes then; left out: nowhere."""
    account: str | None = None
    """SIS id of the account that holds the schools' sub-accounts; left out: the root account."""
    deadline: Duration = timedelta(hours=4)
    """How long one import may take before the run gives up waiting for it."""


def _clock(value: Any) -> Any:
    """`07:00` → 07:00. YAML reads 07:00 without quotes as text, but 10:30 as 630, its minutes."""
    if isinstance(value, int) and 0 <= value < 24 * 60:
        value = f"{value // 60:02}:{value % 60:02}"
    if isinstance(value, time):
        return value
    if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d(:00)?", value):
        return time.fromisoformat(value)
    message = "must be a time of day such as 07:00"
    raise ValueError(message)


Clock = Annotated[time, BeforeValidator(_clock)]


class LoadWindow(Settings):
    """When production may be loaded."""

    not_between: tuple[Clock, Clock]
    """Two times of the tenant's day; nights and releases wait outside, a run with `only` does not."""

    @model_validator(mode="after")
    def _differ(self) -> LoadWindow:
        if self.not_between[0] == self.not_between[1]:
            message = "not_between must be two different times of day"
            raise ValueError(message)
        return self


class IdChanges(Settings):
    """Which SIS ids in Canvas become which: a CSV file or a query with type, old_id, new_id (ids-that-change.md)."""

    connection: str
    """Airflow connection: type `fs` or `sftp` for a file, that of the database for a query."""
    path: str | None = None
    """The file, below the connection's own path."""
    query: str | None = None
    """SQL that selects the three columns."""

    @model_validator(mode="after")
    def _one_of_both(self) -> IdChanges:
        if (self.path is None) == (self.query is None):
            message = "must have either path or query"
            raise ValueError(message)
        return self


class RolloutSettings(Settings):
    """How far a tenant has come, and who decides."""

    phase: Literal["review", "live"] = "review"
    """review: all that goes to production waits for a release; live: only what trips a limit does."""
    approvers: tuple[str, ...] = ()
    """Who may release: user ids of Airflow's auth manager."""
    answer_within: Duration | None = None
    """How long a request waits for an answer; left out: until half an hour before the next night, else 20 hours."""


class SafetySettings(Settings):
    """What may change in a night before a person is asked."""

    deleted: Percent = 0.10
    """How much of what Canvas has may be dropped in a night, per type and school and in total."""
    updated: Percent = 0.75
    """The same for what is changed."""
    per_school: bool = True
    """Judge each school by itself as well as the total."""
    at_least: Annotated[int, Field(ge=0)] = 10
    """A limit trips only above this many changes (small schools: above half)."""
    refused: Percent = 0.02
    """Newly refused rows that a load may have before the run fails."""


class NotifyTarget(Settings):
    """Who is told what happened: the id of a connection, or a list of such ids and of these mappings."""

    connection: str
    """Airflow connection: type `http` (a webhook), `slackwebhook` or `smtp`."""
    to: tuple[str, ...] = ()
    """Addresses, where it is `smtp`."""


class Tenant(Settings):
    """One tenant file."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
    """The file's name without .yaml; starts the names of its DAGs."""
    name: str
    """What people call it: in the report and the DAGs' descriptions."""
    timezone: Annotated[str, AfterValidator(_timezone)]
    """Time zone of the IANA list: of the schedule, of dates, and of what counts as today."""
    schedule: Annotated[str, AfterValidator(_cron)] | None = "0 2 * * *"
    """Cron expression in the tenant's time zone; null: only by hand."""
    sources: Annotated[tuple[SourceSettings, ...], Field(min_length=1)]
    """Where the roster comes from."""
    canvas: CanvasSettings
    sync: SyncSettings = SyncSettings()
    rollout: RolloutSettings = RolloutSettings()
    load_window: LoadWindow | None = None
    id_changes: IdChanges | None = None
    safety: SafetySettings = SafetySettings()
    rules: dict[str, Severity] = Field(default_factory=dict)
    """Severity by rule id, where the tenant sees it otherwise (docs/rules.md)."""
    notify: Annotated[tuple[NotifyTarget, ...], BeforeValidator(_targets)] = ()
    ping: str | None = None
    """Airflow connection of type http that is called after each good night; silence there is the alarm."""
    deadline: Duration = timedelta(hours=6)
    """A night that takes longer is reported as late."""
    retention: Duration = timedelta(days=30)
    """How long run folders are kept."""

    @property
    def zone(self) -> ZoneInfo:
        """The tenant's time zone."""
        return ZoneInfo(self.timezone)

    @cached_property
    def source_names(self) -> tuple[str, ...]:
        """The sources in the order of the file."""
        return tuple(source.name for source in self.sources)

    @property
    def is_rehearsed(self) -> bool:
        """True if there is a test environment."""
        return self.canvas.test is not None

    def source(self, name: str) -> SourceSettings:
        """The source of that name."""
        return next(source for source in self.sources if source.name == name)

    def environment(self, name: Environment) -> CanvasEnvironment:
        """The Canvas environment of that name; TenantFileWrong where the tenant has none."""
        settings = self.canvas.test if name == "test" else self.canvas.production
        if settings is None:
            message = f"tenant {self.id} has no Canvas environment {name}"
            raise TenantFileWrong(message)
        return settings

    def opens(self, moment: datetime) -> datetime | None:
        """When production may be loaded next; None if it may at that moment. Both aware."""
        if self.load_window is None:
            return None
        closes, opens = self.load_window.not_between
        local = moment.astimezone(self.zone)
        now = local.time()
        closed = closes <= now < opens if closes < opens else now >= closes or now < opens
        if not closed:
            return None
        day = local.date() + timedelta(days=now >= opens)
        return datetime.combine(day, opens, self.zone).replace(fold=local.fold)

    def answer_until(self, moment: datetime) -> datetime:
        """Until when a request that is made at that moment waits for an answer. Both aware."""
        if self.rollout.answer_within is not None:
            return moment + self.rollout.answer_within
        if self.schedule is None:
            return moment + ANSWER_WITHIN
        local = moment.astimezone(self.zone)
        following: datetime = croniter(self.schedule, local).get_next(datetime)
        # In UTC: half an hour before the night is not half an hour off the clock where that is put forward.
        return max(following.astimezone(UTC) - BEFORE_THE_NIGHT, moment + timedelta(minutes=5))

    @model_validator(mode="after")
    def _somebody_decides(self) -> Tenant:
        if self.canvas.production and not self.rollout.approvers:
            message = "canvas.production needs somebody who may release: name at least one under rollout.approvers"
            raise ValueError(message)
        if not self.canvas.production and not self.is_rehearsed:
            message = "canvas has no environment: give canvas.test, canvas.production or both"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _sources_differ(self) -> Tenant:
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            message = "sources must have different names"
            raise ValueError(message)
        if self.sources[0].match or self.sources[0].wins:
            message = "match and wins belong to a source that has another before it: the first has none"
            raise ValueError(message)
        for source in self.sources:
            if lone := [thing for thing in source.wins if thing not in source.match]:
                message = f"source {source.name} wins fields of {lone[0]} but does not match it: give match.{lone[0]}"
                raise ValueError(message)
        return self


def tenants_folder() -> Path:
    """Where the tenant files lie: ROSTER_TENANTS, else include/tenants beside this package."""
    named = os.environ.get("ROSTER_TENANTS")
    return Path(named) if named else Path(__file__).resolve().parents[1] / "tenants"


def tenant_files(folder: Path | None = None) -> Iterator[tuple[str, Path]]:
    """(id, file) of every tenant file, by id; hidden files, such as an editor's, are none."""
    for file in sorted((folder or tenants_folder()).glob("*.yaml")):
        if not file.name.startswith("."):
            yield file.stem, file


def read_tenant(file: Path) -> Tenant:
    """The tenant of that file.

    Raises TenantFileWrong naming file, line, key and what is allowed, for every fault at once.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as fault:
        message = f"{shown(file.name)}: can't be read: {fault.strerror}"
        raise TenantFileWrong(message) from None
    except UnicodeDecodeError:
        message = f"{shown(file.name)}: is not UTF-8"
        raise TenantFileWrong(message) from None
    content = parsed(file, text)
    try:
        tenant = Tenant.model_validate(content)
    except ValidationError as fault:
        raise TenantFileWrong("\n".join(explained(file, text, fault, Tenant))) from None
    if tenant.id != file.stem:
        message = f"{shown(file.name)}:{line_of(text, ('id',))}: id: must be {shown(file.stem)}, the name of the file"
        raise TenantFileWrong(message)
    return tenant


def find_tenant(tenant_id: str) -> Tenant:
    """The tenant of that id; TenantFileWrong names those there are."""
    files = dict(tenant_files())
    if tenant_id not in files:
        there = ", ".join(shown(name) for name in files) or "none"
        message = f"no file {shown(tenant_id)}.yaml in ROSTER_TENANTS ({tenants_folder()}); tenants there: {there}"
        raise TenantFileWrong(message)
    return read_tenant(files[tenant_id])
