"""The Params of a night, with the words of their forms."""

from __future__ import annotations

from collections.abc import Sequence

from airflow.sdk import Param

SCOPE, REHEARSAL = "What to send", "Practice"


def canvas_production_params() -> dict[str, Param]:
    """The form of `<tenant>_canvas_production`."""
    return {
        "resync": Param(
            False,
            type="boolean",
            title="Resync",
            section=SCOPE,
            description="Send all people, sections, enrolments and observer links again, changed or not.",
        ),
        "only": Param(
            None,
            type=["null", "string"],
            pattern=r"^[A-Za-z0-9._ -]{1,64}$",
            title="Only",
            section=SCOPE,
            description=(
                "A school's id in the source or in Canvas, or the name of a request that `roster only` printed. "
                "Nothing is dropped in such a run."
            ),
        ),
        "stickiness": Param(
            "keep",
            type="string",
            enum=["keep", "override", "override_and_clear", "override_and_add"],
            title="Stickiness",
            section=SCOPE,
            description=(
                "What becomes of what people changed in Canvas: kept; or written over, and then also forgotten, or "
                "marked as theirs again. In production, all but keep waits for a release."
            ),
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            section=REHEARSAL,
            description="Stop after the plan: nothing is sent, and nothing is asked.",
        ),
    }


def canvas_test_params() -> dict[str, Param]:
    """The form of `<tenant>_canvas_test`: that of production, and what only a rehearsal may."""
    return {
        **canvas_production_params(),
        "release": Param(
            None,
            type=["null", "string"],
            pattern=r"^[0-9a-f]{64}$",
            title="Release",
            section=SCOPE,
            description="The hash of a held part, as a run's report printed it: lets exactly these changes go.",
        ),
        "as_of": Param(
            None,
            type=["null", "string"],
            format="date",
            title="As of",
            section=REHEARSAL,
            description="Play a past day: terms and enrolments as they were then. Nothing of it reaches production.",
        ),
    }


def canvas_undo_params(tenants: Sequence[str]) -> dict[str, Param]:
    """The form of `canvas_undo`. tenants: whose imports there are."""
    return {
        "tenant": Param(type="string", enum=[*tenants], title="Tenant", description="Whose import it is."),
        "environment": Param(
            "test",
            type="string",
            enum=["test", "production"],
            title="Environment",
            description="Where it was loaded. Only there is it undone.",
        ),
        "import": Param(
            type="string",
            pattern=r"^[0-9]{1,20}$",
            title="Import",
            description="Canvas's number of the import: `roster imports` and the report of each run have it.",
        ),
        "later": Param(
            "leave",
            type="string",
            enum=["leave", "undo"],
            title="Changed later",
            description="Rows that later imports changed: left as they are, or taken back all the same.",
        ),
    }
