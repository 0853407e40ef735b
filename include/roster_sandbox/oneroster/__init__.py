"""OneRoster 1.1 and 1.2 of the generated district: its objects, and a stand-in for a provider's REST service.

    write_rest(district, folder, version="1.2", modified=now)      # again for each night: the folder is read anew
    with running_oneroster(folder) as provider:
        provider.fault("server_error", path="/users", after=2, times=3)

`ids` is the table of ids, `export` the district as objects (a CSV set can be written of them too), `shelf` lists and
their pages, `gate` who may ask, `faults` all that can be made to go wrong, `app` what answers; `/sandbox/…` and
`/token` are no part of OneRoster.

Kept as the specification says: base path, names of lists and their envelopes, references, strings as booleans, `limit`
(100 unless told), `offset`, `sort` by sourcedId, Link with next, prev, first and last, X-Total-Count, imsx_StatusInfo,
OAuth 1.0a (HMAC-SHA256 or -SHA1, over the query too, each nonce once, ten minutes back and five ahead), OAuth 2 client
credentials.

Left to each provider by the specification, so that nobody can know, and settings or faults here: whether the total and
the links are given, how many records a page has at most (here it is cut without a word), the order without `sort`, how
long a token lasts, and the texts of errors. 1.1 spells imsx_codeMinor here and 1.2 imsx_CodeMinor. There is no `filter`
and no `fields` (400), and of gradebook and resources there is nothing.
"""

from __future__ import annotations

from roster_sandbox.oneroster.ids import IdTable
from roster_sandbox.oneroster.server import OneRosterControl, OneRosterServer, running_oneroster
from roster_sandbox.oneroster.settings import Settings
from roster_sandbox.oneroster.shelf import write_rest

__all__ = ["IdTable", "OneRosterControl", "OneRosterServer", "Settings", "running_oneroster", "write_rest"]
