"""What is wrong with a tenant file, in words for the person who wrote it: file, line, key and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from roster.errors import TenantFileWrong

Keys = tuple[int | str, ...]
"""Where a value stands: keys, and numbers in a list."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOT_THIS = ("string_type", "dict_type")
_ALTERNATIVE = re.compile(r"\[.*\]$|^(str|constrained-str)$")


def parsed(file: Path, text: str) -> dict[Any, Any]:
    """The file's content: a mapping in which no key stands twice."""
    try:
        node, content = _loaded(text)
        twice = [f"{shown(file.name)}:{line}: {key}: is there twice" for key, line in _repeated(node)]
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        why = getattr(fault, "problem", None) or getattr(fault, "reason", None) or "unreadable"
        message = f"{shown(file.name)}{line}: is not YAML: {why}"
        raise TenantFileWrong(message) from None
    except (ValueError, RecursionError) as fault:  # what looks like a date and is none; what holds itself
        message = f"{shown(file.name)}: holds a value that YAML can't make: {fault}"
        raise TenantFileWrong(message) from None
    if not isinstance(content, dict):
        message = f"{shown(file.name)}:1: must be a mapping of keys such as id, name, timezone, sources, canvas"
        raise TenantFileWrong(message)
    if twice:
        raise TenantFileWrong("\n".join(twice))
    return content


def _loaded(text: str) -> tuple[Any, Any]:
    """(nodes with their lines, content), read once."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        return node, loader.construct_document(node) if node else None
    finally:
        loader.dispose()


def _repeated(node: Any) -> Iterator[tuple[str, int]]:
    """Keys that stand twice in one mapping, with the line of the second: YAML would take the last without a word."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.value, key.start_mark.line + 1
            seen.add(key.value)
            yield from _repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for inner in node.value:
            yield from _repeated(inner)


def shown(name: str) -> str:
    """A file's name as any log and any database can hold it."""
    return name.encode("utf-8", "replace").decode()


def explained(file: Path, text: str, fault: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """A line for each fault that pydantic found in the file."""
    for path, error in _told(fault, model):
        allowed = ""
        if error["type"] == "extra_forbidden":
            said, allowed = "is not a key", f"; allowed are: {', '.join(_siblings(error['loc'], model))}"
        elif error["type"] == "missing":
            said = "is missing"
        elif error["type"].startswith("union_tag_"):
            path = (*path, error["ctx"]["discriminator"].strip("'"))
            said = f"Input should be {' or '.join(map(repr, _tagged(_models_at(error['loc'], model))))}"
        else:
            said = error["msg"].removeprefix("Value error, ")
        key = ".".join(str(part) for part in path) or "(file)"
        yield f"{shown(file.name)}:{line_of(text, path)}: {key}: {said}{allowed}"


def _told(fault: ValidationError, model: type[BaseModel]) -> Iterator[tuple[Keys, Any]]:
    """(path of keys, error) for each fault once.

    Where a value may be a text or a map, pydantic tells what is wrong with it as the one and as the other: what it is
    not meant to be is left out, and so are the names of the alternatives in the path.
    """
    errors = [(_keys(error["loc"], model), error) for error in fault.errors(include_url=False)]
    neither: set[Keys] = set()
    for path, error in errors:
        same = [other["type"] for at, other in errors if at == path]
        deeper = any(at[: len(path)] == path and len(at) > len(path) for at, _ in errors)
        if error["type"] == "too_short" and deeper:
            continue  # it is not empty: what is in it is wrong
        if error["type"] not in _NOT_THIS or (len(same) == 1 and not deeper):
            yield path, error
        elif not deeper and set(same) <= set(_NOT_THIS) and path not in neither:
            neither.add(path)
            yield path, {"type": "neither", "msg": "must be a text, or a mapping of keys to texts"}


def _keys(location: Keys, model: type[BaseModel]) -> Keys:
    """The part of pydantic's location that are keys of the file: `function-after[…]`, `dict[…]`, `str` and the name of
    a list entry's kind are not.
    """
    return tuple(part for part, _ in _walk(location, model))


def _siblings(location: Keys, model: type[BaseModel]) -> list[str]:
    """The keys allowed where the location's last key stands."""
    *_, (_, models) = _walk(location, model)
    return list(dict.fromkeys(key for one in models for key in one.model_fields))


def _models_at(location: Keys, model: type[BaseModel]) -> list[type[BaseModel]]:
    """The models that what stands at the location may be."""
    *_, (_, models) = _walk((*location, ""), model)
    return models


def _walk(location: Keys, model: type[BaseModel]) -> Iterator[tuple[int | str, list[type[BaseModel]]]]:
    """Each key of the file on the way to the location, with the models that it may be a key of."""
    models, before = [model], None
    for part in location:
        kinds = _tagged(models)
        if isinstance(before, int) and part in kinds:
            models = [kinds[part]]
        elif isinstance(part, int) or not _ALTERNATIVE.search(part):
            yield part, models
            if isinstance(part, str):
                fields = [one.model_fields[part] for one in models if part in one.model_fields]
                models = [found for field in fields for found in _models_in(field.annotation)]
        before = part


def _tagged(models: list[type[BaseModel]]) -> dict[int | str, type[BaseModel]]:
    """The kinds among the models, by the one word that their `system` may be."""
    return {get_args(one.model_fields["system"].annotation)[0]: one for one in models if "system" in one.model_fields}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def line_of(text: str, path: Keys) -> int:
    """The line of the key, or of the nearest thing above it that is in the file."""
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    line = 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == part), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
