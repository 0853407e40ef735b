"""What Canvas's counts, messages and state say about each row that was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roster.answers import ENDED, FINAL, PROBLEMS, Answer, read
from roster.canvas.messages import ImportMessage
from roster.journal import OUTCOMES
from roster.journal import SENT as LEDGER_SENT
from roster.steps.plan import numbered
from tests.roster.canvas_rows import EMPTY, a_night, a_school, a_tenant, a_term, a_user, after

SENT = numbered(a_night([row | {"term_id": None} if "term_id" in row else row for row in a_school(pupils=3)]).changes)
ALL = {"accounts": 1, "courses": 1, "sections": 1, "users": 3, "enrollments": 3}
REFUSED = "No login_id given for user north-p1"
UNCOUNTED = "The email address associated with user 'north-p1' is invalid (email: 'x')"


def answer(
    counts: Mapping[str, int], *messages: tuple[str | None, int | None, str], state: str = "imported_with_messages"
) -> Answer:
    return read(SENT, state, counts, [ImportMessage(*message) for message in messages], EMPTY)


def outcomes(found: Answer) -> dict[str, list[str]]:
    return {
        str(file): rows["outcome"].to_list() for (file,), rows in found.outcomes.group_by("file", maintain_order=True)
    }


def users(found: Answer) -> list[str]:
    return outcomes(found)["users.csv"]


@pytest.mark.parametrize("state", sorted(ENDED))
def test_an_import_without_messages_whose_counts_add_up_was_taken(state: str) -> None:
    found = answer(ALL, state=state)
    assert found.count("sent") == SENT.height == 9
    assert (found.problems.height, found.doubts, found.newly_refused) == (0, (), 0)
    assert found.outcomes.schema == OUTCOMES
    assert found.problems.schema == PROBLEMS


@pytest.mark.parametrize("state", ["failed", "aborted", "created", "importing", "something-new"])
def test_an_import_that_did_not_end_well_leaves_every_row_in_doubt(state: str) -> None:
    found = answer(ALL, ("users.csv", 2, REFUSED), state=state)
    assert found.count("doubt") == 9
    assert found.doubts == (f"the import ended as {state}: any of its 9 rows may have been applied",)
    assert found.problems.height == 1


@pytest.mark.parametrize(
    ("counted", "messages", "expected"),
    [
        (3, [], ["sent", "sent", "sent"]),
        (2, [("users.csv", 3, REFUSED)], ["sent", "refused", "sent"]),
        (2, [("users.csv", 3, REFUSED), ("users.csv", 3, REFUSED)], ["sent", "refused", "sent"]),
        (1, [("users.csv", 2, REFUSED), ("users.csv", 4, REFUSED)], ["refused", "sent", "refused"]),
        (0, [("users.csv", line, REFUSED) for line in (2, 3, 4)], ["refused"] * 3),
        (2, [("users.csv", 2, UNCOUNTED)], ["sent", "sent", "sent"]),
        (1, [("users.csv", 2, UNCOUNTED), ("users.csv", 3, REFUSED)], ["sent", "refused", "sent"]),
        (2, [("users.csv", 2, UNCOUNTED), ("users.csv", 2, REFUSED)], ["refused", "sent", "sent"]),
        (2, [("users.csv", 2, "words that nobody has seen yet")], ["refused", "sent", "sent"]),
        (2, [("folder/users.csv", 2, REFUSED)], ["refused", "sent", "sent"]),
        # what does not add up
        (2, [], ["doubt"] * 3),
        (4, [], ["doubt"] * 3),
        (0, [], ["doubt"] * 3),
        (3, [("users.csv", 3, REFUSED)], ["doubt", "refused", "doubt"]),
        (1, [("users.csv", 3, REFUSED)], ["doubt", "refused", "doubt"]),
        (2, [("users.csv", 9, REFUSED)], ["doubt"] * 3),  # a row that was not sent: some other one was refused
        (2, [("users.csv", None, REFUSED)], ["doubt"] * 3),
        (3, [("users.csv", 2, UNCOUNTED)], ["doubt"] * 3),
    ],
)
def test_rows_are_told_by_messages_and_counts(
    counted: int, messages: Sequence[tuple[str, int | None, str]], expected: list[str]
) -> None:
    found = answer({**ALL, "users": counted}, *messages)
    assert users(found) == expected
    assert bool(found.doubts) is ("doubt" in expected)
    others = found.outcomes.filter(pl.col("file") != "users.csv")
    assert set(others["outcome"]) == {"sent"}


def test_a_file_that_canvas_did_not_read_is_refused_whole_and_no_other() -> None:
    counts = {**ALL, "enrollments": 0}
    found = answer(counts, ("enrollments.csv", None, "Malformed CSV"))
    assert outcomes(found)["enrollments.csv"] == ["refused"] * 3
    assert found.count("sent") == 6
    assert (found.doubts, found.newly_refused) == ((), 3)


@pytest.mark.parametrize(
    ("message", "counted"), [("Malformed CSV", 2), ("Error while importing CSV. Please contact support.", 0)]
)
def test_a_file_of_which_something_may_have_been_applied_is_in_doubt(message: str, counted: int) -> None:
    found = answer({**ALL, "enrollments": counted}, ("enrollments.csv", 1, message))
    assert outcomes(found)["enrollments.csv"] == ["doubt"] * 3
    assert len(found.doubts) == 1


def test_a_message_about_a_file_that_was_not_sent_harms_none() -> None:
    assert answer(ALL, ("readme.txt", None, "Skipping unknown file type")).count("sent") == 9
    assert answer(ALL, (None, None, "There were 7 more warnings")).count("sent") == 9


def test_a_course_whose_new_term_was_refused_may_lie_in_the_default_term() -> None:
    sent = numbered(a_night([a_term(), *a_school(pupils=1)]).changes)
    counts = {"accounts": 1, "courses": 1, "sections": 1, "users": 1, "enrollments": 1}
    refusal = ImportMessage("terms.csv", 2, "No name given for term autumn")
    found = read(sent, "imported_with_messages", counts, [refusal], EMPTY)
    wrong = found.outcomes.filter(pl.col("outcome") != "sent").rows()
    assert sorted(wrong) == [("courses.csv", 2, "doubt"), ("terms.csv", 2, "refused")]
    assert found.doubts == ("courses.csv: 1 rows name a term that Canvas did not take, and may be in another",)


def test_counts_that_are_missing_are_none() -> None:
    found = answer({})
    assert found.count("doubt") == 9
    assert len(found.doubts) == 5


def test_a_message_is_kept_with_the_row_it_is_about_and_what_to_do() -> None:
    found = answer({**ALL, "users": 2}, ("users.csv", 3, REFUSED))
    (line,) = found.problems.to_dicts()
    assert (line["key"], line["school"], line["outcome"], line["again"]) == ("north-p2", "north", "refused", False)
    assert line["rule"]
    assert line["advice"]
    assert line["message"] == REFUSED


def test_a_row_refused_in_the_same_words_as_before_is_not_newly_refused() -> None:
    wanted = [a_user("ada"), a_user("bea"), a_user("cai")]
    changes = a_night(wanted).changes
    before = after(EMPTY, changes.filter(pl.col("key") == "ada"), "refused")
    sent = numbered(changes)
    messages = [ImportMessage("users.csv", line, REFUSED) for line in (2, 3)]
    found = read(sent, "imported_with_messages", {"users": 1}, messages, before)
    assert found.problems.sort("row")["again"].to_list() == [True, False]
    assert (found.count("refused"), found.newly_refused) == (2, 1)
    other = before.with_columns(refused=pl.lit('{"user_id":"ada","login_id":"another"}'))
    assert read(sent, "imported_with_messages", {"users": 1}, messages, other).newly_refused == 2


def test_a_user_that_was_deleted_before_is_passed_over_without_count() -> None:
    tenant = a_tenant(on_drop={"users": "deleted"}, per_school=False)
    ledger = after(EMPTY, a_night([a_user("ada"), a_user("bea"), a_user("cai")]).changes)
    sent = numbered(a_night([a_user("bea", email=None), a_user("cai")], ledger, tenant).changes)
    assert sent.height == 2
    for counted, outcome in ((2, "sent"), (1, "sent"), (0, "doubt"), (3, "doubt")):
        assert set(read(sent, "imported", {"users": counted}, [], ledger).outcomes["outcome"]) == {outcome}


def test_an_import_without_rows_has_no_outcomes() -> None:
    for state in ("imported", "failed"):
        found = read(SENT.clear(), state, {}, [], EMPTY)
        assert (found.outcomes.height, found.doubts) == (0, ())


messages = st.lists(
    st.builds(
        ImportMessage,
        st.sampled_from([None, "users.csv", "enrollments.csv", "x.csv"]),
        st.none() | st.integers(0, 6),
        st.sampled_from([REFUSED, UNCOUNTED, "Malformed CSV", "what is this", "Invalid UTF-8"]),
    ),
    max_size=6,
)


@given(
    messages, st.fixed_dictionaries({name: st.integers(0, 4) for name in ALL}), st.sampled_from([*sorted(FINAL), "odd"])
)
@settings(max_examples=60)
def test_every_row_has_one_outcome_and_what_is_sent_was_counted_and_not_refused(
    told: list[ImportMessage], counts: dict[str, int], state: str
) -> None:
    found = read(SENT, state, counts, told, EMPTY)
    assert found.outcomes.select("file", "row").rows() == SENT.select("file", "row").rows()
    assert found.count("sent") + found.count("refused") + found.count("doubt") == SENT.height
    refused = {(one.file, one.row) for one in told if one.message in (REFUSED, "what is this")}
    for file, line, outcome in found.outcomes.iter_rows():
        if outcome == "sent":
            assert state in ENDED
            assert (file, line) not in refused
            assert counts[file.removesuffix(".csv")] <= SENT.filter(pl.col("file") == file).height
    assert found.newly_refused <= found.count("refused")


@pytest.mark.parametrize(("action", "outcome"), [("drop", "sent"), ("create", "refused")])
@pytest.mark.parametrize(
    "said",
    [
        "Attempted enrolling with deleted sis login north-p1 in section s",
        "User not found for enrollment (User ID: north-p1)",
        "Neither course nor section existed for user enrollment",
    ],
)
def test_an_enrolment_that_went_with_its_person_is_what_its_drop_asked_for(
    action: str, outcome: str, said: str
) -> None:
    """Where users are dropped as `deleted`, Canvas passes over their enrolments' drops of the same import."""
    sent = SENT.with_columns(action=pl.lit(action))
    message = ImportMessage("enrollments.csv", 2, said)
    found = read(sent, "imported_with_messages", ALL | {"enrollments": 2}, [message], EMPTY)
    assert outcomes(found)["enrollments.csv"] == [outcome, "sent", "sent"]


def a_change_of_ids(old: str | None) -> pl.DataFrame:
    """SENT of one change of an id. old: what the ledger had in doubt of it."""
    new = '{"old_id":"ada","new_id":"new-ada","type":"user"}'
    line = {"file": "change_sis_id.csv", "row": 2, "key": "user\x1fada", "action": "rename", "old": old, "new": new}
    return pl.DataFrame([line], schema=LEDGER_SENT)


@pytest.mark.parametrize(
    ("old", "message", "outcome"),
    [
        (None, None, "sent"),
        (None, "An old_id, 'ada', referenced a non-existent user and was not changed", "refused"),
        ("{}", "An old_id, 'ada', referenced a non-existent user and was not changed", "sent"),
        ("{}", "A new_id, 'new-ada', referenced an existing user and the user was not updated", "refused"),
    ],
    ids=["taken", "unknown", "unknown, and in doubt before", "taken by another"],
)
def test_a_change_of_ids_that_was_in_doubt_has_happened_if_nothing_has_the_old_id(
    old: str | None, message: str | None, outcome: str
) -> None:
    said = [ImportMessage("change_sis_id.csv", 2, message)] if message else []
    counts = {"change_sis_ids": 0 if message else 1}
    found = read(a_change_of_ids(old), "imported_with_messages", counts, said, EMPTY)
    assert (found.outcomes["outcome"].to_list(), found.doubts) == ([outcome], ())


def test_changes_of_ids_that_canvas_did_not_count_are_in_doubt() -> None:
    found = read(a_change_of_ids(None), "imported", {"change_sis_ids": 0}, [], EMPTY)
    assert found.count("doubt") == 1
