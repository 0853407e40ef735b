"""A tenant: one Canvas root account and what feeds it, as one YAML file `<id>.yaml`.

The models below are the whole grammar of that file; a key that is not here does not exist. Reading is cheap, because
Airflow does it whenever it parses the DAG files.
"""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterator, Mapping
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
from roster.tenant_faults import explained, line_of, parsed, shown

Kind = Literal["student", "staff", "guardian"]
KINDS: tuple[Kind, ...] = ("student", "staff", "guardian")
Severity = Literal["note", "warn", "quarantine", "stop"]
Environment = Literal["test", "production"]

ROLES = {"student": "student", "teacher": "teacher", "aide": "ta"}
"""The source's roles that have enrolments, and Canvas's, beside what `sync.roles` says."""
USER_FIELDS = ("sourced_id", "kind", "identifier", "username", "email", "email_name", "school_id", "sis_id")
SECTION_FIELDS = ("class_id", "school_id", "session_id", "sis_id")
COURSE_FIELDS = ("course_id", "class_id", "school_id", "session_id", "code", "sis_id")
ACCOUNT_FIELDS = ("org_id", "sis_id")
# A request is answered before the next night renews it; without a schedule, within a day of people's work.
BEFORE_THE_NIGHT, ANSWER_WITHIN = timedelta(minutes=30), timedelta(hours=20)

NAME_FIELDS = ("course", "course_code", "class", "class_code", "period", "term", "teacher", "school")


def _every_kind(value: str | dict[Kind, str]) -> str | dict[Kind, str]:
    """A kind without a template would have no ids, and so seem to be gone."""
    return value if isinstance(value, str) else {**dict.fromkeys(KINDS, "{sourced_id}"), **value}


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


def _template(fields: tuple[str, ...]) -> AfterValidator:
    def check(value: str) -> str:
        try:
            named = [name for _, name, spec, conversion in string.Formatter().parse(value) if name is not None]
        except ValueError as fault:
            message = f"is not a template: {fault}"
            raise ValueError(message) from None
        if wrong := [name for name in named if name not in fields]:
            message = f"names {{{wrong[0]}}}; allowed are {', '.join(f'{{{field}}}' for field in fields)}"
            raise ValueError(message)
        if not named:
            message = f"must name at least one of {', '.join(f'{{{field}}}' for field in fields)}"
            raise ValueError(message)
        return value

    return AfterValidator(check)


def _targets(value: Any) -> Any:
    """One id, or a list in which an id stands for a webhook, as what it is short for."""
    listed = [] if value is None else value if isinstance(value, list | tuple) else [value]
    if any(not isinstance(one, str | dict) for one in listed):
        message = "must be the id of a connection, or a list of such ids and of mappings (connection, to)"
        raise ValueError(message)
    return [{"connection": one} if isinstance(one, str) else one for one in listed]


def _listed_once(value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """A section is in one course."""
    sections = [section for listed in value.values() for section in listed]
    if twice := sorted({section for section in sections if sections.count(section) > 1}):
        message = f"lists section {twice[0]} more than once; a section can be taught in one course only"
        raise ValueError(message)
    return value


def _suffix(value: str) -> str:
    if not re.fullmatch(r"[!-~]{1,50}", value):
        message = "must be 1 to 50 letters, digits or signs without blanks, such as -google"
        raise ValueError(message)
    return value


def _suffixes_differ(value: tuple[FurtherLogin, ...]) -> tuple[FurtherLogin, ...]:
    """Two log-ins of one person would have one SIS id."""
    suffixes = [one.suffix for one in value]
    if len(set(suffixes)) < len(suffixes):
        message = "have one suffix more than once; each needs its own"
        raise ValueError(message)
    return value


def _login(value: str) -> str:
    return value if "{" in value else "{" + value + "}"


UserTemplate = Annotated[str, _template(USER_FIELDS)]
LoginTemplate = Annotated[str, AfterValidator(_login), _template(USER_FIELDS)]


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


class OrgFilter(Settings):
    """Which schools are synced, by id or name, with * and ?."""

    include: tuple[str, ...] = ("*",)
    """Schools that are synced. One taken off the list is left as it is in Canvas."""
    exclude: tuple[str, ...] = ()
    """Schools that are not, although the list above has them."""


class Exclusions(Settings):
    """What is left out, with * and ?: classes by id, title or code, users by id."""

    classes: tuple[str, ...] = ()
    """Classes by id, title or code."""
    users: tuple[str, ...] = ()
    """Users by id."""


class CourseSettings(Settings):
    """What a Canvas course is."""

    per: Literal["section", "school_term_course"] = "section"
    """A course for each section, or one for each school, term and course of the source."""
    create: Literal["unpublished", "published"] = "unpublished"
    """Whether pupils see a new course at once; a course that exists is left as it is."""
    short_name: Annotated[str, _template(NAME_FIELDS)] | None = None
    """Template; left out: {class} for a course per section, {course_code} else."""
    long_name: Annotated[str, _template(NAME_FIELDS)] | None = None
    """Template; left out: {class} for a course per section, {course} else."""


class IdTemplates(Settings):
    """How Canvas's SIS ids are made from the source's."""

    user: Annotated[UserTemplate | dict[Kind, UserTemplate], AfterValidator(_every_kind)] = "{sourced_id}"
    """One template, or one for each kind (student, staff, guardian); a kind left out: {sourced_id}."""
    section: Annotated[str, _template(SECTION_FIELDS)] = "{class_id}"
    """Fields: {class_id}, {school_id}, {session_id}, {sis_id}."""
    course: Annotated[str, _template(COURSE_FIELDS)] | None = None
    """Left out: {class_id} for a course per section, {school_id}-{session_id}-{course_id} else."""
    account: Annotated[str, _template(ACCOUNT_FIELDS)] = "{org_id}"
    """Fields: {org_id}, {sis_id}."""
    term: Annotated[str, _template(("session_id",))] = "{session_id}"
    """Field: {session_id}."""


class ObserverSettings(Settings):
    """Which contacts become observers: none unless listed."""

    relationships: tuple[str, ...] = ()
    """The source's words, in any case, such as Mother, Father, Guardian."""
    staff: Literal["separate", "same_email"] = "separate"
    """A guardian with a staff member's e-mail: a user of their own, or links of the staff user."""


class FurtherLogin(Settings):
    """One log-in more that people have in Canvas, beside the one of sync.login_id."""

    suffix: Annotated[str, AfterValidator(_suffix)]
    """What its SIS id has behind that of the person, such as -google; to change it changes ids."""
    login_id: LoginTemplate | dict[Kind, LoginTemplate]
    """As sync.login_id; with a map by kind, kinds that it leaves out have none."""
    authentication_provider: str | None = None
    """Canvas's type (google, saml, …) or number; left out: Canvas's own log-in."""


class DropPolicy(Settings):
    """The status that a row gets when its record is gone."""

    users: Literal["suspended", "deleted"] = "suspended"
    """Of a person who is gone."""
    enrollments: Literal["inactive", "deleted", "completed"] = "inactive"
    """Of an enrolment that is gone."""
    sections: Literal["keep", "deleted"] = "keep"
    """Of a section that is gone; what it holds goes with it."""
    courses: Literal["keep", "completed", "deleted"] = "keep"
    """Of a course that is gone; what it holds goes with it."""


class SyncSettings(Settings):
    """What is synced and what it is called in Canvas."""

    people: bool = True
    """Users and observer links; off: no rows and no drops of them."""
    course_memberships: bool = True
    """Courses, sections and enrolments; off: no rows and no drops of them."""
    orgs: OrgFilter = OrgFilter()
    exclude: Exclusions = Exclusions()
    login_id: LoginTemplate | dict[Kind, LoginTemplate] = "{email}"
    """email, username, identifier, sourced_id or a template; or one for each kind."""
    authentication_provider: str | dict[Kind, str] | None = None
    """Canvas's type (saml, google, …) or number; left out: none, and an import takes away what Canvas has."""
    logins: Annotated[tuple[FurtherLogin, ...], AfterValidator(_suffixes_differ)] = ()
    """Further log-ins that people have; one that is taken off the list ends as a person's does who has left."""
    ids: IdTemplates = IdTemplates()
    courses: CourseSettings = CourseSettings()
    section_name: Annotated[str, _template(NAME_FIELDS)] = "{class}"
    """Template of a section's name."""
    cross_list: Annotated[dict[str, tuple[str, ...]], AfterValidator(_listed_once)] | None = None
    """SIS id of a course to those of the sections that are taught in it too; left out: cross-lists are let alone."""
    names: Literal["preferred", "legal"] = "preferred"
    """Which of two names Canvas shows, where the source has both."""
    roles: dict[str, str] = Field(default_factory=dict)
    """The source's role to Canvas's, beside student, teacher and aide (→ ta)."""
    admins: dict[str, tuple[str, ...]] | None = None
    """Canvas's role to the SIS ids of staff who have it in their school's account; left out: rights are let alone."""
    observers: ObserverSettings = ObserverSettings()
    placeholders: tuple[str, ...] = ("TBA*", "*Placeholder*", "Vacant*", "Unassigned*", "To Be Announced*")
    """Names (given family, or family alone) of teachers who are not people, with * and ?."""
    term_opens: Annotated[int, Field(ge=0, le=365)] = 14
    """Days before its start from which a term is synced."""
    on_drop: DropPolicy = DropPolicy()


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


def by_kind(setting: str | Mapping[Kind, str] | None) -> dict[Kind, str | None]:
    """A setting that may be one value or a map by kind, as a map of all kinds."""
    if setting is None or isinstance(setting, str):
        return dict.fromkeys(KINDS, setting)
    return {kind: setting.get(kind) for kind in KINDS}
