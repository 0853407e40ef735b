"""`roster-sandbox sftp`: the stand-in as a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from roster_sandbox.serving import LOOPBACK
from roster_sandbox.sftp.server import PASSWORD, serve


def sftp(
    folder: Annotated[Path, typer.Option(help="What the log-in `roster` sees as `/`; made if absent.")],
    state: Annotated[Path, typer.Option(help="Folder for the keys of server and log-in; drawn where there are none.")],
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = LOOPBACK,
    password: Annotated[str, typer.Option(envvar="ROSTER_SANDBOX_TOKENS", help="The log-in's password.")] = PASSWORD,
) -> None:
    """Stand in for an SFTP server until interrupted; prints its address and its host key."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    serve(folder, state, password=password, port=port, host=host)
