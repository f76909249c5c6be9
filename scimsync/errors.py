"""The errors that scimsync raises on purpose, with a message, a code and an exit code.

The command line prints them without a traceback; a traceback means a bug.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def coded(message: str, code: str) -> str:
    """Return `message` with its code: `sync.toml: no such file [SYNC-0102]`."""
    return f"{message} [{code}]"


def innermost(error: Exception) -> Exception:
    """Return the first error inside nested exception groups, as concurrent tasks raise them."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


_PRECEDENCE = (3, 2, 1, 5, 4, 0)
"""Exit codes in the order in which they take precedence. Those of signals come first."""


def combined_exit_code(codes: Iterable[int]) -> int:
    """Return the exit code of a run to which `codes` apply, 0 if there are none."""
    return min(codes, key=_rank, default=0)


def most_severe(errors: Iterable[ScimsyncError]) -> ScimsyncError:
    """Return the first of the `errors` whose exit code takes precedence."""
    return min(errors, key=lambda error: _rank(error.exit_code))


def _rank(code: int) -> int:
    return _PRECEDENCE.index(code) if code in _PRECEDENCE else -1


class ScimsyncError(Exception):
    """The base class of all errors that users see.

    `message` is one line that begins with the place (`sync.toml: targets.wiki.url: …`). `code` is
    the code of the kind of message, such as `SYNC-0120`, which `scimsync help` and docs/messages.md
    explain. `details` are further lines, and `hint` says what to do. `brief` is the message without
    anything that may identify people. `source` is the name of the source that could not be read.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        code: str,
        details: Sequence[str] = (),
        hint: str | None = None,
        brief: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.details = tuple(details)
        self.hint = hint
        self.brief = brief or message
        self.source: str | None = None

    @property
    def remarks(self) -> tuple[str, ...]:
        """The lines below the message: details, then the hint."""
        return self.details if self.hint is None else (*self.details, self.hint)

    def __str__(self) -> str:
        lines = [coded(self.message, self.code), *(f"  {line}" for line in self.remarks)]
        return "\n".join(lines)


class ConfigError(ScimsyncError):
    """sync.toml, an option or a secret is wrong (exit 2)."""

    exit_code = 2


class SecretError(ConfigError):
    """A secret is missing, or cannot be used (exit 2)."""


class SecretUnavailable(SecretError):
    """A command that prints a secret failed, which may pass by itself (exit 1)."""

    exit_code = 1


class SourceFormatError(ScimsyncError):
    """A source does not match sync.toml (exit 2).

    Examples are a missing column and the wrong encoding.
    """

    exit_code = 2


class SourceUnavailable(ScimsyncError):
    """A source cannot be read now, or is still being written (exit 1)."""


class TargetUnavailable(ScimsyncError):
    """A target cannot be reached, rejects the token, or does not speak SCIM (exit 1)."""


class IdsChanged(TargetUnavailable):
    """A target gave ids of known accounts to others (exit 1). All have to be read again."""


class TargetQuarantined(TargetUnavailable):
    """A target that failed in several consecutive runs is skipped for a while (exit 1)."""


class StateError(ScimsyncError):
    """The state database cannot be used (exit 1)."""


class ExportError(StateError):
    """A file is not a complete export of a state of this version (exit 2)."""

    exit_code = 2


class GuardStop(ScimsyncError):
    """A limit of `[guard]` stopped a source or a target before anything was sent (exit 3)."""

    exit_code = 3


class Interrupted(ScimsyncError):
    """A signal ended the run (exit 128 plus the number of the signal, as in shells)."""

    def __init__(self, message: str, *, number: int, hint: str | None = None) -> None:
        super().__init__(message, code="SYNC-0703", hint=hint)
        self.exit_code = 128 + number


class LeaseHeld(ScimsyncError):
    """Another run works on the same source or target (exit 5)."""

    exit_code = 5


SOURCE_ERRORS = (GuardStop, SourceUnavailable, SourceFormatError, ConfigError)
"""Errors of one source or secret, which stop its targets only. Others, such as StateError, end the
run."""
