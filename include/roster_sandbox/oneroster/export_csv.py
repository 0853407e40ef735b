"""The district as a set of OneRoster CSV files, 1.1 or 1.2: all of it (bulk), or what has changed (delta).

As the binding says: every file that it defines is in the manifest, columns stand in its order, a bulk file leaves
status and dateLastModified blank. userProfiles.csv and users.csv have passwords, demographics.csv has birth dates:
whoever reads a set has to leave them alone.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from roster_sandbox.district.model import District
from roster_sandbox.oneroster.export import Object, Version, objects
from roster_sandbox.oneroster.ids import IdTable

CONTROL = "control.csv"
"""No part of OneRoster: File and Rows, for those who agree on it with the one who reads the set."""
_EVERY = ("sourcedId", "status", "dateLastModified")
_USER = (
    "username", "userIds", "givenName", "familyName", "middleName", "identifier", "email", "sms", "phone",
    "agentSourcedIds", "grades", "password",
)  # fmt: skip
_1P2_USER = (
    "userMasterIdentifier", "preferredGivenName", "preferredMiddleName", "preferredFamilyName", "primaryOrgSourcedId",
    "pronouns",
)  # fmt: skip
_BOTH: dict[str, tuple[str, ...]] = {
    "academicSessions": ("title", "type", "startDate", "endDate", "parentSourcedId", "schoolYear"),
    "orgs": ("name", "type", "identifier", "parentSourcedId"),
    "courses": ("schoolYearSourcedId", "title", "courseCode", "grades", "orgSourcedId", "subjects", "subjectCodes"),
    "classes": (
        "title", "grades", "courseSourcedId", "classCode", "classType", "location", "schoolSourcedId", "termSourcedIds",
        "subjects", "subjectCodes", "periods",
    ),
    "enrollments": (
        "classSourcedId", "schoolSourcedId", "userSourcedId", "role", "primary", "beginDate", "endDate",
    ),
    "demographics": ("birthDate", "sex"),
}  # fmt: skip
COLUMNS: dict[Version, dict[str, tuple[str, ...]]] = {
    "1.1": {**_BOTH, "users": ("enabledUser", "orgSourcedIds", "role", *_USER)},
    "1.2": {
        **_BOTH,
        "users": ("enabledUser", *_USER, *_1P2_USER),
        "roles": ("userSourcedId", "roleType", "role", "beginDate", "endDate", "orgSourcedId", "userProfileSourcedId"),
        "userProfiles": (
            "userSourcedId", "profileType", "vendorId", "applicationId", "description", "credentialType", "username",
            "password",
        ),
    },
}  # fmt: skip
"""By version and file, what follows sourcedId, status and dateLastModified."""
_ABSENT: dict[Version, tuple[str, ...]] = {
    "1.1": ("categories", "classResources", "courseResources", "lineItems", "resources", "results"),
    "1.2": (
        "categories", "classResources", "courseResources", "lineItems", "lineItemLearningObjectiveIds",
        "lineItemScoreScales", "resources", "results", "resultLearningObjectiveIds", "resultScoreScales", "scoreScales",
        "userResources",
    ),
}  # fmt: skip
Row = dict[str, str]


def write_set(
    district: District,
    folder: Path,
    *,
    delivered: datetime,
    version: Version = "1.1",
    since: District | None = None,
    absent: Collection[str] = (),
    control: bool = False,
) -> IdTable:
    """Write one set, the manifest last, all files dated `delivered` (aware); answers its table of ids.

    since: what the one who reads has already: then every file is a delta of what has changed from it. absent: files by
    name without .csv that are left out, and are absent in the manifest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ids = IdTable()
    files = _files(district, ids, version, delivered)
    if since is not None:
        before = _files(since, IdTable(), version, delivered)
        files = {name: _changed(before[name], rows, delivered) for name, rows in files.items()}
    kept = {name: rows for name, rows in files.items() if name not in absent}
    modes = dict.fromkeys(kept, "delta" if since else "bulk") | dict.fromkeys((*absent, *_ABSENT[version]), "absent")
    for name, rows in kept.items():
        header = (*_EVERY, *COLUMNS[version][name])
        _put(folder / f"{name}.csv", [header, *([row.get(column, "") for column in header] for row in rows)], delivered)
    for name in absent:
        (folder / f"{name}.csv").unlink(missing_ok=True)
    if control:
        lines = [["File", "Rows"], *([f"{name}.csv", str(len(rows))] for name, rows in kept.items())]
        _put(folder / CONTROL, lines, delivered)
    said = {"manifest.version": "1.0", "oneroster.version": version, "source.systemName": "Sandbox"}
    said |= {f"file.{name}": mode for name, mode in modes.items()}
    _put(folder / "manifest.csv", [["propertyName", "value"], *([*line] for line in said.items())], delivered)
    return ids


def ids_of(district: District) -> IdTable:
    """The table of ids of the district's set: the same in both versions, and on every night."""
    ids = IdTable()
    objects(district, ids, "1.2", datetime.now(UTC))
    return ids


def _files(district: District, ids: IdTable, version: Version, delivered: datetime) -> dict[str, list[Row]]:
    """Rows by file, with status and dateLastModified blank."""
    made = objects(district, ids, version, delivered)
    files = {name: [_row(one) for one in found] for name, found in made.items()}
    if version == "1.2":
        files["roles"] = [row for user in made["users"] for row in _roles(user)]
        files["userProfiles"] = [_profile(user) for user in made["users"] if user.get("password")]
    return files


def _row(one: Object) -> Row:
    return dict(
        _field(name, value) for name, value in one.items() if name not in ("status", "dateLastModified", "roles")
    )


def _field(name: str, value: Any) -> tuple[str, str]:
    """A reference is told by its sourcedId, several in one cell: parent → parentSourcedId, terms → termSourcedIds."""
    if isinstance(value, dict):
        return f"{name}SourcedId", value["sourcedId"]
    if not isinstance(value, list):
        return name, str(value)
    if value and isinstance(value[0], dict) and "sourcedId" in value[0]:
        return f"{name[:-1]}SourcedIds", ",".join(one["sourcedId"] for one in value)
    return name, ",".join(f"{{{one['type']}:{one['identifier']}}}" if isinstance(one, dict) else one for one in value)


def _roles(user: Object) -> Iterator[Row]:
    for role in user["roles"]:
        org = role["org"]["sourcedId"]
        yield {
            "sourcedId": f"{user['sourcedId']}:{role['role']}:{org}",
            "userSourcedId": user["sourcedId"],
            "roleType": role["roleType"],
            "role": role["role"],
            "orgSourcedId": org,
        }


def _profile(user: Object) -> Row:
    return {
        "sourcedId": f"profile:{user['sourcedId']}",
        "userSourcedId": user["sourcedId"],
        "profileType": "LMS",
        "vendorId": "sandbox",
        "credentialType": "password",
        "username": user["username"],
        "password": user["password"],
    }


def _changed(before: list[Row], now: list[Row], modified: datetime) -> list[Row]:
    """Rows that are new or other than before, and those that are gone as they were."""
    known = {row["sourcedId"]: row for row in before}
    there = {row["sourcedId"] for row in now}
    stamp = f"{modified:%Y-%m-%dT%H:%M:%S}.000Z"
    live = [row | {"status": "active"} for row in now if known.get(row["sourcedId"]) != row]
    gone = [row | {"status": "tobedeleted"} for key, row in known.items() if key not in there]
    return [row | {"dateLastModified": stamp} for row in (*live, *gone)]


def _put(path: Path, lines: list[Any], delivered: datetime) -> None:
    """Readable by the owner only, and whole at every moment under its own name."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    aside = path.with_name(f".{path.name}.part")
    aside.touch(mode=0o600)
    aside.write_bytes(text.getvalue().encode())
    os.utime(aside, (delivered.timestamp(), delivered.timestamp()))
    aside.replace(path)
