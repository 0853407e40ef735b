"""Writes the table of keys into docs/tenant-file.md, from the models of `roster.tenants` and their docstrings.

`python -m roster.tenant_page` writes the page; with `--check` it only says whether the page is stale. What stands
around the table is written by hand.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import types
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from roster import tenants
from roster.settings import grammar
from roster.tenants import Tenant

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tenant-file.md"
BEGIN, END = "<!-- begin: python -m roster.tenant_page -->", "<!-- end: python -m roster.tenant_page -->"
SPANS = tuple((unit, timedelta(**{f"{unit}s": 1})) for unit in ("day", "hour", "minute", "second"))


def keys() -> Iterator[tuple[str, str, str, str]]:
    """(key, type, default, meaning) of every key, in the order of the models; `sources[]` is each one of a list."""
    yield from _keys(Tenant, "")


def table() -> str:
    """The keys as a table of Markdown."""
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in keys()]
    return "\n".join(lines)


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """What the docstrings below the fields of a model, and of those it is made from, say, as one line each."""
    found = {}
    for one in reversed(model.__mro__[: model.__mro__.index(BaseModel)]):
        body = ast.parse(inspect.getsource(one)).body[0].body  # type: ignore[attr-defined]
        for field, after in pairwise(body):
            said = after.value if isinstance(after, ast.Expr) else None
            if isinstance(field, ast.AnnAssign) and isinstance(said, ast.Constant):
                found[ast.unparse(field.target)] = " ".join(str(said.value).split())
    return found


def _keys(model: type[BaseModel], above: str) -> Iterator[tuple[str, str, str, str]]:
    said, hints = meanings(model), get_type_hints(model, include_extras=True)
    for name, field in model.model_fields.items():
        key, hint = f"{above}{name}", hints[name]
        inner = _models(hint)
        default = "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
        if not inner:
            yield f"`{key}`", _type(hint), default, said[name]
            continue
        many = get_origin(_bare(hint)) is tuple
        own = many or type(None) in get_args(_bare(hint))
        meaning = said[name] if own and name in said else inspect.cleandoc(inner[0].__doc__ or "")
        yield f"`{key}`", "list of mappings" if many else "mapping", default, meaning
        yield from _of_kinds(inner, f"{key}[]." if many else f"{key}.")


def _of_kinds(models: list[type[BaseModel]], above: str) -> Iterator[tuple[str, str, str, str]]:
    """The keys of all of them, each once; what is not the same in all is said for each kind."""
    kinds = {_kind(one): {row[0]: row for row in _keys(one, above)} for one in models}
    for key in dict.fromkeys(key for rows in kinds.values() for key in rows):
        there = {kind: rows[key] for kind, rows in kinds.items() if key in rows}
        types, defaults, meant = (list(dict.fromkeys(row[place] for row in there.values())) for place in (1, 2, 3))
        told = meant[0] if len(meant) == 1 else " ".join(f"`{kind}`: {row[3]}" for kind, row in there.items())
        if len(there) < len(kinds):
            told = f"Only of {', '.join(f'`{kind}`' for kind in there)}. {told}"
        yield key, " or ".join(types), " or ".join(defaults), told


def _kind(model: type[BaseModel]) -> str:
    """What tells a model of a list from the others: the one word that its `system` may be."""
    return str(get_args(model.model_fields["system"].annotation)[0]) if "system" in model.model_fields else ""


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _models(hint: Any) -> list[type[BaseModel]]:
    """The models that a key holds, alone, in a list, or one of several."""
    bare = _bare(hint)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        return [bare]
    if get_origin(bare) is tuple:
        return _models(get_args(bare)[0])
    alternatives = get_args(bare) if get_origin(bare) in (Union, types.UnionType) else ()
    found = [_models(one) for one in alternatives if one is not type(None)]
    return [model for models in found for model in models] if all(found) else []


def _type(hint: Any) -> str:
    if hint == grammar.Percent:
        return "percentage"
    if hint == grammar.Duration:
        return "time span"
    if hint == tenants.Clock:
        return "time of day"
    bare = _bare(hint)
    origin, inner = get_origin(bare), get_args(bare)
    if origin is Literal:
        return " or ".join(f"`{word}`" for word in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(one) for one in inner)
    if origin is tuple:
        return f"two {_plural(inner[0])}" if len(inner) == 2 and inner[1] is not ... else f"list of {_plural(inner[0])}"
    if origin is dict:
        return f"mapping of {_type(inner[0])} to {_type(inner[1])}"
    words = {str: "text", bool: "`true` or `false`", int: "number", date: "day", type(None): "null"}
    return "template" if any("_template" in repr(one) for one in get_args(hint)[1:]) else words[bare]


def _plural(hint: Any) -> str:
    return {"time of day": "times of day"}.get(_type(hint), f"{_type(hint)}s")


def _default(value: Any) -> str:
    if isinstance(value, BaseModel):
        return ""
    if isinstance(value, timedelta):
        return _span(value)
    if isinstance(value, float):
        return f"`{value * 100:g}%`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if value is None:
        return "left out"
    if isinstance(value, tuple | dict):
        return ", ".join(f"`{one}`" for one in value) or "none"
    return f"`{value}`" if value != "" else "empty"


def _span(value: timedelta) -> str:
    unit, length = next((unit, length) for unit, length in SPANS if value % length == timedelta())
    number = value // length
    return f"`{number} {unit}{'' if number == 1 else 's'}`"


def renewed(text: str) -> str:
    """The page with a table that is current."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or with --check answer 1 if it is stale."""
    parser = argparse.ArgumentParser(prog="python -m roster.tenant_page", description="Writes docs/tenant-file.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the page is stale")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page, if not docs/tenant-file.md")
    options = parser.parse_args(arguments)
    text = options.page.read_text(encoding="utf-8")
    if options.check:
        if text == renewed(text):
            return 0
        print(f"{options.page.name} is stale: run `python -m roster.tenant_page`")
        return 1
    options.page.write_text(renewed(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
