"""docs/tenant-file.md has every key of the tenant file, and its examples can be read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from roster.tenant_page import PAGE, keys, main, renewed
from roster.tenants import Tenant, read_tenant


def examples() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_page_in_docs_is_current() -> None:
    assert main(["--check"]) == 0


def test_every_key_has_a_type_and_a_meaning() -> None:
    found = list(keys())
    names = [name.strip("`") for name, *_ in found]
    assert {"id", "sources[].quiet", "canvas.test.hosts", "sync.ids.user", "sync.on_drop.users", "retention"} <= set(
        names
    )
    assert len(set(names)) == len(names)
    assert all(kind and meaning for _, kind, _, meaning in found)
    rows = {name: (kind, default) for name, kind, default, _ in found}
    assert rows["`id`"] == ("text", "required")
    assert rows["`sources`"] == ("list of mappings", "required")
    assert rows["`sources[].shrink`"] == ("percentage", "`2%`")
    assert rows["`sources[].quiet`"] == ("time span", "`1 minute`")
    assert rows["`deadline`"] == ("time span", "`6 hours`")
    assert rows["`retention`"] == ("time span", "`30 days`")
    assert rows["`sync.people`"] == ("`true` or `false`", "`true`")
    assert rows["`sync.login_id`"][0].startswith("template or mapping of `student` or `staff` or `guardian`")
    assert rows["`sync.courses.per`"] == ("`section` or `school_term_course`", "`section`")
    assert rows["`sync.observers.relationships`"] == ("list of texts", "none")
    assert rows["`sync.ids.course`"] == ("template or null", "left out")


@pytest.mark.parametrize("number", [0, 1])
def test_an_example_can_be_read(tmp_path: Path, number: int) -> None:
    content = yaml.safe_load(examples()[number])
    file = tmp_path / f"{content['id']}.yaml"
    file.write_text(examples()[number], encoding="utf-8")
    assert read_tenant(file).id == content["id"]


def test_the_long_example_has_every_key() -> None:
    wrote = {path for example in examples()[1:] for path in _paths(yaml.safe_load(example), "")}  # and what excludes it
    assert {name.strip("`") for name, *_ in keys()} - wrote == set()


def _paths(value: Any, above: str) -> set[str]:
    if isinstance(value, list):
        return {path for one in value for path in _paths(one, f"{above}[]")}
    if not isinstance(value, dict):
        return set()
    inner = {path for key, one in value.items() for path in _paths(one, f"{above}.{key}".strip("."))}
    return inner | {f"{above}.{key}".strip(".") for key in value}


def test_a_stale_page_is_reported_until_it_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "page.md"
    current = PAGE.read_text(encoding="utf-8")
    target.write_text(current.replace("`30 days` |", "`31 days` |"), encoding="utf-8")
    assert main(["--check", "--page", str(target)]) == 1
    assert "is stale" in capsys.readouterr().out
    assert main(["--page", str(target)]) == 0
    assert target.read_text(encoding="utf-8") == current == renewed(current)
    assert "retention" in Tenant.model_fields
