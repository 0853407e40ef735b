"""What an import is posted with beside its rows: how Canvas treats what people changed by hand, and claimed log-ins."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator


class ImportOptions(BaseModel):
    """Canvas's own names for them, as they are sent; what is not set is left out of the request.

    Canvas drops add and clear without override, and prefers clear to add: neither is accepted here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    override_sis_stickiness: bool = False
    """Write over what people changed in Canvas."""
    clear_sis_stickiness: bool = False
    """And forget that they had."""
    add_sis_stickiness: bool = False
    """And mark what is written as if a person had."""
    update_sis_id_if_login_claimed: bool = False
    """Give a person whose log-in another SIS id holds the new SIS id."""

    @model_validator(mode="after")
    def _canvas_would_take_them(self) -> ImportOptions:
        if (self.clear_sis_stickiness or self.add_sis_stickiness) and not self.override_sis_stickiness:
            message = "clear_sis_stickiness and add_sis_stickiness need override_sis_stickiness"
            raise ValueError(message)
        if self.clear_sis_stickiness and self.add_sis_stickiness:
            message = "clear_sis_stickiness and add_sis_stickiness exclude each other"
            raise ValueError(message)
        return self

    def parameters(self) -> dict[str, str]:
        """The fields of the request."""
        return {name: "true" for name, is_set in self.model_dump().items() if is_set}


NONE = ImportOptions()

Stickiness = Literal["keep", "override", "override_and_clear", "override_and_add"]
STICKINESS: dict[Stickiness, ImportOptions] = {
    "keep": NONE,
    "override": ImportOptions(override_sis_stickiness=True),
    "override_and_clear": ImportOptions(override_sis_stickiness=True, clear_sis_stickiness=True),
    "override_and_add": ImportOptions(override_sis_stickiness=True, add_sis_stickiness=True),
}
"""What a run may be asked to do with what people changed in Canvas, by the words of its Param."""
