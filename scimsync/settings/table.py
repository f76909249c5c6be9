"""The base class of all tables of sync.toml, and the error for a wrong value in one."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

INVALID = "invalid_setting"
"""The pydantic error type of `invalid`. Its message is shown to users without changes."""


class Table(BaseModel):
    """A TOML table.

    Unknown keys are refused, text is not converted to numbers, and values are immutable.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, hide_input_in_errors=True, defer_build=True
    )


def invalid(
    message: str,
    *,
    code: str,
    hint: str | None = None,
    found: str | None = None,
    below: Sequence[str] = (),
) -> PydanticCustomError:
    """Return the error that a validator raises for a wrong value.

    `message` completes `sync.toml: targets.wiki.url: …`, and `code` is its code. `hint` says what
    would be right, `found` what there is instead. `below` holds the keys that lead from the
    validated value to the wrong one.
    """
    context = {
        "message": message,
        "code": code,
        "hint": hint,
        "found": found,
        "below": tuple(below),
    }
    return PydanticCustomError(INVALID, "{message}", context)
