"""Promote: what production takes, what of it waits for a release, and its plan.

Production takes the artefact that the pointer `tested` names, never an event and never a fresh extract.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from roster.configuration import configuration_hash
from roster.decisions import is_approved
from roster.errors import ArtefactOutdated, NotRehearsed, RequestUnknown
from roster.import_options import ImportOptions
from roster.ledger import Ledger
from roster.runs import pointed, read_step
from roster.safety import Gate
from roster.settings.sync import SyncSettings
from roster.steps import Done, Night
from roster.steps.plan import Asked, make_plan, options_of
from roster.tenants import Tenant

UNREACHABLE_NIGHTS = 3
"""So many nights without a rehearsal, where there is a test environment, and production stops."""


def take(night: Night) -> Done:
    """The artefact that production may take, as a Done of its folder; counts: number, rehearsed, scope, unrehearsed.

    Raises NotRehearsed where there is none, or where it went unrehearsed too often; RunFolderBroken.
    """
    pointer = pointed(night.store, night.tenant.id, "tested")
    if pointer is None:
        message = f"no night was handed on yet: run {night.tenant.id}_canvas_test first"
        raise NotRehearsed(message)
    read_step(night.store, pointer["artefact"], "artefact.json")
    unrehearsed = int(pointer.get("unrehearsed", 0))
    if not pointer["rehearsed"] and night.tenant.is_rehearsed:
        if night.tenant.rollout.phase == "review":
            message = "the test environment did not answer, and in review nothing goes to production unrehearsed"
            raise NotRehearsed(message)
        if unrehearsed >= UNREACHABLE_NIGHTS:
            message = f"the test environment has not answered for {unrehearsed} nights: production stops until it does"
            raise NotRehearsed(message)
    names = ("number", "rehearsed", "scope")
    counts = {**{name: pointer[name] for name in names}, "unrehearsed": unrehearsed}
    return {"path": pointer["artefact"], "counts": counts}


def plan_production(night: Night, taken: Done, ledger: Ledger, asked: Asked) -> Done:
    """Plan the artefact against production's ledger into `plan`; what needs a release is held.

    Raises ArtefactOutdated where production has had a newer artefact; NotRehearsed where all of it would need a release
    and test was away.
    """
    artefact = read_step(night.store, taken["path"], "artefact.json")
    _, _, rows = ledger.current()
    newest = rows["sequence"].max()
    if isinstance(newest, int) and artefact["number"] < newest:
        message = (
            f"artefact {artefact['number']} is older than artefact {newest}, which production has had: "
            f"run {night.tenant.id}_canvas_test for a new one"
        )
        raise ArtefactOutdated(message)
    rehearsed = taken["counts"]["rehearsed"]
    gate = gate_of(night, artefact, ledger, rehearsed=rehearsed, first=rows.is_empty())
    gate = by_decision(gate, options_of(night, asked))
    if gate.everything and not rehearsed and night.tenant.is_rehearsed:
        message = "the test environment did not answer, and before a whole load is released nothing goes unrehearsed"
        raise NotRehearsed(message)
    return make_plan(as_made(night, artefact), taken["path"], ledger, asked, gate)


def within(scope: str | None, only: str | None) -> str | None:
    """What a run may be narrowed to after a rehearsal of that scope. Raises RequestUnknown for anything else."""
    if scope is not None and only not in (None, scope):
        message = f"the last rehearsal was narrowed to {scope}: production can take no more than that"
        raise RequestUnknown(message)
    return only or scope


def gate_of(night: Night, artefact: dict[str, Any], ledger: Ledger, *, rehearsed: bool, first: bool) -> Gate:
    """What waits for a release in production, and why. first: the ledger is empty."""
    everything = []
    if first:
        everything.append("first-load: this Canvas has not been loaded yet")
    if night.tenant.rollout.phase == "review":
        everything.append("review: the tenant is in phase review")
    elif not is_approved(night.store, night.tenant.id, ledger.host, ledger.account, configuration_of(artefact)):
        everything.append("not-approved: no whole load was released under the present configuration")
    return Gate(
        everything=tuple(everything),
        drops=() if rehearsed else ("unrehearsed: this artefact was not loaded into a test environment",),
    )


def by_decision(gate: Gate, options: ImportOptions) -> Gate:
    """The gate, shut as well where the import would change what a night never does: that is a person's to decide."""
    why = list(gate.everything)
    if options.override_sis_stickiness:
        why.append("stickiness: the run was asked to write over what people changed in Canvas")
    if options.update_sis_id_if_login_claimed:
        why.append("claim: a log-in that another SIS id holds in Canvas would get this one")
    edited = "by-hand: a repair would write over what a person changed in Canvas"
    return Gate(tuple(why), gate.drops, overwriting=(edited,))


def as_made(night: Night, artefact: dict[str, Any]) -> Night:
    """The night with the tenant's settings of rows as the artefact was made under: they were rehearsed, not others."""
    made = artefact["tenant"]
    canvas = night.tenant.canvas.model_copy(update={"account": made["canvas"]["account"]})
    tenant: Tenant = night.tenant.model_copy(
        update={"sync": SyncSettings.model_validate(made["sync"]), "canvas": canvas}
    )
    return replace(night, tenant=tenant)


def configuration_of(artefact: dict[str, Any]) -> str:
    """Hash of the configuration that an artefact was made under."""
    return str(artefact["configuration"])


def is_configured_as(night: Night, configuration: str) -> bool:
    """True while the tenant file still says what it said then."""
    return configuration_hash(night.tenant) == configuration
