"""Run folders, attempts, numbers and pointers."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from roster.errors import RunFolderBroken
from roster.runs import (
    Run,
    artefacts_before,
    next_number,
    point,
    pointed,
    read_step,
    reading,
    require,
    run_name,
    write_json,
)
from roster.store import MANIFEST, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "home"))


@pytest.fixture
def run(store: Store) -> Run:
    return Run(store, "banksia", "20260302T160000Z-abcd")


def wrote(run: Run, text: str, step: str = "check") -> str:
    with run.write(step) as writing:
        (writing.folder / "x.txt").write_text(text, encoding="utf-8")
    return writing.path


def test_a_run_has_one_name_on_every_retry_in_utc() -> None:
    started = datetime(2026, 3, 3, 2, tzinfo=timezone(timedelta(hours=10)))
    assert run_name(started, "scheduled__1").startswith("20260302T160000Z-")
    assert run_name(started, "scheduled__1") == run_name(started.astimezone(UTC), "scheduled__1")
    assert run_name(started, "scheduled__1") != run_name(started, "manual__1")
    assert "manual" not in run_name(started, "manual__someone")


def test_a_step_that_runs_again_writes_beside_what_is_there(run: Run) -> None:
    first, second = wrote(run, "one"), wrote(run, "two")
    assert (first, second) == (f"{run.path}/check/attempt-1", f"{run.path}/check/attempt-2")
    assert run.store.read(f"{first}/x.txt") == b"one"
    assert run.latest("check") == second


def test_a_step_that_fails_leaves_no_folder_and_the_next_attempt_is_another(run: Run) -> None:
    first = wrote(run, "one")
    with pytest.raises(FileNotFoundError), run.write("check") as writing:
        (writing.folder / "x.txt").rename("/nowhere/x.txt")
    assert not run.store.exists(f"{run.path}/check/attempt-2")
    assert run.latest("check") == first
    assert wrote(run, "three").endswith("attempt-3")


def test_an_attempt_whose_upload_was_cut_off_is_not_there(run: Run) -> None:
    first, second = wrote(run, "one"), wrote(run, "two")
    run.store.remove(f"{second}/{MANIFEST}")
    assert run.latest("check") == first
    run.store.remove(f"{first}/{MANIFEST}")
    assert run.latest("check") is None
    with pytest.raises(RunFolderBroken, match="the check is not there: run the step before it again"):
        require(run.latest("check"), "the check")
    assert require(first, "the check") == first


def test_the_tenth_attempt_is_newer_than_the_ninth(run: Run) -> None:
    paths = [wrote(run, str(number)) for number in range(10)]
    assert run.latest("check") == paths[-1] == f"{run.path}/check/attempt-10"


def test_attempts_at_one_time_have_folders_of_their_own(run: Run) -> None:
    paths: list[str] = []
    threads = [threading.Thread(target=lambda: paths.append(wrote(run, "x"))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(paths) == [f"{run.path}/check/attempt-{number}" for number in range(1, 6)]


def test_a_step_that_never_ran_has_no_attempt(run: Run) -> None:
    assert run.latest("plan") is None


def test_a_finished_step_is_read_as_it_was_written(run: Run) -> None:
    path = wrote(run, "one")
    with reading(run.store, path) as folder:
        assert (folder / "x.txt").read_text(encoding="utf-8") == "one"
    with run.write("plan") as writing:
        write_json(writing.folder, "plan.json", {"at": datetime(2026, 3, 2, tzinfo=UTC), "name": "Zoë"})
    assert read_step(run.store, writing.path, "plan.json") == {"at": "2026-03-02 00:00:00+00:00", "name": "Zoë"}


def test_a_folder_that_was_changed_is_not_read(run: Run) -> None:
    path = wrote(run, "one")
    run.store.write(f"{path}/x.txt", b"two")
    with pytest.raises(RunFolderBroken, match="not what its manifest says"), reading(run.store, path):
        pass
    with pytest.raises(RunFolderBroken, match="not what its manifest says"):
        read_step(run.store, path, "x.txt")
    with pytest.raises(RunFolderBroken, match="has no other"):
        read_step(run.store, path, "other.json")


def test_scratch_is_gone_when_the_step_is_done(run: Run) -> None:
    with run.write("check") as writing:
        scratch = writing.folder
        (scratch / "x").write_text("a name", encoding="utf-8")
    assert not scratch.exists()


def test_artefacts_are_numbered_for_good_and_listed_newest_first(store: Store) -> None:
    numbers = [next_number(store, "banksia", {"path": name}) for name in ("a", "b", "c")]
    assert numbers == [1, 2, 3]
    assert next_number(store, "wattle", {"path": "x"}) == 1
    assert [one["path"] for one in artefacts_before(store, "banksia", 3)] == ["b", "a"]
    assert list(artefacts_before(store, "none", 3)) == []


def test_no_two_artefacts_get_one_number(store: Store) -> None:
    numbers: list[int] = []
    threads = [
        threading.Thread(target=lambda: numbers.append(next_number(store, "banksia", {"path": "x"}))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [1, 2, 3, 4, 5, 6]


def test_a_pointer_holds_what_was_set_last(store: Store) -> None:
    assert pointed(store, "banksia", "tested") is None
    point(store, "banksia", "tested", {"number": 1})
    point(store, "banksia", "tested", {"number": 2})
    assert pointed(store, "banksia", "tested") == {"number": 2}
    assert pointed(store, "wattle", "tested") is None
