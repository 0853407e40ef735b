"""How a message reaches people: a webhook, a Slack channel, mail. To add one, write a function and name its type here.

Nothing of what a channel's connection holds or answers is ever logged: a webhook's address is a secret.
"""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Final

from airflow.sdk import BaseHook, BaseNotifier, Connection
from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError

from roster.errors import TenantFileWrong
from roster.tenants import NotifyTarget

PATIENCE: Final = (10, 30)
SECONDS: Final = 30
# What a connection, a socket and the providers raise where a channel can't be used; their texts hold addresses.
UNUSABLE: Final = (AirflowException, AirflowRuntimeError, HTTPException, OSError, ValueError)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Letter:
    """A message as it is sent. facts: what a program reads beside the text."""

    title: str
    lines: Sequence[str]
    link: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All of it, a line each."""
        return "\n".join(line for line in (self.title, *self.lines, self.link) if line)


def send(targets: Sequence[NotifyTarget], letter: Letter) -> bool:
    """Send the letter to all; False if nobody could be told. What fails is logged by its kind, and fails nothing."""
    told = [_sent(target, letter) for target in targets]
    return not targets or any(told)


def _sent(target: NotifyTarget, letter: Letter) -> bool:
    try:
        connection = BaseHook.get_connection(target.connection)
        speak = BY_TYPE.get(str(connection.conn_type))
        if speak is None:
            message = f"is of type {connection.conn_type}, which is none of {', '.join(BY_TYPE)}"
            raise TenantFileWrong(message)
        speak(connection, target, letter)
    except (TenantFileWrong, ChannelRefused) as fault:
        log.error("Not told: connection %s %s", target.connection, fault)
    except UNUSABLE as fault:
        log.error("Not told: connection %s could not be used (%s)", target.connection, type(fault).__name__)
    else:
        return True
    return False


class ChannelRefused(Exception):
    """A channel answered that it did not take the message."""


def _post(connection: Connection, _: NotifyTarget, letter: Letter) -> None:
    """JSON to a webhook: `text`, which chat services show, and the facts."""
    import requests  # here: every process that parses a DAG file imports this module

    login = (connection.login, connection.password or "") if connection.login else None
    content = {"text": letter.text, **letter.facts}
    answer = requests.post(webhook(connection), json=content, auth=login, timeout=PATIENCE, allow_redirects=False)
    if answer.status_code >= 300:
        message = f"answered {answer.status_code}"
        raise ChannelRefused(message)


def _slack(connection: Connection, _: NotifyTarget, letter: Letter) -> None:
    from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier
    from slack_sdk.errors import SlackClientError

    title, lines = _for_slack(letter.title), [_for_slack(line) for line in letter.lines]
    link = [f"<{letter.link}>"] if letter.link else []
    notifier: BaseNotifier = SlackWebhookNotifier(
        slack_webhook_conn_id=str(connection.conn_id),
        text="\n".join([f"*{title}*", *lines, *link]),
        unfurl_links=False,
        timeout=SECONDS,
    )
    try:
        notifier.notify({})  # not called as a callback, which would take a text of ours for a template
    except SlackClientError as fault:
        message = f"could not be used ({type(fault).__name__})"
        raise ChannelRefused(message) from None


def _for_slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mail(connection: Connection, target: NotifyTarget, letter: Letter) -> None:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    if not target.to:
        message = "is for mail, but `to` names nobody"
        raise TenantFileWrong(message)
    lines = "".join(f"<p>{html.escape(line)}</p>" for line in letter.lines)
    link = f'<p><a href="{html.escape(letter.link)}">{html.escape(letter.link)}</a></p>' if letter.link else ""
    SmtpNotifier(
        smtp_conn_id=str(connection.conn_id),
        to=list(target.to),
        subject=letter.title,
        html_content=f"<h3>{html.escape(letter.title)}</h3>{lines}{link}",
    ).notify({})


BY_TYPE: Final[Mapping[str, Callable[[Connection, NotifyTarget, Letter], None]]] = {
    "http": _post,
    "slackwebhook": _slack,
    "smtp": _mail,
}


def ping(connection_id: str) -> bool:
    """Call the address of that connection, so that silence there alarms; False if it could not be."""
    import requests

    try:
        connection = BaseHook.get_connection(connection_id)
        login = (connection.login, connection.password or "") if connection.login else None
        answer = requests.get(webhook(connection), auth=login, timeout=PATIENCE, allow_redirects=False)
    except UNUSABLE as fault:
        log.error("The ping went nowhere: connection %s could not be used (%s)", connection_id, type(fault).__name__)
        return False
    if answer.status_code >= 300:
        log.error("The ping was not taken: connection %s answered %s", connection_id, answer.status_code)
    return answer.status_code < 300


def webhook(connection: Connection) -> str:
    """The address that the fields of an http connection name; https unless they say otherwise."""
    host = connection.host or ""
    address = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    if not connection.port:
        return address
    return re.sub(r"^([a-z]+://[^/?#]*)", rf"\1:{connection.port}", address)
