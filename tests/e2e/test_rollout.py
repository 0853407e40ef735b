"""What becomes of a hold, through a real `airflow standalone`: refused to strangers, outdated, cleared, rejected, timed
out, left for three nights, released; and production by hand.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from roster_sandbox.demo import comparison
from roster_sandbox.demo.airflow import AirflowApi
from roster_sandbox.demo.nights import Nights
from roster_sandbox.demo.places import DEFAULT, write_private
from roster_sandbox.demo.settings import ZONE, go_live
from roster_sandbox.demo.stage import (
    HEARTBEAT,
    PRODUCTION,
    RELEASE,
    SIGN_OFF,
    Part,
    Stage,
    answer,
    asks,
    play,
    run_night,
    run_part,
    woken,
)
from roster_sandbox.district import after
from roster_sandbox.district.model import District
from roster_sandbox.district.moves import moved, thinned
from tests.e2e.traces import Traces, cells, files_below

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3000)]


@dataclass
class Rollout:
    """A tenant whose first whole load was released. expected: what production has to hold."""

    stage: Stage
    nights: Nights
    expected: Any
    known: set[str] = field(default_factory=set)

    def district(self, number: int) -> District:
        """The district of that night; no moves ever touch its last school."""
        whole = self.nights.district(1)
        for later in range(2, number + 1):
            whole, _ = moved(whole, later, apart=whole.schools[-1].id)
        return whole

    def thinned(self, number: int, one_in: int) -> District:
        """The same without one in so many pupils of the last school."""
        whole = self.district(number)
        return thinned(whole, whole.schools[-1].id, one_in=one_in)

    def night(self, number: int, *, one_in: int) -> Part:
        """A night over that district; its production, which is what the district implies but for the pupils missing."""
        whole = self.district(number)
        self.nights.serve(self.thinned(number, one_in))
        played = run_night(self.stage, print)
        assert played.wrong == []
        production = played.part(PRODUCTION)
        assert production is not None
        assert production.report is not None
        self.expected = after(self.expected, self.nights.implied(whole, production.report.day))
        self.assert_production(self.expected)
        return production

    def assert_production(self, expected: Any) -> None:
        assert comparison.differences(self.stage.production.state(), expected, ZONE) == []

    def asked(self) -> Part:
        """The release run that now waits for an answer, which has not been seen before."""
        part = run_part(self.stage, RELEASE, print, lambda: woken(self.stage, RELEASE, self.known))
        assert asks(part.tasks)
        self.known.add(part.run.id)
        return part

    def shown(self, release: Part) -> str:
        """The hash in the form."""
        form = self.stage.approver.request(RELEASE, release.run.id, SIGN_OFF)
        assert form is not None
        assert form["params"]["hash"]["value"] in form["body"]
        return str(form["params"]["hash"]["value"])

    def held_hash(self) -> str:
        return str(self.read("pointers", "held")["held_hash"])

    def read(self, what: str, name: str) -> Any:
        return json.loads((self.stage.places.home / what / DEFAULT / f"{name}.json").read_text(encoding="utf-8"))

    def decisions(self) -> list[dict[str, Any]]:
        """Every answer, oldest first, with what came of it."""
        folder = self.stage.places.home / "decisions" / DEFAULT
        found = []
        for file in folder.glob("*.json"):
            if not file.name.endswith(".end.json"):
                end = file.with_suffix(".end.json")
                more = json.loads(end.read_text(encoding="utf-8")) if end.exists() else {}
                found.append(json.loads(file.read_text(encoding="utf-8")) | more)
        return sorted(found, key=lambda one: one["at"])

    def imports(self) -> int:
        """How many imports production has had."""
        return len(self.stage.production.imports())

    def quiet(self) -> frozenset[str]:
        """The release runs there have been, when none is under way any more."""
        until = time.monotonic() + 180
        while any(not run.is_final for run in self.stage.api.runs(RELEASE)):
            assert time.monotonic() < until
            time.sleep(1)
        self.known |= {run.id for run in self.stage.api.runs(RELEASE)}
        return frozenset(self.known)

    def by_hand(self, **params: Any) -> Part:
        """A run of production by hand."""
        return run_part(self.stage, PRODUCTION, print, lambda: self.stage.api.trigger(PRODUCTION, params))

    def answer_within(self, span: str | None) -> None:
        """Set, or take back, how long a request waits."""
        file = self.stage.places.tenants / f"{DEFAULT}.yaml"
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if "answer_within" not in line]
        if span:
            lines.insert(lines.index("rollout:") + 1, f"  answer_within: {span}")
        write_private(file, "\n".join(lines) + "\n")


@pytest.fixture
def rollout(stage: Stage, nights: Nights) -> Iterator[Rollout]:
    played = play(stage, nights, print)
    assert played.wrong == []
    assert played.report is not None
    assert go_live(stage.places)
    found = Rollout(stage, nights, nights.implied(nights.district(1), played.report.day))
    found.known = {run.id for run in stage.api.runs(RELEASE)}
    yield found
    people = {value for number in (1, 5) for value in found.district(number).personal_values()}
    left_behind = [*files_below(stage.places.airflow), *cells(stage.places.airflow / "airflow.db")]
    assert Traces(people).found(left_behind) == {}
    assert set(stage.production.posts_by_identifier().values()) == {1}
    assert set(stage.test.posts_by_identifier().values()) == {1}


def test_what_becomes_of_a_hold(rollout: Rollout) -> None:
    stage = rollout.stage
    assert [(one["answer"], one["outcome"], one["by"]) for one in rollout.decisions()] == [
        ("approved", "loaded", "approver")
    ]

    # A school loses a fifth of its pupils: the moves go, the drops wait. Strangers can't answer.
    rollout.night(2, one_in=5)
    first = rollout.asked()
    was = rollout.shown(first)
    assert was == rollout.held_hash()
    time.sleep(HEARTBEAT)
    for user, password in (("viewer", stage.keys.viewer), ("admin", stage.keys.admin)):
        stranger = AirflowApi(stage.api.url, DEFAULT, user, password)
        assert stranger.healthy()
        assert stranger.answer(RELEASE, first.run.id, SIGN_OFF, "Approve", {"hash": was}) == 403
        stranger.close()
    assert asks(stage.api.tasks(RELEASE, first.run.id))

    # Two more nights behind it, each with other held rows and moves of its own: each promotes what is free.
    loaded = rollout.imports()
    rollout.night(3, one_in=6)
    rollout.night(4, one_in=4)
    assert rollout.imports() == loaded + 2
    assert len({was, rollout.held_hash()}) == 2

    # The answer to the first is outdated, and the newest is asked.
    late = answer(stage, first, "Approve", print)
    assert late.run.state == "success"
    assert rollout.decisions()[-1]["answer"] == "outdated"
    assert rollout.imports() == loaded + 2
    second = rollout.asked()
    assert rollout.shown(second) == rollout.held_hash()

    # A form that is cleared is never taken, even with the right hash: it is asked afresh.
    stage.api.clear(RELEASE, second.run.id, SIGN_OFF)
    stage.approver.answer(RELEASE, second.run.id, SIGN_OFF, "Approve", {"hash": rollout.held_hash()})
    third = rollout.asked()
    assert rollout.decisions()[-1]["answer"] == "cleared"
    assert rollout.imports() == loaded + 2
    assert rollout.shown(third) == rollout.held_hash()

    # Rejected: nothing goes, and the same thing is not asked again the next night.
    rejected = answer(stage, third, "Reject", print)
    assert rejected.run.state == "success"
    assert rollout.decisions()[-1]["answer"] == "rejected"
    settled = rollout.quiet()
    rollout.night(4, one_in=4)
    assert rollout.quiet() == settled
    assert rollout.imports() == loaded + 2

    # Other rows are another question. Nobody answers in time: recorded, and renewed by the next night.
    rollout.answer_within("20 seconds")
    rollout.night(5, one_in=7)
    unanswered = rollout.asked()
    ended = run_part(stage, RELEASE, print, lambda: _ended(rollout, unanswered))
    assert ended.run.state == "success"
    assert (rollout.decisions()[-1]["answer"], rollout.decisions()[-1]["by"]) == ("unanswered", None)
    since = rollout.read("pointers", "held")["since"]
    rollout.answer_within(None)
    rollout.night(5, one_in=7)
    assert rollout.read("pointers", "held")["since"] == since

    # Released: test first, then production, just what was shown.
    release = rollout.asked()
    before = rollout.imports()
    done = answer(stage, release, "Approve", print)
    assert done.run.state == "success"
    last = rollout.decisions()[-1]
    assert (last["answer"], last["outcome"], last["request"]["whole"]) == ("approved", "loaded", False)
    assert rollout.imports() == before + 1
    lost = after(rollout.expected, rollout.nights.implied(rollout.thinned(5, 7), _today(done)))
    rollout.assert_production(lost)
    assert comparison.differences(stage.test.state(), lost, ZONE) == []
    assert rollout.read("pointers", "held") == {}


def test_production_by_hand(rollout: Rollout) -> None:
    before = rollout.imports()
    assert rollout.by_hand(dry_run=True).run.state == "success"
    assert rollout.by_hand().run.state == "success"
    assert rollout.imports() == before

    again = rollout.by_hand(resync=True)
    assert again.report is not None
    sent = again.report.changes("free")
    assert {action for _, action in sent} == {"resend"}
    assert sent["users.csv", "resend"] == len(rollout.expected.users)
    assert rollout.imports() == before + 1

    school = rollout.nights.district(1).schools[0].id
    only = rollout.by_hand(resync=True, only=school)
    assert only.report is not None
    assert 0 < only.report.changes("free").total() < sent.total()
    assert rollout.imports() == before + 2
    rollout.assert_production(rollout.expected)


def _ended(rollout: Rollout, release: Part) -> Any:
    until = time.monotonic() + 120
    while asks(rollout.stage.api.tasks(RELEASE, release.run.id)):
        assert time.monotonic() < until
        time.sleep(1)
    return release.run


def _today(part: Part) -> Any:
    assert part.report is not None
    return part.report.day
