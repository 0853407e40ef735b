"""The search for people can find them: each spelling, planted where others are."""

from __future__ import annotations

import base64
import json
import random
import sqlite3
import unicodedata
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from roster_sandbox.district import generate
from tests.e2e.traces import Traces, cells, files_below

NAME = unicodedata.normalize("NFC", "Zquôvâtjún van der Zquašküwitz")
EMAIL = "hydafa.zqx00076@staff.zqx.example"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("value", [NAME, EMAIL])
def test_every_spelling_is_found(value: str, form: str) -> None:
    traces = Traces([NAME, EMAIL])
    written = unicodedata.normalize(form, value)
    spelt = {
        "raw": f"before {written} after",
        "json": json.dumps({"a": [f"x {written}"]}),
        "json in json": json.dumps(json.dumps({"a": f"x {written}"})),
        "python": f"{written!a}",
        "url": f"https://canvas.example/?q={quote(written)}&more",
        "url without exceptions": f"https://canvas.example/{quote(written, safe='')}/x",
        "form": f"q={quote_plus(written)}",
        "url in lower case": f"q={quote(written).lower()}" if value == EMAIL else f"q={quote(written)}",
        **{
            f"base64 at {before}": base64.b64encode(b"." * before + written.encode() + b"tail").decode()
            for before in range(6)
        },
        **{
            f"url-safe base64 at {before}": base64.urlsafe_b64encode(b"?" * before + written.encode()).decode()
            for before in range(3)
        },
    }
    found = traces.found((how, text.encode()) for how, text in spelt.items())
    assert found == {how: [value] for how in spelt}


def test_who_is_not_there_is_not_found() -> None:
    district = generate()
    traces = Traces(district.personal_values() | district.secrets())
    assert len(traces) > 90_000
    noise = random.Random(1).randbytes(3_000_000)
    found = traces.found([("bytes", noise), ("base64", base64.b64encode(noise)), ("hex", noise.hex().encode())])
    assert found == {}


def test_one_of_thousands_is_found_in_a_file_and_in_a_cell(tmp_path: Path) -> None:
    district = generate()
    traces = Traces(district.personal_values())
    pupil = district.students[7]
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "task.log").write_text(f"row of {pupil.family}\n", encoding="utf-8")
    assert list(traces.found(files_below(tmp_path))) == ["logs/task.log"]
    with closing(sqlite3.connect(tmp_path / "db.sqlite")) as db:
        db.execute("CREATE TABLE xcom (key TEXT, value JSON)")
        db.execute("INSERT INTO xcom VALUES ('a', ?)", (json.dumps({"who": pupil.email}),))
        db.commit()
    assert traces.found(cells(tmp_path / "db.sqlite")) == {"xcom.value": [pupil.email]}
