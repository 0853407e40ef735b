"""The messages of Canvas that are known, by stem, and how each is read.

To learn one: a line here, in the order of the files, and its text in tests/roster/canvas/test_messages.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["refused", "applied", "file"]


@dataclass(frozen=True)
class Reading:
    """What a message means.

    outcome: `refused` (the row was not applied as sent), `applied` (it was, all the same) or `file` (nothing of the
    file was). counted: Canvas counts the row in `counts` none the less.
    """

    outcome: Outcome
    rule: str
    advice: str
    counted: bool


UNKNOWN = Reading(
    "refused",
    "canvas-unknown-message",
    "Canvas says something that is not in the list of known messages. Read it in the run's report, find the record in "
    "the source by file and row, and tell the people who keep this sync, so that the list learns it.",
    counted=False,
)


def _file(stem: str, rule: str, advice: str) -> tuple[re.Pattern[str], Reading]:
    return _reading(stem, Reading("file", rule, advice, counted=False))


def _refused(stem: str, rule: str, advice: str, *, counted: bool = False) -> tuple[re.Pattern[str], Reading]:
    return _reading(stem, Reading("refused", rule, advice, counted))


def _applied(stem: str, rule: str, advice: str, *, counted: bool = True) -> tuple[re.Pattern[str], Reading]:
    return _reading(stem, Reading("applied", rule, advice, counted))


def _reading(stem: str, reading: Reading) -> tuple[re.Pattern[str], Reading]:
    # Apostrophes are straight or curly, depending on Canvas's release and language file.
    return re.compile(stem.replace("'", "['’]"), re.IGNORECASE | re.DOTALL), reading


_OURS = "This is a fault of the sync, not of the data: keep the run folder and tell the people who keep it."
_AGAIN = "It is sent again the next night; if it stays, ask Instructure with the number of the import."

# In this order: of two stems that fit, the first counts, so what is anchored or longer comes first.
READINGS: tuple[tuple[re.Pattern[str], Reading], ...] = (
    # The whole file or import.
    _file(r"^Malformed CSV", "canvas-malformed-csv", f"Canvas could not read the file and dropped all of it. {_OURS}"),
    _file(
        r"^Invalid UTF-?8", "canvas-invalid-utf8", f"A byte of the file is not UTF-8; Canvas dropped all of it. {_OURS}"
    ),
    _file(
        r"^Couldn't find Canvas CSV import headers",
        "canvas-unknown-headers",
        f"Canvas did not recognise the file by its header and dropped all of it. {_OURS}",
    ),
    _file(r"^Skipping unknown file type", "canvas-unknown-file", f"The zip held something that is no CSV. {_OURS}"),
    _file(
        r"^(Error while importing CSV|Unexpected error)",
        "canvas-import-error",
        f"Canvas broke off while it worked on the file; some of its rows may have been applied. {_AGAIN}",
    ),
    _file(
        r"would be deleted and exceeds",
        "canvas-over-threshold",
        "Canvas stopped at its own change threshold. This sync sets none: look in Canvas for who imports beside it.",
    ),
    _file(
        r"^Terms not found",
        "canvas-terms-not-found",
        "Canvas was asked for batch mode, which this sync never does: look in Canvas for who imports beside it.",
    ),
    _applied(
        r"^(Diffing not performed|Unable to perform diffing|.{0,200}cannot diff\b)",
        "canvas-no-diffing",
        "Canvas did no diffing of its own and applied all rows, as this sync wants it.",
    ),
    _applied(
        r"^(There were |and )?\d+ more( (error|warning)s?)?\W*$",
        "canvas-more-messages",
        "Canvas shows the first 24 messages here; the report has all of them.",
    ),
    # change_sis_id.csv; before all that names users, sections and courses
    _refused(
        r"^An old_(id|integration_id),? .*referenced a non-existent",
        "canvas-id-change-unknown",
        "Nothing in Canvas has the old id: it was changed or taken off in Canvas by hand. Look there under the new id; "
        "if it has that, take the line out of the mapping and run with a resync.",
    ),
    _refused(
        r"^A new_(id|integration_id),? .*referenced an existing",
        "canvas-id-change-taken",
        "Something else in Canvas has the new id already, often a second account made when the ids changed. Merge the "
        "two in Canvas or give the other another id, or take the line out of the mapping.",
    ),
    _refused(
        r"^(No (old_id|new_id|type)\b.* given|Invalid type .*for change_sis_id)",
        "canvas-id-change-incomplete",
        f"The row lacks an id, or its type is none of Canvas's. {_OURS}",
    ),
    # users.csv
    _refused(
        r"has already claimed .*requested login information",
        "canvas-login-claimed",
        "Someone else in Canvas has this log-in: another SIS id, or an account made by hand. Find the holder "
        "(the message names the id); if it is the same person under an old id, change that SIS id in Canvas or decide "
        "with `roster claim`, else give one of them another log-in in the source.",
    ),
    _refused(
        r"has already claimed .*requested integration_id",
        "canvas-integration-id-claimed",
        "Another log-in in Canvas has this integration id. This sync sends none: look for who else imports users.",
    ),
    _refused(
        r"unrecognized authentication provider",
        "canvas-unknown-provider",
        "Canvas has no active authentication provider of that name: set sync.authentication_provider in the "
        "tenant file to the type or number that Canvas shows under Authentication.",
    ),
    _refused(
        r"^Can't remove yourself",
        "canvas-own-user",
        "The row would remove the user whose token does the import. Give the sync a user of its own who is not "
        "in the SIS.",
    ),
    _applied(
        r"^The email address associated with user .* is invalid",
        "canvas-email-invalid",
        "Canvas saved the user but not the e-mail address. Correct the address in the source.",
        counted=False,
    ),
    _refused(
        r"^Could not save the user",
        "canvas-user-not-saved",
        "Canvas refuses the log-in or a name: look for blanks or signs that a log-in may not have, and for more "
        "than 100 characters. Correct it in the source.",
    ),
    _refused(r"^Something broke with this user", "canvas-user-broke", f"Canvas failed on this user. {_AGAIN}"),
    _refused(
        r"fields contain NULL character",
        "canvas-null-character",
        f"A field holds a NUL character. {_OURS}",
    ),
    _refused(r"^No user_id given for a user(?! observer)", "canvas-blank-id", f"The row has no id. {_OURS}"),
    _refused(
        r"^No login_id given for user",
        "canvas-no-login",
        "The person has no log-in. Fill in the field that sync.login_id of the tenant file names in the source.",
    ),
    _refused(r"^No status given for user", "canvas-improper-status", f"The row has no status. {_OURS}"),
    # logins.csv
    _refused(
        r"^An existing Canvas user with the SIS ID .* or login of .* already exists",
        "canvas-login-exists",
        "Somebody in Canvas has that further log-in, or its SIS id, already: look there who. If it has this very SIS "
        "id, let canvas_reconcile adopt it; if it is the same person's without one, delete that log-in in Canvas, and "
        "the next night makes it again; else give one of them another in the source.",
    ),
    _refused(
        r"^Could not find the existing user for login",
        "canvas-login-unknown-user",
        "Canvas does not know the person to whom the further log-in belongs, most often because the person's own row "
        "was refused: mend that first. If someone changed the SIS id in Canvas by hand, set it back.",
    ),
    _refused(
        r"^(No existing user provided for login|An existing user does not match existing user ids)",
        "canvas-login-whose",
        f"The row does not name the person to whom the log-in belongs. {_OURS}",
    ),
    # xlists.csv; before what names sections of enrolments
    _refused(
        r"^A cross-listing referenced a non-existent section",
        "canvas-cross-list-unknown-section",
        "Canvas does not know the section, most often because its own row was refused, or it was deleted in "
        "Canvas by hand. Restore it there, or send it again with a resync.",
    ),
    _refused(
        r"^An? (active|deleted) cross-listing failed",
        "canvas-cross-list-failed",
        "Canvas can't teach the section in that course, most often because the course or the section is deleted. "
        "Restore it in Canvas, or take the section off sync.cross_list in the tenant file.",
    ),
    _refused(
        r"^No (xlist_course_id|section_id) given for a cross-listing", "canvas-blank-id", f"The row has no id. {_OURS}"
    ),
    # admins.csv
    _refused(
        r"^Invalid role(_id)? .*for admin",
        "canvas-admin-role",
        "Canvas has no such role for accounts there. Write it in sync.admins of the tenant file exactly as Canvas "
        "spells it (AccountAdmin is Canvas's own), or make the role there.",
    ),
    _refused(
        r"^Invalid account_id given for admin",
        "canvas-admin-unknown-account",
        "Canvas does not know the school's sub-account, most often because the account's own row was refused: "
        "mend that first.",
    ),
    _refused(
        r"^Invalid or unknown user_id .*for admin",
        "canvas-admin-unknown-user",
        "Canvas does not know the user, most often because the user's own row was refused: mend that first. If "
        "someone changed the SIS id in Canvas by hand, set it back.",
    ),
    _refused(
        r"^(No status given for admin|Invalid status .*for admin)",
        "canvas-improper-status",
        f"The row has a status that Canvas does not know. {_OURS}",
    ),
    _refused(
        r"^No (user_id|role_id or role) given for admin", "canvas-blank-id", f"The row lacks its user or role. {_OURS}"
    ),
    # enrollments.csv; before the general stems, because these name courses, sections and users too
    _refused(
        r"^User not found for enrollment",
        "canvas-enrollment-unknown-user",
        "Canvas does not know the user, most often because the user's own row was refused: mend that first. If "
        "someone changed the SIS id in Canvas by hand, set it back.",
    ),
    _refused(
        r"^Neither course nor section existed",
        "canvas-enrollment-unknown-section",
        "Canvas does not know the section, most often because its own row was refused, or it was deleted in "
        "Canvas by hand. Restore it there, or send it again with a resync.",
    ),
    _refused(
        r"referenced a non-existent (section|course)\b",
        "canvas-enrollment-unknown-section",
        "Canvas does not know the section, most often because its own row was refused, or it was deleted in "
        "Canvas by hand. Restore it there, or send it again with a resync.",
    ),
    _refused(
        r"section \(.*\) and a course \(.*\) that are unrelated",
        "canvas-enrollment-unrelated",
        f"Section and course do not belong together. This sync enrols by section only. {_OURS}",
    ),
    _refused(
        r"^Improper role",
        "canvas-improper-role",
        "Canvas has no such role in the course's account. Set sync.roles in the tenant file to a role exactly "
        "as Canvas spells it, or make the role there.",
    ),
    _refused(
        r"not allowed in blueprint course",
        "canvas-blueprint-course",
        "The course is a blueprint, which takes no students and no observers. Take the blueprint setting off in "
        "Canvas, or exclude the class in the tenant file.",
    ),
    _refused(
        r"non-existent (associated user|temporary enrollment source user)",
        "canvas-enrollment-unknown-associate",
        f"The row names a second user whom Canvas does not know. This sync names none. {_OURS}",
    ),
    _refused(
        r"does not have a usable login for this account",
        "canvas-no-usable-login",
        "The user has no live log-in in this Canvas account. Restore the log-in in Canvas, or send the user "
        "again with a resync.",
    ),
    _refused(
        r"^Attempted enrolling of deleted user",
        "canvas-enrollment-deleted-user",
        "The user is deleted in Canvas, so Canvas made the enrolment as a deleted one: the person is not in the "
        "class. Restore the user in Canvas, or send the user again with a resync.",
        counted=True,
    ),
    _applied(
        r"^Enrolled a user .*deleted sis login",
        "canvas-enrollment-other-login",
        "The user's log-in of this SIS id is deleted; Canvas enrolled the person through another log-in. Send "
        "the user again with a resync, or settle in Canvas which log-in stays.",
    ),
    _refused(
        r"^Attempted enrolling with deleted sis login",
        "canvas-enrollment-deleted-login",
        "The user's log-in is deleted in Canvas. Send the user again with a resync.",
    ),
    _refused(
        r"^An enrollment did not pass validation",
        "canvas-enrollment-invalid",
        "The course or section of the enrolment is deleted in Canvas. Restore it there, or send the section "
        "again with a resync.",
    ),
    _refused(
        r"^An enrollment failed to save", "canvas-enrollment-not-saved", f"Canvas failed on this enrolment. {_AGAIN}"
    ),
    _refused(
        r"^No (course_id or section_id|user_id) given for an enrollment",
        "canvas-blank-id",
        f"The row has no id. {_OURS}",
    ),
    # user_observers.csv
    _refused(
        r"^(An observer|A student) referenced a non-existent user",
        "canvas-observer-unknown-user",
        "Canvas does not know the contact or the pupil, or one of them has no live log-in; most often their own "
        "row was refused: mend that first.",
    ),
    _refused(
        r"^Can't observe yourself",
        "canvas-observes-self",
        "Contact and pupil are one user in Canvas. Give the contact an id or address of its own in the source.",
    ),
    _applied(
        r"^Can't delete a non-existent observer",
        "canvas-observer-gone",
        "The link that should go is not there (any more), which is what was asked for. Nothing to do.",
        counted=False,
    ),
    _refused(
        r"^No (observer_id given|user_id given for a user observer)",
        "canvas-blank-id",
        f"The row has no id. {_OURS}",
    ),
    # accounts.csv
    _refused(
        r"^Parent account didn't exist",
        "canvas-unknown-parent",
        "Canvas has no account with the SIS id that canvas.account of the tenant file names. Correct it there, "
        "or give the account that SIS id in Canvas.",
    ),
    _refused(
        r"^Cannot restore sub_?account",
        "canvas-parent-deleted",
        "The account above is deleted in Canvas. Restore it there, or name another in canvas.account of the "
        "tenant file.",
    ),
    _refused(
        r"^Cannot delete the sub_?account",
        "canvas-account-in-use",
        "The sub-account still has courses or sub-accounts. This sync deletes none: look for who else imports "
        "accounts.",
    ),
    _refused(
        r"parent to .* would create a loop",
        "canvas-account-loop",
        "The account would lie below itself. canvas.account of the tenant file must not be one of the schools.",
    ),
    _refused(r"^No account_id given", "canvas-blank-id", f"The row has no id. {_OURS}"),
    # terms.csv
    _refused(
        r"^A term did not pass validation",
        "canvas-term-invalid",
        "Canvas refuses the term: its name is too long or taken, or it would be deleted with courses in it. "
        "Correct the term in the source.",
    ),
    _refused(
        r"^Cannot set date override|^Invalid date_override_enrollment_type",
        "canvas-term-override",
        f"The row sets dates for a role, which this sync does not. {_OURS}",
    ),
    _refused(r"^No term_id given", "canvas-blank-id", f"The row has no id. {_OURS}"),
    # courses.csv
    _refused(
        r"^Account not found",
        "canvas-unknown-account",
        "Canvas does not know the school's sub-account, most often because the account's own row was refused: "
        "mend that first.",
    ),
    _refused(
        r"^Cannot restore course",
        "canvas-course-account-deleted",
        "The sub-account of the course is deleted in Canvas. Restore it there.",
    ),
    _refused(
        r"^A course did not pass validation",
        "canvas-course-invalid",
        "Canvas refuses the course, most often for a name that is too long. Correct it in the source.",
    ),
    _refused(
        r"^Invalid (course_format|grade_passback_setting)",
        "canvas-course-setting",
        f"The row has a setting that Canvas does not know. This sync sends none. {_OURS}",
    ),
    _applied(
        r"unknown abstract course id",
        "canvas-course-association",
        "Canvas saved the course and left a link to another course out. This sync sends no such links: look for "
        "who else imports courses.",
    ),
    _applied(
        r"^Cannot associate course",
        "canvas-course-association",
        "Canvas saved the course and left a link to another course out. This sync sends no such links: look for "
        "who else imports courses.",
    ),
    _refused(r"^No course_id given for a course", "canvas-blank-id", f"The row has no id. {_OURS}"),
    # sections.csv
    _refused(
        r"references course .* which doesn't exist",
        "canvas-section-unknown-course",
        "Canvas does not know the course, most often because its own row was refused, or it was deleted in "
        "Canvas by hand. Restore it there.",
    ),
    _refused(
        r"^A section did not pass validation",
        "canvas-section-invalid",
        "Canvas refuses the section, most often for a name that is too long, or because its course is deleted. "
        "Correct it in the source, or restore the course in Canvas.",
    ),
    _refused(r"^No (section_id|course_id) given for a section", "canvas-blank-id", f"The row has no id. {_OURS}"),
    # Several files
    _refused(
        r"^No (short_name|long_name|name) given",
        "canvas-no-name",
        "Canvas wants a name. Fill in the title or code in the source.",
    ),
    _refused(r"^Improper status", "canvas-improper-status", f"The row has a status that Canvas does not know. {_OURS}"),
    _applied(
        r"^Bad date format",
        "canvas-bad-date",
        "Canvas applied the row without the date, and for terms, sections and enrolments that cleared it. "
        "Correct the date in the source; if it looks right there, this is a fault of the sync.",
    ),
)
