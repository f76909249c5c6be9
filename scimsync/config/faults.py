"""What is wrong with one value of sync.toml, and how all of it becomes one `ConfigError`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

from scimsync.config.quoting import place
from scimsync.errors import ConfigError

FAULT = "fault"
"""Type of the pydantic errors that `fault` makes: their text is meant for people as it stands."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One line for a person: where (`parts` of the dotted key), what, and what would be right."""

    parts: tuple[str, ...]
    message: str
    hint: str | None = None
    found: str | None = None


def fault(
    message: str, *, hint: str | None = None, found: str | None = None, below: Sequence[str] = ()
) -> PydanticCustomError:
    """The error that a validator raises. `below` are the keys that lead from the validated value to
    the faulty one."""
    context = {"message": message, "hint": hint, "found": found, "below": tuple(below)}
    return PydanticCustomError(FAULT, "{message}", context)


def config_error(file_name: str, faults: Sequence[Fault]) -> ConfigError:
    """One error for all `faults` (at least one): several become one detail line each."""
    if len(faults) == 1:
        only = faults[0]
        details = () if only.found is None else (only.found,)
        return ConfigError(_line(file_name, only), details=details, hint=only.hint)
    lines = []
    for each in faults:
        line = _line(file_name, each)
        extras = [extra for extra in (each.found, each.hint) if extra is not None]
        lines.append("; ".join([line, *extras]))
    return ConfigError(f"{file_name}: {len(faults)} problems", details=lines)


def _line(file_name: str, each: Fault) -> str:
    return ": ".join(
        [file_name, place(each.parts), each.message] if each.parts else [file_name, each.message]
    )
