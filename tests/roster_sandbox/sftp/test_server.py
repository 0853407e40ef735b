from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from roster_sandbox.sftp import LOG_IN, SftpServer, running_sftp, ssh_keys


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    base = tmp_path_factory.mktemp("sftp")
    (base / "delivery").mkdir()
    (base / "beside.txt").write_text("not to be seen")
    with running_sftp(base / "delivery", base / "state", password="open") as found:
        yield found


def asked(server: SftpServer, ask: Callable[[asyncssh.SFTPClient], Any], **log_in: Any) -> Any:
    """What a client gets that knows the host's key; log_in: by the key, if nothing else is said."""
    import asyncio

    host, _, key = f"[127.0.0.1]:{server.port} {server.keys.host_key}".partition(" ")
    known = asyncssh.import_known_hosts(f"{host} {key}\n")
    how = log_in or {"client_keys": [asyncssh.import_private_key(server.keys.private_key)]}

    async def session() -> Any:
        told = {"username": LOG_IN, "client_keys": None, "agent_path": None, **how}
        async with (
            asyncssh.connect("127.0.0.1", server.port, known_hosts=known, config=None, **told) as connection,
            connection.start_sftp_client() as client,
        ):
            return await ask(client)

    return asyncio.run(session())


def test_the_log_in_sees_its_folder_and_nothing_above_it(server: SftpServer) -> None:
    (server.folder / "students.csv").write_text("x")
    names = asked(server, lambda sftp: sftp.listdir("/"))
    assert "students.csv" in names
    assert sorted(asked(server, lambda sftp: sftp.listdir("/..")), key=str) == sorted(names, key=str)
    with pytest.raises(asyncssh.SFTPError):
        asked(server, lambda sftp: sftp.stat("/../beside.txt"))


def test_a_rename_takes_no_other_files_place(server: SftpServer) -> None:
    (server.folder / "old.csv").write_text("old")
    (server.folder / "new.csv").write_text("new")
    with pytest.raises(asyncssh.SFTPError):
        asked(server, lambda sftp: sftp.rename("/old.csv", "/new.csv"))
    assert (server.folder / "new.csv").read_text() == "new"
    asked(server, lambda sftp: sftp.rename("/old.csv", "/free.csv"))
    assert (server.folder / "free.csv").read_text() == "old"


def test_it_lets_in_who_has_the_key_or_the_password(server: SftpServer) -> None:
    assert asked(server, lambda sftp: sftp.getcwd(), password="open") == "/"
    strange = asyncssh.generate_private_key("ssh-ed25519")
    strangers: list[dict[str, Any]] = [
        {"password": "shut"},
        {"client_keys": [strange]},
        {"username": "root", "password": "open"},
    ]
    for log_in in strangers:
        with pytest.raises(asyncssh.PermissionDenied):
            asked(server, lambda sftp: sftp.getcwd(), **log_in)


def test_its_keys_stay_and_are_the_owners(tmp_path: Path) -> None:
    drawn = ssh_keys(tmp_path / "state")
    assert ssh_keys(tmp_path / "state") == drawn != ssh_keys(tmp_path / "other")
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "state").iterdir()} == {0o600}


def test_a_connection_has_what_airflow_needs(server: SftpServer) -> None:
    told = json.loads(server.connection())
    assert (told["conn_type"], told["port"], told["login"]) == ("sftp", server.port, LOG_IN)
    assert told["extra"]["host_key"].startswith("ssh-ed25519 ")
