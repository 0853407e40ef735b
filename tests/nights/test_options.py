"""What a night never does unless somebody decides it: writing over people's changes, passing a log-in on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from roster.errors import RequestUnknown
from roster.import_options import NONE, STICKINESS, ImportOptions
from tests.nights.both import Rollout, Side, on_paper
from tests.nights.disturbed import Nights
from tests.nights.small import school

CLAIM = ImportOptions(update_sis_id_if_login_claimed=True)


def name_of(nights: Nights, user: str) -> str:
    (found,) = [one["name"] for one in nights.canvas.state()["users"] if one["user_id"] == user]
    return str(found)


def posted_with(nights: Nights) -> ImportOptions:
    ledger = nights.loading.ledger
    return ledger.intent(ledger.versions()[1]).options


def test_a_name_that_somebody_changed_stays_until_a_run_is_told_to_write_over_it(nights: Nights) -> None:
    nights.play(school())
    nights.canvas.edit("user", "p01", name="Ada by hand")
    nights.play(school().renamed("p01", "Byron"))
    assert (name_of(nights, "p01"), posted_with(nights)) == ("Ada by hand", NONE)
    nights.play(school().renamed("p01", "Lovelace"), options=STICKINESS["override"])
    assert name_of(nights, "p01") == "First-p01 Lovelace"
    nights.play(school().renamed("p01", "King"))
    assert name_of(nights, "p01") == "First-p01 Lovelace", "it is still marked as a person's"
    nights.play(school().renamed("p01", "Noel"), options=STICKINESS["override_and_clear"])
    nights.play(school().renamed("p01", "Milbanke"))
    assert name_of(nights, "p01") == "First-p01 Milbanke"
    nights.play(school().renamed("p01", "Byron"), options=STICKINESS["override_and_add"])
    nights.play(school().renamed("p01", "Ada"))
    assert name_of(nights, "p01") == "First-p01 Byron"


def ask_claim(of: Nights | Side, user: str) -> str:
    content = json.dumps({"kind": "user", "id": user, "claim": True})
    of.loading.ledger.store.create("requests/sample/claim-1.json", content.encode())
    return "claim-1"


def test_a_claimed_log_in_goes_to_its_person_by_decision_and_alone(nights: Nights) -> None:
    nights.play(school())
    nights.canvas.by_hand("make", kind="user", login_id="new@small.test", name="By Hand", sis_id="foreign")
    tonight = school().with_pupil("new", "algebra")
    nights.play(tonight)
    assert "new" not in {one["user_id"] for one in nights.canvas.state()["users"]}
    done = nights.play(tonight, only=ask_claim(nights, "new"))
    assert (done["counts"]["sent"], posted_with(nights)) == (1, CLAIM)
    nights.play(tonight)
    assert posted_with(nights) == NONE
    nights.assert_right(tonight)
    users = [one for one in nights.canvas.state()["users"] if one["login_id"] == "new@small.test"]
    assert [one["user_id"] for one in users] == ["new"]


def test_a_log_in_of_somebody_whom_the_sync_knows_is_not_claimed(nights: Nights) -> None:
    nights.play(school().with_pupil("NEW", "algebra"))  # the same address but for its case
    both = school().with_pupil("NEW", "algebra").with_pupil("new", "biology")
    with pytest.raises(RequestUnknown, match="the log-in is held by somebody whom this sync has put into Canvas"):
        nights.plan(both, only=ask_claim(nights, "new"))


@pytest.fixture
def rollout(tmp_path: Path) -> Rollout:
    """A live tenant whose first whole load was released."""
    made = on_paper(tmp_path)
    made.rehearse(school())
    made.promote()
    made.approve()
    made.go("live")
    return made


def test_production_writes_over_nothing_without_a_release_whatever_the_phase(rollout: Rollout) -> None:
    rollout.rehearse(school().renamed("p01", "Byron"))
    run = rollout.promote(options=STICKINESS["override"])
    assert (run.keys("free"), run.keys("held")) == (set(), {("users.csv", "p01")})
    assert run.why() == {"stickiness"}
    assert run.request is not None
    assert run.request.options == STICKINESS["override"]
    released = rollout.approve()
    assert released.decision.outcome == "loaded"
    for side in (rollout.test, rollout.production):
        ledger = side.loading.ledger
        last = ledger.intent(ledger.versions()[1])
        assert last.options == (STICKINESS["override"] if side is rollout.production else NONE)


def test_the_same_rows_with_other_options_are_another_request(rollout: Rollout) -> None:
    rollout.rehearse(school().renamed("p01", "Byron"))
    rollout.promote(options=STICKINESS["override"])
    form = rollout.ask()
    assert form is not None
    rollout.answer(form, rollout.reply(form, option="Reject"))
    assert not rollout.promote(options=STICKINESS["override"]).wakes
    assert rollout.promote(options=STICKINESS["override_and_add"]).wakes


def test_without_options_a_live_night_goes_by_itself(rollout: Rollout) -> None:
    rollout.rehearse(school().renamed("p01", "Byron"))
    assert rollout.promote().keys("free") == {("users.csv", "p01")}


def test_a_claim_is_handed_on_and_waits_for_its_release_in_production(rollout: Rollout) -> None:
    tonight = school().with_pupil("new", "algebra")
    rollout.rehearse(tonight, only=ask_claim(rollout.production, "new"))
    run = rollout.promote()
    assert (run.keys("free"), run.keys("held"), run.why()) == (set(), {("users.csv", "new")}, {"claim"})
    assert rollout.approve().decision.outcome == "loaded"
    for side in (rollout.test, rollout.production):
        ledger = side.loading.ledger
        last = ledger.intent(ledger.versions()[1])
        assert last.options == CLAIM
        assert ledger.sent(last)["key"].to_list() == ["new"]
