"""The report by school: its counts are those of the run's tables, and its pages open from the folder."""

from __future__ import annotations

import csv
import json
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roster.canvas.bundle import read_zip
from roster.configuration import configuration_hash
from roster.retention import prune
from roster.steps.plan import Asked
from roster.steps.school_report import SHOWN, page_of
from tests.five_pupils import FAMILY, PERSONAL, Rows, changed, tables, without
from tests.nights import Played
from tests.paper import START, Paper

pytestmark = pytest.mark.usefixtures("rules_only")

EXPORT = tables(START.date())


@pytest.fixture
def paper(tmp_path: Path) -> Paper:
    return Paper(tmp_path)


def two_schools() -> dict[str, Rows]:
    """The five pupils, and as many of a second school with a term of its own; p1 takes a class there as well."""
    second = tables(START.date())
    for name in ("students.csv", "teachers.csv", "sections.csv", "enrollments.csv"):
        header, *rows = second[name]
        moved = [["sch2" if cell == "sch1" else _second(cell) for cell in row] for row in rows]
        second[name] = [header, *EXPORT[name][1:], *moved]
    second["schools.csv"] = [*EXPORT["schools.csv"], ["sch2", "Gum Ridge"]]
    second["enrollments.csv"] = [*second["enrollments.csv"], ["sch2", "c12", "p1"]]
    return second


def _second(cell: str) -> str:
    if len(cell) == 2 and cell[0] in "ptc" and cell[1].isdigit():
        return f"{cell[0]}1{cell[1]}"
    if cell == "Spring":
        return "Autumn"
    return cell.replace("@five.example", "@gum.example")


def folder_of(played: Played) -> Path:
    done = played.steps["verdict"]
    assert done is not None
    return played.night.store.local_path(done["path"])


def listed(played: Played, name: str) -> list[dict[str, str]]:
    with (folder_of(played) / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def page(played: Played, name: str = "report.html") -> str:
    return (folder_of(played) / name).read_text(encoding="utf-8")


def column(rows: list[dict[str, str]], name: str, school: str | None = None) -> int:
    return sum(int(row[name]) for row in rows if school in (None, row["school"]))


def test_the_reports_counts_are_those_of_the_runs_tables(paper: Paper) -> None:
    """Counted here from the zip that was posted, the artefact's CSV files and the tables, without the report's code."""
    paper.play(two_schools())
    export = without(changed(two_schools(), "students.csv", "p2", "Student_email", "aoife@five.example"), "p13")
    paper.canvas.refuses["enrollments.csv", "p14"] = "nothing known"
    export = changed(export, "students.csv", "p5", "First_name", "Emil")
    export["enrollments.csv"] = [*export["enrollments.csv"], ["sch2", "c12", "p14"], ["sch1", "c2", "p3"]]
    played = paper.play(export)
    rows = listed(played, "schools")

    artefact = played.night.store.local_path(str(played.json("plan", "plan.json")["artefact"])) / "csv"
    held = {
        file.name: list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
        for file in artefact.glob("*.csv")
    }
    for name in ("courses", "sections", "enrollments"):
        assert column(rows, name) == len(held[f"{name}.csv"]) > 0
    people = Counter(row["user_id"][0] if row["user_id"][0] in "pt" else "g" for row in held["users.csv"])
    whole = [row for row in rows if not row["term"]]
    assert {name: column(whole, name) for name in ("students", "staff", "guardians")} == {
        "students": people["p"],
        "staff": people["t"],
        "guardians": people["g"],
    }
    in_gum = [row for row in held["enrollments.csv"] if row["section_id"] in ("c11", "c12")]
    assert column(rows, "enrollments", "sch2") == len(in_gum)
    [autumn] = [row for row in rows if row["school"] == "sch2" and row["term"]]
    assert (autumn["name"], autumn["term_name"]) == ("Gum Ridge", "Autumn")
    in_it = {row["user_id"] for row in in_gum}
    assert int(autumn["students"]) == len([one for one in in_it if one.startswith("p")])
    assert "p1" in in_it
    assert int(autumn["staff"]) == len([one for one in in_it if one.startswith("t")])

    changes = played.changes
    by_action = Counter(
        "held" if part == "held" else action for action, part in changes.select("action", "part").rows()
    )
    for name in ("create", "update", "drop", "resend", "held"):
        assert column(rows, name) == by_action[name]
    assert by_action["create"] > 0 < by_action["drop"]
    assert by_action["update"] > 0
    load = played.steps["load"]
    assert load is not None
    posted = read_zip(played.night.store.local_path(load["path"]) / "import.zip")
    assert sum(map(len, posted.values())) == sum(column(rows, name) for name in ("create", "update", "drop", "resend"))
    assert column(rows, "quarantined") == played.table("check", "quarantine.parquet").height > 0
    refused = played.table("load", "problems.parquet").filter(pl.col("outcome") == "refused")
    assert column(rows, "refused") == refused.height > 0
    for line in played.report["schools"]:
        for name in ("create", "update", "drop", "held", "quarantined", "refused"):
            assert column(rows, name, line["school"] or "") == line[name]


def test_what_a_drop_belonged_to_is_known_from_the_plan(paper: Paper) -> None:
    paper.set(
        sync={"on_drop": {"sections": "deleted", "courses": "deleted"}}, safety={"at_least": 50, "deleted": "100%"}
    )
    paper.play(two_schools())
    rows = listed(paper.play(without(two_schools(), "c12")), "schools")
    [autumn] = [row for row in rows if row["school"] == "sch2" and row["term"]]
    assert autumn["drop"] == str(column(rows, "drop", "sch2"))
    assert int(autumn["drop"]) >= 3


def test_log_ins_that_are_blank_or_shared(paper: Paper) -> None:
    export = changed(EXPORT, "students.csv", "p2", "Student_email", "thandiwe@five.example")
    export = changed(export, "students.csv", "p3", "Student_email", "EMEKA@five.example")
    export = changed(export, "students.csv", "p4", "Student_email", "")
    export = changed(export, "students.csv", "p1", "Contact_email", "pa.emeka@five.example")
    played = paper.play(export)
    found = [
        (row["problem"], f"{row['file']}:{row['row']}", row["group"], row["kept back"])
        for row in listed(played, "usernames")
    ]
    groups = {place: group for _, place, group, _ in found}
    assert sorted((problem, place, kept) for problem, place, _, kept in found) == [
        ("blank", "students.csv:5", "yes"),
        ("shared", "students.csv:2", "yes"),
        ("shared", "students.csv:3", "yes"),
        ("shared", "students.csv:4", "yes"),
        ("shared", "students.csv:6", "yes"),
        ("shared", "students.csv:6", "yes"),
        ("shared", "teachers.csv:2", "no"),  # staff keep it before pupils
    ]
    assert groups["students.csv:3"] == groups["teachers.csv:2"] != groups["students.csv:4"]
    text = (folder_of(played) / "usernames.csv").read_text(encoding="utf-8")
    assert [word for word in PERSONAL if word in text] == []
    assert all(row["school"] == "sch1" for row in listed(played, "usernames") if row["kind"] != "guardian")
    assert all(row["what to do"] for row in listed(played, "usernames") if row["kept back"] == "yes")


def test_changes_since_the_last_whole_run(paper: Paper) -> None:
    first = paper.play(EXPORT)
    assert (first.report["since"], listed(first, "since")) == (None, [])
    assert "no earlier run" in page(first)
    paper.play(EXPORT, Asked(only="sch1"))
    second = paper.play(without(EXPORT, "p5"))
    assert second.report["since"]["date"] == "2026-03-04"  # `play` tells the report nothing of `only`
    lines = {(row["school"], row["what"]): row["difference"] for row in listed(second, "since")}
    assert lines == {("sch1", "students"): "-1", ("sch1", "guardians"): "-1", ("sch1", "enrollments"): "-1"}
    assert '<span class="diff">-1</span>' in page(second)
    third = paper.play(without(EXPORT, "p5"))
    assert third.report["since"]["lines"] == []


def unchanged(before: Played) -> dict[str, Any]:
    """What `since` says where nothing has changed."""
    return {"run": before.night.run.path, "date": "2026-03-03", "lines": [], "safety": []}


def test_limits_that_have_changed_are_told(paper: Paper) -> None:
    paper.play(EXPORT)
    paper.set(safety={"deleted": "5%", "at_least": 10})
    report = paper.play(EXPORT).report
    assert report["since"]["safety"] == [{"key": "deleted", "before": 0.1, "now": 0.05}]
    assert "safety.deleted is 0.05, on 2026-03-03 it was 0.1" in report["notices"]
    assert not any(notice.startswith("safety") for notice in paper.play(EXPORT).report["notices"])


def test_narrow_runs_and_other_environments_are_not_compared_with(paper: Paper) -> None:
    first = paper.play(EXPORT)
    paper.store.write(f"runs/fern/{first.night.run.name}x/check/attempt-1/check.json", b"a run without a verdict")
    for change in ({"asked": {"only": "sch1"}}, {"environment": "production"}, {"census": []}):
        other = paper.play(without(EXPORT, "p5"))
        report = folder_of(other) / "report.json"
        report.write_text(json.dumps({**other.report, **change}), encoding="utf-8")
    assert paper.play(EXPORT).report["since"] == unchanged(first)


def test_a_run_that_stopped_is_not_compared(paper: Paper) -> None:
    first = paper.play(EXPORT)
    paper.set(rules={"user-login-missing": "stop"})
    stopped = paper.play(changed(EXPORT, "students.csv", "p4", "Student_email", ""))
    assert stopped.reasons
    assert stopped.report["since"] is None
    assert paper.play(EXPORT).report["since"] == unchanged(first)


def test_what_retention_keeps_of_a_run_is_compared_with(paper: Paper) -> None:
    first = paper.play(EXPORT)
    paper.canvas.refuses.clear()
    played = paper.play(EXPORT)
    assert played.report["since"]["run"] == first.night.run.path
    for old in (first, played):
        run = old.night.run
        paper.store.write(f"history/fern/{run.name}.json", json.dumps(old.report).encode())
        paper.store.remove(run.path)
    assert paper.play(EXPORT).report["since"]["run"] == played.night.run.path
    assert prune(paper.store, paper.tenant, [], START)["runs"] == 0


def test_the_set_up_is_in_the_report(paper: Paper) -> None:
    played = paper.play(EXPORT)
    said = played.report["configuration"]
    assert said["hash"] == configuration_hash(paper.tenant)
    answers = {line["key"]: line["answer"] for line in said["decisions"]}
    assert answers["sync.login_id"] == "{email}"
    assert answers["sync.observers.relationships"] == "mother"
    assert said["hash"] in page(played)
    assert "What do people log in with?" in page(played)


class Links(HTMLParser):
    """What a page links to and loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.scopes = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "a":
            self.links.append(str(named["href"]))
        if tag in ("script", "link", "img", "iframe"):
            self.loaded.append(tag)
        self.scopes += tag == "th" and "scope" in named


def test_pages_link_to_each_other_and_load_nothing(paper: Paper) -> None:
    paper.play(two_schools())
    paper.canvas.refuses["users.csv", "p3"] = "nothing known"
    export = changed(two_schools(), "students.csv", "p2", "Student_email", "aoife@five.example")
    export = changed(export, "students.csv", "p3", "First_name", "Carla")
    played = paper.play(without(export, "p12", "p13", "p14", "p15"))
    folder = folder_of(played)
    whole = Links(page(played))
    assert {link.partition("#")[0] for link in whole.links} == {
        f"schools/{file.name}" for file in (folder / "schools").iterdir()
    }
    assert len(whole.links) > 2
    for file in [folder / "report.html", *(folder / "schools").iterdir()]:
        text = file.read_text(encoding="utf-8")
        assert Links(text).loaded == []
        assert "http" not in text
        assert Links(text).scopes > 0
        assert text.count("<h1>") == 1
    gum = page(played, page_of("sch2"))
    assert "limit-deleted" in gum
    assert '<a href="../report.html">' in gum
    fern = page(played, page_of("sch1"))
    assert "students.csv:3" in fern
    assert "students.csv:3" not in gum + page(played)
    assert "canvas-unknown-message" in fern
    names = [word for word in PERSONAL if word in gum + fern + page(played)]
    assert names == []


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "{{ 7 * 7 }}", "Ω & Söhne"])
def test_names_of_schools_are_text(paper: Paper, name: str) -> None:
    export = {**EXPORT, "schools.csv": [["School_id", "School_name"], ["sch1", name]]}
    played = paper.play(export)
    text = page(played) + page(played, page_of("sch1"))
    assert "<script" not in text
    assert name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in text


def test_pages_have_names_that_any_disk_takes() -> None:
    ids = ["a/b", "a\\b", "A:B", "a:b", "../../etc", "CON", "", "école", "x" * 300, "a b", "sch1"]
    pages = [page_of(one) for one in ids]
    assert len({one.lower() for one in [*pages, page_of(None)]}) == len(ids) + 1
    for one in pages:
        folder, _, file = one.partition("/")
        assert folder == "schools"
        assert file.isascii()
        assert "/" not in file
        assert len(file) < 60
        assert page_of("sch1").startswith("schools/sch1-")


def test_a_school_with_an_odd_id_has_its_page(paper: Paper) -> None:
    export = {
        name: [["S/1 ?" if cell == "sch1" else cell for cell in row] for row in rows] for name, rows in EXPORT.items()
    }
    played = paper.play(export)
    assert "Fern Hill" in page(played, page_of("S/1 ?"))


def test_a_long_list_is_cut_on_the_page_and_whole_in_the_file(paper: Paper) -> None:
    header, *rows = EXPORT["enrollments.csv"]
    many = [["sch1", "c1", f"ghost{number}"] for number in range(SHOWN + 20)]
    played = paper.play({**EXPORT, "enrollments.csv": [header, *rows, *many]})
    text = page(played, page_of("sch1"))
    assert f"The first {SHOWN};" in text
    assert text.count("enrollments.csv:") == SHOWN
    assert len(listed(played, "quarantine")) == SHOWN + 20


def test_a_run_that_stopped_has_a_report_of_what_there_was(paper: Paper) -> None:
    paper.set(rules={"user-login-missing": "stop"})
    played = paper.play(changed(EXPORT, "students.csv", "p4", "Student_email", ""))
    assert played.reasons
    text = page(played)
    assert '<span class="badge failed">failed</span>' in text
    assert "What failed" in text
    assert [row["problem"] for row in listed(played, "usernames")] == ["blank"]
    assert FAMILY not in text


def test_a_tenant_that_syncs_people_only(paper: Paper) -> None:
    paper.set(sync={"course_memberships": False})
    rows = listed(paper.play(EXPORT), "schools")
    assert column(rows, "students") == 5
    assert column(rows, "sections") == 0


def test_a_tenant_that_syncs_courses_only(paper: Paper) -> None:
    paper.set(sync={"people": False})
    rows: list[dict[str, Any]] = listed(paper.play(EXPORT), "schools")
    assert column(rows, "students") == 0
    assert column(rows, "sections") == 2
