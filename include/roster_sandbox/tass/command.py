"""`roster-sandbox tass`: the stand-in as a process of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from roster_sandbox.district.generate import generate
from roster_sandbox.serving import LOOPBACK
from roster_sandbox.tass.export import RECORDS, write_api
from roster_sandbox.tass.server import serve
from roster_sandbox.tass.settings import DEFAULT_KEYS, Settings, apps, keys_of


def tass(
    state: Annotated[Path, typer.Option(help="Folder with the district; a new one is drawn where there is none.")],
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = LOOPBACK,
    secret: Annotated[
        str, typer.Option(envvar="ROSTER_SANDBOX_TOKENS", help="What the apps' keys are made from.", show_default=False)
    ] = "",
    version: Annotated[str, typer.Option(help="Version of every app: 2 or 3.")] = "3",
) -> None:
    """Stand in for TASS until interrupted; prints its address in one line."""
    if not (state / RECORDS).exists():
        write_api(generate(today=datetime.now(UTC).date()), state)
    keys = keys_of(secret) if secret else DEFAULT_KEYS
    serve(state, Settings(apps=apps(version, keys)), port=port, host=host)
