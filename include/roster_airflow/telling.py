"""Tells people what a run came to: one message per matter, to all that the tenant's `notify` names.

A verdict tells of everything but its own failure; that, and lateness, Airflow's callbacks tell
(`notifications/roster.py`). Nothing here fails a run: what can't be told is logged, and due again the next time.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from airflow.utils.helpers import build_airflow_dagrun_url

from roster.errors import RosterError
from roster.matters import DAILY, WEEKLY, Matter, Message, due, untold
from roster.store import Store
from roster_airflow.notifications.channels import Letter, ping, send

if TYPE_CHECKING:
    from airflow.sdk import Context

    from roster.steps import Night
    from roster.tenants import Tenant

SAID = {"failure": "failed", "late": "is late"}

log = logging.getLogger(__name__)


def tell(
    night: Night,
    matters: Sequence[Matter],
    context: Context,
    *,
    reasons: Sequence[str] = (),
    good: bool = False,
    review: bool = False,
) -> None:
    """Tell what is due of these matters, from a verdict; and ping after a good night.

    reasons: why the run is about to fail, if it is. good: a whole night that did what it should, at the end of the
    way that this tenant's artefacts go. review: the tenant is being rolled out, and requests are reminded weekly.
    """
    dag = str(context["task"].dag_id)
    said = list(matters)
    if not reasons and not night.practice and not context["params"].get("only"):
        said.append(Matter("failure", dag, f"{dag} works again", stands=False))
        said.append(Matter("late", dag, f"{dag} is done, late", stands=False))
    tell_meanwhile(night, said, context, review=review)
    if good and night.tenant.ping is not None:
        ping(night.tenant.ping)


def tell_meanwhile(night: Night, matters: Sequence[Matter], context: Context, *, review: bool = False) -> None:
    """Tell what is due of these matters, and nothing of how the run ends. review: as of `tell`."""
    of_run = str(context["task"].dag_id), str(context["run_id"])
    today = datetime.now(UTC).astimezone(night.tenant.zone).date()
    deliver(night.tenant, night.store, matters, of_run, today, review=review)


def deliver(
    tenant: Tenant,
    store: Store | None,
    matters: Sequence[Matter],
    of_run: tuple[str, str],
    today: date,
    *,
    review: bool = False,
) -> None:
    """Send what is due of these matters. of_run: the ids of DAG and run. store: None where it can't be reached: then
    what stands is told whether or not it has been, because twice is better than never.
    """
    link = build_airflow_dagrun_url(*of_run)
    said = [matter if matter.link else replace(matter, link=link) for matter in matters]
    messages = _due(store, tenant, said, today, review)
    missed = [message for message in messages if not send(tenant.notify, _letter(tenant, message, of_run))]
    for message in messages:
        level = logging.ERROR if message.matter.kind in SAID and message.matter.stands else logging.WARNING
        text = "; ".join((message.title, *message.lines))
        log.log(level, "%s (%s)", text, of_run[1])
    if missed and store is not None:
        try:
            untold(store, tenant.id, missed)
        except (RosterError, OSError) as fault:
            log.error("What nobody could be told of is taken for told: %s", type(fault).__name__)


def _due(store: Store | None, tenant: Tenant, matters: Sequence[Matter], today: date, review: bool) -> list[Message]:
    if store is not None:
        try:
            return due(store, tenant.id, matters, today, WEEKLY if review else DAILY)
        except (RosterError, OSError) as fault:
            log.error("What was told before can't be read (%s): all that stands is told", type(fault).__name__)
    return [Message(matter, "new", today, None) for matter in matters if matter.stands]


def _letter(tenant: Tenant, message: Message, of_run: tuple[str, str]) -> Letter:
    matter = message.matter
    facts: Mapping[str, Any] = {
        "tenant": tenant.id,
        "kind": matter.kind,
        "subject": matter.subject,
        "state": message.state,
        "said": message.title,
        "since": message.since.isoformat(),
        "dag": of_run[0],
        "run": of_run[1],
        "reasons": list(matter.reasons),
        "counts": dict(matter.counts),
        "todo": matter.todo,
        "link": matter.link,
    }
    return Letter(f"{tenant.name}: {message.title}", message.lines, matter.link, facts)
