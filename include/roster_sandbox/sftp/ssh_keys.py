"""Keys of the server and of the log-in, drawn once for each state folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import asyncssh

LOG_IN = "roster"


@dataclass(frozen=True)
class SshKeys:
    """Texts in OpenSSH's forms. host_key: the public one, as a client has to know it; private_key: of the log-in."""

    host_key: str
    private_key: str


def ssh_keys(state: Path) -> SshKeys:
    """Those of the folder; drawn and written where there are none."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    host, log_in = (_drawn(state / name) for name in ("host_key", "log_in_key"))
    return SshKeys(asyncssh.import_private_key(host).export_public_key().decode().strip(), log_in)


def _drawn(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    return file.read_text(encoding="ascii")
