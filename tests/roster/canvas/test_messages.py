"""Every message of Canvas that our files can bring is known by its stem."""

from __future__ import annotations

import pytest

from roster.canvas.messages import RULES, ImportMessage, classify
from roster.canvas.readings import UNKNOWN

# Text as Canvas words it, what becomes of the row, rule, whether Canvas counts the row.
MESSAGES = [
    ("Malformed CSV", "file", "canvas-malformed-csv", False),
    ("Invalid UTF-8", "file", "canvas-invalid-utf8", False),
    ("Couldn't find Canvas CSV import headers", "file", "canvas-unknown-headers", False),
    ("Couldn’t find Canvas CSV import headers", "file", "canvas-unknown-headers", False),
    ("Skipping unknown file type", "file", "canvas-unknown-file", False),
    ("Error while importing CSV. Please contact support. (Error report 7)", "file", "canvas-import-error", False),
    ("31 enrollments would be deleted and exceeds the set threshold", "file", "canvas-over-threshold", False),
    ("Terms not found. Terms must be included", "file", "canvas-terms-not-found", False),
    ("Diffing not performed because file size difference exceeded threshold", "applied", "canvas-no-diffing", True),
    ("CSV headers do not match, cannot diff", "applied", "canvas-no-diffing", True),
    ("Unable to perform diffing against mismatched files", "applied", "canvas-no-diffing", True),
    ("There were 5 more warnings", "applied", "canvas-more-messages", True),
    ("and 312 more", "applied", "canvas-more-messages", True),
    # change_sis_id.csv
    (
        "An old_id, 'u1', referenced a non-existent user and was not changed",
        "refused",
        "canvas-id-change-unknown",
        False,
    ),
    (
        "An old_id, 'c1', referenced a non-existent course and was not changed",
        "refused",
        "canvas-id-change-unknown",
        False,
    ),
    (
        "A new_id, 'u2', referenced an existing user and the user with sis_user_id 'u1' was not updated",
        "refused",
        "canvas-id-change-taken",
        False,
    ),
    ("No old_id or old_integration_id given for change_sis_id", "refused", "canvas-id-change-incomplete", False),
    ("No new_id or new_integration_id given for change_sis_id", "refused", "canvas-id-change-incomplete", False),
    ("No type given for change_sis_id", "refused", "canvas-id-change-incomplete", False),
    ("Invalid type 'pupil' for change_sis_id", "refused", "canvas-id-change-incomplete", False),
    # users.csv
    ("No user_id given for a user", "refused", "canvas-blank-id", False),
    ("No login_id given for user u1", "refused", "canvas-no-login", False),
    ("No status given for user u1", "refused", "canvas-improper-status", False),
    ("Improper status for user u1", "refused", "canvas-improper-status", False),
    (
        "The Canvas user with SIS ID u2 has already claimed u1's user_id requested login information, skipping",
        "refused",
        "canvas-login-claimed",
        False,
    ),
    (
        "An existing Canvas user with the Canvas ID 4 has already claimed u1's requested integration_id, skipping",
        "refused",
        "canvas-integration-id-claimed",
        False,
    ),
    ("unrecognized authentication provider saml for u1, skipping", "refused", "canvas-unknown-provider", False),
    ("Can't remove yourself user_id 'u1'", "refused", "canvas-own-user", False),
    (
        "The email address associated with user 'u1' is invalid (email: 'x')",
        "applied",
        "canvas-email-invalid",
        False,
    ),
    (
        "Could not save the user with user_id: 'u1'. Invalid login_id: 'a b'",
        "refused",
        "canvas-user-not-saved",
        False,
    ),
    ("Something broke with this user. Contact Support.", "refused", "canvas-user-broke", False),
    ("Some of the fields contain NULL character", "refused", "canvas-null-character", False),
    # xlists.csv
    ("No xlist_course_id given for a cross-listing", "refused", "canvas-blank-id", False),
    ("No section_id given for a cross-listing", "refused", "canvas-blank-id", False),
    ('Improper status "x" for a cross-listing', "refused", "canvas-improper-status", False),
    (
        "A cross-listing referenced a non-existent section s1",
        "refused",
        "canvas-cross-list-unknown-section",
        False,
    ),
    ("An active cross-listing failed: invalid", "refused", "canvas-cross-list-failed", False),
    ("A deleted cross-listing failed: invalid", "refused", "canvas-cross-list-failed", False),
    # logins.csv
    (
        "An existing Canvas user with the SIS ID u1-google or login of ada already exists, skipping",
        "refused",
        "canvas-login-exists",
        False,
    ),
    (
        "Could not find the existing user for login with SIS ID u1-google, skipping",
        "refused",
        "canvas-login-unknown-user",
        False,
    ),
    ("No existing user provided for login with SIS ID u1-google", "refused", "canvas-login-whose", False),
    (
        "An existing user does not match existing user ids provided for login with SIS ID u1-google, skipping",
        "refused",
        "canvas-login-whose",
        False,
    ),
    # admins.csv
    ("No user_id given for admin", "refused", "canvas-blank-id", False),
    ("No role_id or role given for admin", "refused", "canvas-blank-id", False),
    ("No status given for admin", "refused", "canvas-improper-status", False),
    ("Invalid status activated for admin", "refused", "canvas-improper-status", False),
    ("Invalid account_id given for admin", "refused", "canvas-admin-unknown-account", False),
    ("Invalid role 'Office' for admin", "refused", "canvas-admin-role", False),
    ("Invalid role_id '7' for admin", "refused", "canvas-admin-role", False),
    ("Invalid or unknown user_id 'u1' for admin", "refused", "canvas-admin-unknown-user", False),
    # accounts.csv
    ("No account_id given for an account", "refused", "canvas-blank-id", False),
    ("Parent account didn't exist for a1", "refused", "canvas-unknown-parent", False),
    (
        "Cannot restore sub_account with ID: a1 because parent_account with ID: a0 has been deleted.",
        "refused",
        "canvas-parent-deleted",
        False,
    ),
    ("No name given for account a1, skipping", "refused", "canvas-no-name", False),
    ('Improper status "x" for account a1, skipping', "refused", "canvas-improper-status", False),
    (
        "Cannot delete the sub_account with ID: a1 because it has active sub accounts.",
        "refused",
        "canvas-account-in-use",
        False,
    ),
    (
        "Cannot delete the sub_account with ID: a1 because it has active courses.",
        "refused",
        "canvas-account-in-use",
        False,
    ),
    ("Setting account a1's parent to a2 would create a loop", "refused", "canvas-account-loop", False),
    # terms.csv
    ("No term_id given for a term", "refused", "canvas-blank-id", False),
    ('Improper status "x" for term t1', "refused", "canvas-improper-status", False),
    ("No name given for term t1", "refused", "canvas-no-name", False),
    ("Cannot set date override on non-existent term", "refused", "canvas-term-override", False),
    ("Invalid date_override_enrollment_type", "refused", "canvas-term-override", False),
    (
        "A term did not pass validation (term: t1 / T, error: Cannot delete a term with active courses)",
        "refused",
        "canvas-term-invalid",
        False,
    ),
    ("Bad date format for term t1", "applied", "canvas-bad-date", True),
    # courses.csv
    ("No course_id given for a course", "refused", "canvas-blank-id", False),
    ("No short_name given for course c1", "refused", "canvas-no-name", False),
    ("No long_name given for course c1", "refused", "canvas-no-name", False),
    ('Improper status "x" for course c1', "refused", "canvas-improper-status", False),
    ('Invalid course_format "x" for course c1', "refused", "canvas-course-setting", False),
    ('Invalid grade_passback_setting "x" for course c1', "refused", "canvas-course-setting", False),
    ('Account not found "a1" for course c1', "refused", "canvas-unknown-account", False),
    (
        "Cannot restore course c1 because the associated account a1 is deleted",
        "refused",
        "canvas-course-account-deleted",
        False,
    ),
    ("A course did not pass validation (course: c1 / C)", "refused", "canvas-course-invalid", False),
    (
        "unknown abstract course id x, ignoring abstract course reference",
        "applied",
        "canvas-course-association",
        True,
    ),
    ("Cannot associate course c1: is a blueprint course", "applied", "canvas-course-association", True),
    ("Bad date format for course c1", "applied", "canvas-bad-date", True),
    # sections.csv
    ("No section_id given for a section in course c1", "refused", "canvas-blank-id", False),
    ("No course_id given for a section s1", "refused", "canvas-blank-id", False),
    ("No name given for section s1 in course c1", "refused", "canvas-no-name", False),
    ('Improper status "x" for section s1 in course c1', "refused", "canvas-improper-status", False),
    ("Section s1 references course c1 which doesn't exist", "refused", "canvas-section-unknown-course", False),
    ("A section did not pass validation (section: s1)", "refused", "canvas-section-invalid", False),
    ("Bad date format for section s1", "applied", "canvas-bad-date", True),
    # enrollments.csv
    ("No course_id or section_id given for an enrollment", "refused", "canvas-blank-id", False),
    ("No user_id given for an enrollment", "refused", "canvas-blank-id", False),
    ('Improper status "x" for an enrollment', "refused", "canvas-improper-status", False),
    (
        "User not found for enrollment (User ID: u1, Course ID: , Section ID: s1)",
        "refused",
        "canvas-enrollment-unknown-user",
        False,
    ),
    (
        "Neither course nor section existed for user enrollment (Course ID: , Section ID: s1, User ID: u1)",
        "refused",
        "canvas-enrollment-unknown-section",
        False,
    ),
    (
        "An enrollment referenced a non-existent section s1",
        "refused",
        "canvas-enrollment-unknown-section",
        False,
    ),
    ("An enrollment referenced a non-existent course c1", "refused", "canvas-enrollment-unknown-section", False),
    (
        "An enrollment listed a section (s1) and a course (c1) that are unrelated for user (u1)",
        "refused",
        "canvas-enrollment-unrelated",
        False,
    ),
    ('Improper role "x" for an enrollment', "refused", "canvas-improper-role", False),
    (
        "Student enrollment for u1 not allowed in blueprint course c1",
        "refused",
        "canvas-blueprint-course",
        False,
    ),
    (
        "An enrollment referenced a non-existent associated user u9",
        "refused",
        "canvas-enrollment-unknown-associate",
        False,
    ),
    (
        "An enrollment referenced a non-existent temporary enrollment source user u9",
        "refused",
        "canvas-enrollment-unknown-associate",
        False,
    ),
    ("User u1 does not have a usable login for this account", "refused", "canvas-no-usable-login", False),
    (
        "Attempted enrolling of deleted user u1 in course c1",
        "refused",
        "canvas-enrollment-deleted-user",
        True,
    ),
    (
        "Enrolled a user u1 in course c1, but referenced a deleted sis login",
        "applied",
        "canvas-enrollment-other-login",
        True,
    ),
    (
        "Attempted enrolling with deleted sis login u1 in course c1",
        "refused",
        "canvas-enrollment-deleted-login",
        False,
    ),
    (
        "An enrollment did not pass validation (course: c1, section: s1: is not a valid section)",
        "refused",
        "canvas-enrollment-invalid",
        False,
    ),
    ("An enrollment failed to save", "refused", "canvas-enrollment-not-saved", False),
    ("Bad date format for user u1 in section s1", "applied", "canvas-bad-date", True),
    # user_observers.csv
    ("No observer_id given for a user observer", "refused", "canvas-blank-id", False),
    ("No user_id given for a user observer", "refused", "canvas-blank-id", False),
    ("Can't observe yourself user u1", "refused", "canvas-observes-self", False),
    ("Improper status for a user observer", "refused", "canvas-improper-status", False),
    ("An observer referenced a non-existent user g1", "refused", "canvas-observer-unknown-user", False),
    ("A student referenced a non-existent user u1", "refused", "canvas-observer-unknown-user", False),
    (
        "Can't delete a non-existent observer for observer: g1, user: u1",
        "applied",
        "canvas-observer-gone",
        False,
    ),
]


@pytest.mark.parametrize(("text", "outcome", "rule", "counted"), MESSAGES, ids=[row[0][:40] for row in MESSAGES])
def test_a_message_is_read(text: str, outcome: str, rule: str, counted: bool) -> None:
    reading = classify(text)

    assert (reading.outcome, reading.rule, reading.counted) == (outcome, rule, counted)


def test_every_rule_is_shown_by_a_message() -> None:
    assert {rule for _, _, rule, _ in MESSAGES} | {UNKNOWN.rule} == set(RULES)


def test_what_is_not_known_counts_as_refused_so_that_the_row_comes_again() -> None:
    reading = classify("The flux capacitor of u1 is missing")

    assert (reading.outcome, reading.rule, reading.counted) == ("refused", "canvas-unknown-message", False)


@pytest.mark.parametrize("text", [row[0] for row in MESSAGES])
def test_advice_says_what_to_do_and_names_nobody(text: str) -> None:
    reading = classify(text)

    assert len(reading.advice.split()) > 7
    assert "u1" not in reading.advice


def test_a_person_s_own_text_does_not_change_the_reading() -> None:
    text = "The Canvas user with SIS ID Malformed CSV has already claimed x's user_id requested login information"

    assert classify(text).rule == "canvas-login-claimed"
    assert ImportMessage("users.csv", 17, text).row == 17
