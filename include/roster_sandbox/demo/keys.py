"""Tokens, passwords and ports: drawn at random when a work folder is first used, and kept in it."""

from __future__ import annotations

import base64
import json
import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from roster_sandbox.demo.places import write_private
from roster_sandbox.demo.processes import StartFailed

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Key:
    """What one source's stand-in listens at, and what it lets in."""

    port: int
    secret: str

    @property
    def url(self) -> str:
        """Where a web server of it answers."""
        return f"http://{LOOPBACK}:{self.port}"


@dataclass(frozen=True)
class Keys:
    """What is kept. Ports: a ledger belongs to host and port, so each Canvas comes back at the same.

    sources: by the names that the example tenant gives.
    """

    test_port: int
    test_token: str
    production_port: int
    production_token: str
    admin: str
    approver: str
    viewer: str
    api_secret: str
    jwt_secret: str
    fernet_key: str
    sources: Mapping[str, Key]


def keys_in(file: Path, sources: Sequence[str] = ()) -> Keys:
    """Those of the file; drawn and written where there is none. sources: what needs a key of its own.

    Raises StartFailed for a file that was written for something else.
    """
    if file.exists():
        content = json.loads(file.read_text(encoding="utf-8"))
        kept = {name: Key(**key) for name, key in content.pop("sources", {}).items()}
        if set(content) != {*Keys.__dataclass_fields__} - {"sources"} or set(kept) != set(sources):
            message = f"{file} is of another make run: remove {file.parent} and begin anew"
            raise StartFailed(message)
        return Keys(**content, sources=kept)
    drawn = Keys(
        test_port=free_port(),
        test_token=secrets.token_urlsafe(32),
        production_port=free_port(),
        production_token=secrets.token_urlsafe(32),
        admin=secrets.token_urlsafe(12),
        approver=secrets.token_urlsafe(12),
        viewer=secrets.token_urlsafe(12),
        api_secret=secrets.token_hex(32),
        jwt_secret=secrets.token_hex(64),
        fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        sources={name: Key(free_port(), secrets.token_urlsafe(32)) for name in sources},
    )
    write_private(file, json.dumps(asdict(drawn), indent=1))
    return drawn


def is_free(port: int) -> bool:
    """Whether nothing listens at that port of loopback, or of all addresses."""
    for address in (LOOPBACK, ""):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def free_port(*wished: int) -> int:
    """The first wished port that is free, else any."""
    for port in wished:
        if is_free(port):
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
