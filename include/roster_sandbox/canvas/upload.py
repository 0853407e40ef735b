"""What is in an upload: one CSV or a zip of them, by the extension of the file's name and by nothing else."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from dataclasses import dataclass, field

LARGEST_RATIO = 100
_PASSED_OVER = re.compile(r"__macosx|desktop db|desktop df|(^|/)\.", re.IGNORECASE)


class Unreadable(ValueError):
    """The container cannot be opened, or grows beyond what Canvas unpacks."""


@dataclass
class Contents:
    """The CSV files of an upload in the order they lie there, and the members that are none of Canvas's business."""

    files: list[tuple[str, bytes]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def unpack(name: str, data: bytes) -> Contents:
    """Files by name; an upload that is neither `.csv` nor `.zip` holds nothing, and that is no error."""
    if name.lower().endswith(".csv"):
        return Contents(files=_with_bytes([(name, data)]))
    if name.lower().endswith(".zip"):
        return _unzip(data)
    return Contents()


def _unzip(data: bytes) -> Contents:
    contents = Contents()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if sum(member.file_size for member in members) >= LARGEST_RATIO * max(len(data), 1):
                message = f"the zip holds {LARGEST_RATIO} times its own size or more"
                raise Unreadable(message)
            for member in members:
                if _PASSED_OVER.search(member.filename):
                    continue
                if member.filename.lower().endswith(".csv"):
                    contents.files += _with_bytes([(member.filename, archive.read(member))])
                else:
                    contents.unknown.append(member.filename)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
        message = "the zip cannot be opened"
        raise Unreadable(message) from error
    return contents


def _with_bytes(files: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """A file of no bytes at all is passed over without a word."""
    return [(name, data) for name, data in files if data]
