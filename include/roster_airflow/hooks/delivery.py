"""Files that a source delivers, by Airflow connection: type `fs` (folder or zip file) or `sftp`.

The connection's extra `path` names a folder or zip file, the tenant file's `path` one below it. An SFTP server's host
key is always compared, whatever the connection says of not doing so: give it in the extra `host_key`, or have it in
~/.ssh/known_hosts of the worker.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
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
from roster.sources.files import Archive, Folder, free_name

if TYPE_CHECKING:
    from airflow.sdk import Connection
    from paramiko import SFTPAttributes, SFTPClient

    from roster.settings.grammar import FileSource


def reading(settings: FileSource) -> Delivery:
    """What the packages of file sources read from. Raises TenantFileWrong."""
    if settings.archive:
        _archive_of(settings, date.min)  # before a night has been read, not after
    return delivery(settings, settings.marker)


def seen(settings: FileSource) -> str:
    """How many files lie there, and how old the newest is. Raises TenantFileWrong or SourceFault."""
    files = delivery(settings).files()
    if not files and settings.archive:
        return f"no files: the last delivery lies in {settings.archive}, the next is not there yet"
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


def archive(settings: FileSource, read: Mapping[str, DeliveredFile], day: date) -> list[str]:
    """Move what was read to the source's archive, into a folder of that day; answers the files that stay.

    read: the files as they lay when they were read. What is not as it lay then stays: the next delivery, most likely.
    Raises SourceFault or TenantFileWrong.
    """
    where, _ = _place(settings)
    return where.put_away(read, _archive_of(settings, day))


def _archive_of(settings: FileSource, day: date) -> PurePosixPath:
    if ".." in PurePosixPath(settings.archive or "..").parts:
        message = f"source {settings.name}: archive must lie below the path of connection {settings.connection}"
        raise TenantFileWrong(message)
    base = PurePosixPath(_connection(settings).extra_dejson.get("path") or "")
    base = base.parent if base.suffix.lower() == ".zip" else base
    return base / str(settings.archive) / day.isoformat()


def delivery(settings: Place, marker: str | None = None) -> Delivery:
    """Where the files of that source lie. Raises TenantFileWrong for a connection of another type, or a wrong path.

    marker: name or pattern of files beside a zip file that are listed with those in it.
    """
    where, zipped = _place(settings)
    return Archive(where, zipped, marker) if zipped else where


def _place(settings: Place) -> tuple[Folder | SftpFolder, str | None]:
    """The folder, and the zip file in it if the path names one."""
    connection = _connection(settings)
    path = _below(str(connection.extra_dejson.get("path") or ""), settings)
    folder, zipped = (path.parent, path.name) if path.suffix.lower() == ".zip" else (path, None)
    if connection.conn_type == "fs":
        return Folder(Path(folder)), zipped
    if connection.conn_type == "sftp":
        return SftpFolder(settings.connection, folder), zipped
    message = f"source {settings.name}: connection {settings.connection} has another type than fs and sftp"
    raise TenantFileWrong(message)


def _connection(settings: Place) -> Connection:
    try:
        return BaseHook.get_connection(settings.connection)
    except AirflowNotFoundException:
        message = (
            f"source {settings.name}: Airflow knows no connection {settings.connection}: make it, or correct the name"
        )
        raise TenantFileWrong(message) from None


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
                    found[entry.filename] = _delivered(there)
        return found

    def fetch(self, name: str, folder: Path) -> Path:
        """Download the file; a transfer that ends with another size than the server says is SourceIncomplete."""
        target = folder / name
        with self._asking(name) as sftp:
            sftp.get(str(self._folder / name), str(target))
        return target

    def put_away(self, read: Mapping[str, DeliveredFile], target: PurePosixPath) -> list[str]:
        """Move the files into the folder target, under names that are free there; answers those that stay.

        The server renames them: nothing is copied, written over or removed. A file stays if it is a link, or is not as
        it was read.
        """
        stay = []
        with self._asking("the archive", "written") as sftp:
            _make(sftp, target)
            for name, lay in read.items():
                file = str(self._folder / name)
                there = _lies(sftp, file)
                if there == lay:
                    _rename(sftp, file, str(target / free_name(name, sftp.listdir(str(target)))))
                elif there is not None:
                    stay.append(name)
        return stay

    @contextmanager
    def _asking(self, what: str, done: str = "read") -> Iterator[SFTPClient]:
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
            message = f"{what} may not be {done} by the log-in of connection {self._connection}: have that granted"
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


def _make(sftp: SFTPClient, folder: PurePosixPath) -> None:
    """Make the folder, unless it is there."""
    try:
        sftp.stat(str(folder))
    except FileNotFoundError:
        _make(sftp, folder.parent)
        sftp.mkdir(str(folder))


def _rename(sftp: SFTPClient, file: str, target: str) -> None:
    try:
        sftp.rename(file, target)
    except PermissionError:
        raise
    except OSError:
        message = "the SFTP server does not move the delivery to its archive: see that both lie on one disk of it"
        raise SourceUnreadable(message) from None


def _lies(sftp: SFTPClient, file: str) -> DeliveredFile | None:
    """How a file (or link) lies there; None for what is gone."""
    try:
        return _delivered(sftp.lstat(file))
    except FileNotFoundError:
        return None


def _delivered(there: SFTPAttributes) -> DeliveredFile:
    """A link is as long as the path it leads to, and as old as itself: never as what it leads to was read."""
    return DeliveredFile(there.st_size or 0, datetime.fromtimestamp(there.st_mtime or 0, UTC))
