"""The docs say what is in the repository: links lead somewhere, names exist, and what exists is named.

Prose can't be tested; what it names can. Each check reads the pages as they are, so a new page is checked as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import pytest
import yaml

from roster import errors
from roster.errors import TenantFileWrong
from roster.tenants import Tenant, read_tenant

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
MINIMAL = """
name: Banksia Schools
timezone: Australia/Brisbane
sources: [{name: clever, system: clever_csv, connection: clever_banksia}]
canvas: {test: {connection: canvas_banksia_test}}
"""


def name(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


@cache
def text(page: Path | str) -> str:
    return (REPOSITORY / page).read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return FENCE.sub("", text(page))


def quoted(page: Path) -> list[str]:
    """What stands in backticks, outside code blocks."""
    return re.findall(r"`([^`\n]+)`", prose(page))


def section(page: str, heading: str) -> str:
    """The part of the page below that heading, to the next of its level or above."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n", text(page), re.MULTILINE)
    assert found, f"{page} has no heading {heading}"
    rest = text(page)[found.end() :]
    return re.split(rf"^#{{1,{len(found[1])}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(part: str) -> list[str]:
    """What stands in backticks in the first cells of the part's tables."""
    cells = re.findall(r"^\| ([^|\n]*) \|", part, re.MULTILINE)
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


def code() -> Iterator[tuple[Path, str]]:
    """Every file of ours that is no page and no test."""
    for folder in ("include", "dags", "plugins"):
        for file in sorted((REPOSITORY / folder).rglob("*.py")):
            yield file, text(file)
    for other in ("Makefile", "docker-compose.yaml", "Dockerfile", ".env.example", "pyproject.toml"):
        yield REPOSITORY / other, text(other)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_what_is_there(page: Path) -> None:
    broken = []
    for link in [*re.findall(r"\]\(([^)\s]+)\)", prose(page)), *re.findall(r'src="([^"]+)"', prose(page))]:
        if re.match(r"https?:|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_paths_that_are_named_exist(page: Path) -> None:
    named = {
        word.split("::")[0]
        for word in quoted(page)
        if re.fullmatch(r"(include|dags|tests|docs|plugins|roster|roster_airflow|roster_sandbox)/[\w./:-]+", word)
        and not word.endswith(".html")  # data docs of a run
        and "larkspur" not in word  # what docs/adding-a-source.md has one make
    }
    there = [REPOSITORY, REPOSITORY / "include"]
    assert sorted(path for path in named if not any((root / path).exists() for root in there)) == []


def test_every_page_is_in_the_index() -> None:
    linked = {
        (REPOSITORY / index).parent.joinpath(link.partition("#")[0]).resolve()
        for index in ("README.md", "docs/README.md", "docs/decisions/README.md")
        for link in re.findall(r"\]\(([^)\s]+\.md[^)\s]*)\)", text(index))
    }
    assert [name(page) for page in PAGES if page.resolve() not in linked and name(page) != "README.md"] == []


def test_decision_notes_are_numbered_and_short() -> None:
    notes = sorted((REPOSITORY / "docs" / "decisions").glob("0*.md"))
    assert [int(note.name[:4]) for note in notes] == list(range(1, len(notes) + 1))
    for note in notes:
        assert text(note).startswith(f"# {int(note.name[:4])}. ")
    assert [note.name for note in notes if len(text(note).splitlines()) > 25] == []


def test_every_param_is_explained_and_no_other() -> None:
    from roster_airflow.params import canvas_test_params

    assert sorted(first_cells(section("docs/running-it.md", "Params"))) == sorted(canvas_test_params())


def test_every_param_of_production_is_explained_and_no_other() -> None:
    from roster_airflow.params import canvas_production_params

    assert sorted(first_cells(section("docs/rollout.md", "Production by hand"))) == sorted(canvas_production_params())


def test_every_param_of_the_undo_is_explained_and_no_other() -> None:
    from roster_airflow.params import canvas_undo_params

    assert sorted(first_cells(section("docs/undoing.md", "Triggering it"))) == sorted([*canvas_undo_params([])])


def test_every_answer_and_outcome_is_explained_and_no_other() -> None:
    from roster.decisions import Answer, Outcome

    told = first_cells(section("docs/rollout.md", "A request and its answers"))
    assert sorted(told) == sorted([*get_args(Answer), *get_args(Outcome)])


def holds_of(source: str) -> set[str]:
    """How the holds begin that a module makes: a word and a colon, or `waits for …` as a whole."""
    words = set(re.findall(r'"([a-z]+(?:-[a-z{}]+)*): ', source))
    waits = {wait.replace("{}", "…") for wait in re.findall(r'"(waits for [^"]*)"', source)}
    return {word.replace("{kind}", kind) for word in words for kind in ("deleted", "updated")} | waits


def holds() -> set[str]:
    """Of all modules that make some."""
    makers = [source for _, source in code() if re.search(r"\bGate\(|\bhold\(changes", source)]
    return set().union(*(holds_of(source) for source in makers))


def test_every_hold_is_explained_and_no_other() -> None:
    assert sorted(first_cells(text("docs/holds.md"))) == sorted(holds())


def test_a_hold_is_found_in_the_code() -> None:
    source = 'why = f"limit-{kind}: {changed}"; two = "id-x: so"; three = pl.format("waits for {} that are held", 1)'
    assert holds_of(source) == {"limit-deleted", "limit-updated", "id-x", "waits for … that are held"}


def test_every_error_says_what_to_do_and_no_other() -> None:
    table = section("docs/running-it.md", "What to do when …")
    named = [word for word in first_cells(table) if re.fullmatch(r"[A-Z]\w+", word)]
    assert sorted(named) == sorted(errors.__all__)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_errors_and_classes_that_are_named_exist(page: Path) -> None:
    defined = {found for _, source in code() for found in re.findall(r"^ *class (\w+)", source, re.MULTILINE)}
    words = {word for word in quoted(page) if re.fullmatch(r"(?:[A-Z][a-z]+){2,}", word)}
    foreign = {"TeacherEnrollment"}  # Canvas's
    assert sorted(words - defined - foreign) == []


def commands(script: str) -> set[str]:
    import typer

    from roster_airflow.cli import app as roster
    from roster_sandbox.cli import app as sandbox

    app = {"roster": roster, "roster-sandbox": sandbox}[script]
    return set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_every_command_is_documented_and_no_other() -> None:
    table = section("docs/running-it.md", "The command line")
    assert {cell.split()[1] for cell in first_cells(table)} == commands("roster")
    stand_ins = set(re.findall(r"roster-sandbox ([a-z]+(?:-[a-z]+)*)", "".join(text(page) for page in PAGES)))
    assert stand_ins == commands("roster-sandbox")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_that_are_named_exist(page: Path) -> None:
    whole = "\n".join([*quoted(page), *(block for _, block in FENCE.findall(text(page)))])
    for script in ("roster", "roster-sandbox"):
        used = set(re.findall(rf"(?:^|airflow-cli ){script} ([a-z]+(?:-[a-z]+)*)\b", whole, re.MULTILINE))
        assert used <= commands(script)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_make_targets_that_are_named_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9]+):", text("Makefile"), re.MULTILINE))
    whole = "\n".join([*quoted(page), *(block for _, block in FENCE.findall(text(page)))])
    assert set(re.findall(r"(?:^|= ?1 |\d )make ([a-z0-9]+)", whole, re.MULTILINE)) <= targets


def variables(of: str) -> set[str]:
    return set(re.findall(r"\bROSTER_[A-Z_]*[A-Z]\b", of))


def test_our_variables_are_documented_and_no_other() -> None:
    in_code = set().union(*(variables(source) for _, source in code())) | {"ROSTER_SAMPLES"}
    in_docs = set().union(*(variables(text(page)) for page in PAGES))
    inner = {
        "ROSTER_SANDBOX_TOKENS",
        "ROSTER_SANDBOX_KEYS",
        "ROSTER_DEMO",
        "ROSTER_SAMPLES",
    }  # said where they are used: demo, tests
    assert in_docs <= in_code
    assert in_code - inner <= in_docs


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_settings_of_airflow_that_are_named_exist(page: Path) -> None:
    from airflow.configuration import conf

    for group, key in re.findall(r"\bAIRFLOW__([A-Z_]+?)__([A-Z_]+)\b", text(page)):
        known = conf.configuration_description.get(group.lower(), {}).get("options", {})
        assert key.lower() in known, f"Airflow has no setting [{group.lower()}] {key.lower()}"


def rule_ids() -> set[str]:
    from roster.canvas.messages import RULES as OF_CANVAS
    from roster.checks.catalogue import RULES
    from roster.checks.frames import UNJUDGED
    from roster.checks.suites import read_suites
    from roster.lint.rules import RULES as OF_LINTER

    of_suites = {one.meta.rule for suite in read_suites() for one in suite.expectations}
    return {*RULES, *OF_CANVAS, *OF_LINTER, *of_suites, UNJUDGED}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_rules_that_are_named_exist(page: Path) -> None:
    kinds = "org|session|course|class|user|enrollment|guardian|table|source|id|text|canvas|expectation|no|clever"
    words = {word for word in quoted(page) if re.fullmatch(rf"(?:{kinds})(?:-[a-z]+)+", word)}
    assert sorted(words - rule_ids() - holds()) == []


def yaml_blocks() -> list[Any]:
    """Every YAML block of the pages."""
    return [
        pytest.param(block, id=f"{name(page)}-{number}")
        for page in PAGES
        for number, (language, block) in enumerate(FENCE.findall(text(page)))
        if language in ("yaml", "yml")
    ]


@pytest.mark.parametrize("block", yaml_blocks())
def test_tenant_files_in_the_docs_can_be_read(block: str, tmp_path: Path) -> None:
    """A whole file as it stands; a part of one in place of that part of a small file."""
    content = yaml.safe_load(block)
    assert isinstance(content, dict)
    if "expectations" in content:
        pytest.skip("a suite, not a tenant file: tests/roster/checks/test_suites.py holds those")
    keys = set(Tenant.model_fields)
    assert set(content) <= keys, f"{sorted(set(content) - keys)} are no keys of a tenant file"
    whole = {**yaml.safe_load(MINIMAL), "id": "banksia", **content}
    if "canvas" in content:
        whole["canvas"] = {**yaml.safe_load(MINIMAL)["canvas"], **content["canvas"]}
    file = tmp_path / f"{whole['id']}.yaml"
    file.write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    assert read_tenant(file).id == whole["id"]


def test_a_block_that_is_wrong_would_be_seen(tmp_path: Path) -> None:
    with pytest.raises(TenantFileWrong):
        test_tenant_files_in_the_docs_can_be_read("safety: {deleted: ten}", tmp_path)


def test_the_columns_of_every_table_are_as_documented() -> None:
    from roster.absence import LEFT
    from roster.answers import PROBLEMS
    from roster.canvas.wanted import ENDED, FROZEN
    from roster.checks.findings import FINDINGS, QUARANTINE
    from roster.journal import SENT
    from roster.ledger_rows import LEDGER
    from roster.model import LINEAGE
    from roster.plan import CHANGES
    from roster.safety import LIMITS
    from roster.sources.delimited import UNREADABLE

    schemas = {
        "`unreadable.parquet`": ["file", *UNREADABLE],
        "`lineage.parquet`": LINEAGE,
        "`findings.parquet`": FINDINGS,
        "`quarantine.parquet`": QUARANTINE,
        "`frozen.parquet`": FROZEN,
        "`ended.parquet`": ENDED,
        "`changes.parquet`": CHANGES,
        "`sent.parquet`": SENT,
        "`waiting.parquet`, `left.parquet`": LEFT,
        "`limits.parquet`": LIMITS,
        "`problems.parquet`": PROBLEMS,
        "`rows/….parquet` of a ledger": LEDGER,
    }
    lines = re.findall(r"^\| (.*?) \| (.*?) \|$", section("docs/reading-a-run.md", "The columns"), re.MULTILINE)
    told = {table: re.findall(r"`([^`]+)`", columns) for table, columns in lines if table.startswith("`")}
    assert told == {table: list(schema) for table, schema in schemas.items()}


def test_every_promise_names_tests_that_are_there() -> None:
    promises = re.findall(r"^\| (\d+) \| .* \| (.*) \|$", section("docs/architecture.md", "Promises"), re.MULTILINE)
    assert [number for number, _ in promises] == [str(number) for number in range(1, 11)]
    missing = []
    for number, tests in promises:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", tests)
        assert named, f"promise {number} names no test"
        for file, test in named:
            there = (REPOSITORY / file).is_file() and re.search(rf"^def {test}\(", text(file), re.MULTILINE)
            missing += [] if there else [f"{number}: {file}::{test}"]
    assert missing == []


def test_the_layers_are_those_that_are_held() -> None:
    told = re.findall(r"^\d+\. (.*)$", section("docs/architecture.md", "Layers"), re.MULTILINE)
    contracts = re.search(r'containers = \["roster"\]\nlayers = \[(.*?)\n\]', text("pyproject.toml"), re.DOTALL)
    assert contracts
    held = [re.findall(r"\w+", line) for line in re.findall(r'^ +"(.*)",$', contracts[1], re.MULTILINE)]
    modules = {module for layer in held for module in layer}
    assert [[word for word in re.findall(r"\w+", line) if word in modules] for line in told] == held


@pytest.mark.parametrize(
    "picture", sorted((REPOSITORY / "docs" / "pictures").glob("*.svg")), ids=lambda path: path.name
)
def test_pictures_say_what_they_show_and_reach_for_nothing(picture: Path) -> None:
    root = ElementTree.fromstring(text(picture))  # noqa: S314 -- our own file
    space = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{space}title") is not None
    assert root.find(f"{space}desc") is not None
    assert "prefers-color-scheme: dark" in text(picture)
    assert re.findall(r"(?:href|src|url)\s*[=(]\s*[\"']?(https?:|//|data:)", text(picture)) == []


def tasks_of(dag: str) -> set[str]:
    """The tasks of one of a tenant's DAGs, without their groups: as its function in the DAG file makes them."""
    found = re.search(rf"^def canvas_{dag}\(.*?(?=^def |\Z)", text("dags/canvas_sync.py"), re.MULTILINE | re.DOTALL)
    assert found, dag
    extracts = {"extract"} if "ExtractOperator" in found[0] else set()
    return set(re.findall(r'task_id="(\w+)"', found[0])) | extracts


def shown_tasks(picture: str) -> set[str]:
    """The names in a picture, or a part of one."""
    return set(re.findall(r'class="name"[^>]*>(\w+)', picture)) - {"ledger", "Canvas"}


def test_the_picture_of_a_night_has_its_tasks() -> None:
    assert shown_tasks(text("docs/pictures/night.svg")) == tasks_of("test")


def test_the_picture_of_the_roll_out_has_the_tasks_of_all_three() -> None:
    parts = re.findall(r'<g id="(\w+)">(.*?)</g>', text("docs/pictures/rollout.svg"), re.DOTALL)
    assert {dag: shown_tasks(part) for dag, part in parts} == {
        dag: tasks_of(dag) for dag in ("test", "production", "release")
    }


@pytest.mark.parametrize("dag", ["test", "production", "release"])
def test_every_task_is_in_the_tables_of_the_architecture(dag: str) -> None:
    table = section("docs/architecture.md", f"`<tenant>_canvas_{dag}`")
    named = {re.split(r"[.<]", cell)[0] if dag == "test" else cell.split(".")[-1] for cell in first_cells(table)}
    assert named == tasks_of(dag)
