"""What the stand-ins' servers have in common: quiet, prompt, and able to cut a connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = "127.0.0.1"


class _Droppable(H11Protocol):
    """Hands each request its transport, so that a fault can close the connection under the client.

    Silent whatever else the process has set up for logging: addresses hold people's ids.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.access_log = False
        self.app_state = {**self.app_state, "transport": transport}


class _Prompt(uvicorn.Server):
    """Begins and ends more promptly than uvicorn does: a test should not wait for it."""

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864_000
            await asyncio.sleep(0.02)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        for _ in range(100):  # a second for answers on their way
            if not (self.server_state.connections or self.server_state.tasks):
                break
            await asyncio.sleep(0.01)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for server in self.servers:
            await server.wait_closed()


def quiet_server(app: App) -> uvicorn.Server:
    """A server without an access log, since addresses hold people's ids."""
    config = uvicorn.Config(
        app,
        http=_Droppable,
        ws="none",
        lifespan="off",
        loop="asyncio",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    return _Prompt(config)


def listening_socket(port: int, host: str = LOOPBACK) -> socket.socket:
    """A bound socket; port 0 takes a free one. The protocol is named, or asyncio leaves a delay of 40 ms in."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    return listening
