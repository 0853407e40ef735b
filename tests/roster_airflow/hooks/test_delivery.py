"""Deliveries by connection: local folders and zip files, and two real SFTP servers, OpenSSH and asyncssh."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from roster.errors import SourceFault, SourceIncomplete, SourceUnreachable, SourceUnreadable, TenantFileWrong
from roster.settings import CleverCsv
from roster.sources import system
from roster.sources.deliveries import noted
from roster.sources.files import Folder
from roster_airflow.hooks.delivery import archive, delivery, reading, seen
from roster_sandbox.sftp import SftpServer, running_sftp
from tests.roster.sources import exports
from tests.roster_airflow.hooks.sshd import Sshd, running_sshd

WHEN = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
CONTENT = "School_id,School_name\n007,Fern Hill\n"


def settings(path: str = "") -> CleverCsv:
    return CleverCsv(name="clever", system="clever_csv", connection="export", path=path)


def connect(monkeypatch: pytest.MonkeyPatch, conn_type: str, extra: dict[str, object], **fields: object) -> None:
    content = {"conn_type": conn_type, "extra": extra, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_EXPORT", json.dumps(content))


def lay(folder: Path, name: str = "schools.csv", content: str = CONTENT) -> Path:
    (folder / name).write_text(content)
    os.utime(folder / name, (WHEN.timestamp(), WHEN.timestamp()))
    return folder / name


def lay_zip(folder: Path, entries: dict[str, str], name: str = "export.zip") -> Path:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in entries.items():
            archive.writestr(entry, content)
    os.utime(folder / name, (WHEN.timestamp(), WHEN.timestamp()))
    return folder / name


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local folder `export` below the connection's path."""
    folder = tmp_path / "export"
    folder.mkdir()
    connect(monkeypatch, "fs", {"path": str(tmp_path)})
    return folder


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def test_a_folder(export: Path, scratch: Path) -> None:
    lay(export)
    (export / "inner").mkdir()
    there = delivery(settings("export"))
    assert [(name, file.size, file.modified) for name, file in there.files().items()] == [
        ("schools.csv", len(CONTENT), WHEN)
    ]
    assert there.fetch("schools.csv", scratch).read_text() == CONTENT
    with pytest.raises(SourceIncomplete, match=r"students\.csv is gone"):
        there.fetch("students.csv", scratch)


def test_a_folder_that_is_not_there(export: Path) -> None:
    with pytest.raises(SourceIncomplete, match="is not there"):
        delivery(settings("elsewhere")).files()
    with pytest.raises(SourceUnreachable, match="can't be read"):
        delivery(settings(lay(export).relative_to(export.parent).as_posix())).files()


def test_a_zip_file(export: Path, scratch: Path) -> None:
    lay_zip(export, {"night/schools.csv": CONTENT, "night/": "", "Readme.txt": "x"})
    there = delivery(settings("export/export.zip"))
    assert {name: (file.size, file.modified) for name, file in there.files().items()} == {
        "schools.csv": (len(CONTENT), WHEN),
        "Readme.txt": (1, WHEN),
    }
    assert there.fetch("schools.csv", scratch).read_text() == CONTENT


def test_a_zip_file_is_looked_at_again(export: Path, scratch: Path) -> None:
    file = lay_zip(export, {"schools.csv": CONTENT})
    there = delivery(settings("export/export.zip"))
    before = there.files()
    lay_zip(export, {"schools.csv": CONTENT.replace("007", "008")})
    os.utime(file, (WHEN.timestamp() + 5, WHEN.timestamp() + 5))
    assert there.files() != before
    assert "008" in there.fetch("schools.csv", scratch).read_text()


def test_a_zip_files_copy_goes_with_it(export: Path) -> None:
    lay_zip(export, {"schools.csv": CONTENT})
    there = delivery(settings("export/export.zip"))
    there.files()
    copy = there._scratch
    assert copy.exists()
    del there
    assert not copy.exists()


def test_zip_files_that_can_not_be_read(export: Path, scratch: Path) -> None:
    with pytest.raises(SourceIncomplete, match=r"export\.zip is not there"):
        delivery(settings("export/export.zip")).files()
    file = lay_zip(export, {"schools.csv": CONTENT * 99})
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceIncomplete, match=r"export\.zip is cut or still being written"):
        delivery(settings("export/export.zip")).files()
    file.write_bytes(whole[:60] + b"\xff\xff" + whole[62:])
    with pytest.raises(SourceIncomplete, match=r"export\.zip is cut"):
        delivery(settings("export/export.zip")).fetch("schools.csv", scratch)
    encrypted = bytearray(whole)
    encrypted[6] |= 1
    encrypted[whole.index(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(encrypted)
    with pytest.raises(SourceUnreadable, match="is encrypted"):
        delivery(settings("export/export.zip")).fetch("schools.csv", scratch)
    lay_zip(export, {"a/schools.csv": CONTENT, "b/schools.csv": CONTENT})
    with pytest.raises(SourceUnreadable, match=r"holds schools\.csv more than once"):
        delivery(settings("export/export.zip")).files()


@pytest.mark.parametrize("path", ["../other", "export/../../other", "/etc"])
def test_a_path_stays_below_the_connections(export: Path, path: str) -> None:
    with pytest.raises(TenantFileWrong, match="below the path of connection export"):
        delivery(settings(path))


def test_other_connections_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, "ftp", {})
    with pytest.raises(TenantFileWrong, match="another type than fs and sftp"):
        delivery(settings())
    monkeypatch.delenv("AIRFLOW_CONN_EXPORT")
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", "{}")
    with pytest.raises(TenantFileWrong, match="knows no connection export"):
        delivery(settings())


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    # Not below pytest's own folder: that is its owner's alone, and the server may run as another user.
    base = Path(tempfile.mkdtemp(prefix="roster-sshd-"))
    base.chmod(0o755)
    try:
        with running_sshd(base) as server:
            yield server
    finally:
        shutil.rmtree(base)


@pytest.fixture
def remote(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of the server, to which the connection `export` points with all it should have."""
    folder = Path(tempfile.mkdtemp(dir=sshd.folder))
    folder.chmod(0o755)
    sign_on(monkeypatch, sshd, folder)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="paramiko")
        yield folder
    shutil.rmtree(folder)


def sign_on(monkeypatch: pytest.MonkeyPatch, sshd: Sshd, folder: Path, **changed: object) -> None:
    extra = {"path": str(folder), "private_key": sshd.private_key, "host_key": sshd.host_key, "look_for_keys": "false"}
    extra = {key: value for key, value in (extra | changed).items() if value is not None}
    connect(monkeypatch, "sftp", extra, host="127.0.0.1", port=sshd.port, login=sshd.user)


def test_a_folder_of_an_sftp_server(remote: Path, scratch: Path) -> None:
    lay(remote)
    (remote / "inner").mkdir()
    lay(remote / "inner", "students.csv", CONTENT * 10_000)
    (remote / "students.csv").symlink_to(remote / "inner" / "students.csv")
    there = delivery(settings())
    assert {name: (file.size, file.modified) for name, file in there.files().items()} == {
        "schools.csv": (len(CONTENT), WHEN),
        "students.csv": (len(CONTENT) * 10_000, WHEN),
    }
    assert there.fetch("students.csv", scratch).read_text() == CONTENT * 10_000
    assert list(delivery(settings("inner")).files()) == ["students.csv"]


def test_a_zip_file_on_an_sftp_server(remote: Path, scratch: Path) -> None:
    lay_zip(remote, {"schools.csv": CONTENT})
    there = delivery(settings("export.zip"))
    assert [(name, file.modified) for name, file in there.files().items()] == [("schools.csv", WHEN)]
    assert there.fetch("schools.csv", scratch).read_text() == CONTENT


def test_what_is_not_there_on_an_sftp_server(remote: Path, scratch: Path) -> None:
    with pytest.raises(SourceIncomplete, match=r"students\.csv is not on the SFTP server of connection export"):
        delivery(settings()).fetch("students.csv", scratch)
    with pytest.raises(SourceIncomplete, match="the folder of the delivery is not on"):
        delivery(settings("elsewhere")).files()


def test_what_may_not_be_read_on_an_sftp_server(remote: Path, scratch: Path) -> None:
    lay(remote).chmod(0)
    with pytest.raises(SourceUnreadable, match=r"schools\.csv may not be read by the log-in"):
        delivery(settings()).fetch("schools.csv", scratch)


OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"


@pytest.mark.parametrize("unchecked", [{}, {"allow_host_key_change": "true"}])
def test_a_server_with_another_host_key_is_refused(
    sshd: Sshd, remote: Path, monkeypatch: pytest.MonkeyPatch, unchecked: dict[str, object]
) -> None:
    lay(remote)
    sign_on(monkeypatch, sshd, remote, host_key=OTHER_KEY, **unchecked)
    with pytest.raises(SourceFault, match="has another host key") as caught:
        delivery(settings()).files()
    assert type(caught.value) is SourceFault


@pytest.mark.parametrize("unchecked", [{}, {"no_host_key_check": "true"}, {"allow_host_key_change": "true"}])
def test_a_server_whose_host_key_is_not_known_is_refused(
    sshd: Sshd, remote: Path, monkeypatch: pytest.MonkeyPatch, unchecked: dict[str, object]
) -> None:
    lay(remote)
    sign_on(monkeypatch, sshd, remote, host_key=None, **unchecked)
    with pytest.raises(SourceFault, match="has a host key that is not known") as caught:
        delivery(settings()).files()
    assert type(caught.value) is SourceFault


def test_a_log_in_that_is_not_accepted(sshd: Sshd, remote: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_on(monkeypatch, sshd, remote, private_key=None)
    with pytest.raises(SourceFault, match="did not accept the log-in of connection export") as caught:
        delivery(settings()).files()
    assert type(caught.value) is SourceFault


@pytest.mark.parametrize("extra", [{"host_key": "ssh-ed25519"}, {"key_file": "/nowhere"}])
def test_a_connection_that_is_not_whole(
    sshd: Sshd, remote: Path, monkeypatch: pytest.MonkeyPatch, extra: dict[str, object]
) -> None:
    sign_on(monkeypatch, sshd, remote, **extra)
    with pytest.raises(SourceFault, match="connection export is not whole") as caught:
        delivery(settings()).files()
    assert type(caught.value) is SourceFault


def test_a_server_that_does_not_answer(sshd: Sshd, remote: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_on(monkeypatch, sshd, remote)
    monkeypatch.setenv("AIRFLOW_CONN_EXPORT", os.environ["AIRFLOW_CONN_EXPORT"].replace(str(sshd.port), "1"))
    with pytest.raises(SourceUnreachable, match="did not answer"):
        delivery(settings()).files()


def test_an_export_on_an_sftp_server_is_read_only_once_it_is_quiet(remote: Path, tmp_path: Path) -> None:
    clever = system("clever_csv")
    exports.write(remote, modified=WHEN)
    with pytest.raises(SourceIncomplete, match=r"students\.csv.* changed 20 s ago"):
        clever.extract(delivery(settings()), settings(), tmp_path, last_good=None, now=WHEN + timedelta(seconds=20))
    evidence = clever.extract(
        delivery(settings()), settings(), tmp_path, last_good=None, now=WHEN + timedelta(minutes=2)
    )
    assert (evidence.proven, evidence.rows["students"], evidence.delivered) == (True, 2, WHEN)


@pytest.fixture(scope="module")
def asyncssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    base = tmp_path_factory.mktemp("sftp")
    (base / "served").mkdir()
    with running_sftp(base / "served", base / "state") as server:
        yield server


@pytest.fixture(params=["folder", "openssh", "asyncssh"])
def inbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The connection's folder, with an export in `night/`, by each kind of connection."""
    if request.param == "openssh":
        base = request.getfixturevalue("remote")
    else:
        base = request.getfixturevalue("tmp_path") / "base"
        if request.param == "asyncssh":
            server = request.getfixturevalue("asyncssh_server")
            base = server.folder / "base"
            monkeypatch.setenv("AIRFLOW_CONN_EXPORT", server.connection(path="/base"))
        else:
            connect(monkeypatch, "fs", {"path": str(base)})
        base.mkdir()
    (base / "night").mkdir()
    if request.param == "openssh" and os.geteuid() == 0:
        for path in (base, base / "night"):
            shutil.chown(path, "daemon", "daemon")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="paramiko")
        yield base
    shutil.rmtree(base)
    if request.param == "openssh":
        base.mkdir()


def archiving(path: str = "night", **more: object) -> CleverCsv:
    return settings(path).model_copy(update={"archive": "old/clever", **more})


def lying(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text(errors="replace") for file in sorted(folder.iterdir())}


def test_what_was_read_goes_to_the_archive_of_that_day(inbox: Path, tmp_path: Path) -> None:
    lay(inbox / "night")
    lay(inbox / "night", "done.txt", "whole")
    read = dict(reading(archiving()).files())
    day = inbox / "old" / "clever" / "2026-02-03"
    assert archive(archiving(), read, WHEN.date()) == []
    assert lying(day) == {"done.txt": "whole", "schools.csv": CONTENT}
    assert seen(archiving()) == "no files: the last delivery lies in old/clever, the next is not there yet"

    lay(inbox / "night", content="of another run of that day")
    lay(inbox / "night", "unread.csv")
    again = {"schools.csv": reading(archiving()).files()["schools.csv"]}
    assert archive(archiving(), again, WHEN.date()) == []
    assert lying(day)["schools-2.csv"] == "of another run of that day"
    assert lying(day)["schools.csv"] == CONTENT
    assert list(lying(inbox / "night")) == ["unread.csv"]
    assert archive(archiving(), again, WHEN.date()) == []


def test_what_has_changed_since_it_was_read_is_not_archived(inbox: Path) -> None:
    lay(inbox / "night")
    read = dict(reading(archiving()).files())
    os.utime(lay(inbox / "night"), (WHEN.timestamp() + 60, WHEN.timestamp() + 60))
    assert archive(archiving(), read, WHEN.date()) == ["schools.csv"]
    assert lying(inbox / "night") == {"schools.csv": CONTENT}


def test_a_zip_file_is_archived_as_one(inbox: Path, tmp_path: Path) -> None:
    exports.write(tmp_path / "content", modified=WHEN)
    packed = lay_zip(inbox / "night", {f"in/{name}": text for name, text in lying(tmp_path / "content").items()})
    lay(inbox / "night", "export.ok")
    whole, zipped = packed.read_bytes(), archiving("night/export.zip", marker="*.ok")
    evidence = system("clever_csv").extract(reading(zipped), zipped, tmp_path, last_good=None, now=WHEN)
    assert evidence.proven
    assert archive(zipped, noted(tmp_path), WHEN.date()) == []
    day = inbox / "old" / "clever" / "2026-02-03"
    assert sorted(lying(day)) == ["export.ok", "export.zip"]
    assert (day / "export.zip").read_bytes() == whole
    assert lying(inbox / "night") == {}


def test_an_archive_that_cannot_be_written_is_told(inbox: Path) -> None:
    lay(inbox / "night")
    lay(inbox, "old", "a file where the archive should be")
    read = dict(reading(archiving()).files())
    with pytest.raises(SourceFault) as caught:
        archive(archiving(), read, WHEN.date())
    assert "archive" in str(caught.value)
    assert lying(inbox / "night") == {"schools.csv": CONTENT}


def test_an_archive_lies_below_the_connections_path(export: Path) -> None:
    with pytest.raises(TenantFileWrong, match="archive must lie below the path of connection export"):
        reading(settings("export").model_copy(update={"archive": "../old"}))


def test_the_archive_of_a_connection_to_a_zip_file_lies_beside_it(
    export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_zip(export, {"schools.csv": CONTENT})
    connect(monkeypatch, "fs", {"path": str(export / "export.zip")})
    there = Folder(export).files()
    assert archive(archiving(""), there, WHEN.date()) == []
    assert [file.name for file in (export / "old" / "clever" / "2026-02-03").iterdir()] == ["export.zip"]
