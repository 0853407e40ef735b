"""`python -m roster_sandbox.clever --state DIR`."""

from __future__ import annotations

import typer

from roster_sandbox.clever.command import clever

if __name__ == "__main__":
    typer.run(clever)
