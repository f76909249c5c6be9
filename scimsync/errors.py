"""What can go wrong, in words for the person who has to mend it.

Every error that scimsync raises on purpose is a `ScimsyncError`: what happened (`message`), what
was found (`details`), what to do (`hint`), and the exit code of DESIGN's table. The command line
prints these and nothing else; a traceback means a bug.
"""

from __future__ import annotations

from collections.abc import Sequence


def innermost(error: Exception) -> Exception:
    """The error itself, where tasks that ran side by side have wrapped it."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


class ScimsyncError(Exception):
    """Base of all errors meant for people.

    `message` is one line that starts with the place (`sync.toml: targets.wiki.url: …`); `details`
    are further lines printed indented below it; `hint` says what would be right. `brief` is the
    message without what may name people, for logs and for those who are told; `source` is the
    source that could not be read, where it is about one.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        details: Sequence[str] = (),
        hint: str | None = None,
        brief: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)
        self.hint = hint
        self.brief = brief or message
        self.source: str | None = None

    @property
    def remarks(self) -> tuple[str, ...]:
        """The lines below the message: details, then the hint."""
        return self.details if self.hint is None else (*self.details, self.hint)

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  {line}" for line in self.remarks)])


class ConfigError(ScimsyncError):
    """sync.toml, an option or a secret is wrong (exit 2)."""

    exit_code = 2


class SourceFormatError(ScimsyncError):
    """A source can be read but is not what sync.toml says: a missing column, the wrong encoding
    (exit 2)."""

    exit_code = 2


class SourceUnavailable(ScimsyncError):
    """A source cannot be read now, or is still being written (exit 1)."""


class TargetUnavailable(ScimsyncError):
    """A target cannot be reached, refuses the token, or does not speak SCIM (exit 1)."""


class TargetQuarantined(TargetUnavailable):
    """A target failed in several runs, one after the other, and is left alone for a while (exit
    1)."""


class StateError(ScimsyncError):
    """The state database cannot be used (exit 1)."""


class GuardStop(ScimsyncError):
    """A limit of `[guard]` stopped the run before anything was sent (exit 3)."""

    exit_code = 3


class Interrupted(ScimsyncError):
    """Somebody ended the run by a signal (exit 128 and the number of the signal, as shells have
    it)."""

    def __init__(self, message: str, *, number: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = 128 + number


class LeaseHeld(ScimsyncError):
    """Another run works on the same source or target (exit 5)."""

    exit_code = 5
