"""What a check found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from scimsync.errors import ScimsyncError


class Level(StrEnum):
    """How bad a result is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that was checked.

    `area` is configuration, state, source, target, schedule, receiver or audit, and `name` which
    one. `exit_code` is what `check` exits with for an error: 2 where sync.toml is wrong, else 1.
    """

    area: str
    name: str
    level: Level
    message: str
    code: str | None = None
    details: tuple[str, ...] = ()
    hint: str | None = None
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked; makes the results about it."""

    area: str
    name: str

    def ok(self, message: str, details: Sequence[str] = ()) -> CheckResult:
        """Return a result that needs no attention."""
        return CheckResult(self.area, self.name, Level.OK, message, details=tuple(details))

    def warning(
        self, message: str, *, code: str, details: Sequence[str] = (), hint: str | None = None
    ) -> CheckResult:
        """Return a result that may need attention."""
        return CheckResult(self.area, self.name, Level.WARNING, message, code, tuple(details), hint)

    def error(self, message: str, *, code: str, hint: str | None = None) -> CheckResult:
        """Return a result outside of sync.toml that would fail a push."""
        return CheckResult(self.area, self.name, Level.ERROR, message, code, hint=hint, exit_code=1)

    def failed(self, error: ScimsyncError) -> CheckResult:
        """Return `error` as a result."""
        return CheckResult(
            self.area,
            self.name,
            Level.ERROR,
            error.message,
            error.code,
            error.details,
            error.hint,
            exit_code=2 if error.exit_code == 2 else 1,
        )


def untold(subject: Subject, what: str, why: str) -> CheckResult:
    """Return that `check` cannot determine `what`, such as "whether the mapping fits"."""
    return subject.warning(
        f"cannot tell {what}: {why}",
        code="SYNC-0424",
        hint="push one user first (scimsync push -k KEY) to see what the target accepts",
    )


def exit_code_of(results: Sequence[CheckResult]) -> int:
    """Return 2 where sync.toml is wrong, 1 where something else would fail a push, else 0."""
    return max((result.exit_code for result in results), default=0)
