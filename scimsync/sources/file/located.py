"""Data of YAML and TOML files, with lines, and what is wrong with their text."""

from __future__ import annotations

from typing import Any

JsonValue = Any
"""None, bool, int, float, str, a list of these, or a `Located`."""


class Located(dict[str, JsonValue]):
    """A mapping. `line` is where it begins, None if that is unknown."""

    line: int | None = None


class TextProblem(Exception):
    """What is wrong with a text, and the line, None if it is unknown.

    `cut` is true if the text may be cut off.
    """

    def __init__(self, line: int | None, problem: str, *, cut: bool = False) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem
        self.cut = cut
