"""A real OpenSSH server for one test session: own port, own host key, own log-in, nothing of the machine's touched.

Where the machine has no sshd, its Debian package is downloaded and unpacked (not installed); that works for anyone who
may run `apt-get download`. sshd insists on a user of its own when it is started by root, so root starts it as `daemon`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

PACKAGES = ("openssh-server", "libwrap0")


@dataclass(frozen=True)
class Sshd:
    """port: on 127.0.0.1. folder: what the log-in `user` may read. keys: in OpenSSH's forms."""

    port: int
    user: str
    folder: Path
    host_key: str
    private_key: str


@contextmanager
def running_sshd(base: Path) -> Iterator[Sshd]:
    """A server with its files below base, which anyone must be able to enter; skips where there can be none."""
    user = pwd.getpwnam("daemon") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    binary, libraries = _binary(base / "programs")
    host, login = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    port = _free_port()
    config = _configure(base, binary, host, login, port)
    (base / "home").mkdir()
    for path in [base, *base.rglob("*")]:
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    as_user: dict[str, object] = {}
    if os.geteuid() == 0:
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    with (base / "log").open("wb") as log:
        process = subprocess.Popen(  # type: ignore[call-overload]
            [str(binary), "-D", "-e", "-f", str(config)],
            env={"LD_LIBRARY_PATH": libraries, "PATH": os.environ.get("PATH", "")},
            stderr=log,
            **as_user,
        )
    try:
        _await(port, process, base / "log")
        yield Sshd(port, user.pw_name, base / "home", _public(host), _private(login))
    finally:
        process.terminate()
        process.wait(timeout=10)


def _binary(folder: Path) -> tuple[Path, str]:
    """(the sshd program, where its libraries lie)"""
    folder.mkdir()
    installed = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:" + os.environ.get("PATH", ""))
    if installed:
        return Path(installed), ""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        pytest.skip("no sshd here, and no apt-get and dpkg to unpack one with")
    for package in PACKAGES:
        answer = subprocess.run(
            ["apt-get", "download", package], cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )
        if answer.returncode:
            pytest.skip(f"no sshd here, and {package} can't be downloaded: {answer.stderr.strip().splitlines()[-1:]}")
    for archive in folder.glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(archive), str(folder)], check=True, timeout=60)
    binary = folder / "usr/sbin/sshd"
    libraries = ":".join(sorted({str(file.parent) for file in folder.rglob("*.so*")}))
    environment = {**os.environ, "LD_LIBRARY_PATH": libraries}
    needs = subprocess.run(
        ["ldd", str(binary)], env=environment, capture_output=True, text=True, check=True, timeout=20
    ).stdout
    if missing := [line.split()[0] for line in needs.splitlines() if "not found" in line]:
        pytest.skip(f"no sshd here, and the downloaded one needs {', '.join(missing)}")
    return binary, libraries


def _configure(base: Path, binary: Path, host: Ed25519PrivateKey, login: Ed25519PrivateKey, port: int) -> Path:
    (base / "host_key").write_text(_private(host))
    (base / "host_key").chmod(0o600)
    (base / "authorized_keys").write_text(_public(login) + "\n")
    lines = [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {base / 'host_key'}",
        f"AuthorizedKeysFile {base / 'authorized_keys'}",
        "PidFile none",
        "UsePAM no",
        "StrictModes no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "Subsystem sftp internal-sftp",
        "ForceCommand internal-sftp",
    ]
    for program, option in (("sshd-session", "SshdSessionPath"), ("sshd-auth", "SshdAuthPath")):
        if (path := binary.parent.parent / "lib/openssh" / program).exists():
            lines.append(f"{option} {path}")
    config = base / "sshd_config"
    config.write_text("\n".join(lines) + "\n")
    return config


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _private(key: Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"sshd ended: {log.read_text()}")
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(f"sshd does not answer: {log.read_text()}")
