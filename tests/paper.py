"""Nights of the five pupils over a Canvas of paper: it takes every row but those it was told to refuse, at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from roster.answers import COUNTED_AS
from roster.canvas.bundle import read_zip
from roster.canvas.messages import ImportMessage
from roster.errors import CanvasGone
from roster.import_options import NONE, ImportOptions
from roster.ledger import Ledger
from roster.steps.plan import Asked
from roster.store import Store
from roster.tenants import read_tenant
from roster_airflow.hooks.canvas_replies import ImportData, SisImport
from roster_airflow.loading import Loading
from tests.five_pupils import Rows, deliver, tables, tenant_file
from tests.nights import Folder, Played, night_of, play

START = datetime(2026, 3, 2, 16, tzinfo=UTC)


class PaperCanvas:
    """What Loading asks of a hook. refuses: (file, id that a row names) → what Canvas says of such a row."""

    environment = "test"

    def __init__(self) -> None:
        self.refuses: dict[tuple[str, str], str] = {}
        self.posted: list[SisImport] = []
        self._messages: dict[str, list[ImportMessage]] = {}

    def holds_sis_users(self) -> bool:
        return False

    def sis_imports(self, _since: datetime | None) -> list[SisImport]:
        return self.posted

    def sis_import(self, id_: str) -> SisImport:
        return self.posted[int(id_) - 1]

    def read(self, _path: str, _kept: object, what: str) -> object:
        """Paper keeps no answers."""
        raise CanvasGone(what)

    def messages(self, id_: str) -> list[ImportMessage]:
        return self._messages[id_]

    def post_import(self, archive: Path, identifier: str, options: ImportOptions = NONE) -> SisImport:
        """Take the rows."""
        counts, messages = {}, []
        for file, rows in read_zip(archive).items():
            said = [(number, self._of(file, row)) for number, row in enumerate(rows, start=2)]
            messages += [ImportMessage(file, number, text) for number, text in said if text]
            counts[COUNTED_AS.get(file, file.removesuffix(".csv"))] = len([text for _, text in said if not text])
        state = "imported_with_messages" if messages else "imported"
        number = len(self.posted) + 1
        self.posted.append(
            SisImport(
                number, state, diffing_data_set_identifier=identifier, data=ImportData(counts=counts, statistics={})
            )
        )
        self._messages[str(number)] = messages
        return self.posted[-1]

    def _of(self, file: str, row: dict[str, str]) -> str | None:
        return next((text for (at, id_), text in self.refuses.items() if at == file and id_ in row.values()), None)


class Paper:
    """One tenant's nights. tenant: keys of its file, which may change from night to night."""

    def __init__(self, folder: Path, **tenant: Any) -> None:
        self.folder = folder
        self.store = Store(str(folder / "home"))
        self.canvas = PaperCanvas()
        self.ledger = Ledger(self.store, "paper.test.example", "1")
        self.set(**tenant)
        self.nights = 0

    def set(self, **tenant: Any) -> None:
        """The tenant file from now on."""
        self.tenant = read_tenant(tenant_file(self.folder / "tenants", **tenant))

    def play(
        self, export: dict[str, Rows] | None = None, asked: Asked | None = None, ids: pl.DataFrame | None = None
    ) -> Played:
        """The next night. ids: the tenant's mapping."""
        run_date = START + timedelta(days=self.nights)
        content = tables(START.date()) if export is None else export
        delivered = deliver(self.folder / f"files-{self.nights}", content, delivered=run_date - timedelta(hours=2))
        self.nights += 1
        hook: Any = self.canvas
        night = night_of(self.folder / "home", self.tenant, run_date)
        return play(night, Folder(delivered), Loading(hook, self.ledger, now=lambda: run_date), asked, ids)
