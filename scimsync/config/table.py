"""The base of all tables of sync.toml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A TOML table: unknown keys are refused, text is not taken for numbers, nothing changes after
    loading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, hide_input_in_errors=True, defer_build=True
    )

    LATER: ClassVar[Mapping[str, str]] = {}
    """Keys that DESIGN names and this version lacks -> what to say when one is used."""
