"""The JSON Schema of sync.toml, for editors and for checks in pull requests (`scimsync schema`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from scimsync.config.models import SyncToml
from scimsync.config.registries import Registries
from scimsync.settings import Table
from scimsync.settings.registered import SCHEMA_MARK
from scimsync.settings.text_types import NAME_PATTERN


def json_schema(registries: Registries) -> dict[str, Any]:
    """Return the JSON Schema, draft 2020-12, of all that sync.toml may contain."""
    definitions: dict[str, Any] = {}
    choices = {
        field.name: _choice(getattr(registries, field.name), definitions)
        for field in fields(registries)
    }
    root = _schema_of(SyncToml, definitions)
    for section in ("sources", "access", "tables", "mappings", "targets"):
        root["properties"][section]["propertyNames"] = {"pattern": NAME_PATTERN}
    root |= {"title": "sync.toml of scimsync", "$defs": definitions}
    return {"$schema": GenerateJsonSchema.schema_dialect, **_plain(root, choices)}


def _choice(kinds: Mapping[str, object], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a field about which a registry decides: a table, or a name."""
    models = [kind for kind in kinds.values() if isinstance(kind, type) and issubclass(kind, Table)]
    if not models:
        return {"enum": list(kinds)}
    for model in models:
        definitions[model.__name__] = _schema_of(model, definitions)
    refs = [{"$ref": f"#/$defs/{model.__name__}"} for model in models]
    return refs[0] if len(refs) == 1 else {"oneOf": refs}


def _schema_of(model: type[Table], definitions: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(mode="validation")
    definitions |= schema.pop("$defs", {})
    return schema


def _plain(part: Any, choices: Mapping[str, Any]) -> Any:
    """Return a schema in which registries have decided, without null, which TOML does not have."""
    if isinstance(part, list):
        return [_plain(item, choices) for item in part]
    if not isinstance(part, dict):
        return part
    plain = {
        name: _plain(value, choices)
        for name, value in part.items()
        if not (name == "default" and value is None)
    }
    if SCHEMA_MARK in plain:
        return {**choices[plain.pop(SCHEMA_MARK)], **plain}
    alternatives = plain.get("anyOf")
    if isinstance(alternatives, list) and {"type": "null"} in alternatives:
        rest = [choice for choice in alternatives if choice != {"type": "null"}]
        del plain["anyOf"]
        return {**(rest[0] if len(rest) == 1 else {"anyOf": rest}), **plain}
    return plain
