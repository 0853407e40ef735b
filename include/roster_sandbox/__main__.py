"""`python -m roster_sandbox`."""

from __future__ import annotations

from roster_sandbox.cli import app

if __name__ == "__main__":
    app()
