"""The server: in a thread for tests, or in a process of its own."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncssh

from roster_sandbox.serving import LOOPBACK
from roster_sandbox.sftp.ssh_keys import LOG_IN, SshKeys, ssh_keys

PASSWORD = "sftp-password"


class _Door(asyncssh.SSHServer):
    """Lets the log-in in by its password or its key. Each connection has one, and is in `there` while it lasts."""

    def __init__(self, password: str, key: asyncssh.SSHKey, there: set[asyncssh.SSHServerConnection]) -> None:
        self._password = password
        self._key = key
        self._there = there

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._there.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._there.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (LOG_IN, self._password)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == LOG_IN and key.public_data == self._key.public_data


@dataclass(frozen=True)
class SftpServer:
    """A running stand-in as a test holds it. folder: what the log-in sees as `/`."""

    port: int
    folder: Path
    keys: SshKeys

    def connection(self, **extra: object) -> str:
        """An Airflow connection with the log-in's key, as JSON."""
        whole = {
            "private_key": self.keys.private_key,
            "host_key": self.keys.host_key,
            "look_for_keys": "false",
            **extra,
        }
        return json.dumps(
            {"conn_type": "sftp", "host": LOOPBACK, "port": self.port, "login": LOG_IN, "extra": {"path": "/", **whole}}
        )


@dataclass(frozen=True)
class _Listening:
    acceptor: asyncssh.SSHAcceptor
    there: set[asyncssh.SSHServerConnection]

    async def end(self) -> None:
        """Listen no more, and let nobody go on: a loop that is closed over open connections complains."""
        self.acceptor.close()
        for connection in list(self.there):
            connection.abort()
            await connection.wait_closed()
        await self.acceptor.wait_closed()
        await asyncio.sleep(0)  # a transport closes in the turn after


async def _listening(folder: Path, state: Path, password: str, port: int, host: str = LOOPBACK) -> _Listening:
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    keys = ssh_keys(state)
    log_in = asyncssh.import_private_key(keys.private_key)
    there: set[asyncssh.SSHServerConnection] = set()
    acceptor = await asyncssh.create_server(
        partial(_Door, password, log_in, there),
        host,
        port,
        server_host_keys=[state / "host_key"],
        sftp_factory=partial(asyncssh.SFTPServer, chroot=str(folder).encode()),
        allow_scp=False,
    )
    return _Listening(acceptor, there)


@contextmanager
def running_sftp(folder: Path, state: Path, *, password: str = PASSWORD, port: int = 0) -> Iterator[SftpServer]:
    """A stand-in in a thread of this process, on a free loopback port; stopped at the end of the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sftp", daemon=True)
    thread.start()
    try:
        starting = asyncio.run_coroutine_threadsafe(_listening(folder, state, password, port), loop)
        listening = starting.result(timeout=30)
        try:
            yield SftpServer(listening.acceptor.get_port(), folder, ssh_keys(state))
        finally:
            asyncio.run_coroutine_threadsafe(listening.end(), loop).result(timeout=30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=30)
        loop.close()


def serve(folder: Path, state: Path, *, password: str, port: int, host: str = LOOPBACK) -> None:
    """Run until interrupted, after lines that tell the address and the host key."""

    async def run() -> None:
        acceptor = (await _listening(folder, state, password, port, host)).acceptor
        print(f"SFTP listens at sftp://{LOG_IN}@{host}:{acceptor.get_port()}", flush=True)
        print(f"its host key: {ssh_keys(state).host_key}", flush=True)
        await acceptor.wait_closed()

    asyncio.run(run())
