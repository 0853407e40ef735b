"""Files that a source delivers, by Airflow connection: type `fs` (folder or zip file) or `sftp`.

The connection's extra `path` names a folder or zip file, the tenant file's `path` one below it. An SFTP server's host
key is always compared, whatever the connection says of not doing so: give it in the extra `host_key`, or have it in
~/.ssh/known_hosts of the worker.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from roster.errors import (
    SourceFault,
    SourceIncomplete,
    SourceUnreachable,
    SourceUnreadable,
    TenantFileWrong,
)
from roster.sources import DeliveredFile, Delivery
from roster.sources.files import Archive, Folder

if TYPE_CHECKING:
    from paramiko import SFTPClient

    from roster.settings.grammar import FileSource


def reading(settings: FileSource) -> Delivery:
    """What the packages of file sources read from. Raises TenantFileWrong."""
    return delivery(settings)


def seen(settings: FileSource) -> str:
    """How many files lie there, and how old the newest is. Raises TenantFileWrong or SourceFault."""
    files = delivery(settings).files()
    if not files:
        message = f"connection {settings.connection} works, but there is no file at its path: path, or the delivery?"
        raise TenantFileWrong(message)
    newest = max(file.modified for file in files.values())
    return f"{len(files)} files, the newest of {newest:%Y-%m-%d %H:%M} UTC"


class Place(Protocol):
    """Settings that say where files lie, and whose they are."""

    @property
    def name(self) -> str: ...
    @property
    def connection(self) -> str: ...
    @property
    def path(self) -> str: ...


def delivery(settings: Place) -> Delivery:
    """Where the files of that source lie. Raises TenantFileWrong for a connection of another type, or a wrong path."""
    try:
        connection = BaseHook.get_connection(settings.connection)
    except AirflowNotFoundException:
        message = (
            f"source {settings.name}: Airflow knows no connection {settings.connection}: make it, or correct the name"
        )
        raise TenantFileWrong(message) from None
    path = _below(str(connection.extra_dejson.get("path") or ""), settings)
    folder, archive = (path.parent, path.name) if path.suffix.lower() == ".zip" else (path, None)
    where: Delivery
    if connection.conn_type == "fs":
        where = Folder(Path(folder))
    elif connection.conn_type == "sftp":
        where = SftpFolder(settings.connection, folder)
    else:
        message = f"source {settings.name}: connection {settings.connection} has another type than fs and sftp"
        raise TenantFileWrong(message)
    return Archive(where, archive) if archive else where


def _below(base: str, settings: Place) -> PurePosixPath:
    if ".." in PurePosixPath(settings.path).parts or (base and settings.path.startswith("/")):
        message = f"source {settings.name}: path must lie below the path of connection {settings.connection}"
        raise TenantFileWrong(message)
    return PurePosixPath(base) / settings.path


class SftpFolder:
    """A Delivery of the files directly in a folder of an SFTP server. folder: absolute, or below the log-in's own."""

    def __init__(self, connection: str, folder: PurePosixPath) -> None:
        self._connection = connection
        self._folder = folder

    def files(self) -> Mapping[str, DeliveredFile]:
        """Files only, by name; links are followed."""
        with self._asking("the folder of the delivery") as sftp:
            found = {}
            for entry in sftp.listdir_attr(str(self._folder)):
                there = entry
                if stat.S_ISLNK(entry.st_mode or 0):
                    there = sftp.stat(str(self._folder / entry.filename))
                if stat.S_ISREG(there.st_mode or 0):
                    modified = datetime.fromtimestamp(there.st_mtime or 0, UTC)
                    found[entry.filename] = DeliveredFile(there.st_size or 0, modified)
        return found

    def fetch(self, name: str, folder: Path) -> Path:
        """Download the file; a transfer that ends with another size than the server says is SourceIncomplete."""
        target = folder / name
        with self._asking(name) as sftp:
            sftp.get(str(self._folder / name), str(target))
        return target

    @contextmanager
    def _asking(self, what: str) -> Iterator[SFTPClient]:
        """A session, and what goes wrong in it in our words. Each asking connects anew: nothing is left open."""
        import paramiko  # here: with the SFTP provider a second of imports that only this needs to pay
        from airflow.providers.sftp.hooks.sftp import SFTPHook

        try:
            hook = SFTPHook(self._connection, conn_retry_attempts=1, no_host_key_check=False)
        except (AirflowException, ValueError, paramiko.SSHException):
            message = f"connection {self._connection} is not whole: see its host, key_file or private_key, and host_key"
            raise SourceFault(message) from None
        hook.allow_host_key_change = False
        try:
            with hook.get_managed_conn() as sftp:
                yield sftp
        except paramiko.BadHostKeyException:
            raise SourceFault(self._unknown_host("has another host key than the one that is known")) from None
        except paramiko.AuthenticationException:
            raise SourceFault(self._turned_away()) from None
        except paramiko.SSHException as fault:
            if "No authentication methods available" in str(fault):
                raise SourceFault(self._turned_away()) from None
            if "not found in known_hosts" in str(fault):
                raise SourceFault(self._unknown_host("has a host key that is not known")) from None
            raise SourceUnreachable(self._silent()) from None
        except FileNotFoundError:
            message = (
                f"{what} is not on the SFTP server of connection {self._connection}: check the path, or wait for it"
            )
            raise SourceIncomplete(message) from None
        except PermissionError:
            message = f"{what} may not be read by the log-in of connection {self._connection}: have that granted"
            raise SourceUnreadable(message) from None
        except (OSError, EOFError) as fault:
            if "size mismatch" in str(fault):
                message = f"{what} changed while it was read: the delivery is asked for again"
                raise SourceIncomplete(message) from None
            raise SourceUnreachable(self._silent()) from None

    def _unknown_host(self, what: str) -> str:
        return (
            f"the SFTP server of connection {self._connection} {what}: ask whoever keeps the server for its key and "
            "put it into the connection's extra host_key"
        )

    def _turned_away(self) -> str:
        return f"the SFTP server did not accept the log-in of connection {self._connection}: renew its key or password"

    def _silent(self) -> str:
        return f"the SFTP server of connection {self._connection} did not answer as one: check host and port, or wait"
