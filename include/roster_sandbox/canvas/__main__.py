"""`python -m roster_sandbox.canvas --state DIR`."""

from __future__ import annotations

import typer

from roster_sandbox.canvas.command import canvas

if __name__ == "__main__":
    typer.run(canvas)
