"""Turn what pydantic reports about sync.toml into messages for the person who wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from scimsync.config.models import SyncToml
from scimsync.errors import ConfigError
from scimsync.model.suggestions import closest
from scimsync.settings import Table
from scimsync.settings.table import INVALID
from scimsync.settings.text import toml_type
from scimsync.tomltext import dotted_key

_EXPECTED = {
    "string_type": "a text in quotes",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
}
_BOUNDS = {
    "greater_than": ("must be more than", "gt"),
    "greater_than_equal": ("must be at least", "ge"),
    "less_than_equal": ("must be at most", "le"),
}
_WRITTEN = {
    "sources": "there is no [sources.NAME]",
    "targets": "there is no [targets.NAME]",
}
_EXAMPLES = {
    "url": 'write url = "https://app.example.com/scim/v2"',
    "auth": 'write auth = { type = "bearer", token = "env:APP_TOKEN" }',
    "user": 'write a table [targets.NAME.user] with lines such as userName = "email"',
    "token": 'write token = "env:APP_TOKEN"',
    "key": 'write key = "…", the column that names a record and never changes',
}


@dataclass(frozen=True, slots=True)
class InvalidSetting:
    """One line for a person: where (`parts` of the dotted key), what, and what would be right."""

    parts: tuple[str, ...]
    message: str
    hint: str | None = None
    found: str | None = None


def invalid_settings(error: ValidationError) -> list[InvalidSetting]:
    """All faults of a sync.toml that `SyncToml` refused, in the order of the models."""
    errors = error.errors(include_url=False)
    guesses = {_guessed(each) for each in errors if each["type"] == "extra_forbidden"}
    return [
        _fault(each)
        for each in errors
        if not (each["type"] == "missing" and each["loc"] in guesses)
    ]


def _parts(error: ErrorDetails) -> tuple[str, ...]:
    parts = tuple(str(part) for part in error["loc"])
    if parts[2:3] == ("groups",) and parts[4:5] == ("attributes",):
        parts = (*parts[:4], *parts[5:])  # attributes of a group stand beside its options
    # pydantic's mark for a complaint about a key, not about its value; only our own validators look
    # at keys
    return parts[:-1] if error["type"] == INVALID and parts[-1] == "[key]" else parts


def _guessed(error: ErrorDetails) -> tuple[int | str, ...] | None:
    """Where the key that an unknown key was meant to be would stand: of the two complaints one is
    enough."""
    *above, key = error["loc"]
    meant = closest(str(key), _table_at(_parts(error)[:-1]).model_fields)
    return None if meant is None else (*above, meant)


def _fault(error: ErrorDetails) -> InvalidSetting:
    kind, parts, context = error["type"], _parts(error), error.get("ctx", {})
    if kind == INVALID:
        return InvalidSetting(
            (*parts, *context["below"]), context["message"], context["hint"], context["found"]
        )
    if kind == "extra_forbidden":
        return _unknown_key(parts)
    if kind == "missing":
        return _missing(parts)
    if kind in _EXPECTED:
        return _wrong_type(kind, parts, error["input"])
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return InvalidSetting(parts, f"{words} {context[name]:g}, found {error['input']}")
    if kind == "finite_number":
        return InvalidSetting(parts, "must be a number, not nan or inf")
    return InvalidSetting(parts, "this value cannot be used here")


def _unknown_key(parts: tuple[str, ...]) -> InvalidSetting:
    table, key = _table_at(parts[:-1]), parts[-1]
    meant = closest(key, table.model_fields)
    if meant is not None:
        return InvalidSetting(parts, "unknown key", hint=f'did you mean "{meant}"?')
    return InvalidSetting(
        parts, "unknown key", found=f"known here: {', '.join(table.model_fields)}"
    )


def _missing(parts: tuple[str, ...]) -> InvalidSetting:
    key = parts[-1]
    if len(parts) == 1:
        return InvalidSetting(
            (), _WRITTEN[key], hint="scimsync init hr.csv writes a file to start from"
        )
    field = _table_at(parts[:-1]).model_fields[key]
    choices = [choice for choice in get_args(field.annotation) if isinstance(choice, str)]
    hint = f'write {key} = "{choices[0]}"' if choices else _EXAMPLES.get(key)
    return InvalidSetting(parts[:-1], f"{key} is missing", hint=hint)


def _wrong_type(kind: str, parts: tuple[str, ...], value: Any) -> InvalidSetting:
    expected = _EXPECTED[kind]
    hint = None
    if isinstance(value, str) and value in ("true", "false") and kind == "bool_type":
        hint = f"write {value} without quotes"
    elif isinstance(value, str) and kind in ("int_type", "float_type"):
        hint = "write the number without quotes"
    elif isinstance(value, int | float) and kind == "string_type":
        hint = "put it in quotes"
    found = str(value) if isinstance(value, float) and kind == "int_type" else toml_type(value)
    return InvalidSetting(parts, f"must be {expected}, not {found}", hint=hint)


def _table_at(parts: Sequence[str]) -> type[Table]:
    """The model of the table that stands at `parts`."""
    current: Any = SyncToml
    for part in parts:
        if isinstance(current, type) and issubclass(current, BaseModel):
            current = current.model_fields[part].annotation
        else:
            current = next(arg for arg in reversed(get_args(current)) if arg is not type(None))
    if not (isinstance(current, type) and issubclass(current, Table)):
        raise TypeError(f"no table at {parts}")
    return current


def config_error(file_name: str, faults: Sequence[InvalidSetting]) -> ConfigError:
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


def _line(file_name: str, each: InvalidSetting) -> str:
    return ": ".join(
        [file_name, dotted_key(each.parts), each.message]
        if each.parts
        else [file_name, each.message]
    )
