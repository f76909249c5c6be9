"""What a check found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from scimsync.errors import ScimsyncError


class Level(StrEnum):
    """How bad it is: fine, worth a look, in the way of a push."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `area` is configuration, state, source, target, schedule or
    receiver, `name` which one.

    `exit_code` is what `check` exits with for an error: 2 for what is wrong in sync.toml, 1 for the
    world around it.
    """

    area: str
    name: str
    level: Level
    message: str
    details: tuple[str, ...] = ()
    hint: str | None = None
    exit_code: int = 0


Say = Callable[[Finding], None]
"""Takes findings as they come."""


@dataclass(frozen=True, slots=True)
class About:
    """Makes findings about one source, target, or other thing."""

    area: str
    name: str

    def ok(self, message: str, details: Sequence[str] = ()) -> Finding:
        """Fine."""
        return Finding(self.area, self.name, Level.OK, message, tuple(details))

    def warning(
        self, message: str, details: Sequence[str] = (), hint: str | None = None
    ) -> Finding:
        """Worth a look."""
        return Finding(self.area, self.name, Level.WARNING, message, tuple(details), hint)

    def error(self, message: str, details: Sequence[str] = (), hint: str | None = None) -> Finding:
        """Something around sync.toml that stands in the way of a push."""
        return Finding(self.area, self.name, Level.ERROR, message, tuple(details), hint, 1)

    def failed(self, error: ScimsyncError) -> Finding:
        """`error`, as what was found; exit code 2 where sync.toml is wrong, else 1."""
        code = 2 if error.exit_code == 2 else 1
        return Finding(
            self.area, self.name, Level.ERROR, error.message, error.details, error.hint, code
        )


def exit_code_of(findings: Sequence[Finding]) -> int:
    """2 where sync.toml has to be mended, 1 where something else is in the way, else 0."""
    return max((finding.exit_code for finding in findings), default=0)
