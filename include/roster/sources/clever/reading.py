"""From the API to raw tables: `<table>.parquet` per list, and what they prove."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import msgspec
import polars as pl

from roster.errors import SourceUnreadable
from roster.evidence import Evidence
from roster.settings import Clever
from roster.sources import Api, Good
from roster.sources.clever.objects import API, TABLES, USERS, District, Page, User
from roster.sources.clever.proof import Missing, prove
from roster.sources.clever.walking import Walked, decoded, single, walk

LOOKUPS = 20
"""How many people whom sections name, and no list has, are asked for one by one."""


def extract(api: Api, settings: Clever, folder: Path, *, last_good: Good | None, now: datetime) -> Evidence:
    """Walk every list into a raw table in folder. Raises SourceFault.

    The district is asked for before and after, since what its sync changes in between is in some of the lists only.
    """
    before = _district(api)
    walks = {name: walk(api, table, settings.limit, folder) for name, table in TABLES.items()}
    missing = _look_up(api, folder, walks)
    good = last_good.evidence if last_good else None
    return prove(folder, settings, (before, _district(api)), walks, missing, good, now)


def _district(api: Api) -> District:
    page = decoded(api.get(f"{API}/districts"), msgspec.json.Decoder(Page[District]), "the district")
    if len(page.data) != 1:
        message = f"the token sees {len(page.data):,} districts: it must be the token of one district for this app"
        raise SourceUnreadable(message)
    found: District = page.data[0].data
    return found


def unknown_people(folder: Path) -> list[str]:
    """Ids whom sections name as pupils or teachers and who are in no list of such users, each once."""
    sections = pl.scan_parquet(folder / "sections.parquet")
    pupils = sections.select(id=pl.col("students").explode())
    teaching = pl.concat([sections.select(id=pl.col("teachers").explode()), sections.select(id="teacher")])
    users = {name: pl.scan_parquet(folder / f"{name}.parquet").select("id") for name in USERS}
    unknown = pl.concat(
        [
            pupils.join(users["students"], on="id", how="anti"),
            teaching.join(pl.concat([users["teachers"], users["staff"]]), on="id", how="anti"),
        ]
    )
    return unknown.drop_nulls().unique().sort("id").collect()["id"].to_list()


def _look_up(api: Api, folder: Path, walks: Mapping[str, Walked]) -> Missing:
    """Ask for the first unknown people alone; who is there is added to the lists of their roles."""
    unknown = unknown_people(folder)
    asked = [one for one in unknown[:LOOKUPS] if one.isalnum()]
    found = list(_found(api, asked))
    passed_over = 0
    for name in USERS:
        table, walked = TABLES[name], walks[name]
        listed = pl.scan_parquet(folder / f"{name}.parquet").select("id").collect()["id"]
        more = [user for user in found if table.belongs(user) and user.id not in listed]
        if more:
            file = folder / f"{name}.parquet"
            whole = pl.concat([pl.read_parquet(file), table.frame(more, walked.rows + 1)])
            whole.write_parquet(file)
            walked.rows += len(more)
            passed_over += sum(user.id < walked.last for user in more)
    return Missing(unasked=len(unknown) - len(asked), gone=len(asked) - len(found), passed_over=passed_over)


def _found(api: Api, ids: list[str]) -> Iterator[User]:
    for one in ids:
        body = api.find(f"{API}/users/{one}")
        if body is not None:
            yield single(body, User, "a user whom a section names")
