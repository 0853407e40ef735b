"""What was accepted in Canvas, in plan and ledger."""

from __future__ import annotations

import json

import polars as pl

from roster.accepted import as_accepted, still_accepted
from roster.ledger_rows import LEDGER, as_ledger

HAS = {"section_id": "s1", "name": "By hand", "status": "active"}
SAID = {"name": "From the source"}


def ledger(accepted: dict[str, str] | None) -> pl.DataFrame:
    line = {"file": "sections.csv", "key": "s1", "row": json.dumps(HAS), "accepted": json.dumps(accepted)}
    return pl.DataFrame([line if accepted else line | {"accepted": None}], schema=LEDGER)


def wanted(name: str) -> pl.DataFrame:
    rows = [{"key": key, "section_id": key, "name": name, "status": "active"} for key in ("s1", "s2")]
    return pl.DataFrame(rows)


def names(rows: pl.DataFrame) -> list[str]:
    return rows.sort("key")["name"].to_list()


def test_as_long_as_the_source_says_the_same_canvas_s_value_is_wanted() -> None:
    assert names(as_accepted(wanted("From the source"), ledger(SAID))) == ["By hand", "From the source"]
    assert names(as_accepted(wanted("Something else"), ledger(SAID))) == ["Something else", "Something else"]
    assert names(as_accepted(wanted("From the source"), ledger(None))) == ["From the source", "From the source"]


def test_what_was_sent_with_canvas_s_value_stays_accepted() -> None:
    new = {**HAS, "status": "deleted"}
    told = pl.DataFrame(
        {
            "row": [json.dumps(HAS), json.dumps(HAS), None],
            "new": [json.dumps(new), json.dumps({**new, "name": "Something else"}), json.dumps(new)],
            "accepted": [json.dumps(SAID), json.dumps(SAID), None],
        }
    )
    assert still_accepted(told).to_list() == [json.dumps(SAID), None, None]


def test_rows_of_an_earlier_release_have_nothing_accepted() -> None:
    before = pl.DataFrame(schema={name: kind for name, kind in LEDGER.items() if name not in ("accepted", "by_hand")})
    line = {"file": "users.csv", "key": "u1", "row": "{}", "dropped": False, "sequence": 3}
    (row,) = as_ledger(pl.concat([before, pl.DataFrame([line], schema=before.schema)])).to_dicts()
    assert (row["key"], row["accepted"], row["by_hand"]) == ("u1", None, None)
