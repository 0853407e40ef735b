"""What absence proves: a record that is not there was dropped only if the source was read whole.

A source hands in its Evidence with every extract. A key of the ledger that is no longer wanted has *earned* its drop
when tonight's evidence is proven, or when it was absent from an earlier artefact as well whose sources looked complete,
were delivered apart (another file, not the same one read again) and belong to a run date at least twelve hours before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict

APART = timedelta(hours=12)


class Evidence(BaseModel):
    """What one source proved with one delivery.

    complete: all files were there, of one delivery, each read to its end. proven: and what is absent is gone.
    reasons: why it is not proven (or not complete), with counts, never with people. rows: records per raw table.
    delivery: digest that differs whenever the source delivered anew; delivered: when, in UTC.
    stale: carried forward from an earlier night because the source could not be read tonight. silent: of what the
    source provides (settings.grammar.PROVIDED), that of which this delivery says nothing, whole as it may be.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    system: str
    delivery: str
    delivered: AwareDatetime
    rows: Mapping[str, int]
    complete: bool
    proven: bool
    reasons: tuple[str, ...] = ()
    stale: bool = False
    silent: tuple[str, ...] = ()

    def of(self, needed: Collection[str]) -> Evidence:
        """The same, as to what is needed: where the delivery is silent about some of it, it proves nothing."""
        if not (missing := [thing for thing in self.silent if thing in needed]):
            return self
        reason = f"{self.source} delivered nothing about {', '.join(missing)}"
        return self.model_copy(update={"complete": False, "proven": False, "reasons": (*self.reasons, reason)})

    def carried(self) -> Evidence:
        """The same, as the evidence of a night whose own extract failed: it proves nothing."""
        reason = (
            f"{self.source} could not be read tonight: its extract of {self.delivered:%Y-%m-%d %H:%M} UTC stands in"
        )
        return self.model_copy(
            update={"stale": True, "complete": False, "proven": False, "reasons": (*self.reasons, reason)}
        )


class Standing(BaseModel):
    """What an artefact's sources proved together; kept with the artefact."""

    model_config = ConfigDict(frozen=True)

    run_date: AwareDatetime
    deliveries: Mapping[str, str]
    complete: bool
    proven: bool
    reasons: tuple[str, ...] = ()

    @classmethod
    def of(cls, run_date: datetime, sources: Iterable[Evidence]) -> Standing:
        """The standing of an artefact of these sources; a drop needs every one of them, and at least one."""
        evidence = list(sources)
        complete = bool(evidence) and all(one.complete and not one.stale for one in evidence)
        return cls(
            run_date=run_date,
            deliveries={one.source: one.delivery for one in evidence},
            complete=complete,
            proven=complete and all(one.proven for one in evidence),
            reasons=tuple(reason for one in evidence for reason in one.reasons),
        )

    def clouded(self, reason: str) -> Standing:
        """The same without any proof, for a reason that lies in the roster and not in a source."""
        return self.model_copy(update={"complete": False, "proven": False, "reasons": (*self.reasons, reason)})

    def confirms(self, tonight: Standing) -> bool:
        """True if what was absent here and is absent tonight has been absent for two full nights."""
        return (
            self.complete
            and tonight.complete
            and tonight.run_date - self.run_date >= APART
            and self.deliveries.keys() == tonight.deliveries.keys()
            and all(self.deliveries[source] != delivery for source, delivery in tonight.deliveries.items())
        )
