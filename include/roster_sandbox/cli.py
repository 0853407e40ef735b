"""`roster-sandbox`: the stand-ins and the district, each registered here from its own package."""

from __future__ import annotations

import typer

from roster_sandbox.canvas.command import canvas, refresh
from roster_sandbox.clever.command import clever
from roster_sandbox.district.command import district, move
from roster_sandbox.oneroster.command import oneroster
from roster_sandbox.sftp.command import sftp
from roster_sandbox.sis_db.command import sis_db
from roster_sandbox.tass.command import tass

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Stand-ins for the real systems, and a district.")
app.command("canvas")(canvas)
app.command("refresh")(refresh)
app.command("clever")(clever)
app.command("oneroster")(oneroster)
app.command("sftp")(sftp)
app.command("tass")(tass)
app.command("district")(district)
app.command("move")(move)
app.command("sis-db")(sis_db)


if __name__ == "__main__":
    app()
