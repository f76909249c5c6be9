"""The field types of mappings: SCIM paths -> expressions, constants and generated values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from scimsync.config.constants import Scalar, scalar
from scimsync.model.did_you_mean import did_you_mean
from scimsync.model.mappings import Constant, Expression, Generate, MappedValue
from scimsync.settings.table import invalid
from scimsync.settings.text_types import toml_type
from scimsync.tomltext import toml_key

_KEYS = ("value", "expr", "generate", "once")
_FORMS = (
    'write an expression in quotes, or { value = "…" }, { expr = "…", once = true } or { generate ='
    " 32 }"
)


def _mapped(value: object) -> MappedValue:
    if isinstance(value, MappedValue):
        return value
    if isinstance(value, dict):
        return _mapped_table(value)
    if isinstance(value, list):
        raise invalid(
            "a list is not a constant here",
            hint="write it as an expression: \"['one', 'two']\"",
            code="SYNC-0143",
        )
    constant = scalar(value)
    if isinstance(constant, str):
        return Expression(_expression(constant, ()))
    return Constant(constant)


def _expression(text: object, below: tuple[str, ...]) -> str:
    if not isinstance(text, str):
        raise invalid(
            f"must be an expression in quotes, not {toml_type(text)}", below=below, code="SYNC-0144"
        )
    if not text.strip():
        raise invalid(
            "the expression is empty",
            hint="if scimsync should not manage the attribute, omit its line",
            below=below,
            code="SYNC-0144",
        )
    return text


def _mapped_table(table: dict[str, Any]) -> MappedValue:
    forms = [key for key in _KEYS[:3] if key in table]
    unknown = [key for key in table if key not in _KEYS]
    if unknown:
        raise invalid(
            "unknown key",
            hint=did_you_mean(unknown[0], _KEYS) or _FORMS,
            below=unknown[:1],
            code="SYNC-0106",
        )
    if len(forms) != 1:
        both = " and ".join(forms)
        raise invalid(
            f"has both {both}; only one is allowed" if forms else "needs value, expr, or generate",
            hint=_FORMS,
            code="SYNC-0144",
        )
    once = table.get("once", False)
    if not isinstance(once, bool):
        raise invalid(
            f"must be true or false, not {toml_type(once)}", below=("once",), code="SYNC-0144"
        )
    if "expr" in table:
        return Expression(_expression(table["expr"], ("expr",)), once)
    if "value" in table:
        return Constant(_constant(table["value"]), once)
    return Generate(_length(table, once=once))


def _constant(value: object) -> Scalar:
    if isinstance(value, dict | list) or toml_type(value) == "a date or time":
        raise invalid(
            f"must be a string, a number, true or false, not {toml_type(value)}",
            below=("value",),
            code="SYNC-0143",
        )
    if value == "":
        raise invalid(
            "must not be empty",
            hint="if scimsync should not manage the attribute, omit its line",
            below=("value",),
            code="SYNC-0144",
        )
    return scalar(value)


def _length(table: dict[str, Any], *, once: bool) -> int:
    length = table["generate"]
    if not isinstance(length, int) or isinstance(length, bool):
        raise invalid(
            f"must be a number of characters, not {toml_type(length)}",
            below=("generate",),
            code="SYNC-0144",
        )
    if not 8 <= length <= 256:
        raise invalid(
            f"must be from 8 to 256 characters, not {length}", below=("generate",), code="SYNC-0144"
        )
    if "once" in table and not once:
        raise invalid(
            "a generated value is always sent only once",
            hint="leave once out",
            below=("once",),
            code="SYNC-0144",
        )
    return length


_ONCE = {"type": "boolean", "default": False}
MappedEntry = Annotated[
    MappedValue,
    BeforeValidator(_mapped),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "string",
                    "minLength": 1,
                    "description": "A Jinja2 expression over the record's columns",
                },
                {"type": ["boolean", "integer", "number"], "description": "A constant"},
                {
                    "type": "object",
                    "description": "A constant",
                    "properties": {
                        "value": {
                            "anyOf": [
                                {"type": "string", "minLength": 1},
                                {"type": ["boolean", "number"]},
                            ]
                        },
                        "once": _ONCE,
                    },
                    "required": ["value"],
                    "additionalProperties": False,
                },
                {
                    "type": "object",
                    "description": (
                        "An expression; with once = true it is sent when the account is made and"
                        " never again"
                    ),
                    "properties": {"expr": {"type": "string", "minLength": 1}, "once": _ONCE},
                    "required": ["expr"],
                    "additionalProperties": False,
                },
                {
                    "type": "object",
                    "description": (
                        "A random text of so many characters, sent when the account is made, kept"
                        " nowhere"
                    ),
                    "properties": {
                        "generate": {"type": "integer", "minimum": 8, "maximum": 256},
                        "once": {"const": True},
                    },
                    "required": ["generate"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


def _mapping(value: object) -> object:
    """Reject unquoted paths such as `name.givenName = "given"`.

    TOML reads a dotted key as a table, so that its spelling is lost.
    """
    if not isinstance(value, dict):
        raise invalid(
            f"must be a table, not {toml_type(value)}",
            hint="write [targets.NAME.user] above the lines",
            code="SYNC-0107",
        )
    if not value:
        raise invalid("maps no attribute", hint='write at least userName = "…"', code="SYNC-0140")
    for attribute, entry in value.items():
        if not attribute.strip():
            raise invalid("an attribute without a name", code="SYNC-0141")
        if isinstance(entry, dict) and entry and not any(did_you_mean(key, _KEYS) for key in entry):
            path = (attribute, *_first_branch(entry))
            raise invalid(
                "a path with a dot must be in quotes",
                hint=f"write {toml_key('.'.join(path))} = …",
                below=path,
                code="SYNC-0142",
            )
    return value


def _first_branch(table: object) -> tuple[str, ...]:
    if not isinstance(table, dict) or not table:
        return ()
    key = next(iter(table))
    return (key, *_first_branch(table[key]))


UserMapping = Annotated[Mapping[str, MappedEntry], BeforeValidator(_mapping)]
"""A table of mapping lines: SCIM paths, as they are written -> values."""
