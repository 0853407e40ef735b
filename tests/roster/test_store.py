"""The store on a local folder and on an S3 server: the same promises, kept by other means."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roster.errors import RunFolderBroken, StoreNotExclusive, TenantFileWrong
from roster.store import MANIFEST, Store


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A bucket on an S3 server of the tests' own; the environment says where."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings_ = {
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "something",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings_.items():
            patch.setenv(name, value)
        import s3fs

        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().mkdir("roster-home")
        yield "s3://roster-home"
        s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        return Store(str(tmp_path / "home"))
    return Store(f"{request.getfixturevalue('s3')}/{tmp_path.name}")


def test_what_was_written_is_read_and_written_over_whole(store: Store) -> None:
    store.write("a/b.txt", b"one")
    assert store.read("a/b.txt") == b"one"
    store.write("a/b.txt", b"two, longer")
    assert store.read("a/b.txt") == b"two, longer"
    assert store.exists("a/b.txt")
    assert store.exists("a")
    store.write("a/c.json", b'{"n": 1}')
    assert store.read_json("a/c.json") == {"n": 1}
    assert store.names("a") == ["b.txt", "c.json"]


def test_what_is_not_there_is_said_and_removing_it_is_nothing(store: Store) -> None:
    assert not store.exists("no/file")
    assert store.names("no") == []
    store.remove("no")
    with pytest.raises(RunFolderBroken, match="no/file is not in ROSTER_HOME"):
        store.read("no/file")


def test_a_file_is_created_once(store: Store) -> None:
    assert store.create("x/lock", b"first")
    assert not store.create("x/lock", b"second")
    assert store.read("x/lock") == b"first"
    assert store.names("x") == ["lock"]


def test_of_many_writers_one_creates(store: Store) -> None:
    ready, won = threading.Barrier(8), []

    def write(number: int) -> None:
        own = Store(store.root)
        ready.wait()
        if own.create("race/lock", str(number).encode()):
            won.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [str(number).encode() for number in won] == [store.read("race/lock")]


def test_of_many_processes_one_creates(tmp_path: Path, repository: Path) -> None:
    script = (
        "import sys; from roster.store import Store; print(Store(sys.argv[1]).create('x/lock', sys.argv[2].encode()))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), str(number)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(repository / "include")},
        )
        for number in range(4)
    ]
    answers = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert sorted(answers) == ["False", "False", "False", "True"]
    assert (tmp_path / "x" / "lock").read_text() == str(answers.index("True"))


def test_removing_takes_a_folder_with_all_below(store: Store) -> None:
    for name in ("a/1", "a/b/2", "ab/3"):
        store.write(name, b"x")
    store.remove("a")
    assert not store.exists("a")
    assert store.names("") == ["ab"]


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/x", "a/.."])
def test_no_path_leads_out_of_the_store(store: Store, path: str) -> None:
    for use in (store.read, store.exists, store.remove, store.names):
        with pytest.raises(RunFolderBroken, match="inside it"):
            use(path)
    with pytest.raises(RunFolderBroken, match="inside it"):
        store.write(path, b"")


def a_folder(folder: Path) -> Path:
    (folder / "csv").mkdir(parents=True)
    (folder / "one.parquet").write_bytes(bytes(range(256)) * 40)
    (folder / "csv" / "users.csv").write_text("user_id\nada\n", encoding="utf-8")
    (folder / "empty").write_bytes(b"")
    return folder


def test_a_folder_comes_back_as_it_was(store: Store, tmp_path: Path) -> None:
    source = a_folder(tmp_path / "from")
    store.upload(source, "runs/x")
    store.download("runs/x", tmp_path / "to")
    for name in ("one.parquet", "csv/users.csv", "empty"):
        assert (tmp_path / "to" / name).read_bytes() == (source / name).read_bytes()
    assert set(store.manifest("runs/x")) == {"one.parquet", "csv/users.csv", "empty"}
    store.verify("runs/x")


def test_a_folder_without_manifest_is_not_there(store: Store, tmp_path: Path) -> None:
    store.write("runs/x/one.parquet", b"half")
    for use in (store.manifest, store.verify):
        with pytest.raises(RunFolderBroken, match=r"no manifest\.json: the step that wrote it did not finish"):
            use("runs/x")
    with pytest.raises(RunFolderBroken):
        store.download("runs/x", tmp_path / "to")


@pytest.mark.parametrize("content", [b"", b"user_id\nbea\n", b"user_id\nada\nx"])
def test_a_changed_byte_is_found(store: Store, tmp_path: Path, content: bytes) -> None:
    store.upload(a_folder(tmp_path / "from"), "runs/x")
    store.write("runs/x/csv/users.csv", content)
    with pytest.raises(RunFolderBroken, match=r"runs/x/csv/users\.csv is not what its manifest says"):
        store.verify("runs/x")
    with pytest.raises(RunFolderBroken, match="not what its manifest says"):
        store.download("runs/x", tmp_path / "to")
    with pytest.raises(RunFolderBroken, match="not what its manifest says"):
        store.read_whole("runs/x", "csv/users.csv")
    assert store.read_whole("runs/x", "empty") == b""


def test_a_file_that_is_missing_or_was_never_there_is_found(store: Store, tmp_path: Path) -> None:
    store.upload(a_folder(tmp_path / "from"), "runs/x")
    store.remove("runs/x/one.parquet")
    with pytest.raises(RunFolderBroken, match=r"one\.parquet is not in ROSTER_HOME"):
        store.verify("runs/x")
    with pytest.raises(RunFolderBroken, match=r"runs/x has no other\.json"):
        store.read_whole("runs/x", "other.json")


def test_a_manifest_that_is_cut_is_said(store: Store, tmp_path: Path) -> None:
    store.upload(a_folder(tmp_path / "from"), "runs/x")
    whole = store.read(f"runs/x/{MANIFEST}")
    store.write(f"runs/x/{MANIFEST}", whole[: len(whole) // 2])
    with pytest.raises(RunFolderBroken, match="can't be read"):
        store.manifest("runs/x")


def test_the_manifest_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, written = Store(str(tmp_path / "home")), []
    whole = store.write
    monkeypatch.setattr(store, "write", lambda path, content: (written.append(path), whole(path, content))[1])
    store.upload(a_folder(tmp_path / "from"), "runs/x")
    assert written[-1] == f"runs/x/{MANIFEST}"
    assert len(written) == 4


@given(st.binary(max_size=200), st.data())
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_change_of_one_byte_goes_unseen(tmp_path: Path, content: bytes, data: st.DataObject) -> None:
    folder, store = tmp_path / "from", Store(str(tmp_path / "home"))
    folder.mkdir(exist_ok=True)
    (folder / "f").write_bytes(content)
    store.upload(folder, "x")
    assert json.loads(store.read(f"x/{MANIFEST}"))["f"]["size"] == len(content)
    changed = data.draw(st.binary(max_size=200).filter(lambda other: other != content))
    store.write("x/f", changed)
    with pytest.raises(RunFolderBroken):
        store.verify("x")


def test_local_files_and_folders_are_their_owners_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = Store(str(tmp_path / "home"))
        store.write("runs/banksia/1/x.json", b"{}")
        store.create("ledgers/h/1/00000001.intent.json", b"{}")
        store.write("runs/banksia/1/x.json", b"[]")
        store.upload(a_folder(tmp_path / "from"), "runs/banksia/1/check")
    finally:
        os.umask(before)
    for path in [tmp_path / "home", *(tmp_path / "home").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_nothing_is_left_beside_what_was_written(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write("a/x", b"1")
    store.create("a/y", b"1")
    store.create("a/y", b"2")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["x", "y"]
    (tmp_path / "a" / ".aside-of-a-killed-writer").write_bytes(b"half")
    assert store.names("a") == ["x", "y"]


def test_a_store_is_probed_once(store: Store) -> None:
    store.probe()
    assert store.names("") == ["probed"]
    store.probe()


def test_a_store_that_lets_two_writers_create_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "create", lambda path, content: store.write(path, content) or True)
    with pytest.raises(StoreNotExclusive, match="two writers"):
        store.probe()
    assert store.names("") == []


def test_an_s3_that_ignores_if_none_match_is_refused(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(f"{s3}/ignorant")
    pipe = store._fs.pipe_file
    monkeypatch.setattr(store._fs, "pipe_file", lambda path, content, mode="overwrite": pipe(path, content))
    with pytest.raises(StoreNotExclusive, match="If-None-Match"):
        store.probe()


def test_a_disk_without_hard_links_is_refused_and_a_full_one_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(number: int) -> None:
        def link(*_: object) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "link", link)

    store = Store(str(tmp_path))
    failing(errno.EPERM)
    with pytest.raises(StoreNotExclusive, match="hard links"):
        store.probe()
    failing(errno.ENOSPC)
    with pytest.raises(OSError, match="No space left"):
        store.probe()


def test_home_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSTER_HOME", f"{tmp_path}/")
    assert Store.home().root == str(tmp_path)
    assert Store.home().is_local
    monkeypatch.delenv("ROSTER_HOME")
    with pytest.raises(TenantFileWrong, match="ROSTER_HOME is not set"):
        Store.home()


def test_a_store_on_s3_is_not_local(s3: str) -> None:
    assert not Store(s3).is_local
