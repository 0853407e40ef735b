"""`python -m roster_sandbox.tass --state DIR`."""

from __future__ import annotations

import typer

from roster_sandbox.tass.command import tass

if __name__ == "__main__":
    typer.run(tass)
