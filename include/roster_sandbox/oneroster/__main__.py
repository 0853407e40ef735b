"""`python -m roster_sandbox.oneroster --state DIR`."""

from __future__ import annotations

import typer

from roster_sandbox.oneroster.command import oneroster

if __name__ == "__main__":
    typer.run(oneroster)
