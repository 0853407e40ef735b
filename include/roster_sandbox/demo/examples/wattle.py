"""Clever's CSV export, delivered by SFTP, with a marker that is written last; what was read goes to an archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from roster_sandbox.demo.examples import fern
from roster_sandbox.demo.examples.fern import UNPROVEN, implied_canvas
from roster_sandbox.demo.keys import LOOPBACK, Keys
from roster_sandbox.demo.places import Places
from roster_sandbox.demo.stand_ins import StandIn, sandbox
from roster_sandbox.district import District
from roster_sandbox.sftp import LOG_IN, ssh_keys

__all__ = ["KEYS", "UNPROVEN", "connections", "implied_canvas", "serve", "stand_ins"]

KEYS = ("sftp",)
MARKER = "done.txt"


def stand_ins(places: Places, keys: Keys) -> Sequence[StandIn]:
    """An SFTP server over the folder of the delivery."""
    state = places.work / "sftp"
    served = ("--folder", str(places.delivery))
    return [sandbox("The SFTP server", "sftp", state, keys.sources["sftp"], *served, scheme="sftp")]


def connections(places: Places, keys: Keys) -> Mapping[str, Mapping[str, Any]]:
    """The server, by a key, with the host key that it has to show."""
    ssh = ssh_keys(places.work / "sftp")
    extra = {"path": "/", "private_key": ssh.private_key, "host_key": ssh.host_key, "look_for_keys": "false"}
    port = keys.sources["sftp"].port
    return {"export": {"conn_type": "sftp", "host": LOOPBACK, "port": port, "login": LOG_IN, "extra": extra}}


def serve(places: Places, district: District) -> None:
    """Deliver the export, and then the marker."""
    (places.delivery / MARKER).unlink(missing_ok=True)
    fern.serve(places, district)
    (places.delivery / MARKER).touch(mode=0o600)
