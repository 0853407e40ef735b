"""Deliveries on this machine: a folder, and a zip file that another delivery holds."""

from __future__ import annotations

import shutil
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePath, PurePosixPath

from roster.errors import SourceIncomplete, SourceUnreachable, SourceUnreadable
from roster.sources import DeliveredFile, Delivery, ZipFile
from roster.sources.deliveries import is_marker


class Folder:
    """A Delivery of the files directly in a local folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def files(self) -> Mapping[str, DeliveredFile]:
        """Files only, by name; links are followed."""
        try:
            found = [(file.name, file.stat()) for file in self._folder.iterdir() if file.is_file()]
        except FileNotFoundError:
            message = "the folder of the delivery, or a file in it, is not there: check the connection's path, or wait"
            raise SourceIncomplete(message) from None
        except OSError as fault:
            message = f"the folder of the delivery can't be read: {fault.strerror}"
            raise SourceUnreachable(message) from None
        return {name: DeliveredFile(stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC)) for name, stat in found}

    def fetch(self, name: str, folder: Path) -> Path:
        """A copy, so that what is read is what was looked at."""
        try:
            return Path(shutil.copyfile(self._folder / name, folder / name))
        except FileNotFoundError:
            message = f"{name} is gone since it was looked at: the delivery is asked for again"
            raise SourceIncomplete(message) from None
        except OSError as fault:
            message = f"{name} can't be read: {fault.strerror}"
            raise SourceUnreadable(message) from None

    def put_away(self, read: Mapping[str, DeliveredFile], target: PurePath) -> list[str]:
        """Move the files into the folder target, under names that are free there; answers those that stay.

        A file stays if it is a link, or is not as it was read. Raises SourceUnreadable.
        """
        there, stay, into = self.files(), list[str](), Path(target)
        try:
            into.mkdir(parents=True, exist_ok=True)
            for name, lay in read.items():
                file = self._folder / name
                if there.get(name) == lay and not file.is_symlink():
                    file.rename(into / free_name(name, {one.name for one in into.iterdir()}))
                elif name in there:
                    stay.append(name)
        except OSError as fault:
            message = f"the delivery can't be moved to its archive: {fault.strerror}"
            raise SourceUnreadable(message) from None
        return stay


def free_name(name: str, taken: Collection[str]) -> str:
    """The name or, where it is taken, the name with the first number that is free: `students-2.csv`."""
    path, number = PurePosixPath(name), 1
    while name in taken:
        number += 1
        name = f"{path.stem}-{number}{path.suffix}"
    return name


class Archive:
    """A Delivery of the files in a zip file, in whatever folder of it; each has the time of the zip file.

    The zip file is fetched once for each state it is found in, and its copy goes with this object. marker: name or
    pattern of files beside the zip file that are listed as well.
    """

    def __init__(self, outer: Delivery, name: str, marker: str | None = None) -> None:
        self._outer = outer
        self._name = name
        self._marker = marker
        self._state: DeliveredFile | None = None
        self._scratch = Path(tempfile.mkdtemp(prefix="roster-"))
        weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)

    def files(self) -> Mapping[str, DeliveredFile]:
        """The files by their last name."""
        beside = self._outer.files()
        state = beside.get(self._name)
        if state is None:
            message = f"{self._name} is not there: have the export delivered"
            raise SourceIncomplete(message)
        if state != self._state:
            self._outer.fetch(self._name, self._scratch)
            self._state = state
        within = ZipFile(self._name, state.size)
        found = {name: DeliveredFile(one.file_size, state.modified, within) for name, one in self._entries().items()}
        return found | {name: one for name, one in beside.items() if is_marker(name, self._marker)}

    def fetch(self, name: str, folder: Path) -> Path:
        """Unpack the file; its checksum is compared."""
        if self._state is None:
            self.files()
        target = folder / name
        try:
            with (
                zipfile.ZipFile(self._scratch / self._name) as archive,
                archive.open(self._entries()[name]) as content,
                target.open("wb") as copy,
            ):
                shutil.copyfileobj(content, copy)
        except (zipfile.BadZipFile, zlib.error, EOFError):
            raise SourceIncomplete(self._broken()) from None
        except (RuntimeError, NotImplementedError):
            message = f"{self._name}: {name} is encrypted or packed in a way that can't be read: have it zipped plainly"
            raise SourceUnreadable(message) from None
        return target

    def _entries(self) -> dict[str, zipfile.ZipInfo]:
        entries: dict[str, zipfile.ZipInfo] = {}
        try:
            with zipfile.ZipFile(self._scratch / self._name) as archive:
                found = [entry for entry in archive.infolist() if not entry.is_dir()]
        except zipfile.BadZipFile:
            raise SourceIncomplete(self._broken()) from None
        for entry in found:
            name = PurePosixPath(entry.filename.replace("\\", "/")).name
            if name in entries:
                message = f"{self._name}: holds {name} more than once: leave one"
                raise SourceUnreadable(message)
            entries[name] = entry
        return entries

    def _broken(self) -> str:
        return (
            f"{self._name} is cut or still being written: it is asked for again; if this stays, have it delivered again"
        )
