"""What an import is posted with."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from roster.import_options import NONE, ImportOptions


def test_only_what_is_set_is_sent() -> None:
    assert NONE.parameters() == {}
    overriding = ImportOptions(override_sis_stickiness=True, clear_sis_stickiness=True)
    assert overriding.parameters() == {"override_sis_stickiness": "true", "clear_sis_stickiness": "true"}


@pytest.mark.parametrize(
    "asked",
    [
        {"clear_sis_stickiness": True},
        {"add_sis_stickiness": True},
        {"override_sis_stickiness": True, "clear_sis_stickiness": True, "add_sis_stickiness": True},
    ],
)
def test_what_canvas_would_drop_is_not_accepted(asked: dict[str, bool]) -> None:
    with pytest.raises(ValidationError, match="_sis_stickiness"):
        ImportOptions(**asked)
