"""ROSTER_HOME: where run folders, ledgers and pointers lie, a local folder or s3://bucket/prefix.

Everything the sync keeps goes through this one module, because it holds personal data: local files are readable by
their owner only. `create` is what keeps two writers apart; `probe` proves at first use that the store can do it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from roster.errors import RunFolderBroken, StoreNotExclusive, TenantFileWrong

MANIFEST = "manifest.json"
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP)


class Store:
    """Files by path below one root. Paths are relative, with forward slashes, on every store."""

    def __init__(self, root: str) -> None:
        import fsspec  # 40 ms that a DAG file must not pay

        self.root = root.rstrip("/")
        self._fs: Any
        self._fs, self._base = fsspec.core.url_to_fs(self.root)
        self.is_local = "file" in (self._fs.protocol if isinstance(self._fs.protocol, tuple) else (self._fs.protocol,))

    @classmethod
    def home(cls) -> Store:
        """The store that ROSTER_HOME names."""
        root = os.environ.get("ROSTER_HOME")
        if not root:
            message = "ROSTER_HOME is not set: name a folder or s3://bucket/prefix for run folders and ledgers"
            raise TenantFileWrong(message)
        return cls(root)

    def _full(self, path: str) -> str:
        if ".." in PurePosixPath(path).parts or path.startswith("/"):
            message = "a path in the store is relative and stays inside it"
            raise RunFolderBroken(message)
        return f"{self._base}/{path}"

    def local_path(self, path: str) -> Path:
        """The path on this machine; only where `is_local`."""
        return Path(self._full(path))

    def exists(self, path: str) -> bool:
        """True for a file or a folder with something in it."""
        self._fs.invalidate_cache()
        return bool(self._fs.exists(self._full(path)))

    def read(self, path: str) -> bytes:
        """The file's bytes; RunFolderBroken where there is none."""
        try:
            return bytes(self._fs.cat_file(self._full(path)))
        except FileNotFoundError:
            message = f"{path} is not in ROSTER_HOME"
            raise RunFolderBroken(message) from None

    def read_json(self, path: str) -> Any:
        """The file's JSON."""
        return json.loads(self.read(path))

    def write(self, path: str, content: bytes) -> None:
        """Write the file whole, over what may be there: readers see the old one or the new one."""
        if not self.is_local:
            self._fs.pipe_file(self._full(path), content)
            return
        aside = self._aside(path, content)
        aside.replace(self.local_path(path))

    def create(self, path: str, content: bytes) -> bool:
        """Write the file only if there is none; False if there is. Of two writers one gets True."""
        if not self.is_local:
            try:
                self._fs.pipe_file(self._full(path), content, mode="create")
            except FileExistsError:
                return False
            return True
        aside = self._aside(path, content)
        try:
            os.link(aside, self.local_path(path))
        except FileExistsError:
            return False
        except OSError as fault:
            if fault.errno not in _NO_LINKS:
                raise
            message = "ROSTER_HOME lies on a disk without hard links, so it can't hold a ledger: use another"
            raise StoreNotExclusive(message) from None
        finally:
            aside.unlink()
        return True

    def names(self, path: str) -> list[str]:
        """Names directly below the folder, sorted; none where there is no such folder."""
        self._fs.invalidate_cache()
        try:
            found = self._fs.ls(self._full(path), detail=False)
        except FileNotFoundError:
            return []
        names = (PurePosixPath(str(entry).rstrip("/")).name for entry in found)
        return sorted(name for name in names if not name.startswith(".aside-"))

    def files(self, path: str) -> list[str]:
        """Paths of all files below the folder, relative to it, sorted; none where there is no such folder."""
        self._fs.invalidate_cache()
        root = self._full(path).rstrip("/")
        found = [str(entry) for entry in self._fs.find(root)]
        names = (entry[entry.index(root) + len(root) + 1 :] for entry in found)
        return sorted(name for name in names if not PurePosixPath(name).name.startswith(".aside-"))

    def remove(self, path: str) -> None:
        """Remove the file or folder and all below it; nothing where there is none."""
        if self.exists(path):
            self._fs.rm(self._full(path), recursive=True)

    def upload(self, folder: Path, path: str) -> None:
        """Put the folder's files (and those of its subfolders) to path, the manifest last: names, sizes, SHA-256."""
        manifest = {}
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            name = file.relative_to(folder).as_posix()
            content = file.read_bytes()
            manifest[name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            self.write(f"{path}/{name}", content)
        self.write(f"{path}/{MANIFEST}", json.dumps(manifest, indent=1).encode())

    def download(self, path: str, folder: Path) -> None:
        """Fetch what the manifest at path names into folder; RunFolderBroken where it is missing or not as it says."""
        for name, said in self.manifest(path).items():
            content = self._as_said(path, name, said)
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def verify(self, path: str) -> None:
        """RunFolderBroken where a file of the folder is missing or not what the manifest says."""
        for name, said in self.manifest(path).items():
            self._as_said(path, name, said)

    def read_whole(self, path: str, name: str) -> bytes:
        """One file of a folder that `upload` wrote, just as its manifest says; RunFolderBroken where it is not."""
        said = self.manifest(path).get(name)
        if said is None:
            message = f"{path} has no {name}"
            raise RunFolderBroken(message)
        return self._as_said(path, name, said)

    def _as_said(self, path: str, name: str, said: dict[str, Any]) -> bytes:
        content = self.read(f"{path}/{name}")
        if len(content) != said["size"] or hashlib.sha256(content).hexdigest() != said["sha256"]:
            message = f"{path}/{name} is not what its manifest says: take a copy from a backup, or run the step again"
            raise RunFolderBroken(message)
        return content

    def manifest(self, path: str) -> dict[str, Any]:
        """The manifest of a folder that `upload` wrote; RunFolderBroken where the folder is not whole."""
        if not self.exists(f"{path}/{MANIFEST}"):
            message = f"{path} has no {MANIFEST}: the step that wrote it did not finish"
            raise RunFolderBroken(message)
        try:
            content: dict[str, Any] = self.read_json(f"{path}/{MANIFEST}")
        except ValueError:
            message = f"{path}/{MANIFEST} can't be read: take a copy from a backup, or run the step again"
            raise RunFolderBroken(message) from None
        return content

    def probe(self) -> None:
        """Two exclusive creates of one file, once per store; StoreNotExclusive where both succeed."""
        if self.exists("probed"):
            return
        name = f"probe-{secrets.token_hex(8)}"
        first, second = self.create(name, b"1"), self.create(name, b"2")
        self.remove(name)
        if not first or second:
            message = (
                "ROSTER_HOME lies on a store that lets two writers create one file, so it can't hold a ledger: "
                "use a local disk or an S3 that honours If-None-Match"
            )
            raise StoreNotExclusive(message)
        self.create("probed", b"two exclusive creates of one file: the second failed, as it must\n")

    def _aside(self, path: str, content: bytes) -> Path:
        target = self.local_path(path)
        _make_private(target.parent, Path(self._base))
        handle, name = tempfile.mkstemp(prefix=".aside-", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return Path(name)


def _make_private(folder: Path, root: Path) -> None:
    """Create the folders down to folder, below and with root, for their owner only."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(mode=0o700 if parent == root or root in parent.parents else 0o755, exist_ok=True)
