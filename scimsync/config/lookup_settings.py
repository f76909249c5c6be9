"""`[tables.NAME]`: constants, or the columns of a source.

A table that is read is a source of its own: it is compared with its previous contents and guarded
in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import ValidationInfo, ValidatorFunctionWrapHandler, WithJsonSchema, WrapValidator

from scimsync.config.constants import TableValue
from scimsync.registry import Registry
from scimsync.settings import invalid
from scimsync.settings.registered import validate_table
from scimsync.settings.text_types import toml_type
from scimsync.sources import SourceSettings

_PREFIX = "table "
"""What the name of a table's source begins with. No source of sync.toml has a name with a space."""

_VALUES = {"type": ["string", "boolean", "integer", "number", "array"]}


@dataclass(frozen=True, slots=True)
class TableFromSource:
    """A table that is read: the settings of its source, and the column with the values."""

    settings: SourceSettings
    value: str


def table_source(table: str) -> str:
    """Return the name of the source of a table."""
    return f"{_PREFIX}{table}"


def place_of_source(source: str) -> tuple[str, str]:
    """Return the keys that lead to a source in sync.toml."""
    if source.startswith(_PREFIX):
        return "tables", source.removeprefix(_PREFIX)
    return "sources", source


def _read(value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> object:
    if not isinstance(value, dict):
        return handler(value)
    models: Registry[type[SourceSettings]] = getattr(info.context, "sources")  # noqa: B009
    kind = value.get("type", "file")
    where = "path" in value or "query" in value or value.get("type") in list(models)
    if "key" not in value or not where:
        return handler(value)
    if kind not in list(models):
        raise invalid(
            "this type of source is unknown",
            below=("type",),
            found=f"known: {', '.join(models)}",
            code="SYNC-0122",
        )
    column = value.get("value")
    if column is None:
        raise invalid(
            "value is missing: the column with what lookup gives",
            hint='write value = "…", the name of a column',
            code="SYNC-0107",
        )
    if not isinstance(column, str) or not column.strip():
        raise invalid(
            f"must be the name of a column, not {toml_type(column)}",
            below=("value",),
            code="SYNC-0110",
        )
    rest = {name: entry for name, entry in value.items() if name != "value"}
    settings = validate_table(models[kind], {**rest, "type": kind}, info)
    assert isinstance(settings, SourceSettings)  # noqa: S101 - the registry holds such models
    return TableFromSource(settings, column.strip())


LookupTable = Annotated[
    Mapping[str, TableValue],
    WrapValidator(_read),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object", "additionalProperties": _VALUES},
                {"type": "object", "required": ["key", "value"]},
            ]
        }
    ),
]
"""A `[tables.NAME]`. As validated it is a mapping of constants, or a `TableFromSource`."""
