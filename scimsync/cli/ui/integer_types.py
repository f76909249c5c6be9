"""Types of options and arguments that are integers in the state database."""

from __future__ import annotations

from typing import Any

import click

from scimsync.errors import coded
from scimsync.formatting import printable

_LARGEST = 2**63 - 1
"""The largest integer of a database."""


class RunNumber(click.IntRange):
    """The number of a run."""

    name = "run"

    def __init__(self) -> None:
        super().__init__(1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number. Fail for text that is not the number of a run."""
        try:
            number = super().convert(value, param, ctx)
        except click.BadParameter:
            number = None
        if number is None or number > _LARGEST:
            text = f'"{printable(value)}" is not a run number; scimsync runs lists the runs'
            self.fail(coded(text, "SYNC-0394"), param, ctx)
        return number


class RowLimit(click.IntRange):
    """The maximum number of rows to read."""

    name = "whole number"

    def __init__(self) -> None:
        super().__init__(1)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or the largest integer of a database if that is smaller."""
        return min(super().convert(value, param, ctx), _LARGEST)
