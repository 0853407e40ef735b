"""`roster-sandbox canvas`: the stand-in as a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from roster_sandbox.canvas.keys import DeveloperKey
from roster_sandbox.canvas.server import Canvas, serve
from roster_sandbox.canvas.settings import DEFAULT_TOKEN, Settings
from roster_sandbox.serving import LOOPBACK

_RIGHTS = ("admin", "read", "none")


def canvas(
    state: Annotated[Path, typer.Option(help="Folder that keeps everything; made if absent.")],
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = LOOPBACK,
    token: Annotated[
        list[str] | None,
        typer.Option(
            envvar="ROSTER_SANDBOX_TOKENS", help="A token it takes, with `=read` or `=none` for one that may less."
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the root account.")] = "Sandbox Canvas",
    root_account_id: Annotated[int, typer.Option(help="Number of the root account.")] = 1,
    key: Annotated[
        list[str] | None,
        typer.Option(
            envvar="ROSTER_SANDBOX_KEYS",
            help="A developer key that enforces no scopes: client id, secret, redirect address; commas between.",
        ),
    ] = None,
    pause_after_abort: Annotated[float, typer.Option(help="Seconds the queue rests after an abort.")] = 600.0,
) -> None:
    """Stand in for Canvas until interrupted; prints its address in one line."""
    settings = Settings(
        name=name,
        tokens=dict(token_and_right(given) for given in token or [DEFAULT_TOKEN]),
        root_account_id=root_account_id,
        pause_after_abort=pause_after_abort,
        keys=tuple(developer_key(given) for given in key or ()),
    )
    serve(state, settings, port=port, host=host)


def refresh(
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of the stand-in that is overwritten.")],
    source: Annotated[str, typer.Option(help="Address of the stand-in that it becomes a copy of.")],
) -> None:
    """Refresh a running stand-in from another one, as Canvas refreshes test from production."""
    Canvas(url.rstrip("/"), "").refresh_from(Canvas(source, ""))


def developer_key(given: str) -> DeveloperKey:
    """A key as the command line gives it."""
    try:
        client_id, secret, redirect = given.split(",", 2)
    except ValueError:
        message = "a key is its client id, its secret and a redirect address, with commas between"
        raise typer.BadParameter(message) from None
    return DeveloperKey(client_id, secret, (redirect,))


def token_and_right(given: str) -> tuple[str, str]:
    """A token as the command line gives it, `token` or `token=right`."""
    token, _, right = given.rpartition("=")
    return (token, right) if token and right in _RIGHTS else (given, "admin")
