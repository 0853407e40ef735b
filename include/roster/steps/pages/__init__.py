"""The pages that steps write, a template each: plain HTML that a browser opens from the folder, without scripts.

`base.html` is what all share, `parts.html` what several do. To add one: extend the first, and give its step's values to
`page`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2


@cache
def page(name: str) -> jinja2.Template:
    """The template of that name, compiled once for all pages of a process."""
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
