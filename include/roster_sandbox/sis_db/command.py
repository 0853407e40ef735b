"""`roster-sandbox sis-db`: the district as a school's database in an SQLite file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from roster_sandbox.district.recipe import Recipe
from roster_sandbox.sis_db.database import write_sqlite

FILE = "sis.db"


def sis_db(
    state: Annotated[Path, typer.Option(help="Folder with the database; made if absent.")],
    night: Annotated[int, typer.Option(min=1, help="Which night; each has twelve moves more.")] = 1,
) -> None:
    """Write a night of the district into a database, as its school's system has it; prints where it lies."""
    state.mkdir(parents=True, exist_ok=True)
    try:
        recipe = Recipe.read(state)
    except FileNotFoundError:
        recipe = Recipe(20_260_202, datetime.now(UTC).date())
        recipe.write(state)
    write_sqlite(recipe.night(night), state / FILE)
    typer.echo(f"night {night} of district {recipe.seed} lies in {state / FILE}")
