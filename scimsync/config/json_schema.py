"""The JSON Schema of sync.toml, for editors and for checks in pull requests (`scimsync schema`)."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from scimsync.config.models import SyncToml
from scimsync.settings.text import NAME_PATTERN


def json_schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12, of all that this version understands."""
    schema = SyncToml.model_json_schema(mode="validation")
    properties = schema["properties"]
    for section in ("sources", "access", "tables", "targets"):
        properties[section]["propertyNames"] = {"pattern": NAME_PATTERN}
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "sync.toml of scimsync",
        **_plain(schema),
    }


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Without the title that pydantic made of the class name, and without null, which TOML does not
    have."""
    return {name: _without_null(part) for name, part in schema.items() if name != "title"}


def _without_null(part: Any) -> Any:
    if isinstance(part, list):
        return [_without_null(item) for item in part]
    if not isinstance(part, dict):
        return part
    plain = {
        name: _without_null(value)
        for name, value in part.items()
        if not (name == "default" and value is None)
    }
    choices = plain.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        del plain["anyOf"]
        return {**(rest[0] if len(rest) == 1 else {"anyOf": rest}), **plain}
    return plain
