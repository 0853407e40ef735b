"""`roster-sandbox clever`: the stand-in as a process of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from roster_sandbox.clever.export import OBJECTS, write_api
from roster_sandbox.clever.server import serve
from roster_sandbox.clever.settings import DEFAULT_TOKEN, Settings
from roster_sandbox.district.generate import generate
from roster_sandbox.serving import LOOPBACK


def clever(
    state: Annotated[Path, typer.Option(help="Folder with the district; a new one is drawn where there is none.")],
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = LOOPBACK,
    token: Annotated[str, typer.Option(envvar="ROSTER_SANDBOX_TOKENS", help="The district's token.")] = DEFAULT_TOKEN,
    client_id: Annotated[str, typer.Option(help="The app's client id.")] = Settings.client_id,
    client_secret: Annotated[str, typer.Option(help="The app's client secret.")] = Settings.client_secret,
    counts: Annotated[bool, typer.Option(help="Heed count=true.")] = True,
) -> None:
    """Stand in for Clever until interrupted; prints its address in one line."""
    if not (state / OBJECTS).exists():
        now = datetime.now(UTC)
        write_api(generate(today=now.date()), state, synced=now)
    settings = Settings(token=token, client_id=client_id, client_secret=client_secret, counts=counts)
    serve(state, settings, port=port, host=host)
