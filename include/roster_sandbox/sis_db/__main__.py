"""`python -m roster_sandbox.sis_db --state DIR`."""

from __future__ import annotations

import typer

from roster_sandbox.sis_db.command import sis_db

if __name__ == "__main__":
    typer.run(sis_db)
