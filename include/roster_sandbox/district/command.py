"""`roster-sandbox district` and `roster-sandbox move`: a district as a Clever export in a folder."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from roster_sandbox.district.clever_csv import write_clever
from roster_sandbox.district.moves import EACH
from roster_sandbox.district.recipe import Recipe

Folder = Annotated[Path, typer.Argument(help="Where the export lies; made if absent.")]
Control = Annotated[bool, typer.Option(help="Write control.csv too.")]


def district(
    folder: Folder,
    today: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of the first night; left out: today, in UTC.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws the same district again.")] = 20_260_202,
    schools: Annotated[int, typer.Option(min=2)] = 3,
    pupils: Annotated[int, typer.Option(min=200)] = 820,
    teachers: Annotated[int, typer.Option(min=12, help="Six a school at least.")] = 75,
    control: Control = True,
) -> None:
    """Draw a district and write its first night as a Clever export."""
    day = (today or datetime.now(UTC)).date()
    folder.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(seed, day, schools, pupils, teachers)
    try:
        write_clever(recipe.night(1), folder, delivered=datetime.now(UTC), control=control)
    except ValueError as fault:
        raise typer.BadParameter(str(fault)) from None
    recipe.write(folder)
    typer.echo(f"night 1 of district {seed} lies in {folder}")


def move(
    folder: Folder,
    night: Annotated[int, typer.Option(min=1, help="Which night's export to write; each has twelve moves more.")],
    control: Control = True,
) -> None:
    """Write a later night of the district in a folder: twelve pupils have moved for each night after the first."""
    try:
        recipe = Recipe.read(folder)
    except FileNotFoundError:
        message = f"no district was drawn into {folder}: roster-sandbox district {folder}"
        raise typer.BadParameter(message) from None
    write_clever(recipe.night(night), folder, delivered=datetime.now(UTC), control=control)
    typer.echo(f"night {night} of district {recipe.seed} lies in {folder}: {(night - 1) * sum(EACH.values())} moves")
