"""Writes the table of rules into docs/linting.md: `python -m roster.lint.page`; --check says whether it is stale."""

from __future__ import annotations

import sys
from pathlib import Path

from roster.lint.rules import RULES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "linting.md"
_BEGIN, _END = "<!-- rules: python -m roster.lint.page -->\n", "<!-- end of rules -->"


def table() -> str:
    """A line per rule."""
    lines = ["| rule | severity | Canvas | what to do | source |", "|---|---|---|---|---|"]
    lines += [f"| `{one.id}` | {one.severity} | {one.canvas} | {one.do} | {one.source} |" for one in RULES.values()]
    return "\n".join(lines) + "\n"


def page(text: str) -> str:
    """The page with the table of today."""
    before, rest = text.split(_BEGIN)
    return f"{before}{_BEGIN}{table()}{_END}{rest.split(_END)[1]}"


def main(arguments: list[str]) -> int:
    """Write the page, or with --check answer 1 if it is stale."""
    text = PAGE.read_text(encoding="utf-8")
    if "--check" not in arguments:
        PAGE.write_text(page(text), encoding="utf-8")
        return 0
    if page(text) == text:
        return 0
    print(f"{PAGE.name} is stale: run `python -m roster.lint.page`")
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
