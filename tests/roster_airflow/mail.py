"""A mail server that keeps what it is sent."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller


class Postbox:
    """refuses: the server takes no message."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.refuses = False
        self.port = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.refuses:
            return "554 hook-secret says no"
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"

    def connection(self) -> str:
        """The value of an AIRFLOW_CONN_ variable that points here."""
        extra = {"from_email": "roster@fern.example", "disable_tls": True, "disable_ssl": True, "retry_limit": 0}
        return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": self.port, "extra": extra})


@contextmanager
def mail_server() -> Iterator[Postbox]:
    postbox = Postbox()
    with socket.create_server(("127.0.0.1", 0)) as free:  # the controller tries its own port, which must be named
        postbox.port = free.getsockname()[1]
    server = Controller(postbox, hostname="127.0.0.1", port=postbox.port)
    server.start()
    try:
        yield postbox
    finally:
        server.stop()
