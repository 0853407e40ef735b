"""`python -m roster_sandbox.sftp --folder DIR --state DIR`."""

from __future__ import annotations

import typer

from roster_sandbox.sftp.command import sftp

if __name__ == "__main__":
    typer.run(sftp)
