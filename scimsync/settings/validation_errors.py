"""Turn pydantic's errors about sync.toml into messages for the person who wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from scimsync.errors import ConfigError, coded
from scimsync.model.did_you_mean import closest, did_you_mean
from scimsync.settings.table import INVALID, Table
from scimsync.settings.text_types import toml_type
from scimsync.tomltext import dotted_key, toml_string

_EXPECTED = {
    "string_type": "a string in quotes",
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
_MISSING_SECTIONS = {
    "sources": "there is no [sources.NAME]",
    "targets": "there is no [targets.NAME]",
}
_MISSING_TABLES = {
    "auth": 'write auth = { type = "bearer", token = "env:APP_TOKEN" }',
    "user": 'write a table [targets.NAME.user] with lines such as userName = "email"',
}


@dataclass(frozen=True, slots=True)
class InvalidSetting:
    """One wrong value: the `parts` of its dotted key, what is wrong, and what would be right.

    `found` says what there is instead.
    """

    parts: tuple[str, ...]
    message: str
    code: str
    hint: str | None = None
    found: str | None = None


def config_error(file_name: str, wrong: Sequence[InvalidSetting]) -> ConfigError:
    """Return one error for all that is wrong (at least one thing), each on a line of its own."""
    if len(wrong) == 1:
        only = wrong[0]
        details = () if only.found is None else (only.found,)
        return ConfigError(_line(file_name, only), code=only.code, details=details, hint=only.hint)
    lines = []
    for each in wrong:
        parts = filter(None, (_line(file_name, each), each.found, each.hint))
        lines.append(coded("; ".join(parts), each.code))
    return ConfigError(f"{file_name}: {len(wrong)} problems", details=lines, code="SYNC-0101")


def _line(file_name: str, each: InvalidSetting) -> str:
    where = (file_name, dotted_key(each.parts)) if each.parts else (file_name,)
    return ": ".join((*where, each.message))


def invalid_settings(error: ValidationError, model: type[Table]) -> list[InvalidSetting]:
    """Return everything that is wrong in a table that `model` refused, in the order of the model.

    A key that is misspelt is reported once, not as an unknown key and a missing one.
    """
    errors = error.errors(include_url=False)
    misspelt = {_meant(each, model) for each in errors if each["type"] == "extra_forbidden"}
    return [
        _invalid_setting(each, model)
        for each in errors
        if not (each["type"] == "missing" and each["loc"] in misspelt)
    ]


def _meant(error: ErrorDetails, model: type[Table]) -> tuple[int | str, ...] | None:
    """Return the location of the key that an unknown key was probably meant to be."""
    *above, key = error["loc"]
    meant = closest(str(key), _keys(_table_at(model, _parts(error)[:-1])))
    return None if meant is None else (*above, meant)


def example(key: str, table: type[Table]) -> str | None:
    """Return the line that sets `key` of a table to an example, if its field has one."""
    examples = _field(table, key).examples
    return f"write {key} = {toml_string(examples[0])}" if examples else None


def _parts(error: ErrorDetails) -> tuple[str, ...]:
    parts = tuple(str(part) for part in error["loc"])
    if parts[2:3] == ("groups",) and parts[4:5] == ("attributes",):
        # in the file, the attributes of a group are beside its options
        parts = (*parts[:4], *parts[5:])
    if parts[:1] == ("mappings",) and parts[2:3] == ("attributes",):
        parts = (*parts[:2], *parts[3:])
    # pydantic marks a complaint about a key, which only validators of this project make
    return parts[:-1] if error["type"] == INVALID and parts[-1:] == ("[key]",) else parts


def _invalid_setting(error: ErrorDetails, model: type[Table]) -> InvalidSetting:
    kind, parts, context = error["type"], _parts(error), error.get("ctx", {})
    if kind == INVALID:
        return InvalidSetting(
            (*parts, *context["below"]),
            context["message"],
            context["code"],
            context["hint"],
            context["found"],
        )
    if kind == "extra_forbidden":
        return _unknown_key(parts, _table_at(model, parts[:-1]))
    if kind == "missing":
        return _missing(parts, _table_at(model, parts[:-1]))
    if kind in _EXPECTED:
        return _wrong_type(kind, parts, error["input"])
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return InvalidSetting(
            parts, f"{words} {context[name]:g}, found {error['input']}", code="SYNC-0113"
        )
    if kind == "literal_error":
        return InvalidSetting(parts, f"must be {context['expected']}", code="SYNC-0112")
    if kind == "finite_number":
        return InvalidSetting(parts, "must be a number, not nan or inf", code="SYNC-0113")
    if kind.startswith("date_"):
        hint = f"write {parts[-1]} = 2027-03-31, without quotes"
        return InvalidSetting(parts, "must be a date", hint=hint, code="SYNC-0129")
    return InvalidSetting(parts, "this value cannot be used here", code="SYNC-0129")


def _unknown_key(parts: tuple[str, ...], table: type[Table]) -> InvalidSetting:
    known = _keys(table)
    hint = did_you_mean(parts[-1], known)
    found = None if hint else f"known here: {', '.join(known)}"
    return InvalidSetting(parts, "unknown key", hint=hint, found=found, code="SYNC-0106")


def _missing(parts: tuple[str, ...], table: type[Table]) -> InvalidSetting:
    key = parts[-1]
    if key in _MISSING_SECTIONS:
        hint = "scimsync init hr.csv writes a file to start from"
        return InvalidSetting((), _MISSING_SECTIONS[key], hint=hint, code="SYNC-0107")
    line = example(key, table) or _MISSING_TABLES.get(key)
    return InvalidSetting(parts[:-1], f"{key} is missing", hint=line, code="SYNC-0107")


def _wrong_type(kind: str, parts: tuple[str, ...], value: Any) -> InvalidSetting:
    hint = None
    if isinstance(value, str) and value in ("true", "false") and kind == "bool_type":
        hint = f"write {value} without quotes"
    elif isinstance(value, str) and kind in ("int_type", "float_type"):
        hint = "write the number without quotes"
    elif isinstance(value, int | float) and kind == "string_type":
        hint = "put it in quotes"
    found = str(value) if isinstance(value, float) and kind == "int_type" else toml_type(value)
    return InvalidSetting(
        parts, f"must be {_EXPECTED[kind]}, not {found}", hint=hint, code="SYNC-0110"
    )


def _field(table: type[BaseModel], key: str) -> FieldInfo:
    """Return the field of a key, which may differ from the name of the field (its alias)."""
    fields = table.model_fields
    return fields.get(key) or next(field for field in fields.values() if field.alias == key)


def _keys(table: type[Table]) -> list[str]:
    """Return the keys that a table may have."""
    return [field.alias or name for name, field in table.model_fields.items()]


def _table_at(model: type[Table], parts: Sequence[str]) -> type[Table]:
    """Return the model of the table at `parts` below a table of `model`."""
    current: Any = model
    for part in parts:
        if isinstance(current, type) and issubclass(current, BaseModel):
            current = _field(current, part).annotation
        else:
            current = next(arg for arg in reversed(get_args(current)) if arg is not type(None))
        while get_origin(current) in (Annotated, UnionType):  # the latter for one that is optional
            current = get_args(current)[0]
    if not (isinstance(current, type) and issubclass(current, Table)):
        raise TypeError(f"no table at {parts}")
    return current
