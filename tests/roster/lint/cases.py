"""For every rule a set of files that breaks it and one that does not, and every message of Canvas's with its place."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

Files = Mapping[str, str | bytes]

USERS = "user_id,login_id,full_name,status\nu1,ada@x.org,Ada Byron,active\nu2,bob@x.org,Bob Bool,active\n"
COURSES = "course_id,short_name,long_name,status\nc1,M,Mathematics,active\nc2,A,Arts,active\n"
SECTIONS = "section_id,course_id,name,status\ns1,c1,M 1,active\ns2,c2,A 1,active\n"
SET = {"users.csv": USERS, "courses.csv": COURSES, "sections.csv": SECTIONS}
ENROLLED = "section_id,user_id,role,status\n"


def zipped(files: Files, *, deflated: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def users(*rows: str, header: str = "user_id,login_id,full_name,status") -> Files:
    return {"users.csv": "\n".join([header, *rows, ""])}


def courses(column: str, value: str) -> Files:
    return {"courses.csv": f"course_id,short_name,long_name,{column},status\nc1,M,Maths,{value},active\n"}


def enrolled(*rows: str, header: str = "section_id,user_id,role,status", **more: str) -> Files:
    others = {f"{name}.csv": content for name, content in more.items()}
    return {**SET, **others, "enrollments.csv": "\n".join([header, *rows, ""])}


def changed(*rows: str) -> Files:
    return {"change_sis_id.csv": "\n".join(["old_id,new_id,type", *rows, ""])}


def accounts(*rows: str) -> Files:
    return {"accounts.csv": "\n".join(["account_id,parent_account_id,name,status", *rows, ""])}


_WITH_DATES = "section_id,user_id,role,start_date,end_date,status"
_OBSERVING = "section_id,user_id,role,associated_user_id,status"
_LOGINS = "user_id,login_id,existing_user_id\nx1,ada2@x.org,u1\n"
_TWO_CLAIM = "user_id,login_id,integration_id,full_name,status"
_GOOD_ROWS = users("u1,ada,Ada,active")

CASES: Mapping[str, tuple[Files, Files]] = {
    "upload-not-csv-nor-zip": ({"users.txt": USERS}, {"users.csv": USERS}),
    "member-not-csv": (
        {"a.zip": zipped({"users.csv": USERS, "read.me": "x"})},
        {"a.zip": zipped({"users.csv": USERS})},
    ),
    "member-passed-over": (
        {"a.zip": zipped({"__MACOSX/users.csv": USERS, "u.csv": USERS})},
        {"a.zip": zipped({"macosx/users.csv": USERS})},
    ),
    "zip-in-zip": ({"a.zip": zipped({"b.zip": zipped(SET)})}, {"a.zip": zipped(SET)}),
    "zip-unreadable": ({"a.zip": b"PK no zip"}, {"a.zip": zipped(SET)}),
    "zip-unpacks-too-large": (
        {"a.zip": zipped({"users.csv": USERS + "\n" * 500_000}, deflated=True)},
        {"a.zip": zipped({"users.csv": USERS + "\n" * 500_000})},
    ),
    "file-empty": ({"users.csv": ""}, {"users.csv": USERS}),
    "file-header-only": ({"users.csv": USERS.split("\n", 1)[0]}, {"users.csv": USERS}),
    "byte-order-mark": ({"users.csv": "\ufeff" + USERS}, {"users.csv": USERS}),
    "encoding-not-utf-8": ({"users.csv": (USERS + "u3,cy,Zoé,active\n").encode("latin-1")}, users("u3,cy,Zoé,active")),
    "line-ends-mixed": ({"users.csv": USERS + "u3,cy,Cy,active\r\n"}, {"users.csv": USERS.replace("\n", "\r\n")}),
    "quote-inside-field": (users('u1,ada,A"da,active'), users('u1,ada,"A""da",active')),
    "text-after-quote": (users('u1,ada,"Ada" x,active'), users('u1,ada,"Ada",active')),
    "quote-not-closed": (users('u1,ada,"Ada,active'), users('u1,ada,"Ada\nof London",active')),
    "nul-in-row": (users("u1,ada,A\0da,active"), _GOOD_ROWS),
    "nul-in-file": (
        {"sections.csv": SECTIONS.replace("M 1", "M\0 1")},
        {"sections.csv": SECTIONS},
    ),
    "type-unknown": ({"accounts.csv": "account_id,name,status\na,A,active\n"}, accounts("a,,A,active")),
    "type-not-as-named": (
        {"sections.csv": "section_id,course_id,term_id,name,status\ns1,c1,t1,S,active\n"},
        {"sections.csv": SECTIONS, "people.csv": USERS},
    ),
    "header-blank-around": (
        users("u1,ada,Ada,active", header=" user_id,login_id,full_name,status"),
        users("u1,ada,Ada,active", header="USER_ID,Login_Id,full_name,status"),
    ),
    "header-repeated": (
        users("u1,ada,ada2,active", header="user_id,login_id,login_id,status"),
        users("u1,ada,ada2,active", header="user_id,login_id,full_name,status"),
    ),
    "header-unknown": (users("u1,ada,7,active", header="user_id,login_id,shoe_size,status"), _GOOD_ROWS),
    "header-nameless": (users("u1,ada,7,active", header="user_id,login_id,,status"), _GOOD_ROWS),
    "fields-too-many": (users("u1,ada,Byron, Ada,active"), users('u1,ada,"Byron, Ada",active,')),
    "row-blank": (users(" , ,,", "u1,ada,Ada,active"), users("", "u1,ada,Ada,active")),
    "required-blank": (users("u1,,Ada,active"), _GOOD_ROWS),
    "status-improper": (users("u1,ada,Ada,enrolled"), users("u1,ada,Ada,Suspended")),
    "status-prefix": (users("u1,ada,Ada,actively"), users("u1,ada,Ada,ACTIVE")),
    "word-unknown": (courses("course_format", "postal"), courses("course_format", "blended")),
    "declared-type-unknown": (
        users("u1,ada,parent,active", header="user_id,login_id,declared_user_type,status"),
        users("u1,ada,student_other,active", header="user_id,login_id,declared_user_type,status"),
    ),
    "text-too-long": (users(f"u1,ada,{'A' * 256},active"), users(f"u1,ada,{'Å' * 255},active")),
    "login-invalid": (users(f"u1,{'a' * 101},Ada,active"), users(f"u1,{'a' * 100},Ada,active")),
    "email-invalid": (
        users("u1,ada,ada at x.org,active", header="user_id,login_id,email,status"),
        users("u1,ada,ada+b@x.org,active", header="user_id,login_id,email,status"),
    ),
    "provider-blank": (
        users("u1,ada,,active", header="user_id,login_id,authentication_provider_id,status"),
        users("u1,ada,saml,active", header="user_id,login_id,authentication_provider_id,status"),
    ),
    "date-bad": (courses("start_date", "12/31/2026"), courses("start_date", "2026-1-05 00:00:00")),
    "date-day-first": (courses("start_date", "1/5/2026"), courses("start_date", "<delete>")),
    "date-one-of-two": (
        enrolled("s1,u1,student,2026-01-31,,active", header=_WITH_DATES),
        enrolled("s1,u1,student,2026-01-31,2026-12-01T10:00:00+10:00,active", header=_WITH_DATES),
    ),
    "boolean-unclear": (courses("homeroom_course", "perhaps"), courses("homeroom_course", "True")),
    "role-unknown": (enrolled("s1,u1,pupil,active"), enrolled("s1,u1,Designer,active")),
    "role-prefix": (enrolled("s1,u1,students,active"), enrolled("s1,u1,STUDENT,active")),
    "observer-of-nobody": (
        enrolled("s1,u1,observer,,active", header=_OBSERVING),
        enrolled("s1,u1,observer,u2,active", header=_OBSERVING),
    ),
    "associated-user-ignored": (
        enrolled("s1,u1,student,u2,active", header=_OBSERVING),
        enrolled("s1,u1,student,,active", header=_OBSERVING),
    ),
    "observes-self": (
        {"users.csv": USERS, "user_observers.csv": "observer_id,student_id,status\nu1,u1,active\n"},
        {"users.csv": USERS, "user_observers.csv": "observer_id,student_id,status\nu1,u2,active\n"},
    ),
    "logins-again": ({"logins.csv": _LOGINS, "users.csv": USERS}, {"users.csv": USERS}),
    "reference-not-judged": ({"sections.csv": SECTIONS}, {"sections.csv": SECTIONS, "courses.csv": COURSES}),
    "reference-unknown": (enrolled("s1,u9,student,active"), enrolled("s1,u2,student,active")),
    "reference-deleted": (
        enrolled("s1,u1,student,active", sections=SECTIONS.replace("M 1,active", "M 1,deleted")),
        enrolled("s1,u1,student,deleted", sections=SECTIONS.replace("M 1,active", "M 1,deleted")),
    ),
    "course-term-unknown": (
        {**courses("term_id", "t2"), "terms.csv": "term_id,name,status\nt1,t2,active\n"},
        {**courses("term_id", "t1"), "terms.csv": "term_id,name,status\nt1,t2,active\n"},
    ),
    "account-parent-later": (accounts("b,a,B,active", "a,,A,active"), accounts("a,,A,active", "b,a,B,active")),
    "account-loop": (
        accounts("a,,A,active", "b,a,B,active", "a,b,A,active"),
        accounts("a,,A,active", "b,a,B,active", "a,,A,active"),
    ),
    "section-of-other-course": (
        enrolled("c2,s1,u1,student,active", header="course_id,section_id,user_id,role,status"),
        enrolled(
            "c2,s1,u1,student,active",
            header="course_id,section_id,user_id,role,status",
            xlists="xlist_course_id,section_id,status\nc2,s1,active\n",
        ),
    ),
    "id-repeated": (users("u1,ada,Ada,active", "u1,ada,Ada B,active"), users("u1,ada,A,active", "U1,ada2,A,active")),
    "login-claimed": (
        users("u1,ada,Ada,active", "u2,ADA,Adam,active"),
        users(
            "u1,ada,saml,active", "u2,ada,google,active", header="user_id,login_id,authentication_provider_id,status"
        ),
    ),
    "login-exists": (
        {"users.csv": USERS, "logins.csv": "user_id,login_id,existing_user_id\nx1,ADA@x.org,u2\n"},
        {"users.csv": USERS, "logins.csv": _LOGINS},
    ),
    "integration-id-claimed": (
        users("u1,ada,i1,Ada,active", "u2,bob,i1,Bob,active", header=_TWO_CLAIM),
        users("u1,ada,i1,Ada,active", "u2,bob,i2,Bob,active", header=_TWO_CLAIM),
    ),
    "delete-beats-active": (
        enrolled("s1,u1,student,deleted", "s1,u1,Student,active"),
        enrolled("s1,u1,student,deleted", "s1,u1,teacher,active"),
    ),
    "last-completed-twice": (
        enrolled(
            "s1,u1,student,deleted_last_completed",
            "s3,u1,student,deleted_last_completed",
            sections=SECTIONS + "s3,c1,M 3,active\n",
        ),
        enrolled("s1,u1,student,deleted_last_completed", "s2,u1,student,deleted_last_completed"),
    ),
    "change-of-unknown-id": (changed("a,b,user", "a,c,user"), changed("a,b,user", "a,c,course")),
    "change-to-taken-id": (changed("a,c,user", "b,c,user"), changed("a,c,user", "b,d,user")),
    "old-id-used": (
        {**changed("u1,n1,user"), "users.csv": USERS},
        {**changed("u1,n1,section"), "users.csv": USERS},
    ),
}

UNDECIDABLE = {
    "a holder that Canvas knows": "who holds a log-in or an id in Canvas is not in the files",
    "accounts of Canvas": "its authentication providers, roles and blueprints are not in the files",
    "use": "whether an account or term is still used is not in the files",
    "fault": "a failure of Canvas's own",
    "importer": "who imports is not in the files",
}
"""Why a message can't be foreseen: kind of reason → the reason."""

# How each message begins, or what it is about → the rule, or the kind of reason of UNDECIDABLE.
STEMS: Mapping[str, str] = {
    # Files
    "invalid utf-8": "encoding-not-utf-8",
    "malformed csv": "quote-not-closed",
    "headers not found": "type-unknown",
    "skipping unknown file type": "member-not-csv",
    "null character": "nul-in-row",
    "bad date format": "date-bad",
    # users
    "user: no user_id": "required-blank",
    "user: no login_id": "required-blank",
    "user: no status": "required-blank",
    "user: improper status": "status-improper",
    "user: login claimed": "login-claimed",
    "user: integration_id claimed": "integration-id-claimed",
    "user: unrecognized authentication provider": "accounts of Canvas",
    "user: can't remove yourself": "importer",
    "user: email invalid": "email-invalid",
    "user: could not save, invalid login_id": "login-invalid",
    "user: something broke": "fault",
    # logins
    "login: no existing user provided": "required-blank",
    "login: existing user not found": "reference-unknown",
    "login: existing user does not match": "a holder that Canvas knows",
    "login: already exists": "login-exists",
    # accounts
    "account: no account_id": "required-blank",
    "account: parent not there": "reference-unknown",
    "account: parent deleted": "reference-deleted",
    "account: no name": "required-blank",
    "account: improper status": "status-improper",
    "account: active sub accounts or courses": "use",
    "account: loop": "account-loop",
    # terms
    "term: no term_id": "required-blank",
    "term: improper status": "status-improper",
    "term: no name": "required-blank",
    "term: override of a term that is not there": "a holder that Canvas knows",
    "term: invalid override type": "word-unknown",
    "term: not valid, too long": "text-too-long",
    "term: active courses": "use",
    # courses
    "course: account not found": "reference-unknown",
    "course: no course_id": "required-blank",
    "course: no short_name": "required-blank",
    "course: no long_name": "required-blank",
    "course: improper status": "status-improper",
    "course: invalid course_format": "word-unknown",
    "course: invalid grade_passback_setting": "word-unknown",
    "course: account deleted": "reference-deleted",
    "course: not valid, too long": "text-too-long",
    "course: unknown abstract course": "accounts of Canvas",
    "course: blueprint": "accounts of Canvas",
    # sections
    "section: no section_id": "required-blank",
    "section: no course_id": "required-blank",
    "section: no name": "required-blank",
    "section: improper status": "status-improper",
    "section: course not there": "reference-unknown",
    "section: not valid, too long": "text-too-long",
    # enrolments
    "enrollment: no course_id or section_id": "required-blank",
    "enrollment: no user_id": "required-blank",
    "enrollment: improper status": "status-improper",
    "enrollment: user not found": "reference-unknown",
    "enrollment: neither course nor section": "reference-unknown",
    "enrollment: section not there": "reference-unknown",
    "enrollment: course not there": "reference-unknown",
    "enrollment: section and course unrelated": "section-of-other-course",
    "enrollment: improper role": "role-unknown",
    "enrollment: not allowed in blueprint": "accounts of Canvas",
    "enrollment: associated user not there": "reference-unknown",
    "enrollment: temporary enrollment source user": "a holder that Canvas knows",
    "enrollment: no usable login": "a holder that Canvas knows",
    "enrollment: deleted user": "reference-deleted",
    "enrollment: other login than the deleted one": "a holder that Canvas knows",
    "enrollment: deleted login": "reference-deleted",
    "enrollment: no valid course or section": "reference-deleted",
    "enrollment: failed to save": "fault",
    # user_observers
    "observer: no observer_id": "required-blank",
    "observer: no user_id": "required-blank",
    "observer: observe yourself": "observes-self",
    "observer: improper status": "status-improper",
    "observer: user not there": "reference-unknown",
    "observer: delete of what is not there": "a holder that Canvas knows",
    # admins
    "admin: no user_id": "required-blank",
    "admin: no status": "required-blank",
    "admin: no role": "required-blank",
    "admin: invalid status": "status-improper",
    "admin: invalid account_id": "reference-unknown",
    "admin: invalid role": "accounts of Canvas",
    "admin: unknown user_id": "reference-unknown",
    "admin: can't remove yourself": "importer",
    # xlists
    "xlist: no xlist_course_id": "required-blank",
    "xlist: no section_id": "required-blank",
    "xlist: improper status": "status-improper",
    "xlist: section not there": "reference-unknown",
    # groups
    "membership: no group_id": "required-blank",
    "membership: no user_id": "required-blank",
    "membership: user not there": "reference-unknown",
    "membership: group not there": "reference-unknown",
    # change_sis_id
    "change: no type": "required-blank",
    "change: no old_id": "required-blank",
    "change: no new_id": "required-blank",
    "change: invalid type": "word-unknown",
    "change: target taken": "change-to-taken-id",
    "change: not there": "change-of-unknown-id",
}

# Of each type a header and a row that is whole.
WHOLE_ROWS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "account": ("account_id,parent_account_id,name,status", ("a,,A,active",)),
    "term": ("term_id,name,status", ("t,T,active",)),
    "course": ("course_id,short_name,long_name,status", ("c,C,Course,active",)),
    "section": ("section_id,course_id,name,status", ("s,c1,S,active",)),
    "user": ("user_id,login_id,full_name,status", ("u,l,N,active",)),
    "enrollment": ("section_id,user_id,role,status", ("s1,u1,student,active",)),
    "observer": ("observer_id,student_id,status", ("u1,u2,active",)),
    "admin": ("user_id,account_id,role,status", ("u1,,AccountAdmin,active",)),
    "xlist": ("xlist_course_id,section_id,status", ("c2,s1,active",)),
    "membership": ("group_id,user_id,status", ("g,u1,accepted",)),
    "change": ("old_id,new_id,type", ("a,b,user",)),
    "login": ("user_id,login_id,existing_user_id", ("x,y,u1",)),
}
