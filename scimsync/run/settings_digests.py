"""Digests of the settings of targets, by which a saved plan notices that sync.toml has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from pydantic import BaseModel, SecretStr

from scimsync.run.compiled import CompiledTarget

_PACE = {"rate", "concurrency", "timeout", "bulk"}
"""Settings that decide how the requests of a plan are sent, and nothing else."""

_COMPILED = {"scope", "extends", "user", "groups"}
"""Settings that the digests of the compiled programs stand for."""


def settings_digests(targets: Iterable[CompiledTarget]) -> dict[str, dict[str, str]]:
    """Return target -> name of a setting -> digest of its value.

    The names are those of sync.toml, as in `leave.delete_after`; `expressions` stands for scope,
    rules and the mapping of users. Of credentials, the digest covers their kind and the references
    to secrets.
    """
    return {target.name: dict(_digests(target)) for target in targets}


def _digests(target: CompiledTarget) -> Iterable[tuple[str, str]]:
    for name in type(target.config).model_fields:
        if name in _PACE | _COMPILED:
            continue
        value = _plain(getattr(target.config, name))
        if isinstance(value, dict) and name != "auth":
            for part, inner in value.items():
                yield f"{name}.{part}", _digest(inner)
        else:
            yield name, _digest(value)
    yield "expressions", _digest(target.program.digest)
    groups = {
        name: [rule.form, rule.source, rule.program.digest, _plain(target.config.groups[name])]
        for name, rule in target.groups.items()
    }
    yield "groups", _digest(groups)


def _plain(value: Any) -> Any:
    """Return a value of the configuration as JSON, without secrets."""
    if isinstance(value, SecretStr):
        reference = value.get_secret_value()
        return "literal" if reference.startswith("literal:") else reference
    if isinstance(value, BaseModel):
        kind = type(value).__name__
        fields = {name: _plain(getattr(value, name)) for name in type(value).model_fields}
        return fields | {"": kind} if "type" in fields else fields
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _digest(value: Any) -> str:
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=8).hexdigest()
