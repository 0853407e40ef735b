"""A ledger in one file: what it holds, what is refused, and what is left of the one it replaces."""

from __future__ import annotations

import errno
import io
import json
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from roster.errors import LedgerFault
from roster.journal import OUTCOMES
from roster.ledger import Ledger
from roster.ledger_backup import REPLACED, backup, look_over, restore
from roster.safety import plan_hash
from roster.steps.plan import numbered
from roster.store import Store
from tests.roster.canvas_rows import a_night, a_user

NOW = datetime(2026, 3, 2, 16, tzinfo=UTC)


def a_ledger(folder: Path, host: str = "canvas.test.example:443") -> Ledger:
    return Ledger(Store(str(folder)), host, "1")


def give(ledger: Ledger, *users: str) -> None:
    sent = numbered(a_night([a_user(user) for user in users]).changes)
    _, state, _ = ledger.current()
    intent = ledger.intend(sent, plan_hash=plan_hash(sent), state=state, sequence=1, run="run-1", now=NOW)
    outcomes = sent.select("file", "row", outcome=pl.lit("sent")).cast(OUTCOMES)
    ledger.settle(intent, outcomes, outcome="taken", import_id="7", now=NOW)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = a_ledger(tmp_path / "home")
    give(made, "ada")
    give(made, "ben")
    return made


def test_a_lost_ledger_comes_back_as_it_was(ledger: Ledger, tmp_path: Path) -> None:
    before = ledger.current()
    content = backup(ledger, NOW)
    again = a_ledger(tmp_path / "other")
    assert restore(again, content, NOW) == 2
    version, state, rows = again.current()
    assert (version, state) == before[:2]
    assert rows.equals(before[2])
    assert again.settled(1) == ledger.settled(1)
    give(again, "cy")
    assert again.versions() == (3, 3)


def test_an_import_that_was_open_is_open_again(ledger: Ledger, tmp_path: Path) -> None:
    sent = numbered(a_night([a_user("cy")]).changes)
    intent = ledger.intend(sent, plan_hash=plan_hash(sent), state=ledger.current()[1], sequence=1, run="run-2", now=NOW)
    again = a_ledger(tmp_path / "other")
    assert restore(again, backup(ledger, NOW), NOW) == 2
    opened = again.open_intent()
    assert opened == intent
    assert again.sent(opened).equals(sent)


def test_it_belongs_to_one_canvas(ledger: Ledger, tmp_path: Path) -> None:
    content = backup(ledger, NOW)
    production = a_ledger(tmp_path / "home", "canvas.example:443")
    with pytest.raises(LedgerFault, match=r"of canvas\.test\.example:443, account 1, and this is canvas\.example:443"):
        restore(production, content, NOW)
    assert production.versions() == (0, 0)


def test_one_that_is_there_is_replaced_on_demand_only_and_kept_aside(ledger: Ledger) -> None:
    content, store = backup(ledger, NOW), ledger.store
    give(ledger, "cy")
    with pytest.raises(LedgerFault, match=r"at version 3, and the backup is of version 2: --instead"):
        restore(ledger, content, NOW)
    assert ledger.versions() == (3, 3)
    assert restore(ledger, content, NOW, instead=True) == 2
    (aside,) = store.files(REPLACED)
    assert aside == "canvas.test.example_443/1-20260302T160000Z.zip"
    with zipfile.ZipFile(io.BytesIO(store.read(f"{REPLACED}/{aside}"))) as kept:
        assert "00000003.settled.json" in kept.namelist()


@pytest.mark.parametrize("cut", [0, 10, 400])
def test_a_file_that_is_no_backup_changes_nothing(ledger: Ledger, cut: int) -> None:
    content = backup(ledger, NOW)[:cut]
    with pytest.raises(LedgerFault, match="no backup of a ledger, or is damaged"):
        restore(ledger, content, NOW, instead=True)
    assert look_over(ledger) == 2


def test_a_member_that_was_changed_is_seen(ledger: Ledger) -> None:
    content = io.BytesIO(backup(ledger, NOW))
    changed = io.BytesIO()
    with zipfile.ZipFile(content) as was, zipfile.ZipFile(changed, "w") as now:
        for name in was.namelist():
            text = was.read(name)
            now.writestr(name, text.replace(b'"import_id": "7"', b'"import_id": "8"'))
    with pytest.raises(LedgerFault, match="damaged"):
        restore(ledger, changed.getvalue(), NOW, instead=True)


def test_one_of_a_newer_release_is_refused(ledger: Ledger) -> None:
    newer = io.BytesIO()
    with zipfile.ZipFile(newer, "w") as archive:
        about = {"schema": 99, "host": ledger.host, "account": "1", "version": 1, "files": {}}
        archive.writestr("ledger.json", json.dumps(about))
    with pytest.raises(LedgerFault, match="newer release"):
        restore(ledger, newer.getvalue(), NOW, instead=True)


def test_a_broken_ledger_is_told_and_not_backed_up(ledger: Ledger) -> None:
    ledger.store.remove(ledger.settled(2).rows)
    with pytest.raises(LedgerFault, match=r"is broken .*put a backup back"):
        backup(ledger, NOW)
    content = backup(_whole(ledger), NOW)
    assert restore(ledger, content, NOW, instead=True) == 1


def _whole(ledger: Ledger) -> Ledger:
    """Another of the same Canvas."""
    other = a_ledger(Path(ledger.store.root).parent / "elsewhere")
    give(other, "ada")
    return other


def test_a_restore_that_breaks_off_says_so_and_can_be_done_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, write = backup(ledger, NOW), Store.write

    def full(store: Store, path: str, content: bytes) -> None:
        if path.endswith(".json"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(store, path, content)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", full)
        with pytest.raises(LedgerFault, match=r"No space left on device.*restore again with --instead"):
            restore(ledger, content, NOW, instead=True)
    assert ledger.versions() == (0, 0)  # never an older one
    assert restore(ledger, content, NOW, instead=True) == 2


def test_rows_that_retention_removed_are_no_damage(ledger: Ledger) -> None:
    ledger.store.remove(ledger.settled(1).rows)
    assert look_over(ledger) == 2


def test_every_ledger_of_a_store_is_found(ledger: Ledger) -> None:
    give(a_ledger(Path(ledger.store.root), "banksia.instructure.com"), "ada")
    found = {(one.host, one.account) for one in Ledger.all(ledger.store)}
    assert found == {("canvas.test.example:443", "1"), ("banksia.instructure.com", "1")}
