"""The example tenants: found by name, told when there is none, and each in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from roster_sandbox.demo.__main__ import main, places_of
from roster_sandbox.demo.examples import Example, TenantUnknown, example, names, tenant_file
from roster_sandbox.demo.places import REPOSITORY


def test_a_tenant_that_is_not_there_names_those_that_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(TenantUnknown, match=r"no example tenant 'nobody': TENANT is one of banksia, .*fern"):
        example("nobody")
    monkeypatch.setenv("TENANT", "nobody")
    assert main() == 2
    assert capsys.readouterr().err.startswith("make run: there is no example tenant 'nobody'")


@pytest.mark.parametrize("name", names())
def test_each_has_a_file_and_a_module(name: str) -> None:
    told = yaml.safe_load(tenant_file(name).read_text(encoding="utf-8"))
    assert (told["id"], told["rollout"]) == (name, {"phase": "review", "approvers": ["approver"]})
    found: Example = example(name)
    calls: list[Callable[..., object]] = [found.stand_ins, found.connections, found.serve, found.implied_canvas]
    assert all(callable(call) for call in calls)
    assert set(found.UNPROVEN) <= {"people", "guardians", "enrollments"}


def test_each_has_a_folder_of_its_own(tmp_path: Path) -> None:
    assert places_of({}).work == places_of({"TENANT": "banksia"}).work == REPOSITORY / ".work" / "run"
    assert (places_of({"TENANT": "fern"}).work, places_of({}).tenant) == (REPOSITORY / ".work" / "fern", "banksia")
    there = places_of({"TENANT": "fern", "ROSTER_DEMO": str(tmp_path)})
    assert (there.work, there.tenant, there.tenant_file) == (tmp_path, "fern", tmp_path / "tenants" / "fern.yaml")
