"""`roster-sandbox oneroster`: the stand-in as a process of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from roster_sandbox.district.generate import generate
from roster_sandbox.oneroster.server import serve
from roster_sandbox.oneroster.settings import Settings
from roster_sandbox.oneroster.shelf import OBJECTS, write_rest
from roster_sandbox.serving import LOOPBACK


class Release(StrEnum):
    """Versions of OneRoster."""

    V1P1 = "1.1"
    V1P2 = "1.2"


def oneroster(
    state: Annotated[Path, typer.Option(help="Folder with the district; a new one is drawn where there is none.")],
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = LOOPBACK,
    version: Annotated[Release, typer.Option(help="Version of a district that is drawn.")] = Release.V1P1,
    client_id: Annotated[str, typer.Option(help="Client id, or consumer key.")] = Settings.client_id,
    client_secret: Annotated[
        str, typer.Option(envvar="ROSTER_SANDBOX_TOKENS", help="Client secret, or consumer secret.")
    ] = Settings.client_secret,
    most: Annotated[int, typer.Option(help="Records of a page at most, however many are asked for.")] = Settings.most,
    totals: Annotated[bool, typer.Option(help="Give X-Total-Count.")] = True,
    links: Annotated[bool, typer.Option(help="Give Link.")] = True,
) -> None:
    """Stand in for a OneRoster provider until interrupted; prints its address in one line."""
    if not (state / OBJECTS).exists():
        now = datetime.now(UTC)
        write_rest(generate(today=now.date()), state, version=version.value, modified=now)
    settings = Settings(client_id=client_id, client_secret=client_secret, most=most, totals=totals, links=links)
    serve(state, settings, port=port, host=host)
