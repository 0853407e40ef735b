"""A stand-in for TASS's API Gateway, served from the generated district.

    ids = write_api(district, folder)          # again for each night: the server reads the folder anew
    with running_tass(folder) as tass:
        tass.fault("filtered", method="getStudents", records=3)

`ids` is the table of ids (export ↔ TASS), `families` and `export` the district as records, `replies` what TASS makes of
records, `cipher` the tokens, `faults` all that can be made to go wrong, `app` what answers; `/sandbox/…` is no part of
TASS.

Kept as TASS documents it: GET and POST with method, appcode, company, v and token; AES tokens, which it decrypts and
echoes; one app code per API product with a key and a version; method names in any case; codes as text or number; keyed
maps beside `__tassversion` and `token`; a list for split families and an object otherwise; blanks for null; all in one
reply; `__invalid` and `__msg`; an HTML page in place of an error's body. It answers methods that write, and keeps a
record of every method that it was asked, so that a test can see that there was none.

Not known, and made up here: 401 with `__msg` for an unknown app, company or version; 500 with a page for a token that
is not of the app's key; the status of `__invalid` (200 unless told); the text for an unknown method; that a Security
Role leaves no trace in a reply.
"""

from __future__ import annotations

from roster_sandbox.tass.export import semesters, write_api
from roster_sandbox.tass.families import carried
from roster_sandbox.tass.ids import IdTable
from roster_sandbox.tass.server import TassControl, TassServer, connection, running_tass
from roster_sandbox.tass.settings import CODES, DEFAULT_KEYS, App, Settings, apps, keys_of

__all__ = [
    "CODES",
    "DEFAULT_KEYS",
    "App",
    "IdTable",
    "Settings",
    "TassControl",
    "TassServer",
    "apps",
    "carried",
    "connection",
    "keys_of",
    "running_tass",
    "semesters",
    "write_api",
]
