"""A stand-in for Clever's Data API 3.1 and its token list, served from the generated district.

    write_api(district, folder, synced=now)          # again for each night: the server reads the folder anew
    with running_clever(folder) as clever:
        clever.fault("server_error", path="/users", after=2, times=3)

`ids` is the table of ids (export ↔ Clever), `export` the district as API objects, `shelf` lists and their pages,
`faults` all that can be made to go wrong, `app` what answers; `/sandbox/…` is no part of Clever.

Kept as Clever documents it: bearer tokens, the token list with client id and secret, lists in ascending order of id
with `limit` (10,000 at most, else 413), `starting_after` and `ending_before`, `links` relative to the host, `role` of
users, 1,200 requests a minute and token with 429 and X-RateLimit-Reset, errors as {"message": …}, a web page for a
token of a wrong kind, ids of terms and courses that do not last, state and pause of a district.

Not known for sure, and made up here: the fields beside `access_token` in the token list, the default `limit` of 100,
that `count=true` adds a top-level `count`, the status of the web page (404), X-RateLimit-Limit and -Remaining, and
which of Clever's relationships an export's words become.
"""

from __future__ import annotations

from roster_sandbox.clever.export import RELATIONSHIPS, write_api
from roster_sandbox.clever.ids import IdTable
from roster_sandbox.clever.server import CleverControl, CleverServer, running_clever
from roster_sandbox.clever.settings import Settings

__all__ = ["RELATIONSHIPS", "CleverControl", "CleverServer", "IdTable", "Settings", "running_clever", "write_api"]
