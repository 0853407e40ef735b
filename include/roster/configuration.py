"""What a tenant's set-up decided: a hash that says whether it is still the one that was approved, and it in words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

from roster.settings import SourceSettings
from roster.settings.grammar import PROVIDED
from roster.settings.sync import ROLES, FurtherLogin, Kind
from roster.tenants import Tenant, tenants_folder


def configuration_hash(tenant: Tenant) -> str:
    """SHA-256 (hex) over what decides which rows Canvas is to have: sources, canvas.account and sync.

    A key that is left out counts as one that says the default, so that a key which a release brings changes no hash.
    """
    folder = tenants_folder()
    content = {
        "sources": [source.decisive(folder) for source in tenant.sources],
        "account": tenant.canvas.account,
        "sync": tenant.sync.model_dump(mode="json", exclude_defaults=True),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def setup_decisions(tenant: Tenant) -> list[tuple[str, str, str]]:
    """(question, answer, key of the tenant file) of what was decided when the tenant was set up, in plain words."""
    sync, courses, ids, gone = tenant.sync, tenant.sync.courses, tenant.sync.ids, tenant.sync.on_drop
    section = courses.per == "section"
    course_id = "{class_id}" if section else "{school_id}-{session_id}-{course_id}"
    short, long = ("{class}", "{class}") if section else ("{course_code}", "{course}")
    return [
        (
            "Where does the roster come from?",
            _listed(_source(one) for one in tenant.sources),
            "sources",
        ),
        ("Under which account are the schools?", tenant.canvas.account or "the root account", "canvas.account"),
        ("Are people synced?", _yes(sync.people), "sync.people"),
        ("Are courses, sections and enrolments synced?", _yes(sync.course_memberships), "sync.course_memberships"),
        ("Which schools?", _schools(sync.orgs.include, sync.orgs.exclude), "sync.orgs"),
        ("What is left out?", _left_out(sync.exclude.classes, sync.exclude.users), "sync.exclude"),
        ("What do people log in with?", _by_kind(sync.login_id), "sync.login_id"),
        (
            "Which log-in service are they bound to?",
            "none: an import takes away what Canvas has"
            if sync.authentication_provider is None
            else _by_kind(sync.authentication_provider),
            "sync.authentication_provider",
        ),
        ("Which name is shown, where there are two?", f"the {sync.names} one", "sync.names"),
        (
            "What is a course?",
            "one for each section" if section else "one for each school, term and course of the source",
            "sync.courses.per",
        ),
        ("What is a course called, in short?", courses.short_name or short, "sync.courses.short_name"),
        ("And at length?", courses.long_name or long, "sync.courses.long_name"),
        ("What is a section called?", sync.section_name, "sync.section_name"),
        (
            "Do pupils see a new course at once?",
            "yes" if courses.create == "published" else "no, a teacher publishes it",
            "sync.courses.create",
        ),
        ("What is a person's SIS id?", _by_kind(ids.user), "sync.ids.user"),
        ("A section's?", ids.section, "sync.ids.section"),
        ("A course's?", ids.course or course_id, "sync.ids.course"),
        ("A school's account's, and a term's?", f"{ids.account}, {ids.term}", "sync.ids.account, sync.ids.term"),
        (
            "Which roles have enrolments?",
            _listed(f"{theirs} → {ours}" for theirs, ours in (ROLES | sync.roles).items()),
            "sync.roles",
        ),
        ("Which contacts observe?", _listed(sync.observers.relationships) or "none", "sync.observers.relationships"),
        (
            "A guardian with a staff member's e-mail?",
            "a user of their own" if sync.observers.staff == "separate" else "is that staff member",
            "sync.observers.staff",
        ),
        ("Which further log-ins have people?", _log_ins(sync.logins), "sync.logins"),
        ("Which sections are taught in another's course?", _cross_lists(sync.cross_list), "sync.cross_list"),
        ("Who has rights in an account?", _rights(sync.admins), "sync.admins"),
        ("When does a term open?", f"{sync.term_opens} days before it starts", "sync.term_opens"),
        ("What becomes of a person who is gone?", gone.users, "sync.on_drop.users"),
        ("Of an enrolment?", gone.enrollments, "sync.on_drop.enrollments"),
        ("Of a section?", _kept(gone.sections), "sync.on_drop.sections"),
        ("Of a course?", _kept(gone.courses), "sync.on_drop.courses"),
    ]


def _source(source: SourceSettings) -> str:
    """Its name and system, and where it shares the roster with others, what is taken from it and how it is matched."""
    said: list[str] = [source.system]
    if set(source.provides) != set(PROVIDED):
        said.append(f"for {', '.join(source.provides)}".replace("_", " "))
    said += [f"{thing} matched by {column}" for thing, column in source.match.items()]
    said += [f"wins {thing}' {', '.join(fields)}" for thing, fields in source.wins.items()]
    return f"{source.name} ({'; '.join(said)})"


def _by_kind(setting: str | Mapping[Kind, str]) -> str:
    return setting if isinstance(setting, str) else _listed(f"{kind}: {value}" for kind, value in setting.items())


def _schools(include: Sequence[str], exclude: Sequence[str]) -> str:
    which = "all" if tuple(include) == ("*",) else _listed(include)
    return f"{which}, but for {_listed(exclude)}" if exclude else which


def _left_out(classes: Sequence[str], users: Sequence[str]) -> str:
    """Patterns of classes as they are; those of people, which may be ids, by number."""
    said = [f"classes {_listed(classes)}"] if classes else []
    return _listed([*said, *([f"people by {len(users)} patterns"] if users else [])]) or "nothing"


def _cross_lists(listed: Mapping[str, Sequence[str]] | None) -> str:
    if listed is None:
        return "whichever Canvas has: none is listed or taken back"
    return _listed(f"{_listed(sections)} in {course}" for course, sections in listed.items()) or "none"


def _log_ins(listed: Sequence[FurtherLogin]) -> str:
    return _listed(f"{_by_kind(one.login_id)} as {one.authentication_provider or 'Canvas'}" for one in listed) or "none"


def _rights(listed: Mapping[str, Sequence[str]] | None) -> str:
    """People are ids: by number."""
    if listed is None:
        return "whoever has them in Canvas: none is given or taken"
    return _listed(f"{role}: {len(people)} people" for role, people in listed.items()) or "nobody"


def _kept(policy: str) -> str:
    return "it stays" if policy == "keep" else policy


def _yes(setting: bool) -> str:
    return "yes" if setting else "no"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
