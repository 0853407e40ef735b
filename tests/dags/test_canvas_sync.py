"""The DAGs of the tenants: their graph, their form, and what a wrong tenant file does."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import ParamValidationError

from roster.errors import TenantFileWrong
from roster_airflow.retries import by_error
from tests.dags.processes import REPOSITORY, said_by
from tests.five_pupils import tenant_file

FILE = REPOSITORY / "dags" / "canvas_sync.py"
HASH = "0" * 64


@pytest.fixture
def tenants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tenants"
    folder.mkdir()
    monkeypatch.setenv("ROSTER_TENANTS", str(folder))
    return folder


def dags() -> dict[str, DAG]:
    """What the DAG file makes of the tenants now."""
    found = [one for one in runpy.run_path(str(FILE)).values() if isinstance(one, DAG)]
    return {dag.dag_id: dag for dag in found}


def test_the_graph_of_a_night(tenants: Path) -> None:
    clever = {"system": "clever_csv", "connection": "files"}
    tenant_file(tenants, sources=[{"name": "north", **clever}, {"name": "south", **clever}])
    dag = dags()["fern_canvas_test"]
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == {
        "extract.north": {"check"},
        "extract.south": {"check"},
        "check": {"transform"},
        "transform": {"plan"},
        "settle": {"plan"},
        "plan": {"load"},
        "load": {"hand_on"},
        "hand_on": {"verdict"},
        "verdict": set(),
    }
    assert [task.task_id for task in dag.leaves] == ["verdict"]
    rules = {task.task_id: task.trigger_rule for task in dag.tasks if task.trigger_rule != "all_success"}
    assert rules == {"hand_on": "all_done", "verdict": "all_done"}
    assert [task.task_id for task in dag.tasks if task.outlets] == ["hand_on"]


BOTH = {
    "canvas": {"test": {"connection": "fern_test"}, "production": {"connection": "fern_production"}},
    "rollout": {"approvers": ["principal", "registrar"]},
}
NO_TEST = {**BOTH, "canvas": {"test": "none", "production": {"connection": "fern_production"}}}


def graph(dag: DAG) -> dict[str, set[str]]:
    return {task.task_id: task.downstream_task_ids for task in dag.tasks}


def always_run(dag: DAG) -> set[str]:
    """The tasks that run whatever became of those before them."""
    rules = {task.task_id: task.trigger_rule for task in dag.tasks if task.trigger_rule != "all_success"}
    assert set(rules.values()) <= {"all_done"}
    return set(rules)


def test_a_tenant_has_production_and_release_only_with_a_production_environment(tenants: Path) -> None:
    tenant_file(tenants)
    tenant_file(tenants, "gum", **BOTH)
    assert dags().keys() == {"fern_canvas_test", "gum_canvas_test", "gum_canvas_production", "gum_canvas_release"}


def test_the_graph_of_production(tenants: Path) -> None:
    tenant_file(tenants, **BOTH)
    dag = dags()["fern_canvas_production"]
    assert graph(dag) == {
        "take": {"plan"},
        "settle": {"plan"},
        "plan": {"load"},
        "load": {"hold"},
        "hold": {"verdict"},
        "verdict": set(),
    }
    assert always_run(dag) == {"hold", "verdict"}
    environments = {task.task_id: getattr(task, "environment", None) for task in dag.tasks}
    assert environments == {**dict.fromkeys(environments), "settle": "production", "load": "production"}


def test_the_graph_of_a_release(tenants: Path) -> None:
    tenant_file(tenants, **BOTH)
    dag = dags()["fern_canvas_release"]
    assert graph(dag) == {
        "ask": {"sign_off", "decide", "test.plan", "production.plan"},
        "sign_off": {"decide"},
        "decide": {"test.settle"},
        "test.settle": {"test.plan"},
        "test.plan": {"test.load"},
        "test.load": {"production.settle"},
        "production.settle": {"production.plan"},
        "production.plan": {"production.load"},
        "production.load": {"conclude"},
        "conclude": {"verdict"},
        "verdict": set(),
    }
    assert always_run(dag) == {"production.settle", "conclude", "verdict"}
    environments = {
        task.task_id: task.environment  # type: ignore[attr-defined]
        for task in dag.tasks
        if hasattr(task, "environment")
    }
    assert environments == {
        **{
            f"{environment}.{step}": environment
            for environment in ("test", "production")
            for step in ("settle", "load")
        },
    }
    retries = {task.task_id: task.retries for task in dag.tasks if task.retries != 3}
    assert retries == {"sign_off": 1, "verdict": 0}
    assert {repr(task.retry_policy.rules) for task in dag.tasks} == {repr(by_error().rules)}


def test_without_a_test_environment_the_bundle_is_read_and_the_release_goes_straight_to_production(
    tenants: Path,
) -> None:
    tenant_file(tenants, **NO_TEST)
    found = dags()
    night = found["fern_canvas_test"]
    assert type(night.get_task("load")).__name__ == "CanvasReadOperator"
    assert night.get_task("settle").environment == "production"  # type: ignore[attr-defined]
    release = graph(found["fern_canvas_release"])
    assert release["decide"] == {"production.settle"}
    assert [task for task in release if task.startswith("test.")] == []


def test_one_dag_wakes_the_next_and_no_two_runs_of_one_overlap(tenants: Path) -> None:
    tenant_file(tenants, schedule="0 2 * * *", **BOTH)
    tenant_file(tenants, "gum", **BOTH)
    found = dags()
    carried = {
        (dag.dag_id, task.task_id): [asset.uri for asset in task.outlets]
        for dag in found.values()
        for task in dag.tasks
        if task.outlets and dag.dag_id.startswith("fern")
    }
    assert carried == {
        ("fern_canvas_test", "hand_on"): ["roster://fern/rehearsed"],
        ("fern_canvas_production", "hold"): ["roster://fern/held"],
        ("fern_canvas_release", "conclude"): ["roster://fern/held"],
    }
    woken: dict[str, Any] = {
        name: [asset.uri for asset in dag.schedule]  # type: ignore[union-attr]
        for name, dag in found.items()
        if not name.endswith("_test")
    }
    assert woken == {
        f"{tenant}_canvas_{kind}": [f"roster://{tenant}/{asset}"]
        for tenant in ("fern", "gum")
        for kind, asset in (("production", "rehearsed"), ("release", "held"))
    }
    assert found["fern_canvas_test"].timetable.expression == "0 2 * * *"  # type: ignore[attr-defined]
    assert {(dag.max_active_runs, dag.catchup) for dag in found.values()} == {(1, False)}
    assert found["fern_canvas_production"].deadline
    assert not found["fern_canvas_release"].deadline  # it waits for people


def test_the_forms_of_production_and_release(tenants: Path) -> None:
    tenant_file(tenants, **BOTH)
    found = dags()
    assert found["fern_canvas_production"].params.dump() == {
        "resync": False,
        "only": None,
        "stickiness": "keep",
        "dry_run": False,
    }
    assert found["fern_canvas_release"].params.dump() == {}
    sign_off: Any = found["fern_canvas_release"].get_task("sign_off")
    assert sign_off.assigned_users == [{"id": name, "name": name} for name in ("principal", "registrar")]
    assert (sign_off.options, sign_off.defaults) == (["Approve", "Reject"], ["Reject"])


@pytest.mark.parametrize("kind", ["test", "production", "release"])
def test_a_task_process_of_any_of_a_tenants_dags_reads_that_tenant_only(
    tenants: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    tenant_file(tenants, **BOTH)
    tenant_file(tenants, "gum", **BOTH)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", f"gum_canvas_{kind}")
    assert {name.partition("_")[0] for name in dags()} == {"gum"}
    assert f"gum_canvas_{kind}" in dags()


def test_what_a_dag_takes_from_its_tenant(tenants: Path) -> None:
    tenant_file(tenants, schedule="30 1 * * 1-5", notify="webhook", deadline="2 hours")
    dag = dags()["fern_canvas_test"]
    schedule: Any = dag.timetable
    assert (schedule.expression, str(schedule.timezone)) == ("30 1 * * 1-5", "Australia/Brisbane")
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert dag.tags == {"roster", "fern", "canvas", "test"}
    [notifier] = dag.on_failure_callback
    assert notifier.said == "failed"
    [deadline] = dag.deadline
    assert deadline.interval.total_seconds() == 7200
    tenant_file(tenants)
    assert not dags()["fern_canvas_test"].timetable.can_be_scheduled


def test_no_deadline_under_dags_test(tenants: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant_file(tenants)
    monkeypatch.setattr("sys.argv", ["airflow", "dags", "test", "fern_canvas_test"])
    assert not dags()["fern_canvas_test"].deadline


def test_every_task_asks_again_by_the_one_policy_but_the_verdict_never_does(tenants: Path) -> None:
    tenant_file(tenants)
    tasks = dags()["fern_canvas_test"].tasks
    assert {task.retries for task in tasks if task.task_id != "verdict"} == {3}
    assert {task.retries for task in tasks if task.task_id == "verdict"} == {0}
    assert {repr(task.retry_policy.rules) for task in tasks} == {repr(by_error().rules)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("resync", "yes"),
        ("stickiness", "overwrite"),
        ("dry_run", 1),
        ("only", ""),
        ("only", "p1; rm"),
        ("only", "../x"),
        ("only", "x" * 65),
        ("release", "abc"),
        ("release", HASH.replace("0", "F")),
        ("as_of", "2026-13-45"),
        ("as_of", "yesterday"),
        ("as_of", 20260101),
    ],
)
def test_a_wrong_param_is_refused(tenants: Path, name: str, value: Any) -> None:
    with pytest.raises(ParamValidationError):
        form(tenants)[name] = value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("resync", True),
        ("stickiness", "override_and_clear"),
        ("dry_run", True),
        ("only", "sch1"),
        ("only", "27Q321"),
        ("only", "only-0a1b2c3d"),
        ("only", None),
        ("release", HASH),
        ("as_of", "2026-02-28"),
        ("as_of", None),
    ],
)
def test_a_right_param_is_taken(tenants: Path, name: str, value: Any) -> None:
    params = form(tenants)
    params[name] = value
    assert params[name] == value


def test_a_run_without_params_is_a_whole_night(tenants: Path) -> None:
    assert form(tenants).dump() == {
        "resync": False,
        "only": None,
        "stickiness": "keep",
        "release": None,
        "dry_run": False,
        "as_of": None,
    }


def form(tenants: Path) -> ParamsDict:
    tenant_file(tenants)
    return dags()["fern_canvas_test"].params


def test_each_tenant_has_a_form_of_its_own(tenants: Path) -> None:
    tenant_file(tenants)
    tenant_file(tenants, "gum")
    found = dags()
    found["fern_canvas_test"].params["resync"] = True
    assert found["gum_canvas_test"].params["resync"] is False


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id: wrong\nname: Wrong\ntimezone: Mars/Olympus\n", "wrong.yaml:3: timezone: must be a time zone"),
        ("id: [\n", "wrong.yaml:2: is not YAML"),
        ("", "wrong.yaml:1: must be a mapping"),
        ("name: 2026-13-45\n", "wrong.yaml: holds a value that YAML can't make"),
        ("a: &a [*a]\n", "wrong.yaml: holds a value that YAML can't make"),
        ("id: wrong\nid: wrong\n", "wrong.yaml:2: id: is there twice"),
        ("id: wrong\nschedule: at noon\n", "wrong.yaml:2: schedule: must be a cron expression of five fields"),
        ("id: wrong\nsafety: {deletet: 1%}\n", "wrong.yaml:2: safety.deletet: is not a key; allowed are: deleted,"),
        (b"name: \xff\n", "wrong.yaml: is not UTF-8"),
    ],
)
def test_a_wrong_tenant_file_has_a_page_that_says_so_and_harms_no_other(
    tenants: Path, content: str | bytes, said: str
) -> None:
    tenant_file(tenants)
    (tenants / "wrong.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    found = dags()
    assert found.keys() == {"fern_canvas_test", "wrong__broken"}
    assert said in str(found["wrong__broken"].doc_md)
    assert not found["wrong__broken"].timetable.can_be_scheduled
    [mend] = found["wrong__broken"].tasks
    with pytest.raises(TenantFileWrong, match=r"wrong\.yaml"):
        mend.execute({})  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "dag_id"),
    [
        ("Fern Hill.yaml", "Fern_Hill__broken"),
        ("schön.yaml", "sch_n__broken"),
        ("fern-hill.yaml", "fern-hill__broken"),
        ("x" * 240 + ".yaml", "x" * 200 + "__broken"),
    ],
)
def test_a_file_of_any_name_can_be_broken(tenants: Path, name: str, dag_id: str) -> None:
    tenant_file(tenants).rename(tenants / name)
    tenant_file(tenants)
    assert dags().keys() == {"fern_canvas_test", dag_id}


def test_a_folder_and_a_hidden_file_are_no_tenants_to_stumble_over(tenants: Path) -> None:
    tenant_file(tenants)
    (tenants / "folder.yaml").mkdir()
    (tenants / ".fern.yaml").write_text("half written", encoding="utf-8")
    (tenants / "notes.txt").write_text("no tenant", encoding="utf-8")
    assert dags().keys() == {"fern_canvas_test", "folder__broken"}


def test_no_tenants_no_dags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path / "nowhere"))
    assert dags() == {}


@pytest.mark.parametrize("asked", ["gum_canvas_test", "broken_one__broken"])
def test_a_task_process_builds_its_own_dag_only(tenants: Path, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    tenant_file(tenants)
    tenant_file(tenants, "gum")
    (tenants / "broken_one.yaml").write_text("", encoding="utf-8")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", asked)
    assert dags().keys() == {asked}


OPENED = """
import json, os, sys
from pathlib import Path
[[file, asked]] = [json.loads(sys.argv[1])]
import airflow.sdk
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
from airflow.dag_processing.dagbag import DagBag
if asked:
    os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = asked
bag = DagBag(file, collect_dags=False)
bag.process_file(file)
heavy = [name for name in ("polars", "pandas", "great_expectations") if name in sys.modules]
print(json.dumps([sorted(bag.dags), sorted({Path(one).name for one in opened if one.endswith(".yaml")}), heavy]))
"""


def test_a_task_process_reads_its_own_tenants_file_only(tenants: Path) -> None:
    for id_ in ("fern", "gum", "wattle"):
        tenant_file(tenants, id_)
    assert said_by(OPENED, str(FILE), "gum_canvas_test") == [["gum_canvas_test"], ["gum.yaml"], []]
    everything = [f"{id_}_canvas_test" for id_ in ("fern", "gum", "wattle")]
    assert said_by(OPENED, str(FILE), "") == [everything, ["fern.yaml", "gum.yaml", "wattle.yaml"], []]


SERIALISED = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
[file] = json.loads(sys.argv[1])
bag = DagBag(file, collect_dags=False)
bag.process_file(file)
print(json.dumps({name: json.dumps(DagSerialization.to_dict(dag), sort_keys=True) for name, dag in bag.dags.items()}))
"""


def test_serialised_in_two_processes_a_dag_is_the_same(tenants: Path) -> None:
    tenant_file(tenants, schedule="0 2 * * *", notify="webhook", **BOTH)
    (tenants / "wrong.yaml").write_text("id: wrong\nname: 3\n", encoding="utf-8")
    first, second = (said_by(SERIALISED, str(FILE), PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert first.keys() == {*(f"fern_canvas_{kind}" for kind in ("test", "production", "release")), "wrong__broken"}
    assert first == second
