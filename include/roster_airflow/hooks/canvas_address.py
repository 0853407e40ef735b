"""Where a Canvas connection points, and whether that place belongs to the environment of the run.

Environments are told apart by host (`.test.`, `.beta.`, or a list of the tenant's), never by a label.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from roster.errors import CanvasWrongHost
from roster.tenants import Environment

DEFAULT_PORTS = {"https": 443, "http": 80}
REHEARSAL_MARKS = (".test.", ".beta.")


@dataclass(frozen=True)
class Address:
    """Scheme, host name in lower case, and port of a Canvas."""

    scheme: str
    host: str
    port: int

    @property
    def netloc(self) -> str:
        """Host, with the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Scheme and host, without a slash at the end."""
        return f"{self.scheme}://{self.netloc}"

    def own_path(self, link: str) -> str:
        """Path and query of a link that this Canvas gave; CanvasWrongHost where the link leads elsewhere.

        What comes back is appended to our own scheme and host, so a link can't take the token to another place.
        """
        parts = urlsplit(link)
        if parts.scheme in DEFAULT_PORTS and parts.username is None:
            place = Address(parts.scheme, (parts.hostname or "").lower(), parts.port or DEFAULT_PORTS[parts.scheme])
            if place.netloc == self.netloc:
                return parts.path + (f"?{parts.query}" if parts.query else "")
        message = f"{self.netloc} gave a link to another host: it is not followed, because the token would go there"
        raise CanvasWrongHost(message)


def canvas_address(
    host: str | None, schema: str | None, port: int | None, environment: Environment | None, hosts: Collection[str] = ()
) -> Address:
    """The address that the fields of a connection name, checked against the environment.

    hosts: host or host:port, for names that do not say what they are. environment None (the Test button, which knows
    no tenant) checks no more than the form. Raises CanvasWrongHost, before anything has been sent.
    """
    address = _address(host or "", schema or "https", port)
    if address.scheme != "https" and not is_near(address.host):
        message = f"the connection to {address.netloc} is not https: the token would travel in the open"
        raise CanvasWrongHost(message)
    if environment is not None:
        _check_environment(address, environment, hosts)
    return address


def _address(host: str, schema: str, port: int | None) -> Address:
    try:
        parts = urlsplit(host if "://" in host else f"{schema}://{host}")
        named = parts.port or port
    except ValueError:
        message = "the connection's host can't be read: give a name such as school.instructure.com"
        raise CanvasWrongHost(message) from None
    if (
        not parts.hostname
        or parts.scheme not in DEFAULT_PORTS
        or parts.username
        or parts.path.strip("/")
        or parts.query
    ):
        message = "the connection's host must be a host alone, such as school.instructure.com, without path or log-in"
        raise CanvasWrongHost(message)
    return Address(parts.scheme, parts.hostname.lower(), named or DEFAULT_PORTS[parts.scheme])


def _check_environment(address: Address, environment: Environment, hosts: Collection[str]) -> None:
    listed = {name.lower() for name in hosts}
    if listed & {address.host, address.netloc, f"{address.host}:{address.port}"}:
        return
    is_rehearsal = any(mark in address.host for mark in REHEARSAL_MARKS)
    if is_rehearsal == (environment == "test"):
        return
    if environment == "test":
        said = "has neither .test. nor .beta. in it, so it may be production"
    else:
        said = "has .test. or .beta. in it, so it is not production"
    message = (
        f"the connection of environment {environment} points at {address.netloc}, whose name {said}: "
        f"correct the connection, or list the host under canvas.{environment}.hosts of the tenant"
    )
    raise CanvasWrongHost(message)


def is_near(host: str) -> bool:
    """True for this machine, and for a name without a dot, which only a network of containers resolves."""
    if "." not in host and ":" not in host:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
