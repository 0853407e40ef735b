"""Small OneRoster sets, written as files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

from roster.evidence import Evidence
from roster.model import Roster
from roster.settings import OneRosterCsv
from roster.sources import Good, system
from roster.sources.files import Folder

NOW = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
SETTINGS = OneRosterCsv(name="sis", system="oneroster_csv", connection="sets")
CONTROLLED = SETTINGS.model_copy(update={"control": "control.csv"})
MANIFEST = (
    "propertyName,value\nmanifest.version,1.0\noneroster.version,1.1\nfile.academicSessions,bulk\nfile.orgs,bulk\n"
    "file.courses,bulk\nfile.classes,bulk\nfile.users,bulk\nfile.enrollments,bulk\nfile.demographics,bulk\n"
    "file.results,absent\n"
)
FILES: Mapping[str, str] = {
    "manifest": MANIFEST,
    "orgs": (
        "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\n"
        "D1,,,Fern District,district,I1,\n"
        "0007,,,Fern Hill,school,I7,D1\n"
    ),
    "academicSessions": (
        "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear\n"
        "Y26,,,Year,schoolYear,2025-09-01,2026-06-30,,2026\n"
        "H1,,,First,semester,2025-09-02,2026-01-15,Y26,2026\n"
        "H2,,,Second,semester,2026-01-16,2026-06-29,Y26,2026\n"
    ),
    "courses": (
        "sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,orgSourcedId\n"
        "C1,,,Y26,Maths,MA7,07,D1\n"
    ),
    "classes": (
        "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,"
        "termSourcedIds,subjects,subjectCodes,periods\n"
        'K1,,,Maths A,07,C1,ma-a,scheduled,R5,0007,"H1, H2",math,M,"3,4"\n'
        "K2,,,Form 7,07,C1,f-7,homeroom,R6,0007,H2,,,\n"
    ),
    "users": (
        "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,"
        "middleName,identifier,email,sms,phone,agentSourcedIds,grades,password\n"
        's1,,,true,"D1,0007",student,anno,{Fed:F1},Ann,Ode,Q,N41,ann@example.org,,,"g1,g2",07,pw-ann\n'
        "s2,,,false,0007,student,bob,,Bo,Bell,,N42,bo@example.org,,,,07,pw-bo\n"
        "t1,,,true,0007,teacher,tessv,,Tess,Vaux,,N1,tess@example.org,,,,,pw-tess\n"
        "g1,,,true,0007,parent,maria,,Maria,Ode,,,maria@example.org,,555,s1,,pw-maria\n"
        "g2,,,true,0007,relative,gus,,Gus,Hall,,,gus@example.org,,,,,pw-gus\n"
    ),
    "enrollments": (
        "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate\n"
        "e1,,,K1,0007,s1,student,,2025-09-03,2026-06-26\n"
        "e2,,,K2,0007,s2,student,,,\n"
        "e3,,,K1,0007,t1,teacher,true,2025-09-04,2026-06-25\n"
    ),
}
NEWER: Mapping[str, str] = {
    "manifest": MANIFEST.replace("1.1", "1.2") + "file.roles,bulk\nfile.userProfiles,bulk\n",
    "users": (
        "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,"
        "email,sms,phone,agentSourcedIds,grades,password,userMasterIdentifier,preferredGivenName,preferredMiddleName,"
        "preferredFamilyName,primaryOrgSourcedId,pronouns,metadata.role\n"
        "s1,,,true,anno,,Ann,Ode,Q,N41,ann@example.org,,,g1,07,pw-ann,M1,Annie,Quu,Odette,0007,she,x\n"
        "s2,,,true,bob,,Bo,Bell,,N42,bo@example.org,,,,07,pw-bo,,,,,,,x\n"
        "t1,,,true,tessv,,Tess,Vaux,,N1,tess@example.org,,,,,pw-tess,,,,,,,x\n"
        "g1,,,true,maria,,Maria,Ode,,,maria@example.org,,,,,pw-maria,,,,,,,x\n"
    ),
    "roles": (
        "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId\n"
        "r1,,,s1,primary,student,,,0007,\n"
        "r2,,,s2,primary,student,,,0007,\n"
        "r3,,,t1,secondary,parent,,,D1,\n"
        "r4,,,t1,primary,teacher,,,0007,\n"
        "r5,,,g1,primary,guardian,,,0007,\n"
    ),
    "userProfiles": "sourcedId,userSourcedId,username,password\nP1,s1,anno,pw-profile\n",
}


def write(folder: Path, *, modified: datetime = NOW - timedelta(hours=1), **changed: str | bytes | None) -> Path:
    """A set of 1.1 in folder; changed: content by file, None leaves the file out."""
    folder.mkdir(exist_ok=True)
    for name, content in {**FILES, **changed}.items():
        file = folder / f"{name}.csv"
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content.encode() if isinstance(content, str) else content)
            os.utime(file, (modified.timestamp(), modified.timestamp()))
    return folder


def extract(
    folder: Path,
    settings: OneRosterCsv = SETTINGS,
    *,
    last_good: Evidence | None = None,
    latest: tuple[Path, Evidence] | None = None,
    now: datetime = NOW,
) -> tuple[Path, Evidence]:
    """(folder of raw tables, evidence)"""
    raw = folder.with_name(f"{folder.name}-raw")
    raw.mkdir(exist_ok=True)
    good = Good(last_good, lambda: nullcontext(raw)) if last_good else None
    base = Good(latest[1], lambda: nullcontext(latest[0])) if latest else None
    reading = system("oneroster_csv").extract
    return raw, reading(Folder(folder), settings, raw, last_good=good, now=now, **{"latest": base})


def roster(raw: Path) -> Roster:
    """The roster of the raw tables."""
    return system("oneroster_csv").to_roster(raw, SETTINGS)


def control(**other: int) -> str:
    """A control file that agrees with FILES but for the counts that are given."""
    counts = {name: content.count("\n") - 1 for name, content in FILES.items() if name != "manifest"} | other
    return "File,Rows\n" + "".join(f"{name}.csv,{count}\n" for name, count in counts.items())
