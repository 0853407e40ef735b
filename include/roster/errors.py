"""Every error of the sync, by who has to act.

    RosterError
    ├── TenantFileWrong          whoever keeps the tenant file
    ├── SourceFault              whoever keeps the source system
    │   ├── SourceBusy             (asked again)
    │   ├── SourceUnreachable      (asked again)
    │   ├── SourceIncomplete       a delivery that is cut, mixed or still being written
    │   └── SourceUnreadable       a file, row or column that can't be read as agreed
    ├── CanvasFault              whoever keeps Canvas
    │   ├── CanvasBusy             (asked again)
    │   ├── CanvasUnreachable      (asked again)
    │   ├── CanvasTokenDead        renew the token
    │   ├── CanvasPermissionMissing  a right of the token's user
    │   │   └── CanvasScopeMissing     a scope of its developer key
    │   ├── CanvasWrongHost        test and production would be mixed up
    │   ├── CanvasNotEmpty         it holds SIS users that the ledger does not know
    │   ├── CanvasRefreshed        test was written over, and nothing says with what: confirm it
    │   ├── CanvasRefused          the request itself was refused
    │   │   └── CanvasGone           what was asked for is not there
    │   └── CanvasStuck            an import that does not end
    ├── LedgerFault              the data team
    │   ├── LedgerMoved            another run settled in between: plan again
    │   ├── ImportOpen             an import of ours has not ended
    │   ├── LedgerBehind           Canvas has had imports that the ledger does not know
    │   ├── ArtefactOutdated       production has had a newer artefact
    │   └── StoreNotExclusive      the store can't keep two writers apart
    ├── NotRehearsed             the data team: there is nothing that production may take
    ├── RunFolderBroken          the data team: a step's folder is missing or not whole
    ├── RequestUnknown           whoever asked for `only`, `release` or a record
    ├── StoppedByRule            whoever keeps the source system: a rule of severity stop found something
    └── NightFailed              the data team: the verdict of a run, by reasons

Messages carry counts, rows of files (`students.csv:17`), rules and limits; never a person's name, address or id.
"""

from __future__ import annotations

__all__ = [
    "ArtefactOutdated",
    "CanvasBusy",
    "CanvasFault",
    "CanvasGone",
    "CanvasNotEmpty",
    "CanvasPermissionMissing",
    "CanvasRefreshed",
    "CanvasRefused",
    "CanvasScopeMissing",
    "CanvasStuck",
    "CanvasTokenDead",
    "CanvasUnreachable",
    "CanvasWrongHost",
    "ImportOpen",
    "LedgerBehind",
    "LedgerFault",
    "LedgerMoved",
    "NightFailed",
    "NotRehearsed",
    "RequestUnknown",
    "RosterError",
    "RunFolderBroken",
    "SourceBusy",
    "SourceFault",
    "SourceIncomplete",
    "SourceUnreachable",
    "SourceUnreadable",
    "StoppedByRule",
    "StoreNotExclusive",
    "TenantFileWrong",
]


class RosterError(Exception):
    """Anything the sync says about itself; the message says what happened and what to do."""


class TenantFileWrong(RosterError):
    """A tenant file can't be read: the message names file, line, key and what is allowed."""


class SourceFault(RosterError):
    """A source system did not deliver."""


class SourceBusy(SourceFault):
    """The source asked for patience (throttled, 5xx): the step asks again."""


class SourceUnreachable(SourceFault):
    """No answer from the source: the step asks again."""


class SourceIncomplete(SourceFault):
    """A delivery has a file missing, or is still being written."""


class SourceUnreadable(SourceFault):
    """A file, row or column of the source is not what was agreed; named as `file:row`."""


class CanvasFault(RosterError):
    """Canvas did not do what it was asked."""


class CanvasBusy(CanvasFault):
    """Canvas throttles or answers 5xx: the step asks again."""


class CanvasUnreachable(CanvasFault):
    """No answer from Canvas: the step asks again."""


class CanvasTokenDead(CanvasFault):
    """Canvas does not know the token (any more): renew it in the connection."""


class CanvasPermissionMissing(CanvasFault):
    """The token's user may not do this: give its role the permission that the message names."""


class CanvasScopeMissing(CanvasPermissionMissing):
    """The token's developer key does not allow this call: tick the scope in the key, then connect again."""


class CanvasWrongHost(CanvasFault):
    """The connection's host does not belong to the environment the run is for."""


class CanvasNotEmpty(CanvasFault):
    """Canvas already holds SIS users and there is no ledger of them."""


class CanvasRefreshed(CanvasFault):
    """Canvas wrote production over test, and no import of ours came along: a person confirms that test begins anew."""


class CanvasRefused(CanvasFault):
    """Canvas refused a request for good."""


class CanvasGone(CanvasRefused):
    """What was asked for is not there (any more), or not for this token's user."""


class CanvasStuck(CanvasFault):
    """An import did not end before its deadline; the journal stays open."""


class LedgerFault(RosterError):
    """The ledger can't be moved on as planned."""


class LedgerMoved(LedgerFault):
    """The ledger is not the one the plan was made against: clear the run from its plan on."""


class ImportOpen(LedgerFault):
    """The journal has an import that has not been settled: nothing is planned or sent until it is."""


class LedgerBehind(LedgerFault):
    """Canvas has had imports that the ledger does not know: an older one was put back, or another works on it too."""


class ArtefactOutdated(LedgerFault):
    """A newer artefact than this one was loaded: the next night brings a newer one still."""


class StoreNotExclusive(LedgerFault):
    """ROSTER_HOME lies on a store where two writers can both create one file."""


class NotRehearsed(RosterError):
    """No night was handed on that production may take: see the runs of the test DAG."""


class RunFolderBroken(RosterError):
    """A step's folder has no manifest, or is not what its manifest says."""


class RequestUnknown(RosterError):
    """A named request, plan hash or record is not there."""


class StoppedByRule(RosterError):
    """A rule of severity stop found something: nothing of this night goes on."""


class NightFailed(RosterError):
    """The verdict: this run did not do all it should; the reasons are in its report."""
