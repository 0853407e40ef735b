"""Changes laid over what was read last."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from roster.errors import RunFolderBroken, SourceIncomplete, SourceUnreadable
from roster.evidence import Evidence
from roster.sources import Good, system
from roster.sources.files import Folder
from tests.roster.sources.exports import rows
from tests.roster.sources.oneroster_csv.sets import CONTROLLED, FILES, MANIFEST, NOW, SETTINGS, control, extract, write
from tests.roster.sources.oneroster_csv.sets import roster as roster_of

STAMP = "2026-02-03T01:00:00.000Z"
HEADERS = {name: content.splitlines()[0] + "\n" for name, content in FILES.items()}
CHANGES = MANIFEST.replace("bulk", "delta")


class Read(NamedTuple):
    raw: Path
    evidence: Evidence


@pytest.fixture
def base(tmp_path: Path) -> Read:
    return Read(*extract(write(tmp_path / "base", control=control()), CONTROLLED))


def delta(folder: Path, **rows: str) -> Path:
    """A set of changes: lines by file; the others have none."""
    return write(folder, manifest=CHANGES, **{name: HEADERS[name] + rows.get(name, "") for name in list(FILES)[1:]})


def test_a_record_of_a_delta_stands_for_the_one_with_its_id(tmp_path: Path, base: Read) -> None:
    changes = delta(
        tmp_path / "delta",
        users=(
            f"s1,active,{STAMP},true,0007,student,anno,,Ann,Oak,Q,N41,ann@example.org,,,,07,\n"
            f"s3,active,{STAMP},true,0007,student,cyd,,Cy,Dale,,N43,cy@example.org,,,,07,\n"
        ),
        enrollments=f"e3,tobedeleted,{STAMP},K1,0007,t1,teacher,true,,\n",
    )
    raw, evidence = extract(changes, latest=base)
    found = roster_of(raw)
    assert sorted(rows(found.users, "sourced_id", "family_name")) == [
        ("g1", "Ode"),
        ("g2", "Hall"),
        ("s1", "Oak"),
        ("s2", "Bell"),
        ("s3", "Dale"),
        ("t1", "Vaux"),
    ]
    assert rows(found.enrollments, "sourced_id") == [("e1",), ("e2",)]
    assert rows(found.guardians, "sourced_id") == [("g1:s1",)]
    assert (evidence.complete, evidence.proven, evidence.silent) == (True, False, ())
    assert "sis: a delta never proves that what it does not name is gone" in evidence.reasons
    assert (evidence.rows["users"], evidence.rows["enrollments"]) == (6, 2)


def test_what_lies_under_a_delta_is_told_by_its_day(tmp_path: Path, base: Read) -> None:
    line = f"s2,active,{STAMP},true,0007,student,bob,,Bo,Bell,,N42,bo@example.org,,,,07,\n"
    first = extract(delta(tmp_path / "first", users=line), latest=base)
    late = first[1].model_copy(update={"delivered": NOW + timedelta(days=1)})
    raw, _ = extract(delta(tmp_path / "second"), latest=(first[0], late))
    told = dict(rows(roster_of(raw).lineage.filter(table="users"), "record", "file"))
    assert told == {
        **dict.fromkeys(("s1", "t1", "g1", "g2"), "2026-02-03/users.csv"),
        "s2": "2026-02-04/users.csv",
    }


def test_a_file_of_a_delta_may_be_bulk_or_absent(tmp_path: Path, base: Read) -> None:
    manifest = MANIFEST.replace("users,bulk", "users,delta").replace("courses,bulk", "courses,absent")
    users = HEADERS["users"] + f"g2,tobedeleted,{STAMP},,,,,,,,,,,,,,,\n"
    enrollments = FILES["enrollments"].replace("e2,,,K2,0007,s2,student,,,\n", "")
    changes = write(tmp_path / "delta", manifest=manifest, users=users, courses=None, enrollments=enrollments)
    raw, evidence = extract(changes, latest=base)
    found = roster_of(raw)
    assert rows(found.courses, "sourced_id") == [("C1",)]
    assert rows(found.enrollments, "sourced_id") == [("e1",), ("e3",)]
    assert sorted(rows(found.users, "sourced_id")) == [("g1",), ("s1",), ("s2",), ("t1",)]
    assert (evidence.complete, evidence.proven, evidence.silent) == (True, False, ())


def test_a_delta_over_what_was_not_whole_or_silent_is_neither(tmp_path: Path, base: Read) -> None:
    broken = base.evidence.model_copy(update={"complete": False, "silent": ("courses",)})
    _, evidence = extract(delta(tmp_path / "delta"), latest=(base.raw, broken))
    assert (evidence.complete, evidence.silent) == (False, ("courses",))
    assert "sis: what these changes are laid over was not whole" in evidence.reasons


def test_reading_a_delta_again_is_the_same_delivery_and_the_same_roster(tmp_path: Path, base: Read) -> None:
    changes = delta(tmp_path / "delta", enrollments=f"e3,tobedeleted,{STAMP},K1,0007,t1,teacher,true,,\n")
    raw, first = extract(changes, latest=base)
    kept = tmp_path / "kept"
    raw.rename(kept)
    again, second = extract(changes, latest=(kept, first))
    assert first.delivery == second.delivery != base.evidence.delivery
    assert rows(roster_of(again).enrollments, "sourced_id") == rows(roster_of(kept).enrollments, "sourced_id")


def test_without_a_bulk_set_before_there_is_nothing_to_change(tmp_path: Path, base: Read) -> None:
    said = r"manifest\.csv:\d+: says that the file is changes only \(delta\), .* delivered in which all is bulk"
    with pytest.raises(SourceIncomplete, match=said):
        extract(delta(tmp_path / "delta"))

    @contextmanager
    def gone() -> AbstractContextManager[Path]:  # type: ignore[misc]
        message = "no manifest"
        raise RunFolderBroken(message)
        yield

    (tmp_path / "raw").mkdir()
    with pytest.raises(SourceIncomplete, match=said):
        system("oneroster_csv").extract(
            Folder(tmp_path / "delta"),
            SETTINGS,
            tmp_path / "raw",
            last_good=None,
            now=NOW,
            **{"latest": Good(base.evidence, gone)},
        )


@pytest.mark.parametrize(
    "line",
    [
        f"e4,,{STAMP},K1,0007,s2,student,,,",
        f"e4,deleted,{STAMP},K1,0007,s2,student,,,",
        "e4,active,,K1,0007,s2,student,,,",
        f",active,{STAMP},K1,0007,s2,student,,,",
    ],
    ids=["no status", "another status", "no instant", "no id"],
)
def test_a_row_of_a_delta_says_what_became_of_whom_and_when(tmp_path: Path, base: Read, line: str) -> None:
    good = f"e3,active,{STAMP},K1,0007,t1,teacher,true,,\n"
    with pytest.raises(SourceUnreadable, match=r"^enrollments\.csv:3: in a delta every row has"):
        extract(delta(tmp_path / "delta", enrollments=f"{good}{line}\n"), latest=base)


def test_a_delta_without_those_columns_is_refused(tmp_path: Path, base: Read) -> None:
    orgs = "sourcedId,name,type\n0007,Fern Hill,school\n"
    with pytest.raises(SourceUnreadable, match=r"^orgs\.csv:1: no column status, datelastmodified"):
        extract(write(delta(tmp_path / "delta"), manifest=CHANGES, orgs=orgs), latest=base)
