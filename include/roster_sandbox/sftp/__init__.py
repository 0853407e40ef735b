"""A stand-in for the SFTP server that exports are delivered to: one folder, one log-in, on loopback.

    with running_sftp(folder, state) as server:
        server.connection()

It is asyncssh's server: a real one, other than the OpenSSH that most schools have. Kept as OpenSSH keeps it: the log-in
sees nothing above its folder; a rename to a name that is taken fails.
"""

from __future__ import annotations

from roster_sandbox.sftp.server import SftpServer, running_sftp
from roster_sandbox.sftp.ssh_keys import LOG_IN, SshKeys, ssh_keys

__all__ = ["LOG_IN", "SftpServer", "SshKeys", "running_sftp", "ssh_keys"]
