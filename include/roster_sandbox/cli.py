"""`roster-sandbox`: one subcommand per stand-in, each registered here from its own package."""

from __future__ import annotations

import typer

from roster_sandbox.canvas.command import canvas

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Servers that stand in for the real systems.")
app.command("canvas")(canvas)


@app.callback()
def main() -> None:
    """Keep `canvas` a subcommand even while it is the only one."""


if __name__ == "__main__":
    app()
